//! Which MCP server a token is for: matched leniently, told strictly (RFC 8707).

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use portcullis_verifier::{Rejection, Verifier};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::harness::{Ask, Client, FILES, MAIL, Person, Setup, Store, Tokens, on_both_stores, until};

/// What a request comes to: the audience of its token, or the error.
async fn audience(client: &Client, ada: &mut Person, ask: Ask) -> String {
    let place = ada.arrive(&ask).await;
    if let Some(error) = place.parameter("error") {
        return error;
    }
    let back = ada.allow(&place).await;
    let tokens = Tokens::of(&client.redeem(&back.code(), &ask.verifier).await);
    tokens.claims()["aud"].as_str().expect("one string").to_owned()
}

const RS256: &str = "https://rs.example.com/mcp";
const PS256: &str = "https://ps.example.com/mcp";
const ES256: &str = "https://es.example.com/mcp";

const ALL_ALGORITHMS: &str = r#"resources = [
    { url = "https://files.example.com/mcp", name = "F", scopes = { "files:read" = "R" }, token_lifetime = "5m", signing_algorithm = "EdDSA" },
    { url = "https://rs.example.com/mcp", name = "R", scopes = { "files:read" = "R" }, signing_algorithm = "RS256" },
    { url = "https://ps.example.com/mcp", name = "P", scopes = { "files:read" = "R" }, signing_algorithm = "PS256" },
    { url = "https://es.example.com/mcp", name = "E", scopes = { "files:read" = "R" } },
]"#;

/// The token with another payload, and with a bit of its signature turned round.
fn tampered(token: &str) -> [String; 2] {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, payload) = signed.split_once('.').unwrap();
    let mut claims: Value = serde_json::from_slice(&BASE64URL.decode(payload).unwrap()).unwrap();
    claims["sub"] = "u_another".into();
    let mut bytes = BASE64URL.decode(signature).unwrap();
    bytes[0] ^= 1;
    [format!("{header}.{}.{signature}", BASE64URL.encode(claims.to_string())), format!("{signed}.{}", BASE64URL.encode(bytes))]
}

const FOUR: &str = r#"resources = [
    { url = "https://one.example.com/mcp", name = "One", scopes = { "a" = "A" }, aliases = ["https://alias.example.com/one"], origin_alias = true },
    { url = "https://slash.example.com/", name = "Slash", scopes = { "a" = "A" } },
    { url = "https://query.example.com/mcp?tenant=7", name = "Query", scopes = { "a" = "A" } },
    { url = "https://many.example.com/a", name = "A", scopes = { "a" = "A" }, origin_alias = true },
    { url = "https://many.example.com/b", name = "B", scopes = { "a" = "A" } },
]"#;

