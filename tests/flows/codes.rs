//! Authorization codes: redeemed once, by whom they were made for, in time.

use crate::harness::{CALLBACK, Client, FILES, MAIL, Server, Setup, Store, Tokens, on_both_stores, until};

on_both_stores! {
    // OA-PK-05, OA-PK-07, OA-CD-08, OA-CL-06, MCP-AS-62: refused exchanges change nothing
    async fn a_refused_exchange_leaves_the_code_as_it_was(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let client = server.client().await;
        let other = Client::register(&server, "https://other.example.com/cb").await;
        let mut ada = server.person("ada");
        let ask = client.ask();
        let code = ada.code_for(&ask).await;
        let verifier = ask.verifier.as_str();
        let grant = ("grant_type", "authorization_code");

        // of another client, without and with the right verifier
        other.redeem(&code, verifier).await.expect_error(400, "invalid_grant");
        for (error, form) in [
            ("invalid_target", vec![grant, ("code", code.as_str()), ("code_verifier", verifier), ("resource", MAIL)]),
            ("invalid_target", vec![grant, ("code", code.as_str()), ("code_verifier", verifier), ("resource", "https://unknown.example/")]),
            ("invalid_grant", vec![grant, ("code", code.as_str()), ("code_verifier", verifier), ("redirect_uri", "https://client.example.com/")]),
            ("invalid_grant", vec![grant, ("code", code.as_str())]),
            ("invalid_grant", vec![grant, ("code", code.as_str()), ("code_verifier", &verifier[1..])]),
        ] {
            client.post("/token", &form).await.expect_error(400, error);
        }
        Tokens::of(&client.redeem(&code, verifier).await);
    }

    // OA-PK-07
    async fn the_fifth_wrong_verifier_kills_the_code(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let (four, five) = (client.ask(), client.ask());
        let wrong = "w".repeat(43);
        for (ask, failures) in [(&four, 4), (&five, 5)] {
            let code = ada.code_for(ask).await;
            for _ in 0..failures {
                client.redeem(&code, &wrong).await.expect_error(400, "invalid_grant");
            }
            let last = client.redeem(&code, &ask.verifier).await;
            assert_eq!(last.status, if failures < 5 { 200 } else { 400 }, "{failures} failures: {}", last.body);
        }
    }

    // OA-RU-20, MCP-AS-62: OAuth 2.1 has dropped the parameter
    async fn the_redirect_uri_may_be_left_out_at_the_exchange(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let ask = client.ask();
        let code = ada.code_for(&ask).await;
        let form = [("grant_type", "authorization_code"), ("code", &code), ("code_verifier", &ask.verifier)];
        Tokens::of(&client.post("/token", &form).await);
    }

    // OA-TK-09, OA-MX-16, MCP-AS-74
    async fn the_exchange_can_not_widen_what_was_allowed(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let ask = client.ask();
        let code = ada.code_for(&ask).await;
        let form = [
            ("grant_type", "authorization_code"), ("code", code.as_str()), ("code_verifier", &ask.verifier), ("redirect_uri", CALLBACK),
            ("scope", "files:read files:write admin"), ("resource", FILES), ("audience", MAIL), ("unknown", "x"),
        ];
        let tokens = Tokens::of(&client.post("/token", &form).await);
        assert_eq!(tokens.scope, "files:read");
        assert_eq!(tokens.claims()["aud"], FILES);
    }

    // OA-CD-10: what ends between issue and exchange takes the code with it
    async fn a_code_dies_with_the_session_it_was_made_in(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let ask = client.ask();
        let code = ada.code_for(&ask).await;
        let account = ada.open("/account").await;
        let sign_out = account.forms().into_iter().find(|form| form.action.ends_with("/sign-out")).expect("a way to sign out");
        ada.submit(&sign_out, None).await;
        client.redeem(&code, &ask.verifier).await.expect_error(400, "invalid_grant");
    }

    // OA-CD-10
    async fn a_code_dies_with_the_persons_account(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let ask = client.ask();
        let code = ada.code_for(&ask).await;
        let records = server.store().await;
        let id = records.user_by_login("ada").await.unwrap().unwrap().id;
        assert!(records.set_user_disabled(&id, Some(crate::harness::now())).await.unwrap());
        client.redeem(&code, &ask.verifier).await.expect_error(400, "invalid_grant");
        // the session it was made in is gone for good
        assert!(records.set_user_disabled(&id, None).await.unwrap());
        client.redeem(&code, &ask.verifier).await.expect_error(400, "invalid_grant");
    }

    // OA-CD-10, OA-RT-06: codes in flight end with the grant
    async fn a_code_dies_with_the_consent_that_was_taken_back(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        client.connect(&mut ada).await;
        let ask = client.ask();
        let code = ada.code_for(&ask).await;
        let account = ada.open("/account").await;
        let revoke = account.forms().into_iter().find(|form| form.action.ends_with("/revoke")).expect("a grant to revoke");
        ada.submit(&revoke, None).await;
        client.redeem(&code, &ask.verifier).await.expect_error(400, "invalid_grant");
    }

    // OA-AB-08: five in flight for one person and client; the oldest dies
    async fn too_many_codes_in_flight_push_out_the_oldest(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let mut codes = Vec::new();
        for _ in 0..6 {
            let ask = client.ask();
            codes.push((ada.code_for(&ask).await, ask.verifier));
        }
        let (oldest, rest) = codes.split_first().unwrap();
        client.redeem(&oldest.0, &oldest.1).await.expect_error(400, "invalid_grant");
        for (code, verifier) in rest {
            Tokens::of(&client.redeem(code, verifier).await);
        }
    }
}

// OA-CD-03, OA-DB-03
#[tokio::test]
async fn a_code_lives_for_a_minute() {
    let mut server = Server::start(Store::Sqlite).await;
    let client = server.client().await;
    let mut ada = server.person("ada");
    let (early, late) = (client.ask(), client.ask());
    let (code, dead) = (ada.code_for(&early).await, ada.code_for(&late).await);
    server.restart_at(Some("+40s")).await;
    Tokens::of(&client.redeem(&code, &early.verifier).await);
    server.restart_at(Some("+61s")).await;
    client.redeem(&dead, &late.verifier).await.expect_error(400, "invalid_grant");
    until("the dead one to be thrown away", async || server.count("SELECT COUNT(*) FROM codes").await == 1).await;
    // a clock that steps back revives nothing, spent or dead
    server.restart_at(Some("-1h")).await;
    for (code, ask) in [(&code, &early), (&dead, &late)] {
        client.redeem(code, &ask.verifier).await.expect_error(400, "invalid_grant");
    }
}
