//! The main job: a client that nobody knew, a person who allows it, a token.

use serde_json::{Value, json};

use crate::harness::{CALLBACK, FILES, Server, Setup, Tokens, on_both_stores, until};

/// The names of a JSON object's members.
fn members(object: &Value) -> Vec<&str> {
    let mut members: Vec<_> = object.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    members
}

on_both_stores! {
    // MCP-AS-20, MCP-AS-25, MCP-AS-27, MCP-AS-60, MCP-AS-61, MCP-AS-70, MCP-AS-80, MCP-AS-92, MCP-AS-150, MCP-AS-170, OA-AZ-25, OA-ISS-01, OA-TK-17
    async fn a_client_nobody_knew_gets_a_token_that_says_who_allowed_what(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let ask = client.ask();

        let page = ada.arrive(&ask).await;
        let back = ada.allow(&page).await;
        let code = back.code();
        let names: Vec<String> = back.url.query_pairs().map(|(name, _)| name.into_owned()).collect();
        assert_eq!(names, ["code", "state", "iss"], "each once, and nothing else");
        assert!(back.url.as_str().starts_with(&format!("{CALLBACK}?")) && back.url.fragment().is_none(), "{}", back.url);
        assert_eq!(back.parameter("state").as_deref(), Some(ask.state.as_str()));
        assert_eq!(back.parameter("iss").as_deref(), Some(server.issuer.as_str()));

        let answer = client.redeem(&code, &ask.verifier).await;
        assert_eq!(answer.header("cache-control").as_deref(), Some("no-store"));
        assert_eq!(answer.header("set-cookie"), None, "OA-TK-15");
        assert_eq!(members(&answer.json()), ["access_token", "expires_in", "refresh_token", "scope", "token_type"]);
        let tokens = Tokens::of(&answer);
        assert_eq!(tokens.scope, "files:read");

        let claims = tokens.claims();
        let expected = ["aud", "auth_time", "client_id", "exp", "grant_id", "iat", "iss", "jti", "scope", "sub"];
        assert_eq!(members(&claims), expected, "no name, no address: it travels");
        assert_eq!(claims["iss"], json!(server.issuer));
        assert_eq!(claims["aud"], json!(FILES));
        assert_eq!(claims["client_id"], json!(client.id));
        assert_eq!(claims["scope"], json!("files:read"));
        let lifetime = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
        assert_eq!((lifetime, tokens.expires_in), (900, 900));
        assert!(claims["auth_time"].as_u64().unwrap() <= claims["iat"].as_u64().unwrap());
        assert!(tokens.access.len() < 2048, "{} bytes", tokens.access.len());

        let header = tokens.header();
        assert_eq!(members(&header), ["alg", "kid", "typ"]);
        assert_eq!((&header["typ"], &header["alg"]), (&json!("at+jwt"), &json!("ES256")));
        let keys = server.get("/jwks").await.expect(200).json();
        assert!(keys["keys"].as_array().unwrap().iter().any(|key| key["kid"] == header["kid"]), "{keys}");

        let files = server.resource_server(&[FILES]).await;
        assert!(files.finds_active(&tokens.access).await);
        let next = Tokens::of(&client.refresh(tokens.refresh()).await);
        assert_ne!(next.refresh(), tokens.refresh());
        assert_eq!(next.claims()["grant_id"], claims["grant_id"], "the grant outlives its tokens");
        assert_eq!(next.claims()["sub"], claims["sub"]);
        assert_ne!(next.claims()["jti"], claims["jti"]);
        assert_eq!(client.revoke(next.refresh()).await.expect(200).body, "");
        assert!(!files.finds_active(&tokens.access).await && !files.finds_active(&next.access).await);
        client.refresh(next.refresh()).await.expect_error(400, "invalid_grant");
    }

    // MCP-AS-95, MCP-AS-140, OA-CD-11, OA-RT-01
    async fn everything_survives_a_restart(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let tokens = client.connect(&mut ada).await;
        let ask = client.ask();
        let code = ada.code_for(&ask).await;
        let waiting = client.ask();
        let page = ada.arrive(&waiting).await;

        server.kill_and_restart().await;

        let next = Tokens::of(&client.refresh(tokens.refresh()).await);
        assert_eq!(next.header()["kid"], tokens.header()["kid"], "the key is the same");
        Tokens::of(&client.redeem(&code, &ask.verifier).await);
        let back = ada.allow(&page).await;
        Tokens::of(&client.redeem(&back.code(), &waiting.verifier).await);
    }

    // MCP-AS-59, MCP-AS-143, OA-CL-05: what clients of the SDKs need to register anew
    async fn a_client_that_was_lost_is_told_so(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let tokens = client.connect(&mut ada).await;
        let lost = client.id.parse().unwrap();
        server.store().await.remove_client(&lost).await.unwrap();
        // what another process changes is heard of within a second
        until("the client to hear of it", async || client.refresh(tokens.refresh()).await.error().as_deref() == Some("invalid_client")).await;
        client.refresh(tokens.refresh()).await.expect_error(401, "invalid_client");
        assert_eq!(ada.open(&client.ask().path()).await.answer.status, 400);
        let again = server.client().await;
        assert_ne!(again.id, client.id);
        again.connect(&mut ada).await;
    }
}