on_both_stores! {
    // MCP-AS-70…72, MCP-AS-75, MCP-AS-76, OA-RI-01…03, K-10: `aud` is always the registered spelling
    async fn a_resource_is_found_by_every_spelling_that_clients_use(store: Store) {
        let server = Setup::on(store).resources(FOUR).unlimited().start().await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let one = "https://one.example.com/mcp";
        for (asked, found) in [
            (one, one), ("https://ONE.example.com/mcp", one), ("HTTPS://one.example.com:443/mcp/", one),
            ("https://one.example.com/mcp?utm_source=chatgpt.com", one),
            ("https://alias.example.com/one", one), ("https://one.example.com", one), ("https://one.example.com/", one),
            ("https://slash.example.com", "https://slash.example.com/"),
            ("https://query.example.com/mcp?tenant=7", "https://query.example.com/mcp?tenant=7"),
            ("https://query.example.com/mcp?tenant=8", "invalid_target"), ("https://query.example.com/mcp", "invalid_target"),
            ("https://many.example.com", "invalid_target"),
            ("https://one.example.com/MCP", "invalid_target"), ("https://one.example.com/mcp/x", "invalid_target"),
            ("https://one.example.com/x/../mcp", "invalid_target"), ("https://one.example.com/%6dcp", "invalid_target"),
            ("https://one.example.com/mcp#x", "invalid_target"), ("https://u@one.example.com/mcp", "invalid_target"),
            ("http://one.example.com/mcp", "invalid_target"), ("https://one.example.com:8443/mcp", "invalid_target"),
            ("one.example.com/mcp", "invalid_target"), ("https://unknown.example/mcp", "invalid_target"),
        ] {
            assert_eq!(audience(&client, &mut ada, client.ask().with("scope", "a").with("resource", asked)).await, found, "{asked}");
        }
        let same = client.ask().with("scope", "a").with("resource", one).and("resource", "https://one.example.com:443/mcp/");
        assert_eq!(audience(&client, &mut ada, same).await, one, "two spellings of one");
        let two = client.ask().with("scope", "a").with("resource", one).and("resource", "https://slash.example.com/");
        assert_eq!(audience(&client, &mut ada, two).await, "invalid_target");
    }

    // MCP-AS-73, MCP-AS-77
    async fn without_a_resource_the_default_counts_and_an_old_audience_helps(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        for (ask, found) in [
            (client.ask().without("resource"), FILES),
            (client.ask().with("resource", ""), FILES),
            (client.ask().without("resource").with("audience", MAIL), MAIL),
            (client.ask().without("resource").with("audience", "https://unknown.example"), FILES),
            (client.ask().with("audience", MAIL), FILES),
        ] {
            assert_eq!(audience(&client, &mut ada, ask).await, found);
        }
        let single = r#"resources = [{ url = "https://only.example.com/mcp", name = "Only", scopes = { "a" = "A" } }]"#;
        let server = Setup::on(store).resources(single).start().await;
        let client = server.client().await;
        assert_eq!(audience(&client, &mut server.person("ada"), client.ask().without("resource")).await, "https://only.example.com/mcp");

        let server = Setup::on(store).resources(FOUR).start().await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let place = ada.arrive(&client.ask().without("resource")).await;
        assert_eq!(place.parameter("error").as_deref(), Some("invalid_target"));
        let told = place.parameter("error_description").unwrap();
        assert!(told.contains("resource") && !told.contains("example.com"), "what to do, and no inventory (OA-RI-07): {told}");
    }

    // MCP-AS-63, MCP-AS-173, OA-AT-05, OA-JW-12
    async fn each_resource_has_its_own_lifetime_and_algorithm(store: Store) {
        let server = Setup::on(store).resources(ALL_ALGORITHMS).start().await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let keys = server.get("/jwks").await.json();
        let asker = server.resource_server(&[FILES, RS256, PS256, ES256]).await;
        for (resource, algorithm, lifetime) in [(FILES, "EdDSA", 300), (RS256, "RS256", 900), (PS256, "PS256", 900), (ES256, "ES256", 900)] {
            let tokens = client.connect_with(&mut ada, client.ask().with("resource", resource)).await;
            assert_eq!((tokens.header()["alg"].as_str(), tokens.expires_in), (Some(algorithm), lifetime));
            assert!(tokens.access.len() < 2048, "{} bytes", tokens.access.len());
            let key = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == tokens.header()["kid"]).unwrap();
            assert_eq!(key["alg"], json!(algorithm));

            let verifier = Verifier::builder(server.issuer.as_str(), resource).build().unwrap();
            assert_eq!(verifier.check(&tokens.access).await.unwrap().subject(), tokens.claims()["sub"], "{algorithm}");
            assert!(asker.finds_active(&tokens.access).await, "{algorithm}");
            for tampered in tampered(&tokens.access) {
                let rejection = verifier.check(&tampered).await.unwrap_err();
                assert!(matches!(rejection, Rejection::Signature(_)), "{algorithm} {rejection}");
                assert!(!asker.finds_active(&tampered).await, "{algorithm} {tampered}");
            }
        }
    }

    // OA-RI-04: what the granted resource could be called before does not count once another has the name
    async fn a_spelling_of_another_resource_opens_nothing_at_the_token_endpoint(store: Store) {
        let server = Setup::on(store).resources(r#"resources = [
            { url = "https://one.example.com/mcp", name = "One", scopes = { "a" = "A" }, origin_alias = true },
            { url = "https://one.example.com/", name = "Origin", scopes = { "a" = "A" } },
            { url = "https://two.example.com/mcp", name = "Two", scopes = { "a" = "A" }, origin_alias = true },
            { url = "https://two.example.com/other", name = "Other", scopes = { "a" = "A" } },
        ]"#).start().await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        for granted in ["https://one.example.com/mcp", "https://two.example.com/mcp"] {
            let origin = granted.strip_suffix("/mcp").unwrap();
            let ask = client.ask().with("scope", "a").with("resource", granted);
            let place = ada.arrive(&ask).await;
            let code = ada.allow(&place).await.code();
            let exchange = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", &client.redirect_uri)];
            let exchange = [&exchange[..], &[("code_verifier", &ask.verifier), ("resource", origin)]].concat();
            client.post("/token", &exchange).await.expect_error(400, "invalid_target");
            let tokens = Tokens::of(&client.redeem(&code, &ask.verifier).await);
            let refresh = |resource| [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh()), ("resource", resource)];
            client.post("/token", &refresh(origin)).await.expect_error(400, "invalid_target");
            Tokens::of(&client.post("/token", &refresh(&format!("{granted}/"))).await);
        }
    }

    // OA-RI-06: not told before the sign-in
    async fn only_the_people_of_a_resource_get_tokens_for_it(store: Store) {
        let server = Setup::on(store).resources(r#"resources = [
            { url = "https://files.example.com/mcp", name = "F", scopes = { "files:read" = "R" }, people = ["Ada"] },
        ]"#).start().await;
        server.add_account("bob");
        let client = server.client().await;
        let (mut ada, mut bob) = (server.person("ada"), server.person("bob"));
        let place = bob.open(&client.ask().path()).await;
        assert!(place.try_form("/sign-in").is_some());
        assert_eq!(bob.sign_in(&place).await.parameter("error").as_deref(), Some("access_denied"));
        client.connect(&mut ada).await;
    }
}

