//! Clients that introduce themselves (RFC 7591), as real ones do it.

use serde_json::{Value, json};

use crate::harness::{Answer, Client, Server, Setup, Store, Tokens, on_both_stores, until};

async fn register(server: &Server, body: &Value) -> Answer {
    Answer::to(server.request("POST", "/register").json(body)).await
}

/// What real clients send, and from where their answers come back.
fn real_clients() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        // MCP-AS-133: FastMCP's client and Make.com name no method
        (
            "FastMCP",
            json!({
                "client_name": "FastMCP Client", "redirect_uris": ["http://localhost:56789/callback"],
                "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"], "scope": "",
            }),
            "http://localhost:41234/callback",
        ),
        // MCP-AS-135, MCP-AS-136, K-14: Cursor
        (
            "Cursor",
            json!({
                "client_name": "Cursor", "application_type": "web", "token_endpoint_auth_method": "none",
                "redirect_uris": ["cursor://anysphere.cursor-mcp/oauth/callback", "https://www.cursor.com/agents/mcp/oauth/callback",
                    "http://localhost:8787/callback"],
                "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
            }),
            "cursor://anysphere.cursor-mcp/oauth/callback",
        ),
        // MCP-AS-136, MCP-AS-138: VS Code
        (
            "Visual Studio Code",
            json!({
                "client_name": "Visual Studio Code", "client_uri": "https://code.visualstudio.com",
                "grant_types": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
                "response_types": ["code"], "application_type": "native", "token_endpoint_auth_method": "none",
                "redirect_uris": ["https://insiders.vscode.dev/redirect", "https://vscode.dev/redirect", "http://127.0.0.1/", "http://127.0.0.1:33418/"],
            }),
            "http://127.0.0.1:49999/",
        ),
        // MCP-AS-132: Le Chat wants a secret
        (
            "Le Chat",
            json!({
                "client_name": "Le Chat", "token_endpoint_auth_method": "client_secret_basic",
                "redirect_uris": ["https://callback.mistral.ai/v1/integrations_auth/oauth2_callback"],
            }),
            "https://callback.mistral.ai/v1/integrations_auth/oauth2_callback",
        ),
        // MCP-AS-82: Claude Code registers with the scopes of the resource, then asks for more
        (
            "Claude Code",
            json!({
                "client_name": "Claude Code (files)", "redirect_uris": ["http://localhost:52010/callback"], "scope": "files:read",
                "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"], "token_endpoint_auth_method": "none",
            }),
            "http://localhost:52010/callback",
        ),
        // MCP-AS-138: unknown members, null members, no name
        (
            "nameless",
            json!({
                "redirect_uris": ["https://client.example.com/callback"], "software_id": "x", "software_version": "1", "client_name": null,
                "dpop_bound_access_tokens": false, "require_auth_time": true, "grant_types": ["implicit", "authorization_code"],
                "contacts": ["ops@client.example.com"], "client_id": "admin", "client_secret": "chosen", "trusted": true, "origin": "operator",
            }),
            "https://client.example.com/callback",
        ),
    ]
}

