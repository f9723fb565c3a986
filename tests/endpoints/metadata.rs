//! OA-MD, MCP-AS-01 to 12: the document, and how it may be read.

use serde_json::Value;

use crate::harness::{Answer, Server, Setup, Store, on_both_stores, raw};

const DOCUMENT: &str = "/.well-known/oauth-authorization-server";

// MCP-AS-04, MCP-AS-07, MCP-AS-10, MCP-AS-12, OA-MD-07, OA-MD-08, OA-MD-09
#[tokio::test]
async fn the_document_is_json_without_holes() {
    let server = Server::start(Store::Sqlite).await;
    let answer = server.get(DOCUMENT).await.expect(200);
    let document = answer.json();
    let members = document.as_object().unwrap();
    for (name, value) in members {
        let is_empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty) || value.as_str() == Some("");
        assert!(!is_empty, "{name} is empty");
        assert_eq!(answer.body.matches(&format!("\"{name}\":")).count(), 1, "{name} is there twice");
    }
    let issuer = &server.issuer;
    assert_eq!(document["issuer"], issuer.as_str());
    for (name, path) in [("authorization", "/authorize"), ("token", "/token"), ("registration", "/register")] {
        assert_eq!(document[format!("{name}_endpoint")], format!("{issuer}{path}"), "clients guess these paths");
    }
    let addresses = members.iter().filter(|(name, _)| name.ends_with("_endpoint") || name.ends_with("_uri"));
    addresses.for_each(|(name, value)| assert!(value.as_str().unwrap().starts_with(&format!("{issuer}/")), "{name}: {value}"));
    assert_eq!(document["code_challenge_methods_supported"], serde_json::json!(["S256"]));
    assert!(document.get("signed_metadata").is_none() && !answer.body.contains("\"none\"]"), "{document}");
    let names: Vec<usize> = members.keys().map(|name| answer.body.find(&format!("\"{name}\":")).unwrap()).collect();
    assert!(names.is_sorted(), "members are in order: {}", answer.body);
}

// MCP-AS-09, OA-MD-07: as the SDKs ask, which name a protocol version
#[tokio::test]
async fn anybody_may_read_it_in_any_way() {
    let server = Server::start(Store::Sqlite).await;
    for path in [DOCUMENT, "/jwks"] {
        let read = server.request("GET", path).header("mcp-protocol-version", "2025-11-25").header("origin", "https://inspector.example");
        let read = Answer::to(read.header("cookie", "a=b").header("authorization", "Bearer x")).await.expect(200);
        assert_eq!(read.header("content-type").as_deref(), Some("application/json"));
        assert_eq!(read.header("access-control-allow-origin").as_deref(), Some("*"));
        assert_eq!((read.header("set-cookie"), read.header("access-control-allow-credentials")), (None, None));
        let max_age: u32 = read.header("cache-control").unwrap().rsplit_once('=').unwrap().1.parse().unwrap();
        assert!((60..=3600).contains(&max_age));
        let head = Answer::to(server.request("HEAD", path)).await.expect(200);
        assert_eq!(head.body, "");
        for name in ["content-type", "etag", "cache-control", "access-control-allow-origin", "content-length"] {
            assert_eq!(head.header(name), read.header(name), "{name} of HEAD");
        }
        let tag = read.header("etag").unwrap();
        assert!(tag.starts_with('"') && tag.ends_with('"'), "a strong tag: {tag}");
        for known in [tag.clone(), format!("\"other\", {tag}"), format!("W/{tag}"), "*".to_owned()] {
            let again = Answer::to(server.request("GET", path).header("if-none-match", &known)).await.expect(304);
            assert_eq!((again.body.as_str(), again.header("etag")), ("", Some(tag.clone())), "{known}");
            assert_eq!(again.header("cache-control"), read.header("cache-control"));
            assert_eq!(again.header("access-control-allow-origin").as_deref(), Some("*"));
        }
        let other = Answer::to(server.request("GET", path).header("if-none-match", "\"other\"")).await.expect(200);
        assert_eq!(other.body, read.body);
    }
}

