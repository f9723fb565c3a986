//! What the operator's command line changes, the running server follows.

use serde_json::json;

use crate::harness::{CALLBACK, Client, FILES, Server, Setup, Tokens, on_both_stores, until};

on_both_stores! {
    // MCP-AS-100, MCP-AS-101, OA-CL-09: the secret is shown once, and only its hash is kept
    async fn a_client_that_the_operator_adds_works_at_once(store: Store) {
        let server = Server::start(store).await;
        let client = Client::operator(&server, "Files for all", CALLBACK, &["--introspect", FILES, "--machine", FILES]);
        let secret = client.secret.clone().expect("shown once");
        let listed = server.cli(&["client", "list", "--json"]).expect();
        assert!(listed.stdout.contains(&client.id) && !listed.stdout.contains(&secret), "{}", listed.stdout);
        let tokens = client.connect(&mut server.person("ada")).await;
        assert!(client.finds_active(&tokens.access).await);
        assert_eq!(Tokens::of(&client.credentials(&[]).await).claims()["sub"], json!(client.id));
    }

    // MCP-AS-59, OA-RT-14, OA-RV-09
    async fn what_the_operator_ends_has_ended(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let files = server.resource_server(&[FILES]).await;
        let tokens = client.connect(&mut server.person("ada")).await;
        let grants = server.cli(&["grant", "list", "--json"]).expect();
        let grant = tokens.claims()["grant_id"].as_str().unwrap().to_owned();
        assert!(grants.stdout.contains(&grant), "{}", grants.stdout);
        server.cli(&["grant", "revoke", &grant, "--yes"]).expect();
        assert!(!files.finds_active(&tokens.access).await);
        client.refresh(tokens.refresh()).await.expect_error(400, "invalid_grant");
        server.cli(&["client", "remove", &client.id, "--yes"]).expect();
        until("the client is gone", async || client.refresh("x").await.status == 401).await;
    }

    // OA-JW-04, MCP-AS-175: tokens of the old key stay good, new ones have the new one
    async fn a_key_that_is_rotated_takes_over_and_nothing_is_refused(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let files = server.resource_server(&[FILES]).await;
        let mut ada = server.person("ada");
        let before = client.connect(&mut ada).await;
        let standby = server.get("/jwks").await.json()["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect::<Vec<_>>();
        server.cli(&["key", "rotate", "--yes"]).expect();
        until("the new key signs", async || Tokens::of(&client.refresh(before.refresh()).await).header()["kid"] != before.header()["kid"]).await;
        let after = client.connect(&mut ada).await;
        assert!(standby.contains(&after.header()["kid"]), "it was published long before");
        assert!(files.finds_active(&before.access).await && files.finds_active(&after.access).await);
    }

    // the first account is made by who reads the terminal, or a file that only its owner reads
    async fn the_setup_link_makes_one_account_and_then_none(store: Store) {
        let server = Setup::on(store).without_accounts().env("PORTCULLIS_TOKENS_CODE_LIFETIME", "30s").start().await;
        let text = std::fs::read_to_string(server.folder().join("setup-link")).unwrap();
        let path = url::Url::parse(text.trim()).unwrap().path().to_owned();
        let mut ada = server.person("ada");
        let place = ada.open(&path).await;
        let mut form = place.forms().into_iter().next().unwrap();
        for (name, value) in [("username", "ada"), ("password", &ada.password.clone()), ("repeat", &ada.password.clone())] {
            form.set(name, value);
        }
        let place = ada.submit(&form, None).await;
        assert_eq!((place.answer.status, place.url.path()), (200, "/account"));
        assert!(!server.folder().join("setup-link").exists());
        let mut mallory = server.person("mallory");
        assert_eq!(mallory.open(&path).await.answer.status, 404);
        form.set("username", "mallory");
        assert_eq!(ada.submit(&form, None).await.answer.status, 404);
        server.client().await.connect(&mut ada).await;
    }
}
