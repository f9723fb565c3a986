//! EA-095, EA-111: many at once.

use tokio::task::JoinSet;

use crate::{
    atlas::{row::Wish, stage::Stage},
    harness::{Answer, Store, Tokens},
};

/// OA-CD-04
pub(super) async fn one_of_many_redeems(store: Store) {
    let mut stage = Stage::start(store, &Wish::default()).await;
    let (client, mut ada) = (stage.client("public").await, stage.ada().await);
    let ask = client.ask();
    let code = ada.code_for(&ask).await;
    let mut attempts = JoinSet::new();
    for _ in 0..50 {
        let (client, code, verifier) = (client.clone(), code.clone(), ask.verifier.clone());
        attempts.spawn(async move { client.redeem(&code, &verifier).await });
    }
    let answers = attempts.join_all().await;
    let (redeemed, refused): (Vec<Answer>, Vec<Answer>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!(redeemed.len(), 1);
    for answer in refused {
        answer.expect_error(400, "invalid_grant");
    }
}

/// OA-RT-08, MCP-AS-91
pub(super) async fn two_hundred_refreshes(store: Store) {
    let mut stage = Stage::start(store, &Wish::default()).await;
    let (client, mut ada) = (stage.client("public").await, stage.ada().await);
    let tokens = client.connect(&mut ada).await;
    let mut attempts = JoinSet::new();
    for _ in 0..200 {
        let (client, token) = (client.clone(), tokens.refresh().to_owned());
        attempts.spawn(async move { Tokens::of(&client.refresh(&token).await) });
    }
    let successors: std::collections::BTreeSet<String> =
        attempts.join_all().await.iter().map(|tokens| tokens.refresh().to_owned()).collect();
    assert_eq!(successors.len(), 1, "one lineage");
    let next = Tokens::of(&client.refresh(successors.first().unwrap()).await);
    assert!(!successors.contains(next.refresh()));
}
