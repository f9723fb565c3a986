//! `portcullis key`.

use std::sync::Arc;

use portcullis_verifier::Verifier;
use serde_json::{Value, json};

use super::{NOT_FOUND, REFUSED, json, refused};
use crate::harness::{Client, FILES, Server, Setup, Store, Tokens, on_both_stores, until};

async fn published(server: &Server) -> Vec<String> {
    let body = server.get("/jwks").await.expect(200).json();
    body["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn kid_of(list: &Value, state: &str) -> String {
    let found: Vec<&Value> = list.as_array().unwrap().iter().filter(|key| key["state"] == state).collect();
    assert_eq!(found.len(), 1, "{state} in {list}");
    found[0]["kid"].as_str().unwrap().to_owned()
}

/// How often somebody read the keys, by the server's log.
fn key_fetches(server: &Server) -> usize {
    server.log().lines().filter(|line| line.contains("/jwks")).count()
}

async fn token(machine: &Client) -> Tokens {
    Tokens::of(&machine.credentials(&[("resource", FILES)]).await)
}

on_both_stores! {
    // MCP-AS-175, OA-JW-04
    async fn the_standby_takes_over_and_the_old_key_leaves_when_its_tokens_have(store: Store) {
        let mut server = Server::start(store).await;
        let machine = Client::operator(&server, "Nightly", "", &["--machine", FILES, "--introspect", FILES]);
        let before = json(&server, &["key", "list"]);
        let (old, standby) = (kid_of(&before, "active"), kid_of(&before, "standby"));
        assert_eq!(published(&server).await.len(), 2, "the standby is published from the first start");
        let token_before = token(&machine).await;
        assert_eq!(token_before.header()["kid"], old.as_str());

        let warned = refused(&server, &["key", "rotate"], REFUSED);
        assert!(warned.contains("signs from now on") && warned.contains("was published only"), "{warned}");
        assert_eq!(json(&server, &["key", "rotate", "--dry-run"])[0]["done"], false);
        assert_eq!(json(&server, &["key", "list"]), before);

        let turn = json(&server, &["key", "rotate", "--yes"]);
        assert_eq!((&turn[0]["active"], &turn[0]["retired"], &turn[0]["done"]), (&json!(standby), &json!(old), &json!(true)));
        let fresh = turn[0]["standby"].as_str().unwrap().to_owned();
        until("the running server to sign with the new key", async || token(&machine).await.header()["kid"] == standby.as_str()).await;
        let mut now_published = published(&server).await;
        now_published.sort();
        let mut expected = vec![old.clone(), standby.clone(), fresh.clone()];
        expected.sort();
        assert_eq!(now_published, expected);
        assert_eq!(machine.introspect(&token_before.access).await.json()["active"], true, "old tokens stay good");

        server.restart_at(Some("+59 minutes")).await;
        assert!(published(&server).await.contains(&old), "a token of an hour could still be about");
        server.restart_at(Some("+63 minutes")).await;
        let mut left = published(&server).await;
        left.sort();
        let mut expected = vec![standby, fresh];
        expected.sort();
        assert_eq!(left, expected);
    }

    // OA-JW-05, MCP-AS-175: a verifier that looked at the keys before, and does not again
    async fn no_verifier_in_use_notices_a_rotation(store: Store) {
        let server = Arc::new(Setup::on(store).table("log", "level = \"debug\"").start().await);
        let machine = Client::operator(&server, "Nightly", "", &["--machine", FILES]);
        let old = token(&machine).await;
        let verifier = Verifier::builder(server.issuer.as_str(), FILES).build().unwrap();
        verifier.check(&old.access).await.unwrap();
        let fetched = key_fetches(&server);
        assert!(fetched > 0, "the log tells");
        let standby = kid_of(&json(&server, &["key", "list"]), "standby");
        let (mut before, mut after, mut turning) = (0, 0, None);
        while after < 20 {
            let fresh = token(&machine).await;
            if fresh.header()["kid"] == standby.as_str() { after += 1 } else { before += 1 }
            for token in [&old, &fresh] {
                verifier.check(&token.access).await.unwrap_or_else(|rejection| panic!("after {before} and {after} tokens: {rejection}"));
            }
            if before == 5 && turning.is_none() {
                let server = Arc::clone(&server);
                turning = Some(tokio::task::spawn_blocking(move || json(&server, &["key", "rotate", "--yes"])));
            }
        }
        assert_eq!(turning.unwrap().await.unwrap()[0]["active"], standby.as_str());
        assert_eq!(key_fetches(&server), fetched, "it knew the standby key already");
        let newcomer = Verifier::builder(server.issuer.as_str(), FILES).build().unwrap();
        newcomer.check(&old.access).await.unwrap();
    }

    async fn keys_are_rotated_algorithm_by_algorithm(store: Store) {
        let server = Server::start(store).await;
        json(&server, &["resource", "add", "https://notes.example.com/mcp", "--algorithm", "EdDSA"]);
        let list = json(&server, &["key", "list"]);
        assert_eq!(list.as_array().unwrap().len(), 4, "the command makes the keys itself: {list}");
        let turns = json(&server, &["keys", "rotate", "--algorithm", "EdDSA", "--yes"]);
        assert_eq!(turns.as_array().unwrap().len(), 1);
        assert_eq!(turns[0]["algorithm"], "EdDSA");
        assert!(refused(&server, &["key", "rotate", "--algorithm", "PS256", "--yes"], NOT_FOUND).contains("no PS256 key on standby"));
        assert_eq!(json(&server, &["key", "rotate", "--yes"]).as_array().unwrap().len(), 2);
    }
}

// OA-JW-17: no key is made that the server could not open
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_under_another_master_key_is_refused() {
    let server = Server::start(Store::Sqlite).await;
    let before = json(&server, &["key", "list"]);
    let file = server.folder().join("master.key");
    let good = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{}\n", base64::Engine::encode(&base64::prelude::BASE64_STANDARD, [7_u8; 32]))).unwrap();
    let said = refused(&server, &["key", "rotate", "--yes"], super::FAILED);
    assert!(said.contains("this is not the master key of this database"), "{said}");
    std::fs::remove_file(&file).unwrap();
    let said = refused(&server, &["key", "rotate", "--yes"], super::FAILED);
    assert!(said.contains("there is no master key") && !file.exists(), "{said}");
    assert_eq!(json(&server, &["key", "list"]), before);
    std::fs::write(&file, good).unwrap();
}
