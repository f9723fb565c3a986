//! Somebody else holds the code: replay, injection, substitution, mix-up.

use crate::harness::{Client, FILES, Server, Setup, Tokens, on_both_stores};

on_both_stores! {
    // OA-CD-05, MCP-AS-25: two parties hold the code, so nobody keeps what it gave
    async fn a_replayed_code_ends_what_it_gave(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let files = server.resource_server(&[FILES]).await;
        let mut ada = server.person("ada");
        let bystander = client.connect(&mut ada).await;
        let ask = client.ask();
        let code = ada.code_for(&ask).await;
        let first = Tokens::of(&client.redeem(&code, &ask.verifier).await);
        let later = Tokens::of(&client.refresh(first.refresh()).await);

        client.redeem(&code, &ask.verifier).await.expect_error(400, "invalid_grant");
        for token in [first.refresh(), later.refresh()] {
            client.refresh(token).await.expect_error(400, "invalid_grant");
        }
        assert!(!files.finds_active(&first.access).await && !files.finds_active(&later.access).await);
        assert!(server.log().contains("code_replay"));
        assert!(files.finds_active(&bystander.access).await, "what another code gave goes on");
        client.redeem(&code, &ask.verifier).await.expect_error(400, "invalid_grant");
    }

    // OA-CD-06: a thief of the bare code could else end sessions
    async fn a_replay_without_the_verifier_or_by_another_client_ends_nothing(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let thief = Client::register(&server, "https://thief.example.com/cb").await;
        let mut ada = server.person("ada");
        let ask = client.ask();
        let code = ada.code_for(&ask).await;
        let tokens = Tokens::of(&client.redeem(&code, &ask.verifier).await);
        let elsewhere = client.answered_at("https://client.example.com/elsewhere");
        for answer in [
            client.redeem(&code, &"w".repeat(43)).await,
            client.redeem(&code, "").await,
            elsewhere.redeem(&code, &ask.verifier).await,
            thief.redeem(&code, &ask.verifier).await,
        ] {
            answer.expect_error(400, "invalid_grant");
        }
        Tokens::of(&client.refresh(tokens.refresh()).await);
    }

    // OA-MX-01, OA-MX-02, OA-MX-04, OA-MX-08: PKCE binds a code to who asked for it
    async fn a_stolen_code_is_of_no_use_in_another_session_of_the_client(store: Store) {
        let server = Server::start(store).await;
        server.add_account("mallory");
        let client = server.client().await;
        let (mut ada, mut mallory) = (server.person("ada"), server.person("mallory"));
        let (hers, his) = (client.ask(), client.ask());
        let (code, own) = (ada.code_for(&hers).await, mallory.code_for(&his).await);
        client.redeem(&code, &his.verifier).await.expect_error(400, "invalid_grant");
        client.redeem(&own, &hers.verifier).await.expect_error(400, "invalid_grant");
        Tokens::of(&client.redeem(&code, &hers.verifier).await);
    }

    // OA-CR-03, OA-MX-07, OA-RT-01: no kind is found as another
    async fn no_secret_passes_for_another_kind(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let client = server.operators_client(|record| record.introspects = vec![FILES.to_owned()]).await;
        let mut ada = server.person("ada");
        let tokens = client.connect(&mut ada).await;
        let ask = client.ask();
        let code = ada.code_for(&ask).await;
        let secret = client.secret.clone().unwrap();
        let mut held: Vec<String> = ada.cookies.values().cloned().collect();
        held.extend([tokens.access.clone(), tokens.refresh().to_owned(), code.clone(), secret.clone(), ask.verifier.clone()]);
        for other in &held {
            if *other != code {
                client.redeem(other, &ask.verifier).await.expect_error(400, "invalid_grant");
            }
            if *other != tokens.refresh() {
                client.refresh(other).await.expect_error(400, "invalid_grant");
            }
            if *other != tokens.access {
                assert!(!client.finds_active(other).await);
            }
            if *other != secret {
                let guess = client.with_secret(other);
                guess.refresh(tokens.refresh()).await.expect_error(401, "invalid_client");
            }
        }
        Tokens::of(&client.redeem(&code, &ask.verifier).await);
        Tokens::of(&client.refresh(tokens.refresh()).await);
    }

    // OA-CL-16, OA-MX-18: a database that moved to another issuer shows nothing
    async fn what_one_issuer_made_is_unknown_to_another_on_the_same_database(store: Store) {
        let first = Setup::on(store).start().await;
        let client = first.client().await;
        let mut ada = first.person("ada");
        let tokens = client.connect(&mut ada).await;
        let ask = client.ask();
        let code = ada.code_for(&ask).await;
        let second = first.neighbour().await;
        assert_ne!(second.issuer, first.issuer);
        let moved = Client::known(&second, &client.id, None, &client.redirect_uri);
        moved.refresh(tokens.refresh()).await.expect_error(401, "invalid_client");
        moved.redeem(&code, &ask.verifier).await.expect_error(401, "invalid_client");
        let fresh = second.client().await;
        fresh.refresh(tokens.refresh()).await.expect_error(400, "invalid_grant");
        fresh.redeem(&code, &ask.verifier).await.expect_error(400, "invalid_grant");
        assert!(!second.resource_server(&[FILES]).await.finds_active(&tokens.access).await);
        assert_eq!(second.get(&client.ask().path()).await.status, 400);
        let mut moved_ada = second.person("ada");
        let place = moved_ada.open("/sign-in").await;
        assert!(moved_ada.sign_in(&place).await.try_form("/sign-in").is_some(), "her account is the other issuer's");
        moved_ada.cookies = ada.cookies.clone();
        assert!(moved_ada.open("/account").await.try_form("/sign-in").is_some());
        let kids = |keys: serde_json::Value| keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].to_string()).collect::<Vec<_>>();
        let (ours, theirs) = (kids(first.get("/jwks").await.json()), kids(second.get("/jwks").await.json()));
        assert!(ours.iter().all(|kid| !theirs.contains(kid)));
        Tokens::of(&client.redeem(&code, &ask.verifier).await);
    }
}
