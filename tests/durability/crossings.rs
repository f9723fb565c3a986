//! An exchange under way while something ends what it came from: whichever the
//! database lets through first, nothing stands in the end. (SQLite has one writer, so
//! only PostgreSQL can cross them.)

use portcullis::store::{Location, Store as Opened};
use sqlx::{Connection as _, PgConnection};

use super::store::{Bench, at, code, code_hash, people, request, spend};
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

/// Lets `end` begin while an exchange waits for its code, which somebody else holds.
async fn crossed(end: impl AsyncFnOnce(Opened)) {
    let bench = Bench::new(Store::Postgres).await;
    let store = &bench.store;
    people(store).await;
    request(store, 1, 1000, at(0)).await;
    assert!(code(store, 1, at(0)).await);
    let found = store.find_code(&code_hash(1)).await.unwrap().expect("a code");
    let (mut holder, mut watcher) = (connection(&bench).await, connection(&bench).await);
    let mut held = holder.begin().await.unwrap();
    sqlx::query("SELECT hash FROM codes FOR UPDATE").execute(&mut *held).await.unwrap();

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

/// Until so many wait for somebody's row.
async fn waiting(watcher: &mut PgConnection, count: i64) {
    const WAITING: &str = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    until(&format!("{count} wait for a row"), async || {
        sqlx::query_scalar::<_, i64>(WAITING).fetch_one(&mut *watcher).await.unwrap() >= count
    })
    .await;
}
