//! An exchange under way while something ends what it came from: whichever the
//! database lets through first, nothing stands in the end. (SQLite has one writer, so
//! only PostgreSQL can cross them.)

use portcullis::{
    protocol::{
        refresh::{RefreshError, TokenFamily},
        refused::Effect,
    },
    store::{Location, RefreshOutcome, Store as Opened},
};
use sqlx::{Connection as _, PgConnection, Postgres, Transaction};

use super::store::{Bench, at, client_id, code, code_hash, family, people, refreshing, request, spend};
use crate::harness::{FILES, Store, until};

// OA-RT-14, OA-CD-10
#[tokio::test]
async fn a_grant_that_is_revoked_during_an_exchange_leaves_no_family() {
    crossed(async |store| {
        for grant in store.grants().await.unwrap() {
            assert!(store.revoke_grant(grant.id, None, "a test", at(2)).await.unwrap());
        }
    })
    .await;
}

// OA-RT-14, OA-CD-10
#[tokio::test]
async fn a_resource_that_is_removed_during_an_exchange_leaves_no_family() {
    crossed(async |store| assert_eq!(store.revoke_grants_at(FILES, "a test", at(2)).await.unwrap().grants, 1)).await;
}

// OA-RT-14, OA-CD-10
#[tokio::test]
async fn a_person_who_is_shut_out_during_an_exchange_leaves_no_family() {
    crossed(async |store| assert!(store.set_user_disabled("u_ada", Some(at(2))).await.unwrap())).await;
}

// OA-DB-02, OA-RT-06: the same rows, always in the same order
#[tokio::test]
async fn a_grant_that_is_revoked_while_a_token_is_reused_waits_for_nobody_who_waits_for_it() {
    let bench = Bench::new(Store::Postgres).await;
    let store = &bench.store;
    people(store).await;
    let id = family(store, 1).await;
    request(store, 2, 1000, at(1)).await;
    assert!(code(store, 2, at(1)).await);
    let grant = store.grants().await.unwrap().remove(0).id;
    let (mut holder, mut watcher) = (connection(&bench).await, connection(&bench).await);
    let held = hold_codes(&mut holder).await;

    let client = client_id();
    let reused = |_: Option<&TokenFamily>| Ok(RefreshOutcome::<()>::Refuse(RefreshError::Reused, Effect::RevokeFamily));
    let reusing = async {
        waiting(&mut watcher, 1).await;
        let late = refreshing(&client, id, 5, at(2));
        let release = async {
            waiting(&mut connection(&bench).await, 2).await;
            held.rollback().await.unwrap();
        };
        tokio::join!(store.refresh_family(&late, at(2), reused), release).0
    };
    let (revoked, reused) = tokio::join!(store.revoke_grant(grant, None, "a test", at(2)), reusing);
    assert!(revoked.unwrap());
    assert_eq!(reused.unwrap(), Err(RefreshError::Reused));
    assert!(!store.family_token_stands(id, "any").await.unwrap());
}

/// Lets `end` begin while an exchange waits for its code, which somebody else holds.
async fn crossed(end: impl AsyncFnOnce(Opened)) {
    let bench = Bench::new(Store::Postgres).await;
    let store = &bench.store;
    people(store).await;
    request(store, 1, 1000, at(0)).await;
    assert!(code(store, 1, at(0)).await);
    let found = store.find_code(&code_hash(1)).await.unwrap().expect("a code");
    let (mut holder, mut watcher) = (connection(&bench).await, connection(&bench).await);
    let held = hold_codes(&mut holder).await;

    let ending = async {
        waiting(&mut watcher, 1).await;
        let release = async {
            waiting(&mut watcher, 2).await;
            held.rollback().await.unwrap();
        };
        tokio::join!(end(store.clone()), release);
    };
    let (family, ()) = tokio::join!(spend(store, 1, &found, at(2)), ending);
    let family = family.unwrap().expect("the exchange came first");
    assert!(!store.family_token_stands(family, "any").await.unwrap());
}

async fn connection(bench: &Bench) -> PgConnection {
    let Location::Postgres(url) = &bench.location else { panic!("not PostgreSQL") };
    PgConnection::connect(url.expose()).await.unwrap()
}

async fn hold_codes(holder: &mut PgConnection) -> Transaction<'_, Postgres> {
    let mut held = holder.begin().await.unwrap();
    sqlx::query("SELECT hash FROM codes FOR UPDATE").execute(&mut *held).await.unwrap();
    held
}

/// Until so many wait for somebody's row.
async fn waiting(watcher: &mut PgConnection, count: i64) {
    const WAITING: &str = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    until(&format!("{count} wait for a row"), async || {
        sqlx::query_scalar::<_, i64>(WAITING).fetch_one(&mut *watcher).await.unwrap() >= count
    })
    .await;
}
