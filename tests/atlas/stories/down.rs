//! EA-047, EA-102, EA-149: PostgreSQL is away, and comes back.

use super::one_error;
use crate::{
    atlas::{notation, row::Wish, stage::Stage},
    harness::{Answer, Client, Person, Postgres, Store, Tokens},
};

/// SQLite's file does not go away while it is open; what it can do is tested beside the store.
pub(super) async fn the_store_is_down(row: &str, store: Store) {
    if store == Store::Sqlite {
        return;
    }
    let mut stage = Stage::start(store, &Wish::default()).await;
    let client = stage.client("public").await;
    let mut ada = stage.ada().await;
    match row {
        "EA-047" => authorize(&mut stage, &client, &mut ada).await,
        "EA-102" => token(&stage, &client, &mut ada).await,
        "EA-149" => revoke(&stage, &client, &mut ada).await,
        _ => panic!("{row} is no row of this story"),
    }
}

/// OA-AZ-19
async fn authorize(stage: &mut Stage, client: &Client, ada: &mut Person) {
    let unknown = stage.client("other").await;
    // Now the server remembers the client; the other one it does not.
    let waiting = ada.get(&client.ask().path()).await.location().unwrap();
    Postgres::shared().close(stage.server.database());
    let before = ada.get(&unknown.ask().path()).await;
    notation::page(&before, 503);
    one_error(stage, &before, "broken");
    let ask = client.ask();
    let after = ada.get(&ask.path()).await;
    goes_back(&after, client, &ask.state, &stage.server.issuer);
    one_error(stage, &after, "broken");
    let lost = ada.get(&waiting).await;
    notation::page(&lost, 503);
    Postgres::shared().open(stage.server.database());
    let place = ada.open(&waiting).await;
    assert!(place.try_form("/decision").is_some(), "the request waits still: {}", place.answer.body);
}

#[track_caller]
fn goes_back(answer: &Answer, client: &Client, state: &str, issuer: &str) {
    let location = url::Url::parse(&answer.location().expect("a redirect")).unwrap();
    assert!(location.as_str().starts_with(&client.redirect_uri), "{location}");
    let parameter = |name: &str| location.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned());
    assert_eq!(parameter("error").as_deref(), Some("temporarily_unavailable"));
    assert_eq!((parameter("state").as_deref(), parameter("iss").as_deref(), parameter("code")), (Some(state), Some(issuer), None));
}

/// OA-TK-12, OA-RT-21: nothing is lost, and nobody hears `invalid_grant`.
async fn token(stage: &Stage, client: &Client, ada: &mut Person) {
    let ask = client.ask();
    let tokens = client.connect(ada).await;
    let code = ada.code_for(&ask).await;
    Postgres::shared().close(stage.server.database());
    for answer in [client.redeem(&code, &ask.verifier).await, client.refresh(tokens.refresh()).await] {
        away(stage, &answer);
    }
    Postgres::shared().open(stage.server.database());
    let again = Tokens::of(&client.redeem(&code, &ask.verifier).await);
    assert_eq!(client.refresh(tokens.refresh()).await.status, 200);
    assert_eq!(client.refresh(again.refresh()).await.status, 200);
}

/// OA-RV-10
async fn revoke(stage: &Stage, client: &Client, ada: &mut Person) {
    let tokens = client.connect(ada).await;
    Postgres::shared().close(stage.server.database());
    away(stage, &client.revoke(tokens.refresh()).await);
    Postgres::shared().open(stage.server.database());
    let refreshed = Tokens::of(&client.refresh(tokens.refresh()).await);
    assert_eq!(client.revoke(refreshed.refresh()).await.status, 200);
    client.refresh(refreshed.refresh()).await.expect_error(400, "invalid_grant");
}

#[track_caller]
fn away(stage: &Stage, answer: &Answer) {
    answer.expect_error(503, "temporarily_unavailable");
    assert!(answer.header("retry-after").is_some(), "{:?}", answer.headers);
    assert_eq!(answer.header("access-control-allow-origin").as_deref(), Some("*"));
    one_error(stage, answer, "broken");
}
