//! Clients that know no resource metadata, and look at the root of the server.

use std::sync::atomic::Ordering;

use axum::{
    Router,
    body::{Body, Bytes},
    http::{Method, Request, StatusCode, header},
    response::Response,
};
use chrono::TimeDelta;
use http_body_util::BodyExt as _;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use super::{
    MCP,
    issuer_server::{Answer, IssuerServer},
    time::Time,
};
use crate::{BuildError, Verifier};

const ROOT: &str = "/.well-known/oauth-authorization-server";

/// A server beside this issuer, with the routes for such clients and no others.
fn app(server: &IssuerServer, time: &Time) -> Router {
    Verifier::builder(server.issuer.as_str(), MCP).clock(time.teller()).build().unwrap().legacy_routes().unwrap()
}

/// Metadata as nobody would write it again the same way.
fn published(server: &IssuerServer, endpoint: &str) -> String {
    let text = format!(
        "{{ \"issuer\":\"{0}\",\n\t\"jwks_uri\" : \"{0}/jwks\", \"authorization_endpoint\":\"{endpoint}\", \"x\":[1.50, null] }}\n",
        server.issuer
    );
    *server.metadata.lock().unwrap() = Answer::json(text.clone());
    text
}

async fn ask(app: &Router, method: Method, path: &str) -> Response {
    let request = Request::builder().method(method).uri(path).header(header::ORIGIN, "https://elsewhere.example");
    app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn get(app: &Router, path: &str) -> Response {
    ask(app, Method::GET, path).await
}

async fn body(response: Response) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

fn value(response: &Response, name: header::HeaderName) -> Option<&str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

fn fetches(server: &IssuerServer) -> usize {
    server.metadata_fetches.load(Ordering::SeqCst)
}

// MCP-RS-27, MCP-AS-187, MCP-RS-25
#[tokio::test]
async fn the_issuers_metadata_is_repeated_byte_for_byte_for_everybody() {
    let (server, time) = (IssuerServer::start().await, Time::new());
    let text = published(&server, "https://auth.example.com/authorize");
    let app = app(&server, &time);
    assert_eq!(fetches(&server), 0, "nobody asked yet");
    let response = get(&app, ROOT).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(value(&response, header::CONTENT_TYPE), Some("application/json"));
    assert_eq!(value(&response, header::CACHE_CONTROL), Some("public, max-age=60"));
    assert_eq!(value(&response, header::ACCESS_CONTROL_ALLOW_ORIGIN), Some("*"));
    assert_eq!(body(response).await, text);

    let head = ask(&app, Method::HEAD, ROOT).await;
    assert_eq!((head.status(), value(&head, header::CONTENT_TYPE)), (StatusCode::OK, Some("application/json")));
    assert!(body(head).await.is_empty());
    let options = ask(&app, Method::OPTIONS, ROOT).await;
    assert_eq!((options.status(), value(&options, header::ALLOW)), (StatusCode::NO_CONTENT, Some("GET, HEAD, OPTIONS")));
    let preflight = Request::builder().method(Method::OPTIONS).uri(ROOT).header(header::ORIGIN, "https://elsewhere.example");
    let preflight = preflight
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, "GET")
        .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "mcp-protocol-version");
    let allowed = app.clone().oneshot(preflight.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(value(&allowed, header::ACCESS_CONTROL_ALLOW_HEADERS), Some("mcp-protocol-version"));
    let post = ask(&app, Method::POST, ROOT).await;
    assert_eq!((post.status(), value(&post, header::ACCESS_CONTROL_ALLOW_ORIGIN)), (StatusCode::METHOD_NOT_ALLOWED, Some("*")));
    assert_eq!(fetches(&server), 1);
}

// MCP-RS-27: the target is the issuer's word alone
#[tokio::test]
async fn a_browser_is_sent_on_to_the_issuers_page_with_the_query_as_it_came() {
    let (server, time) = (IssuerServer::start().await, Time::new());
    for (endpoint, path, expected) in [
        ("https://auth.example.com/a", "/authorize?b=%7e+%20&a=1&a=&x=/../y", "https://auth.example.com/a?b=%7e+%20&a=1&a=&x=/../y"),
        ("https://auth.example.com/a", "/authorize", "https://auth.example.com/a"),
        ("https://auth.example.com/a", "/authorize?", "https://auth.example.com/a"),
        ("https://auth.example.com/a?p=1", "/authorize?q=2", "https://auth.example.com/a?p=1&q=2"),
        (
            "https://auth.example.com/a",
            "/authorize?@evil.example/?x=//evil.example",
            "https://auth.example.com/a?@evil.example/?x=//evil.example",
        ),
        (
            "https://auth.example.com/a",
            "/authorize?authorization_endpoint=https://evil.example",
            "https://auth.example.com/a?authorization_endpoint=https://evil.example",
        ),
    ] {
        published(&server, endpoint);
        let app = app(&server, &time);
        for method in [Method::GET, Method::HEAD] {
            let response = ask(&app, method, path).await;
            assert_eq!((response.status(), value(&response, header::LOCATION)), (StatusCode::FOUND, Some(expected)), "{path}");
            assert_eq!(value(&response, header::CACHE_CONTROL), Some("no-store"));
            assert_eq!(value(&response, header::ACCESS_CONTROL_ALLOW_ORIGIN), None, "MCP-AS-190");
        }
    }
}