on_both_stores! {
    // MCP-AS-130…138, OA-DR-06, OA-DR-07, OA-DR-08, OA-DR-10, OA-DR-11, OA-DR-15, OA-DR-17, OA-DR-19
    async fn real_clients_register_and_connect(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let mut ada = server.person("ada");
        for (name, body, redirect_uri) in real_clients() {
            let answer = register(&server, &body).await.expect(201);
            assert_eq!(answer.header("cache-control").as_deref(), Some("no-store"));
            let client = answer.json();
            assert!(!answer.body.contains("null"), "{name}: {}", answer.body);
            assert_eq!(client["redirect_uris"], body["redirect_uris"], "{name}: byte for byte");
            assert!(client["client_id_issued_at"].is_u64(), "{name}");
            let id = client["client_id"].as_str().unwrap();
            assert!(id.len() > 20 && !id.starts_with("https:") && id != "admin", "{name}: {id}");
            let grants: Vec<_> = client["grant_types"].as_array().unwrap().iter().map(|grant| grant.as_str().unwrap()).collect();
            assert!(grants.contains(&"authorization_code") && grants.iter().all(|grant| ["authorization_code", "refresh_token"].contains(grant)));
            let method = client["token_endpoint_auth_method"].as_str().expect("always told");
            assert_eq!(method, body["token_endpoint_auth_method"].as_str().unwrap_or("none"), "{name}");
            assert_eq!(client.get("client_secret").is_some(), method != "none", "{name}");
            if method != "none" {
                assert_eq!(client["client_secret_expires_at"], json!(0));
            }

            let client = Client::known(&server, id, client["client_secret"].as_str(), redirect_uri);
            let ask = client.ask().with("scope", "files:read files:write offline_access");
            let place = ada.arrive(&ask).await;
            assert!(!place.left, "{name}: a client that registered itself is always asked about");
            let tokens = Tokens::of(&client.redeem(&ada.allow(&place).await.code(), &ask.verifier).await);
            assert_eq!(tokens.scope, "files:read files:write", "{name}: what was registered is no cap");
            assert_eq!(tokens.refresh.is_some(), grants.contains(&"refresh_token"), "{name}");
        }
    }

    // OA-DR-16
    async fn equal_requests_give_different_clients(store: Store) {
        let server = Server::start(store).await;
        let body = json!({ "redirect_uris": ["https://a.example/cb"], "token_endpoint_auth_method": "client_secret_post" });
        let (one, other) = (register(&server, &body).await.json(), register(&server, &body).await.json());
        assert_ne!(one["client_id"], other["client_id"]);
        assert_ne!(one["client_secret"], other["client_secret"]);
    }

    // OA-DR-04
    async fn where_anybody_may_register_a_credential_does_not_matter(store: Store) {
        let server = Server::start(store).await;
        let body = json!({ "redirect_uris": ["https://a.example/cb"] });
        Answer::to(server.request("POST", "/register").header("authorization", "Bearer whatever").json(&body)).await.expect(201);
    }

    // OA-DR-02, MCP-AS-130
    async fn switched_off_it_is_not_there(store: Store) {
        let server = Setup::on(store).table("registration", "mode = \"off\"").start().await;
        let refused = register(&server, &json!({ "redirect_uris": ["https://a.example/cb"] })).await;
        assert_eq!((refused.status, refused.error().as_deref()), (404, Some("not_found")));
        let metadata = server.get("/.well-known/oauth-authorization-server").await.expect(200).json();
        assert!(metadata.get("registration_endpoint").is_none(), "{metadata}");
    }

    // OA-DR-03, MCP-AS-130
    async fn with_an_initial_access_token_only_its_bearers_register(store: Store) {
        use portcullis::{protocol::vocabulary::{InitialAccessToken, Token}, store::NewInitialAccessToken};
        let server = Setup::on(store).table("registration", "mode = \"initial_access_token\"").start().await;
        let (twice, expired) = (Token::<InitialAccessToken>::new([1; 32]), Token::<InitialAccessToken>::new([2; 32]));
        let now = crate::harness::now();
        let records = server.store().await;
        for (token, uses, expires_at) in [(&twice, Some(2), None), (&expired, None, Some(now))] {
            let new = NewInitialAccessToken { hash: token.hash(), id: token.wire()[..20].to_owned(), name: "test".to_owned(), expires_at, uses };
            records.add_initial_access_token(&new, now).await.unwrap();
        }
        let body = json!({ "redirect_uris": ["https://a.example/cb"] });
        let with = async |credential: Option<String>| {
            let mut request = server.request("POST", "/register").json(&body);
            if let Some(credential) = credential {
                request = request.header("authorization", credential);
            }
            Answer::to(request).await
        };
        let missing = with(None).await;
        missing.expect_error(401, "invalid_token");
        assert_eq!(missing.header("www-authenticate").as_deref(), Some("Bearer"), "no error: nothing was sent");
        for bad in ["Bearer nonsense".to_owned(), format!("Bearer {}", expired.wire()), format!("Bearer {}x", twice.wire())] {
            let refused = with(Some(bad)).await;
            refused.expect_error(401, "invalid_token");
            assert_eq!(refused.header("www-authenticate").as_deref(), Some("Bearer error=\"invalid_token\""));
        }
        for scheme in ["Bearer", "bearer"] {
            with(Some(format!("{scheme} {}", twice.wire()))).await.expect(201);
        }
        with(Some(format!("Bearer {}", twice.wire()))).await.expect_error(401, "invalid_token");
    }

    // OA-DR-03: what is counted is clients, not attempts
    async fn a_registration_that_fails_does_not_use_up_its_token(store: Store) {
        use portcullis::{protocol::vocabulary::{InitialAccessToken, Token}, store::NewInitialAccessToken};
        let server = Setup::on(store)
            .table("registration", "mode = \"initial_access_token\"\nmost_clients = 3\nper_source_per_hour = 1000")
            .start()
            .await;
        let records = server.store().await;
        let token = async |number: u8, uses| {
            let token = Token::<InitialAccessToken>::new([number; 32]);
            let new = NewInitialAccessToken { hash: token.hash(), id: format!("token {number}"), name: "test".to_owned(), expires_at: None, uses };
            records.add_initial_access_token(&new, crate::harness::now()).await.unwrap();
            token.wire().to_owned()
        };
        let good = json!({ "redirect_uris": ["https://a.example/cb"] }).to_string();
        let with = async |token: &str, kind: &str, body: String| {
            let request = server.request("POST", "/register").header("authorization", format!("Bearer {token}"));
            Answer::to(request.header("content-type", kind).body(body)).await
        };
        let single = token(1, Some(1)).await;
        for (kind, body, status) in [
            ("application/json", "{".to_owned(), 400),
            ("application/json", json!({ "redirect_uris": ["https://a.example/cb#x"] }).to_string(), 400),
            ("text/plain", good.clone(), 400),
            ("application/json", format!("{{\"x\":\"{}\"}}", "x".repeat(1 << 17)), 413),
        ] {
            assert_eq!(with(&single, kind, body).await.status, status, "{kind}");
        }
        // Two at once: the same step uses the token and stores the client.
        let (one, other) = tokio::join!(with(&single, "application/json", good.clone()), with(&single, "application/json", good.clone()));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 401], "{} {}", one.body, other.body);
        assert_eq!(server.count("SELECT COUNT(*) FROM clients").await, 1);
        // A full server refuses, and what is refused is not counted.
        let many = token(2, Some(3)).await;
        for status in [201, 201, 503, 503] {
            assert_eq!(with(&many, "application/json", good.clone()).await.status, status);
        }
        let left = records.initial_access_tokens().await.unwrap();
        let left = |id: &str| left.iter().find(|token| token.id == id).unwrap().uses_left;
        assert_eq!((left("token 1"), left("token 2")), (Some(0), Some(1)));
    }

    // OA-DR-13, OA-DR-09: a restart later it is all there
    async fn names_in_languages_and_keys_are_kept_and_echoed(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let kept = json!({
            "client_name": "App", "client_name#de-CH": "Anwendung", "client_name#FR": "Application", "tos_uri#de-CH": "https://a.example/agb",
            "jwks": { "keys": [
                { "kty": "EC", "crv": "P-256", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
                    "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM", "kid": "1", "use": "sig", "alg": "ES256" },
                { "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "x5t": { "of": [1.5, null] } },
            ] },
        });
        let mut body = kept.clone();
        body["redirect_uris"] = json!(["https://a.example/cb"]);
        let answer = register(&server, &body).await.expect(201).json();
        for (name, value) in kept.as_object().unwrap() {
            assert_eq!(&answer[name], value, "{name}");
        }
        let id = answer["client_id"].as_str().unwrap().parse().unwrap();
        let record = server.store().await.client(&id).await.unwrap().expect("it is stored");
        let in_languages: Vec<_> = record.in_languages.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let expected = [("client_name#FR", "Application"), ("client_name#de-CH", "Anwendung"), ("tos_uri#de-CH", "https://a.example/agb")];
        assert_eq!(in_languages, expected, "the case of a tag stays");
        assert_eq!(record.jwks.as_ref(), Some(&kept["jwks"]));

        let off_curve = json!({ "kty": "EC", "crv": "P-256", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4" });
        for (member, value, told) in [
            ("jwks", json!({ "keys": [kept["jwks"]["keys"][1], off_curve] }), "jwks.keys[1] has a point"),
            ("jwks", json!({ "keys": [{ "kid": "\0", "kty": "RSA" }] }), "give jwks, a set"),
            ("client_name#it", json!("a\0b"), "client_name#... must be"),
            ("client_name#!", json!("x"), "client_name# must be followed by a language tag"),
        ] {
            let refused = register(&server, &json!({ "redirect_uris": ["https://a.example/cb"], member: value })).await;
            refused.expect_error(400, "invalid_client_metadata");
            assert!(refused.json()["error_description"].as_str().unwrap().starts_with(told), "{}", refused.body);
        }
    }

    // MCP-AS-139, OA-DR-20, OA-AB-04
    async fn registrations_are_bounded_per_address_and_in_all(store: Store) {
        let server = Setup::on(store).table("registration", "per_source_per_hour = 3").start().await;
        let body = json!({ "redirect_uris": ["https://a.example/cb"] });
        for _ in 0..3 {
            register(&server, &body).await.expect(201);
        }
        let held = register(&server, &body).await;
        held.expect_error(429, "temporarily_unavailable");
        assert!(held.header("retry-after").is_some());

        let full = Setup::on(store).table("registration", "most_waiting = 2\nper_source_per_hour = 100").start().await;
        let long = json!({ "redirect_uris": ["https://a.example/cb"], "tos_uri": format!("https://a.example/{}", "x".repeat(500)) });
        for _ in 0..2 {
            register(&full, &long).await.expect(201);
        }
        let held = register(&full, &long).await;
        held.expect_error(503, "temporarily_unavailable");
        assert!(held.header("retry-after").is_some());
        // whose registration fits into its identifier takes no room
        let client = full.client().await;
        let mut ada = full.person("ada");
        client.connect(&mut ada).await;
    }

    // MCP-AS-137, OA-DR-05, OA-DR-12, OA-DR-13
    async fn one_bad_address_refuses_the_request_and_is_named(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        for bad in ["javascript:alert(1)", "data:text/html,x", "http://a.example/cb", "https://*.example/cb", "https://a.example/cb#x",
            "https://u:p@a.example/cb", "https://a.example/cb?code=x", "urn:ietf:wg:oauth:2.0:oob", "/cb", "https://bücher.example/cb"] {
            let refused = register(&server, &json!({ "redirect_uris": ["https://a.example/cb", bad] })).await;
            refused.expect_error(400, "invalid_redirect_uri");
            assert!(!refused.body.contains(bad), "nothing is reflected: {}", refused.body);
        }
        for (member, value) in [("client_uri", json!("javascript:alert(1)")), ("logo_uri", json!("ftp://a.example/")), ("client_name", json!("a\nb")),
            ("client_name", json!(5)), ("grant_types", json!(["client_credentials"])), ("token_endpoint_auth_method", json!("tls_client_auth"))] {
            let refused = register(&server, &json!({ "redirect_uris": ["https://a.example/cb"], member: value })).await;
            refused.expect_error(400, "invalid_client_metadata");
        }
    }
}

// MCP-AS-139, MCP-AS-140, OA-DR-18: registered today, never used, gone the day after tomorrow
#[tokio::test]
async fn a_registration_that_nobody_used_is_forgotten() {
    let mut server = Setup::on(Store::Sqlite).unlimited().start().await;
    let unused = server.client().await;
    let used = server.client().await;
    let mut ada = server.person("ada");
    let tokens = used.connect(&mut ada).await;
    server.restart_at(Some("+20h")).await;
    assert_eq!(ada.open(&unused.ask().path()).await.answer.status, 200);
    server.restart_at(Some("+26h")).await;
    until("the unused one to be forgotten", async || unused.refresh("x").await.status == 401).await;
    unused.refresh("x").await.expect_error(401, "invalid_client");
    assert_eq!(ada.open(&unused.ask().path()).await.answer.status, 400);
    let tokens = Tokens::of(&used.refresh(tokens.refresh()).await);
    // an idle client goes as well, and its grants with it
    server.restart_at(Some("+120d")).await;
    until("the idle one to be forgotten", async || used.refresh(tokens.refresh()).await.status == 401).await;
}
