//! A resource server asks about a token (RFC 7662): only of its own it hears.

use serde_json::json;

use crate::harness::{FILES, MAIL, Server, Setup, Store, on_both_stores, spoiled};

on_both_stores! {
    // MCP-AS-176, OA-IN-01, OA-IN-03, OA-IN-04, OA-MX-06
    async fn a_resource_server_hears_of_its_own_tokens_only(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let client = server.client().await;
        let (files, mail) = (server.resource_server(&[FILES]).await, server.resource_server(&[MAIL]).await);
        let (both, neither) = (server.resource_server(&[FILES, MAIL]).await, server.operators_client(|_| {}).await);
        let mut ada = server.person("ada");
        let tokens = client.connect(&mut ada).await;

        let answer = files.introspect(&tokens.access).await.expect(200);
        assert_eq!(answer.header("cache-control").as_deref(), Some("no-store"));
        assert_eq!(answer.header("access-control-allow-origin"), None);
        let claims = tokens.claims();
        let expected = json!({
            "active": true, "aud": FILES, "client_id": client.id, "exp": claims["exp"], "iat": claims["iat"], "iss": server.issuer,
            "jti": claims["jti"], "scope": "files:read", "sub": claims["sub"], "token_type": "Bearer",
        });
        assert_eq!(answer.json(), expected, "values as in the token, and nothing personal");
        assert!(both.finds_active(&tokens.access).await);
        assert!(!mail.finds_active(&tokens.access).await && !neither.finds_active(&tokens.access).await);

        let ask = client.ask();
        let code = ada.code_for(&ask).await;
        let cookie = ada.cookies.values().next().unwrap().clone();
        let (head, signature) = tokens.access.rsplit_once('.').unwrap();
        let forged = format!("{head}.{}", signature.chars().rev().collect::<String>());
        for other in [tokens.refresh(), &code, &cookie, &forged, "x", "a.b.c"] {
            assert!(!files.finds_active(other).await, "{other}");
        }
        client.introspect(&tokens.access).await.expect_error(401, "invalid_client");
        files.post("/introspect", &[]).await.expect_error(400, "invalid_request");
        assert!(files.post("/introspect", &[("token", &tokens.access), ("token_type_hint", "refresh_token")]).await.json()["active"] == true);
    }

    // OA-IN-08, OA-AB-02: who only asks about tokens that were ours is never held back
    async fn guesses_are_bounded(store: Store) {
        let limits = "client_failures_per_minute = 5\nsource_failures_per_minute = 1000";
        let server = Setup::on(store).table("limits", limits).start().await;
        let client = server.client().await;
        let files = server.resource_server(&[FILES]).await;
        let mut ada = server.person("ada");
        let (tokens, ended) = (client.connect(&mut ada).await, client.connect(&mut ada).await);
        client.post("/revoke", &[("token", &ended.access)]).await.expect(200);
        for _ in 0..10 {
            assert!(!files.finds_active(&ended.access).await && !files.finds_active(tokens.refresh()).await);
        }
        let mut statuses = Vec::new();
        for guess in ["x", "a.b.c", &spoiled(&tokens.access), &spoiled(tokens.refresh()), "e30.e30.e30", "y", "z"] {
            let answer = files.introspect(guess).await;
            assert_eq!(answer.header("retry-after").is_some(), answer.status == 429, "{guess}");
            statuses.push(answer.status);
        }
        assert_eq!(statuses, [200, 200, 200, 200, 200, 429, 429]);
        assert!(files.finds_active(&tokens.access).await, "what is right goes through all the same");
    }

    // OA-IN-03, OA-MX-06: a token of another server, though made with the very same claims
    async fn a_token_of_another_issuer_is_nothing_here(store: Store) {
        let (server, other) = (Server::start(store).await, Server::start(store).await);
        let client = other.client().await;
        let tokens = client.connect(&mut other.person("ada")).await;
        let files = server.resource_server(&[FILES]).await;
        assert!(!files.finds_active(&tokens.access).await);
        let here = server.client().await;
        here.refresh(tokens.refresh()).await.expect_error(400, "invalid_grant");
        let moved = crate::harness::Client::known(&server, &client.id, None, &client.redirect_uri);
        moved.refresh(tokens.refresh()).await.expect_error(401, "invalid_client");
    }
}

// OA-IN-03
#[tokio::test]
async fn a_token_is_inactive_from_its_last_second_on() {
    let mut server = Server::start(Store::Sqlite).await;
    let client = server.client().await;
    let files = server.resource_server(&[FILES]).await;
    let tokens = client.connect(&mut server.person("ada")).await;
    server.restart_at(Some("+14m")).await;
    assert!(files.finds_active(&tokens.access).await);
    server.restart_at(Some("+901s")).await;
    assert!(!files.finds_active(&tokens.access).await);
}