// MCP-AS-187: a code, a secret or a form is sent nowhere from here
#[tokio::test]
async fn nothing_that_is_posted_is_redirected() {
    let (server, time) = (IssuerServer::start().await, Time::new());
    published(&server, "https://auth.example.com/authorize");
    let app = app(&server, &time);
    for (path, status) in [("/token", 404), ("/register", 404), ("/authorize?x=1", 405)] {
        let response = ask(&app, Method::POST, path).await;
        assert_eq!((response.status().as_u16(), value(&response, header::LOCATION)), (status, None), "{path}");
    }
    for path in ["/token", "/register", "/authorize/", "//authorize", "/.well-known/openid-configuration"] {
        assert_eq!(get(&app, path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

// OA-JW-14, OA-RS-15
#[tokio::test]
async fn the_last_good_metadata_is_repeated_for_a_day_and_without_any_the_answer_is_come_again() {
    let (server, time) = (IssuerServer::start().await, Time::new());
    let text = published(&server, "https://auth.example.com/authorize");
    *server.metadata.lock().unwrap() = Answer::status(500);
    let app = app(&server, &time);
    for path in [ROOT, "/authorize?x=1"] {
        let response = get(&app, path).await;
        assert_eq!((response.status(), value(&response, header::RETRY_AFTER)), (StatusCode::SERVICE_UNAVAILABLE, Some("5")));
        let said: serde_json::Value = serde_json::from_slice(&body(response).await).unwrap();
        assert_eq!(said["error"], "temporarily_unavailable");
    }
    assert_eq!(fetches(&server), 1, "attempts begin a second apart");
    *server.metadata.lock().unwrap() = Answer::json(text.clone()).with(header::CACHE_CONTROL, "max-age=600");
    time.advance(TimeDelta::seconds(1));
    assert_eq!(body(get(&app, ROOT).await).await, text);
    time.advance(TimeDelta::seconds(599));
    assert_eq!((body(get(&app, ROOT).await).await, fetches(&server)), (Bytes::from(text.clone()), 2), "it is fresh");

    let mut of_another = server.keys().metadata();
    of_another["issuer"] = "https://evil.example".into();
    for broken in [Answer::status(500), Answer::json("<html>"), Answer::json(of_another.to_string()), Answer::status(404)] {
        *server.metadata.lock().unwrap() = broken;
        time.advance(TimeDelta::hours(5));
        assert_eq!(body(get(&app, ROOT).await).await, text);
        assert_eq!(get(&app, "/authorize").await.status(), StatusCode::FOUND);
    }
    time.advance(TimeDelta::hours(4));
    assert_eq!(get(&app, ROOT).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    let changed = published(&server, "https://auth.example.com/elsewhere");
    time.advance(TimeDelta::seconds(30));
    assert_eq!(body(get(&app, ROOT).await).await, changed);
    assert_eq!(value(&get(&app, "/authorize").await, header::LOCATION), Some("https://auth.example.com/elsewhere"));
}

// OA-JW-14
#[tokio::test]
async fn many_clients_at_once_cause_one_request() {
    let (server, time) = (IssuerServer::start().await, Time::new());
    published(&server, "https://auth.example.com/authorize");
    let app = app(&server, &time);
    server.metadata_gate.forget_permits(1000);
    let mut clients = JoinSet::new();
    for number in 0..50 {
        let app = app.clone();
        let path = if number % 2 == 0 { ROOT } else { "/authorize?x=1" };
        clients.spawn(async move { get(&app, path).await.status().as_u16() });
    }
    // One answer: who asked for another would never get it.
    server.metadata_gate.add_permits(1);
    while let Some(status) = clients.join_next().await {
        assert!(matches!(status, Ok(200 | 302)), "{status:?}");
    }
    assert_eq!(fetches(&server), 1);
}

// OA-JW-16: an address that is no page of an issuer's is neither repeated nor gone to
#[tokio::test]
async fn metadata_that_sends_people_somewhere_unsafe_is_not_used() {
    let (server, time) = (IssuerServer::start().await, Time::new());
    for endpoint in
        ["javascript:alert(1)", "http://evil.example/authorize", "/authorize", "https://a@evil.example/", "https://a.example/#x"]
    {
        published(&server, endpoint);
        let app = app(&server, &time);
        for path in [ROOT, "/authorize?x=1"] {
            assert_eq!(get(&app, path).await.status(), StatusCode::SERVICE_UNAVAILABLE, "{endpoint}");
        }
    }
    *server.metadata.lock().unwrap() = Answer::json(server.keys().metadata().to_string());
    let nobody_signs_in = app(&server, &time);
    assert_eq!(get(&nobody_signs_in, ROOT).await.status(), StatusCode::OK);
    assert_eq!(get(&nobody_signs_in, "/authorize?x=1").await.status(), StatusCode::NOT_FOUND);
}

// A server that repeated itself would wait for its own answer
#[tokio::test]
async fn an_issuer_at_the_same_root_is_not_repeated() {
    let routes = |issuer: &str| Verifier::builder(issuer, MCP).build().unwrap().legacy_routes::<()>().map(|_| ());
    assert_eq!(routes("https://mcp.example.com"), Err(BuildError::SameRoot("https://mcp.example.com".to_owned())));
    assert_eq!(routes("https://MCP.example.com:443"), Err(BuildError::SameRoot("https://MCP.example.com:443".to_owned())));
    assert_eq!((routes("https://mcp.example.com/auth"), routes("https://auth.example.com")), (Ok(()), Ok(())));
}
