//! A client ends what it needs no more (RFC 7009).

use crate::harness::{Client, FILES, Server, Setup, Tokens, on_both_stores};

on_both_stores! {
    // MCP-AS-177, OA-RV-01, OA-RV-03, OA-RV-06, OA-RV-09
    async fn a_refresh_token_takes_its_family_with_it_and_an_access_token_only_itself(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let files = server.resource_server(&[FILES]).await;
        let mut ada = server.person("ada");
        let other = client.connect(&mut ada).await;
        for hint in [None, Some("access_token"), Some("refresh_token"), Some("nonsense")] {
            let tokens = client.connect(&mut ada).await;
            let next = Tokens::of(&client.refresh(tokens.refresh()).await);
            let mut form = vec![("token", tokens.access.as_str())];
            form.extend(hint.map(|hint| ("token_type_hint", hint)));
            assert_eq!(client.post("/revoke", &form).await.expect(200).body, "");
            assert!(!files.finds_active(&tokens.access).await && files.finds_active(&next.access).await);

            let mut form = vec![("token", next.refresh())];
            form.extend(hint.map(|hint| ("token_type_hint", hint)));
            client.post("/revoke", &form).await.expect(200);
            assert!(!files.finds_active(&next.access).await);
            client.refresh(next.refresh()).await.expect_error(400, "invalid_grant");
            client.refresh(tokens.refresh()).await.expect_error(400, "invalid_grant");
        }
        assert!(files.finds_active(&other.access).await, "another connection of the same grant goes on");
        Tokens::of(&client.refresh(other.refresh()).await);
    }

    // OA-RV-07, K-34: easy to miss
    async fn the_predecessor_in_its_grace_ends_the_family_too(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let files = server.resource_server(&[FILES]).await;
        let mut ada = server.person("ada");
        for end_the_parent in [true, false] {
            let first = client.connect(&mut ada).await;
            let second = Tokens::of(&client.refresh(first.refresh()).await);
            client.revoke(if end_the_parent { first.refresh() } else { second.refresh() }).await.expect(200);
            for token in [first.refresh(), second.refresh()] {
                client.refresh(token).await.expect_error(400, "invalid_grant");
            }
            assert!(!files.finds_active(&first.access).await && !files.finds_active(&second.access).await);
        }
    }

    // OA-RV-04, OA-RV-05, OA-RV-08, OA-MX-05
    async fn what_is_unknown_is_gone_already_and_what_is_anothers_stays(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let client = server.client().await;
        let thief = Client::register(&server, "https://thief.example.com/cb").await;
        let files = server.resource_server(&[FILES]).await;
        let mut ada = server.person("ada");
        let tokens = client.connect(&mut ada).await;
        let (head, tail) = tokens.access.rsplit_once('.').unwrap();
        let forged = format!("{head}.{}", tail.chars().rev().collect::<String>());
        for unknown in ["x", &forged, &format!("{}x", tokens.refresh()), "a.b.c", "é"] {
            assert_eq!(client.revoke(unknown).await.expect(200).body, "");
        }
        for token in [tokens.refresh(), &tokens.access] {
            thief.revoke(token).await.expect_error(400, "invalid_grant");
        }
        thief.post("/revoke", &[]).await.expect_error(400, "invalid_request");
        assert!(files.finds_active(&tokens.access).await);
        let next = Tokens::of(&client.refresh(tokens.refresh()).await);
        for _ in 0..2 {
            client.revoke(next.refresh()).await.expect(200);
        }
    }
}