// MCP-AS-190, MCP-AS-191
#[tokio::test]
async fn scripts_of_any_origin_reach_what_is_public_and_nothing_else() {
    let server = Server::start(Store::Sqlite).await;
    for path in [DOCUMENT, "/jwks", "/token", "/register", "/revoke", "/.well-known/anything"] {
        let preflight =
            server.request("OPTIONS", path).header("origin", "https://a.example").header("access-control-request-method", "POST");
        let answer =
            Answer::to(preflight.header("access-control-request-headers", "mcp-protocol-version, authorization")).await.expect(204);
        assert_eq!(answer.header("access-control-allow-origin").as_deref(), Some("*"), "{path}");
        let allowed = answer.header("access-control-allow-headers").unwrap().to_lowercase();
        for header in ["authorization", "content-type", "accept", "mcp-protocol-version", "dpop"] {
            assert!(allowed.contains(header), "{path}: {header}");
        }
        let get = Answer::to(server.request("DELETE", path).header("origin", "https://a.example")).await;
        assert_eq!(get.header("access-control-allow-origin").as_deref(), Some("*"), "on errors too: {path} {}", get.status);
        assert!(get.header("access-control-expose-headers").unwrap().to_lowercase().contains("www-authenticate"));
    }
    for path in ["/authorize", "/authorize/x", "/sign-in", "/account", "/introspect", "/setup/x", "/livez", "/assets/style.css"] {
        for method in ["OPTIONS", "GET", "POST"] {
            let answer = Answer::to(server.request(method, path).header("origin", "https://a.example")).await;
            let marks = answer.headers.keys().filter(|name| name.as_str().starts_with("access-control-")).count();
            assert_eq!(marks, 0, "{method} {path}: {:?}", answer.headers);
        }
    }
}

// MCP-AS-190, MCP-AS-192: also what never gets to an endpoint
#[tokio::test]
async fn scripts_read_why_a_request_did_not_get_through() {
    let server = Server::start(Store::Sqlite).await;
    let long = "x".repeat(17_000);
    for (path, mark) in [("/token", Some("*")), ("/jwks", Some("*")), ("/introspect", None), ("/account", None), ("/livez", None)] {
        let too_long = Answer::to(server.request("GET", &format!("{path}?{long}"))).await.expect(414);
        assert_eq!(too_long.header("access-control-allow-origin").as_deref(), mark, "{path}");
        if path != "/livez" {
            let misdirected = Answer::to(server.request("GET", path).header("host", "other.example")).await.expect(421);
            assert_eq!(misdirected.header("access-control-allow-origin").as_deref(), mark, "{path}");
        }
        let twice = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{0}\r\nHost: 127.0.0.1:{0}\r\n\r\n", server.port);
        let malformed = raw(server.port, twice.as_bytes()).await;
        assert!(malformed.starts_with("HTTP/1.1 400 "), "{malformed}");
        let is_marked = malformed.to_lowercase().contains("access-control-allow-origin: *");
        assert_eq!(is_marked, mark.is_some(), "{path}: {malformed}");
    }
}

on_both_stores! {
    // OA-MD-11, K-06: for caches and replicas, and for clients that remember an address for good
    async fn the_document_is_the_same_after_a_restart_and_from_a_twin(store: Store) {
        let server = Server::start(store).await;
        let before = server.get(DOCUMENT).await;
        let twin = server.twin().await;
        let there = Answer::to(twin.request("GET", DOCUMENT).header("host", format!("127.0.0.1:{}", server.port))).await;
        server.kill_and_restart().await;
        let after = server.get(DOCUMENT).await;
        for other in [there, after] {
            assert_eq!((other.status, &other.body, other.header("etag")), (200, &before.body, before.header("etag")));
        }
    }
}

// OA-MD-05: what is switched off is gone from the document as well
#[tokio::test]
async fn registration_that_is_off_is_not_listed() {
    let server = Setup::on(Store::Sqlite).table("registration", "mode = \"off\"").start().await;
    let document: Value = server.get(DOCUMENT).await.json();
    assert!(document.get("registration_endpoint").is_none(), "{document}");
    server.get("/register").await.expect_error(404, "not_found");
    // MCP-AS-191: a script learns that too
    let preflight = Answer::to(server.request("OPTIONS", "/register").header("access-control-request-method", "POST")).await.expect(204);
    assert_eq!(preflight.header("access-control-allow-methods").as_deref(), Some("GET, POST, OPTIONS"));
    Answer::to(server.request("POST", "/register").body("{}")).await.expect_error(404, "not_found");
}

// MCP-AS-83, OA-MD-05: a resource that is added shows within a second
#[tokio::test]
async fn the_scopes_of_a_new_resource_are_listed() {
    let server = Server::start(Store::Sqlite).await;
    server.cli(&["resource", "add", "https://new.example.com/mcp", "--scope", "new:read=Read"]).expect();
    let started = std::time::Instant::now();
    while !server.get(DOCUMENT).await.body.contains("new:read") {
        assert!(started.elapsed().as_secs() < 5, "{}", server.get(DOCUMENT).await.body);
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}
