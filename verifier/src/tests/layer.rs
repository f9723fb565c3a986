//! The layer, as clients and handlers meet it.

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, Method, Request, StatusCode, header},
    response::Response,
    routing::any,
};
use chrono::TimeDelta;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{ISSUER, MCP, log::Log, now};
use crate::{AccessToken, Authorized, Builder, Challenge, Malformed, Refusal, Verifier, testing::TestIssuer};

const METADATA: &str = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp";

fn issuer() -> TestIssuer {
    TestIssuer::new(ISSUER)
}

fn described() -> Builder {
    Verifier::builder(issuer().trusted(), MCP)
        .scope("files:read")
        .tool("delete_file", ["files:write"])
        .tool("drop_all", ["files:admin"])
        .scope_implies("files:admin", "files:write")
        .scope_implies("files:write", "files:read")
        .clock(now)
}

fn app(verifier: &Verifier) -> Router {
    let echo = async |caller: Authorized, headers: HeaderMap, body: Bytes| {
        let mut seen: Vec<_> = headers.keys().map(|name| name.as_str().to_owned()).collect();
        seen.sort_unstable();
        format!("{} {} {}", caller.subject(), seen.join(","), String::from_utf8_lossy(&body))
    };
    let guarded = async |caller: Authorized| -> Result<&'static str, Challenge> {
        caller.require("files:admin")?;
        Ok("done")
    };
    let offline = async |caller: Authorized| caller.require("offline_access files:write").map(|()| "done");
    let public = async |caller: Option<Authorized>| if caller.is_some() { "somebody" } else { "nobody" };
    Router::new()
        .route("/mcp", any(echo))
        .route("/guarded", any(guarded))
        .route("/offline", any(offline))
        .layer(verifier.layer())
        .route("/public", any(public))
        .route("/forgotten", any(async |_: Authorized| "never"))
        .merge(verifier.metadata_routes())
}

fn good(scope: &str) -> String {
    format!("Bearer {}", issuer().token(MCP, now()).scope(scope).sign())
}

async fn send(request: http::request::Builder, body: impl Into<Body>) -> Response {
    app(&described().build().unwrap()).oneshot(request.body(body.into()).unwrap()).await.unwrap()
}

async fn text(response: Response) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

fn value(response: &Response, name: header::HeaderName) -> &str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

fn post(authorization: &str) -> http::request::Builder {
    Request::post("/mcp").header(header::AUTHORIZATION, authorization).header(header::CONTENT_TYPE, "application/json")
}

fn call(tool: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool}})
}