// MCP-AS-174, OA-JW-01, OA-JW-02, OA-JW-06: what is published, for every kind of key
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_published_keys_are_public_strong_and_named_by_what_they_are() {
    let server = Setup::on(Store::Sqlite).resources(ALL_ALGORITHMS).start().await;
    for rotated in [false, true] {
        if rotated {
            for algorithm in ["ES256", "EdDSA"] {
                server.cli(&["key", "rotate", "--algorithm", algorithm, "--yes", "--json"]).expect();
            }
            until("the new keys", async || server.get("/jwks").await.json()["keys"].as_array().unwrap().len() == 10).await;
        }
        let keys = server.get("/jwks").await.expect(200).json();
        let keys = keys["keys"].as_array().unwrap();
        let mut names = keys.iter().map(|key| key["kid"].as_str().unwrap()).collect::<Vec<_>>();
        names.sort_unstable();
        names.dedup();
        assert_eq!((names.len(), keys.len()), (keys.len(), if rotated { 10 } else { 8 }), "one that signs and one that waits, each");
        for key in keys {
            let required = match key["kty"].as_str().unwrap() {
                "EC" => vec!["crv", "kty", "x", "y"],
                "OKP" => vec!["crv", "kty", "x"],
                "RSA" => vec!["e", "kty", "n"],
                other => panic!("{other} is published"),
            };
            let mut members = key.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>();
            members.sort_unstable();
            let mut expected = [&required[..], &["alg", "kid", "use"]].concat();
            expected.sort_unstable();
            assert_eq!((members, &key["use"]), (expected, &json!("sig")), "nothing else: no d, p, q, dp, dq, qi, oth, k");
            let canonical = required.iter().map(|name| format!(r#""{name}":{}"#, key[*name])).collect::<Vec<_>>().join(",");
            assert_eq!(key["kid"], BASE64URL.encode(Sha256::digest(format!("{{{canonical}}}"))), "RFC 7638");
            if key["kty"] == "RSA" {
                let modulus = BASE64URL.decode(key["n"].as_str().unwrap()).unwrap();
                assert!(modulus.len() == 384 && modulus[0] >= 0x80, "{} bytes", modulus.len());
                assert_eq!(key["e"], "AQAB");
            }
        }
    }
}
