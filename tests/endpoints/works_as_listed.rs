//! OA-MD-05: everything listed works, and what is not listed is refused.

use portcullis_verifier::testing::TestIssuer;
use serde_json::{Value, json};

use crate::harness::{Answer, CALLBACK, Client, FILES, Server, Setup, Store, Tokens, now};

async fn listed(server: &Server, member: &str) -> Vec<String> {
    let document: Value = server.get("/.well-known/oauth-authorization-server").await.json();
    let values = document[member].as_array().unwrap_or_else(|| panic!("{member} is not listed")).clone();
    values.iter().map(|value| value.as_str().unwrap().to_owned()).collect()
}

// OA-MD-05, OA-TK-05
#[tokio::test]
async fn grant_types() {
    let server = Setup::on(Store::Sqlite).unlimited().start().await;
    let grants = listed(&server, "grant_types_supported").await;
    let client = server.client().await;
    for grant in [
        "authorization_code",
        "refresh_token",
        "client_credentials",
        "password",
        "implicit",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    ] {
        let answer = client.post("/token", &[("grant_type", grant)]).await;
        let is_known = answer.error().as_deref() != Some("unsupported_grant_type");
        assert_eq!(is_known, grants.iter().any(|listed| listed == grant), "{grant}: {}", answer.body);
    }
}

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// By the key that the client registered.
fn assertion(client: &Client, server: &Server) -> String {
    let key = TestIssuer::new(&client.id);
    let expires_at = now().timestamp() + 60;
    key.token(&server.issuer, now()).header("typ", "JWT").claim("sub", client.id.as_str()).claim("exp", expires_at).sign()
}

// OA-MD-05, OA-CL-01
#[tokio::test]
async fn ways_to_authenticate() {
    let server = Setup::on(Store::Sqlite).unlimited().start().await;
    let methods = listed(&server, "token_endpoint_auth_methods_supported").await;
    for method in ["none", "client_secret_basic", "client_secret_post", "private_key_jwt", "client_secret_jwt", "tls_client_auth"] {
        let key = TestIssuer::new("");
        let jwks: Value = serde_json::from_str(&key.jwks()).unwrap();
        let metadata = json!({ "redirect_uris": [CALLBACK], "token_endpoint_auth_method": method, "jwks": jwks });
        let answer = Answer::to(server.request("POST", "/register").json(&metadata)).await;
        let is_listed = methods.iter().any(|listed| listed == method);
        assert_eq!(answer.status == 201, is_listed, "{method}: {}", answer.body);
        if !is_listed {
            continue;
        }
        let client = Client::register_as(&server, &metadata).await;
        let mut form = vec![("grant_type", "refresh_token"), ("refresh_token", "x")];
        let answer = if method == "client_secret_post" {
            form.extend([("client_id", client.id.as_str()), ("client_secret", client.secret.as_deref().unwrap())]);
            server.post_form("/token", &form).await
        } else if method == "private_key_jwt" {
            let assertion = assertion(&client, &server);
            form.extend([("client_assertion_type", JWT_BEARER), ("client_assertion", &assertion)]);
            server.post_form("/token", &form).await
        } else {
            client.post("/token", &form).await
        };
        answer.expect_error(400, "invalid_grant");
    }
    let confidential = ["client_secret_basic", "client_secret_post", "private_key_jwt"];
    assert_eq!(listed(&server, "introspection_endpoint_auth_methods_supported").await, confidential);
    let caller = Client::operator(&server, "caller", "", &["--introspect", FILES]);
    assert_eq!(caller.introspect("x").await.expect(200).body, r#"{"active":false}"#);
    let fields = [("token", "x"), ("client_id", caller.id.as_str()), ("client_secret", caller.secret.as_deref().unwrap())];
    server.post_form("/introspect", &fields).await.expect(200);
    server.client().await.introspect("x").await.expect_error(401, "invalid_client");
    assert_eq!(
        listed(&server, "revocation_endpoint_auth_methods_supported").await,
        ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]
    );
    server.client().await.revoke("x").await.expect(200);
    caller.revoke("x").await.expect(200);
    server.post_form("/revoke", &fields).await.expect(200);
}

// OA-MD-05, OA-AZ-08, OA-AZ-10, OA-PK-02
#[tokio::test]
async fn ways_to_ask() {
    let server = Server::start(Store::Sqlite).await;
    let client = server.client().await;
    let mut ada = server.person("ada");
    ada.sign_in_at_home().await;
    for (member, parameter, values) in [
        ("response_types_supported", "response_type", &["code", "token", "id_token", "code id_token", "none"][..]),
        ("response_modes_supported", "response_mode", &["query", "fragment", "form_post", "jwt"][..]),
        ("code_challenge_methods_supported", "code_challenge_method", &["S256", "plain", "S512"][..]),
    ] {
        let works = listed(&server, member).await;
        for value in values {
            let place = ada.open(&client.ask().with(parameter, value).path()).await;
            let is_asked = place.try_form("/decision").is_some();
            assert_eq!(is_asked, works.iter().any(|listed| listed == value), "{parameter}={value}: {}", place.url);
        }
    }
}

// OA-MD-05, MCP-AS-93, MCP-AS-150, MCP-AS-170
#[tokio::test]
async fn scopes_keys_and_the_name_of_the_issuer() {
    let server = Server::start(Store::Sqlite).await;
    let scopes = listed(&server, "scopes_supported").await;
    assert!(scopes.contains(&"offline_access".to_owned()) && scopes.contains(&"files:read".to_owned()), "{scopes:?}");
    let client = server.client().await;
    let mut ada = server.person("ada");
    let ask = client.ask().with("scope", &scopes.join(" "));
    let place = ada.arrive(&ask).await;
    let place = ada.allow(&place).await;
    assert_eq!(place.parameter("iss").as_deref(), Some(server.issuer.as_str()));
    let tokens = Tokens::of(&client.redeem(&place.code(), &ask.verifier).await);
    assert!(tokens.refresh.is_some());
    assert_eq!(tokens.claims()["iss"], server.issuer.as_str());
    let keys = server.get("/jwks").await.json();
    let named = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == tokens.header()["kid"]).expect("the key is published");
    assert_eq!((named["use"].as_str(), named["alg"].as_str()), (Some("sig"), tokens.header()["alg"].as_str()));
}
