//! OA-HT: methods, targets, identifiers, caches.

use crate::harness::{Answer, Server, Setup, Store, raw};

/// A request in bytes, and the first line and headers of its answer.
async fn first_answer(server: &Server, head: &str) -> String {
    let host = format!("Host: 127.0.0.1:{}", server.port);
    raw(server.port, format!("{head}\r\n{host}\r\nConnection: close\r\n\r\n").as_bytes()).await
}

// OA-HT-01
#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let server = Server::start(Store::Sqlite).await;
    for (method, path, allow) in [
        ("GET", "/token", "POST, OPTIONS"),
        ("GET", "/revoke", "POST, OPTIONS"),
        ("GET", "/introspect", "POST"),
        ("OPTIONS", "/introspect", "POST"),
        ("GET", "/register", "POST, OPTIONS"),
        ("POST", "/jwks", "GET, HEAD, OPTIONS"),
        ("POST", "/.well-known/oauth-authorization-server", "GET, HEAD, OPTIONS"),
        ("PUT", "/authorize", "GET, HEAD, POST"),
        ("POST", "/authorize/x", "GET, HEAD"),
        ("GET", "/authorize/x/sign-in", "POST"),
        ("GET", "/authorize/x/decision", "POST"),
        ("GET", "/authorize/x/switch-account", "POST"),
        ("DELETE", "/sign-in", "GET, HEAD, POST"),
        ("GET", "/sign-out", "POST"),
        ("POST", "/account", "GET, HEAD"),
        ("GET", "/account/grants/x/revoke", "POST"),
        ("GET", "/account/sessions/x/end", "POST"),
        ("PUT", "/setup/x", "GET, HEAD, POST"),
    ] {
        let answer = Answer::to(server.request(method, path)).await;
        assert_eq!((answer.status, answer.header("allow").as_deref()), (405, Some(allow)), "{method} {path}: {}", answer.body);
    }
}

// OA-HT-12
#[tokio::test]
async fn nobody_is_a_proxy_and_nothing_overrides_a_method() {
    let server = Server::start(Store::Sqlite).await;
    for head in [
        "GET http://evil.example/jwks HTTP/1.1".to_owned(),
        format!("GET http://127.0.0.1:{}/jwks HTTP/1.1", server.port),
        "GET https://evil.example/ HTTP/1.1".to_owned(),
        "CONNECT evil.example:443 HTTP/1.1".to_owned(),
    ] {
        let answer = first_answer(&server, &head).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{head}: {answer}");
    }
    let traced = first_answer(&server, "TRACE /token HTTP/1.1\r\nX-Secret: hush").await;
    assert!(traced.starts_with("HTTP/1.1 405 ") && !traced.contains("hush"), "{traced}");
    for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
        let read = server.request("GET", "/token").header(name, "POST");
        assert_eq!(Answer::to(read).await.status, 405, "{name}");
        let write = server.request("POST", "/jwks").header(name, "GET");
        assert_eq!(Answer::to(write).await.status, 405, "{name}");
    }
}

// OA-HT-13
#[tokio::test]
async fn every_answer_has_an_id_of_ours_and_no_banner() {
    let server = Server::start(Store::Sqlite).await;
    let mut seen = std::collections::BTreeSet::new();
    for path in ["/jwks", "/token", "/nothing-here", "/.well-known/nothing", "/authorize", "/sign-in", "/livez", "/assets/none"] {
        let answer = Answer::to(server.request("GET", path).header("x-request-id", "theirs")).await;
        let id = answer.header("x-request-id").unwrap_or_else(|| panic!("{path} has no id"));
        assert!(id.len() >= 12 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{id}");
        assert!(seen.insert(id), "{path} has an id that was there before");
        for banner in ["server", "x-powered-by", "via"] {
            assert_eq!(answer.header(banner), None, "{path}");
        }
        assert!(!answer.body.contains(env!("CARGO_PKG_VERSION")) || path.starts_with("/assets"), "{path}: {}", answer.body);
    }
    assert!(!server.log().contains("theirs"));
}

// OA-HT-08, OA-MX-17
#[tokio::test]
async fn a_forwarded_address_counts_only_from_a_trusted_proxy() {
    let limits = "source_failures_per_minute = 3\nclient_failures_per_minute = 1000";
    let server = Setup::on(Store::Sqlite).table("limits", limits).start().await;
    let mut statuses = Vec::new();
    for number in 0..5 {
        let request = server.request("POST", "/token").header("content-type", "application/x-www-form-urlencoded");
        let request = request.header("x-forwarded-for", format!("198.51.100.{number}")).header("forwarded", "for=198.51.100.7");
        statuses.push(Answer::to(request.body("grant_type=refresh_token&client_id=nobody&refresh_token=x")).await.status);
    }
    assert_eq!(statuses, [401, 401, 401, 429, 429], "the address in the header is anybody's word");
    assert!(!server.log().contains("198.51.100"), "nor is it logged as the source");
}

// OA-HT-07
#[tokio::test]
async fn health_is_told_whatever_host_is_asked_for() {
    let server = Server::start(Store::Sqlite).await;
    for path in ["/livez", "/readyz"] {
        let answer = Answer::to(server.request("GET", path).header("host", "10.1.2.3")).await;
        assert_eq!((answer.status, answer.header("cache-control").as_deref()), (200, Some("no-store")), "{path}");
    }
}

// OA-HT-09
#[tokio::test]
async fn only_what_is_public_may_be_kept() {
    let server = Server::start(Store::Sqlite).await;
    for path in ["/jwks", "/.well-known/oauth-authorization-server"] {
        let answer = server.get(path).await.expect(200);
        let control = answer.header("cache-control").unwrap();
        assert!(control.starts_with("public, max-age="), "{path}: {control}");
        assert!(answer.header("etag").is_some() && answer.header("vary").is_none(), "{path}: {:?}", answer.headers);
    }
    for path in ["/authorize", "/sign-in", "/account", "/token", "/introspect", "/nothing", "/.well-known/nothing", "/livez", "/setup/x"] {
        let answer = server.get(path).await;
        assert_eq!(answer.header("cache-control").as_deref(), Some("no-store"), "{path}");
    }
}

// OA-HT-14, MCP-AS-06
#[test]
fn plain_http_stays_on_this_computer() {
    let ran = Setup::on(Store::Sqlite).argument("--listen").argument("0.0.0.0:0").refused();
    assert_eq!(ran.status.code(), Some(2), "{ran:?}");
    assert!(ran.stderr.contains("tls") && ran.stderr.contains("trusted_proxies"), "{}", ran.stderr);
}
