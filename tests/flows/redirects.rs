//! Where answers go: to the client's own addresses, byte for byte.

use serde_json::json;

use crate::harness::{Client, Server, Setup, Tokens, on_both_stores};

on_both_stores! {
    // MCP-AS-21, MCP-AS-22, OA-RU-01, OA-RU-02, OA-RU-19, K-15
    async fn a_program_on_this_computer_may_listen_on_any_port(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let mut ada = server.person("ada");
        for (registered, asked) in [
            ("http://127.0.0.1/callback", "http://127.0.0.1:49152/callback"),
            ("http://127.0.0.1:33418/", "http://127.0.0.1:33419/"),
            ("http://127.0.0.1:33418", "http://127.0.0.1:5/"),
            ("http://localhost/callback", "http://localhost:1/callback"),
            ("http://localhost:8787/callback", "http://localhost/callback"),
            ("http://[::1]/callback", "http://[::1]:65535/callback"),
        ] {
            let client = Client::register_as(&server, &json!({ "redirect_uris": [registered], "application_type": "web" })).await;
            let is_same_path = registered != "http://127.0.0.1:33418";
            let client = client.answered_at(asked);
            let ask = client.ask();
            let place = ada.arrive(&ask).await;
            if !is_same_path {
                assert_eq!((place.answer.status, place.left), (400, false), "no path and `/` are two addresses");
                continue;
            }
            let back = ada.allow(&place).await;
            assert!(back.url.as_str().starts_with(&format!("{asked}?code=")), "{}", back.url);
            // the port of the request counts at the exchange (MCP-AS-62)
            let elsewhere = client.answered_at(registered);
            elsewhere.redeem(&back.code(), &ask.verifier).await.expect_error(400, "invalid_grant");
            Tokens::of(&client.redeem(&back.code(), &ask.verifier).await);
        }
    }

    // MCP-AS-23, MCP-AS-152, OA-RU-01…03, OA-RU-05, OA-RU-10, OA-RU-21, OA-MX-09: a page, and no redirect
    async fn an_address_that_is_not_the_clients_is_never_visited(store: Store) {
        let server = Server::start(store).await;
        let registered = ["https://client.example.com/cb?a=1", "http://127.0.0.1/cb", "https://localhost:4321/cb", "cursor://app/cb"];
        let client = Client::register_as(&server, &json!({ "redirect_uris": registered })).await;
        let other = server.client().await;
        let mut ada = server.person("ada");
        ada.sign_in_at_home().await;
        for asked in [
            "", "https://client.example.com/cb", "https://client.example.com/cb?a=1&b=2", "https://client.example.com/cb?a=1#",
            "https://CLIENT.example.com/cb?a=1", "https://client.example.com:443/cb?a=1", "https://client.example.com/cb/?a=1",
            "https://client.example.com/x/../cb?a=1", "https://client.example.com/%63b?a=1", "https://client.example.com.evil.example/cb?a=1",
            "https://client.example.com@evil.example/cb?a=1", "https://evil.example\\@client.example.com/cb?a=1", "//client.example.com/cb?a=1",
            "http://client.example.com/cb?a=1", "http://127.0.0.1/CB", "http://127.0.0.2/cb", "http://localhost/cb", "http://127.0.0.1.evil.example/cb",
            "http://127.0.0.1:0/cb", "http://127.0.0.1:99999/cb", "http://user@127.0.0.1/cb", "https://localhost:1234/cb", "http://app.localhost/cb",
            "cursor://app/cb2", "cursor://app:1/cb", "CURSOR://app/cb", "javascript:alert(1)", "data:text/html,x", &other.redirect_uri,
        ] {
            for ask in [client.ask().with("redirect_uri", asked), client.ask().with("redirect_uri", asked).with("response_type", "token")] {
                let place = ada.open(&ask.path()).await;
                assert_eq!((place.answer.status, place.left, place.answer.location()), (400, false, None), "{asked}");
                assert!(asked.is_empty() || !place.answer.body.contains("evil.example"), "{}", place.answer.body);
                assert_eq!(place.answer.header("cache-control").as_deref(), Some("no-store"));
            }
        }
        let twice = client.ask().and("redirect_uri", "https://evil.example/");
        assert_eq!(ada.open(&twice.path()).await.answer.status, 400);
        let missing = client.ask().without("redirect_uri");
        assert_eq!(ada.open(&missing.path()).await.answer.status, 400);
    }

    // MCP-AS-23, MCP-AS-33, OA-AZ-23, OA-MX-09: no link on this server leads where a stranger likes
    async fn an_error_leaves_only_once_somebody_has_signed_in(store: Store) {
        let server = Server::start(store).await;
        let client = Client::register(&server, "https://evil.example/landing").await;
        let ask = client.ask().with("response_type", "token");
        let first = server.get(&ask.path()).await;
        assert!(first.location().is_some_and(|location| location.starts_with("/authorize/")), "{first:?}");
        let mut ada = server.person("ada");
        let place = ada.open(&ask.path()).await;
        assert!(!place.left, "{}", place.url);
        let back = ada.sign_in(&place).await;
        assert_eq!(back.parameter("error").as_deref(), Some("unsupported_response_type"));
        assert_eq!((back.parameter("iss"), back.url.fragment()), (Some(server.issuer.clone()), None));
        assert_eq!(server.count("SELECT COUNT(*) FROM codes").await, 0);
        // a sign-in page that is sent an error is answered once
        assert_eq!(ada.open(place.url.path()).await.answer.status, 400);
    }

    // OA-AZ-23: stricter, a stranger's client never moves the browser by itself
    async fn with_known_clients_only_a_stranger_gets_a_page(store: Store) {
        let server = Setup::on(store).table("authorization", "error_redirects = \"known_clients\"").start().await;
        let client = Client::register(&server, "https://evil.example/landing").await;
        let mut ada = server.person("ada");
        let ask = client.ask().with("response_type", "token");
        let place = ada.arrive(&ask).await;
        assert_eq!((place.answer.status, place.left), (200, false), "FastMCP reads 400 as: register again");
        client.connect(&mut ada).await;
        assert!(ada.arrive(&ask).await.left, "a client that the person has allowed before is known");
        let own = server.operators_client(|record| record.trusted = true).await;
        assert!(server.get(&own.ask().with("response_type", "token").path()).await.location().unwrap().starts_with("https://client.example.com/"));
    }

    // OA-RU-16, MCP-AS-21: on by default, and an operator's switch
    async fn private_schemes_can_be_switched_off(store: Store) {
        let server = Server::start(store).await;
        let client = Client::register(&server, "cursor://anysphere.cursor-mcp/oauth/callback").await;
        let mut ada = server.person("ada");
        let ask = client.ask();
        let place = ada.arrive(&ask).await;
        let back = ada.allow(&place).await;
        assert!(back.url.as_str().starts_with("cursor://anysphere.cursor-mcp/oauth/callback?code="), "{}", back.url);
        Tokens::of(&client.redeem(&back.code(), &ask.verifier).await);

        let strict = Setup::on(store).table("authorization", "private_use_schemes = false").start().await;
        let metadata = json!({ "redirect_uris": ["cursor://anysphere.cursor-mcp/oauth/callback"] });
        let refused = crate::harness::Answer::to(strict.request("POST", "/register").json(&metadata)).await;
        refused.expect_error(400, "invalid_redirect_uri");
    }
}
