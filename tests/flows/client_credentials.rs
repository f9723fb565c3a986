//! A machine acts for itself (RFC 6749 §4.4).

use std::collections::BTreeSet;

use portcullis_verifier::testing::TestIssuer;
use serde_json::json;

use crate::harness::{Client, FILES, MAIL, Server, Setup, Tokens, now, on_both_stores};

/// A machine that may do this at these resources.
async fn machine(server: &Server, ceilings: &[(&str, &str)]) -> Client {
    server
        .operators_client(|record| {
            record.redirect_uris.clear();
            record.grant_types = BTreeSet::from(["client_credentials".parse().unwrap()]);
            record.machine_scopes = ceilings.iter().map(|(resource, scope)| ((*resource).to_owned(), scope.parse().unwrap())).collect();
        })
        .await
}

on_both_stores! {
    // OA-CC-02…06, MCP-AS-70, MCP-AS-73, MCP-AS-171, MCP-AS-203, MCP-AS-204
    async fn a_machine_gets_what_the_operator_allows_it_and_nothing_else(store: Store) {
        let server = Server::start(store).await;
        let machine = machine(&server, &[(FILES, "files:read files:write"), (MAIL, "mail:read")]).await;
        let files = server.resource_server(&[FILES]).await;

        let answer = machine.credentials(&[]).await;
        assert!(answer.json().get("refresh_token").is_none(), "{}", answer.body);
        let tokens = Tokens::of(&answer);
        let claims = tokens.claims();
        assert_eq!((&claims["aud"], tokens.scope.as_str()), (&json!(FILES), "files:read files:write"));
        assert_eq!((&claims["sub"], &claims["client_id"]), (&json!(machine.id), &json!(machine.id)));
        assert!(claims.get("auth_time").is_none() && claims.get("grant_id").is_none(), "{claims}");
        assert!(tokens.expires_in <= 900);
        assert!(files.finds_active(&tokens.access).await);

        for (form, scope) in [
            (vec![("scope", "files:write")], "files:write"),
            (vec![("scope", "files:write admin offline_access")], "files:write"),
            (vec![("resource", "https://MAIL.example.com:443/mcp/")], "mail:read"),
            (vec![("resource", MAIL), ("scope", "")], "mail:read"),
        ] {
            assert_eq!(Tokens::of(&machine.credentials(&form).await).scope, scope, "{form:?}");
        }
        for (form, error) in [
            (vec![("scope", "mail:read")], "invalid_scope"),
            (vec![("scope", "a\"b")], "invalid_scope"),
            (vec![("resource", "https://unknown.example/mcp")], "invalid_target"),
            (vec![("resource", FILES), ("resource", MAIL)], "invalid_target"),
        ] {
            machine.credentials(&form).await.expect_error(400, error);
        }
        assert_eq!(machine.revoke(&tokens.access).await.status, 200);
        assert!(!files.finds_active(&tokens.access).await);
    }

    // MCP-AS-201, MCP-AS-202, OA-CL-15: the recommended way: a key, and nothing to keep secret here
    async fn a_machine_proves_itself_by_the_keys_that_the_operator_has(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let file = server.folder().join("keys.json");
        std::fs::write(&file, TestIssuer::new("").jwks()).unwrap();
        let file = file.display().to_string();
        let made = server.cli(&["client", "add", "--name", "Nightly", "--machine", FILES, "--jwks", &file, "--json"]).expect().json();
        assert!(made.get("client_secret").is_none(), "{made}");
        let id = made["client_id"].as_str().unwrap();
        let assertion = |jti: &str, aud: &str| {
            let key = TestIssuer::new(id).token(aud, now()).header("typ", "JWT").claim("sub", id).claim("jti", jti);
            key.claim("exp", now().timestamp() + 60).sign()
        };
        let ask = async |path: &str, assertion: &str, more: (&str, &str)| {
            let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
            server.post_form(path, &[("client_assertion_type", kind), ("client_assertion", assertion), more]).await
        };
        let grant = ("grant_type", "client_credentials");
        let tokens = Tokens::of(&ask("/token", &assertion("1", &server.issuer), grant).await);
        assert_eq!(tokens.claims()["sub"], id);
        Tokens::of(&ask("/token", &assertion("2", &server.url("/token")), grant).await);
        ask("/token", &assertion("3", "https://other.example"), grant).await.expect_error(401, "invalid_client");
        ask("/revoke", &assertion("4", &server.issuer), ("token", &tokens.access)).await.expect(200);
        ask("/revoke", &assertion("4", &server.issuer), ("token", &tokens.access)).await.expect_error(401, "invalid_client");

        let weak = server.folder().join("weak.json");
        std::fs::write(&weak, r#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#).unwrap();
        let refused = server.cli(&["client", "add", "--name", "Weak", "--machine", FILES, "--jwks", &weak.display().to_string()]);
        assert_eq!(refused.status.code(), Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains("jwks.keys[0]: it is not public, or shared"), "{}", refused.stderr);
    }

    // OA-CC-01, OA-CC-03, OA-TK-06, MCP-AS-65, MCP-AS-141, MCP-AS-200
    async fn only_machines_of_the_operator_act_for_themselves(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let public = server.client().await;
        let metadata = json!({
            "redirect_uris": ["https://client.example.com/callback"],
            "token_endpoint_auth_method": "client_secret_basic",
            "grant_types": ["client_credentials", "authorization_code"],
        });
        let registered = Client::register_as(&server, &metadata).await;
        let for_people = server.operators_client(|_| {}).await;
        for client in [&public, &registered, &for_people] {
            client.credentials(&[]).await.expect_error(400, "unauthorized_client");
        }
        let nothing = machine(&server, &[]).await;
        nothing.credentials(&[]).await.expect_error(400, "invalid_scope");
        let wrong = nothing.with_secret("wrong");
        wrong.credentials(&[]).await.expect_error(401, "invalid_client");
        // a machine is no app of a person
        let mut ada = server.person("ada");
        let at = server.operators_client(|record| record.grant_types = BTreeSet::from(["client_credentials".parse().unwrap()])).await;
        assert_eq!(ada.arrive(&at.ask()).await.parameter("error").as_deref(), Some("unauthorized_client"));
        at.redeem("code", "verifier").await.expect_error(400, "unauthorized_client");
    }
}