// EA-165, EA-166, EA-168; MCP-RS-05, MCP-RS-07, OA-RS-09, OA-RS-10
#[tokio::test]
async fn who_has_no_token_is_told_where_to_get_one_whatever_is_asked() {
    for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::PATCH] {
        for (path, authorization) in [("/mcp", None), ("/mcp?access_token=x", None), ("/mcp", Some("Basic dTpw")), ("/guarded", None)] {
            let mut request =
                Request::builder().method(method.clone()).uri(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            if let Some(authorization) = authorization {
                request = request.header(header::AUTHORIZATION, authorization);
            }
            let response = send(request, "access_token=x").await;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{method} {path}");
            assert_eq!(value(&response, header::WWW_AUTHENTICATE), format!(r#"Bearer resource_metadata="{METADATA}", scope="files:read""#));
            assert_eq!(value(&response, header::CACHE_CONTROL), "no-store");
            assert_eq!(text(response).await, "");
        }
    }
}

// MCP-RS-23: a session's name is nobody's credential
#[tokio::test]
async fn a_session_id_opens_nothing() {
    for (name, value) in [("mcp-session-id", "8f14e45f"), ("mcp-state", "x"), ("cookie", "session=8f14e45f")] {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let request = Request::builder().method(method.clone()).uri("/mcp").header(name, value);
            assert_eq!(send(request, call("list").to_string()).await.status(), StatusCode::UNAUTHORIZED, "{method} {name}");
        }
        let response = send(post("Bearer x").header(name, value), call("list").to_string()).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{name} does not mend a bad token");
    }
}

// MCP-RS-28, OA-LG-03: who, what and which request, and never the token
#[tokio::test]
async fn a_refusal_is_found_in_the_log_by_request_client_and_token() {
    let (log, _guard) = Log::begin();
    let narrow = good("files:read");
    let named = |request: http::request::Builder| request.header("x-request-id", "r-7\u{e9}");
    let id = r#"request.id="r-7é""#;
    let whole = [r#"path="/mcp""#, id, "client.id=\"c_1\"", "token.jti=\"t_1\"", "status=403", "the scopes \"files:read files:write\""];
    for (request, body, expected) in [
        (named(post(&narrow)), call("delete_file").to_string(), &whole[..]),
        (
            named(Request::post("/guarded?secret=1").header(header::AUTHORIZATION, &narrow)),
            String::new(),
            &[id, whole[2], whole[3], whole[4]],
        ),
        (named(post("Bearer x")), String::new(), &["INFO", "status=401", "method=POST", whole[0], id, "not three parts"]),
        (named(post(&narrow)), "{{".to_owned(), &["INFO", "method=POST", whole[0], id, "JSON-RPC"]),
        (named(Request::get("/mcp?access_token=secret")), String::new(), &["DEBUG", "status=401", "method=GET", whole[0], id]),
        (post("Bearer x"), String::new(), &["INFO", "status=401"]),
    ] {
        let is_named = request.headers_ref().unwrap().contains_key("x-request-id");
        assert_ne!(send(request, body).await.status(), StatusCode::OK);
        let lines = log.take();
        assert_eq!(lines.len(), 1, "{lines:?}");
        for part in expected {
            assert!(lines[0].contains(part), "{part} in {}", lines[0]);
        }
        assert_eq!(lines[0].contains("request.id"), is_named, "{}", lines[0]);
        assert!(!lines[0].contains("secret") && !lines[0].contains(&narrow[7..]), "{}", lines[0]);
    }
}

// EA-167, EA-169; OA-RS-01, OA-RS-02, MCP-RS-16
#[tokio::test]
async fn two_credentials_are_one_too_many() {
    let good = good("files:read");
    let two_headers = post(&good).header(header::AUTHORIZATION, good.as_str());
    let in_query = Request::post("/mcp?access_token=x").header(header::AUTHORIZATION, good.as_str());
    let read = described().build().unwrap().token_of(in_query.headers_ref().unwrap(), Some("access_token=x"));
    assert_eq!(read, Err(Refusal::Malformed(Malformed::AlsoElsewhere)));
    let in_form = Request::post("/mcp")
        .header(header::AUTHORIZATION, good.as_str())
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded; charset=utf-8");
    for (request, body) in
        [(two_headers, "{}"), (in_query, "{}"), (in_form, "a=1&access_token=x"), (post("Bearer"), "{}"), (post("Bearer a b"), "{}")]
    {
        let response = send(request, body).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert!(value(&response, header::WWW_AUTHENTICATE).starts_with(r#"Bearer error="invalid_request", "#));
        assert!(value(&response, header::WWW_AUTHENTICATE).ends_with(&format!(r#"resource_metadata="{METADATA}""#)));
    }
}

// OA-RS-04
#[tokio::test]
async fn a_bad_token_gets_the_one_answer() {
    let response = send(post("Bearer abc"), "{}").await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(value(&response, header::CACHE_CONTROL), "no-store");
    assert_eq!(text(response).await, r#"{"error":"invalid_token","error_description":"The access token is not valid here"}"#);
}

// MCP-RS-09, MCP-RS-24, OA-RS-13, OA-RS-14
#[tokio::test]
async fn a_handler_gets_the_body_unchanged_the_caller_and_neither_token_nor_lies() {
    let body = " { \"jsonrpc\" : \"2.0\",\n \"method\":\"ping\" } ";
    let request = post(&good("files:read")).header("X-Forwarded-User", "root").header("x_user", "root").header("x-request-id", "7");
    let response = send(request, body).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(value(&response, header::CACHE_CONTROL), "private");
    assert_eq!(text(response).await, format!("u_1 content-type,x-request-id {body}"));
}

// EA-186; MCP-RS-13, MCP-RS-14, OA-RS-06
#[tokio::test]
async fn a_tool_call_is_asked_for_all_it_needs_at_once() {
    for (granted, body, needed) in [
        ("files:read", call("delete_file"), Some("files:read files:write")),
        ("files:read", json!([call("list"), call("delete_file"), call("drop_all")]), Some("files:admin files:read files:write")),
        ("other", json!({"method": "ping"}), Some("files:read")),
        ("files:write", call("drop_all"), Some("files:admin files:read")),
        ("files:write", call("delete_file"), None),
        ("files:admin", json!([call("delete_file"), call("drop_all")]), None),
        ("files:read", call("list"), None),
    ] {
        let response = send(post(&good(granted)), body.to_string()).await;
        let Some(needed) = needed else {
            assert_eq!(response.status(), StatusCode::OK, "{granted} {body}");
            continue;
        };
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{granted} {body}");
        assert_eq!(
            value(&response, header::WWW_AUTHENTICATE),
            format!(
                r#"Bearer error="insufficient_scope", error_description="The access token does not allow this", resource_metadata="{METADATA}", scope="{needed}""#
            )
        );
        assert_eq!(value(&response, header::CACHE_CONTROL), "no-store");
    }
}

// The header never decides, and neither does the type of the body
#[tokio::test]
async fn a_tool_call_is_seen_in_whatever_clothes() {
    let body = call("delete_file").to_string();
    for request in [
        Request::post("/mcp").header("Mcp-Method", "ping").header("Mcp-Name", "list"),
        Request::post("/mcp").header(header::CONTENT_TYPE, "text/plain"),
        Request::put("/mcp"),
        Request::get("/mcp"),
    ] {
        let response = send(request.header(header::AUTHORIZATION, good("files:read")), body.clone()).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
    }
    let twice = r#"{"method":"ping","method":"tools/call","params":{"name":"delete_file"}}"#;
    assert_eq!(send(post(&good("files:read")), twice).await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_body_is_read_up_to_its_bound() {
    let app = app(&described().most_body_bytes(1000).build().unwrap());
    let body = |length: usize| format!(r#"{{"method":"{}"}}"#, "x".repeat(length - 13));
    for (length, status) in [(1000, StatusCode::OK), (1001, StatusCode::PAYLOAD_TOO_LARGE)] {
        let request = post(&good("files:read")).body(Body::from(body(length))).unwrap();
        assert_eq!(app.clone().oneshot(request).await.unwrap().status(), status);
    }
}

// EA-187
#[tokio::test]
async fn an_old_sign_in_is_asked_to_be_renewed() {
    let verifier = described().max_age(TimeDelta::seconds(300)).build().unwrap();
    let token = issuer().token(MCP, now()).scope("files:read").claim("auth_time", now().timestamp() - 1000).sign();
    let request = post(&format!("Bearer {token}")).body(Body::empty()).unwrap();
    let response = app(&verifier).oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        value(&response, header::WWW_AUTHENTICATE),
        format!(
            r#"Bearer error="insufficient_user_authentication", error_description="The person has to sign in again", max_age="300", resource_metadata="{METADATA}""#
        )
    );
}

// MCP-RS-25, MCP-AS-191
#[tokio::test]
async fn a_browser_may_ask_and_may_read_the_challenge() {
    let preflight = Request::options("/mcp")
        .header(header::ORIGIN, "http://localhost:6274")
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
        .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization,mcp-protocol-version");
    let response = send(preflight, "").await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(value(&response, header::ACCESS_CONTROL_ALLOW_ORIGIN), "*");
    assert_eq!(value(&response, header::ACCESS_CONTROL_ALLOW_HEADERS), "authorization,mcp-protocol-version");
    for (authorization, status) in [(good("files:read"), 200), (good("other"), 403), ("Bearer x".to_owned(), 401)] {
        let response = send(post(&authorization), "{}").await;
        assert_eq!(response.status(), status);
        assert_eq!(value(&response, header::ACCESS_CONTROL_ALLOW_ORIGIN), "*");
        assert!(value(&response, header::ACCESS_CONTROL_EXPOSE_HEADERS).contains("WWW-Authenticate"));
    }
    let quiet = app(&described().without_cors().build().unwrap());
    let response = quiet.oneshot(post("Bearer x").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(value(&response, header::ACCESS_CONTROL_ALLOW_ORIGIN), "");
}

// MCP-RS-02, OA-RS-11, EA-189
#[tokio::test]
async fn the_metadata_is_public_at_its_places_and_nowhere_else() {
    for path in ["/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource"] {
        let response = send(Request::get(path).header(header::HOST, "evil.example"), "").await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(value(&response, header::CONTENT_TYPE), "application/json");
        assert_eq!(value(&response, header::CACHE_CONTROL), "public, max-age=3600");
        assert_eq!(value(&response, header::ACCESS_CONTROL_ALLOW_ORIGIN), "*");
        let document: Value = serde_json::from_str(&text(response).await).unwrap();
        assert_eq!(document["resource"], MCP);
        assert_eq!(send(Request::head(path), "").await.status(), StatusCode::OK);
        assert_eq!(send(Request::options(path), "").await.status(), StatusCode::NO_CONTENT);
        assert_eq!(send(Request::post(path), "").await.status(), StatusCode::METHOD_NOT_ALLOWED);
    }
    let response = send(Request::get("/.well-known/oauth-protected-resource/other"), "").await;
    assert_eq!((response.status(), value(&response, header::CONTENT_TYPE)), (StatusCode::NOT_FOUND, "application/json"));

    let beside = Verifier::builder(issuer().trusted(), "https://mcp.example.com/b").shares_origin().build().unwrap();
    let both = Router::new().merge(described().shares_origin().build().unwrap().metadata_routes()).merge(beside.metadata_routes());
    let root = both.clone().oneshot(Request::get("/.well-known/oauth-protected-resource").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(root.status(), StatusCode::NOT_FOUND);
    let second = both.oneshot(Request::get("/.well-known/oauth-protected-resource/b").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(second.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_handler_may_ask_for_more_and_one_without_the_layer_gets_nobody() {
    let guarded = |authorization: String| Request::get("/guarded").header(header::AUTHORIZATION, authorization);
    assert_eq!(send(guarded(good("files:admin")), "").await.status(), StatusCode::OK);
    let response = send(guarded(good("files:write")), "").await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert!(value(&response, header::WWW_AUTHENTICATE).ends_with(r#"scope="files:admin files:read""#));
    let offline = send(Request::get("/offline").header(header::AUTHORIZATION, good("files:admin")), "").await;
    assert_eq!(offline.status(), StatusCode::FORBIDDEN);
    assert!(value(&offline, header::WWW_AUTHENTICATE).ends_with(r#"scope="files:read files:write""#), "MCP-RS-15");
    assert_eq!(text(send(Request::get("/public"), "").await).await, "nobody");
    let forgotten = send(Request::get("/forgotten").header(header::AUTHORIZATION, good("files:read")), "").await;
    assert_eq!(forgotten.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

// A forged principal in front of the layer is replaced
#[tokio::test]
async fn what_stood_in_the_extensions_before_is_replaced() {
    let verifier = described().build().unwrap();
    let other = issuer().token(MCP, now()).subject("u_2").scope("files:read").sign();
    let planted = verifier.verify(&other, now()).unwrap();
    let mut request = post(&good("files:read")).body(Body::from("{}")).unwrap();
    request.extensions_mut().insert(planted);
    let seen = async |request: Request<Body>| request.extensions().get::<AccessToken>().unwrap().subject().to_owned();
    let app = Router::new().route("/mcp", any(seen)).layer(verifier.layer());
    assert_eq!(text(app.oneshot(request).await.unwrap()).await, "u_1");
}
