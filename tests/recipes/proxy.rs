//! FastMCP's `OAuthProxy`: our only client is the MCP server, which issues tokens of its own.

use std::path::Path;

use serde_json::{Value, json};

use super::{
    python::python,
    stage::{Program, Stage, call},
};
use crate::{
    clients::{Callback, allow},
    harness::{Answer, Ask, Browser, Client, Screen, encoded, free_port, http},
};

/// The client's token request at the proxy.
async fn tokens(base: &str, form: &[(&str, &str)]) -> Value {
    let request = http().post(format!("{base}/token")).header("content-type", "application/x-www-form-urlencoded");
    Answer::to(request.body(encoded(form))).await.expect(200).json()
}

// MCP-AS-28, MCP-AS-57, MCP-AS-74, MCP-AS-92, F-09
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_oauth_proxy_of_fastmcp_is_a_client_like_others() {
    let port = free_port();
    let stage = Stage::at(port).await;
    let base = format!("http://127.0.0.1:{port}");
    let proxy = Client::operator(&stage.server, "Files, the proxy", &format!("{base}/auth/callback"), &[]);
    let mut command = python(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/python/oauth_proxy.py"));
    command.args([&stage.server.issuer, &port.to_string(), &proxy.id]).env("PORTCULLIS_CLIENT_SECRET", proxy.secret.as_deref().unwrap());
    let mut program = Program::start(command, None);
    program.listens(port).await;

    // The client knows the proxy alone.
    let mut callback = Callback::open().await;
    let metadata = json!({ "client_name": "Behind", "redirect_uris": [callback.url], "token_endpoint_auth_method": "none" });
    let registered = Answer::to(http().post(format!("{base}/register")).json(&metadata)).await.expect(201).json();
    let id = registered["client_id"].as_str().unwrap();
    let ask = Ask::new(id, &callback.url).with("resource", &stage.resource);
    let browser = Browser::open(Screen::Desktop).await;
    browser.go(&format!("{base}{}", ask.path())).await;
    browser.press("button[name=action][value=approve]").await;
    let question = allow(&browser, browser.url().await.as_str()).await;
    assert!(question.text.contains("Files, the proxy"), "{}", question.text);
    let back = url::Url::parse(&callback.next().await).unwrap();
    let (_, code) = back.query_pairs().find(|(name, _)| name == "code").unwrap_or_else(|| panic!("{back}"));

    let first = tokens(
        &base,
        &[
            ("grant_type", "authorization_code"),
            ("client_id", id),
            ("code", &code),
            ("redirect_uri", &callback.url),
            ("code_verifier", &ask.verifier),
        ],
    )
    .await;
    call(&stage.resource, first["access_token"].as_str()).await.expect(200);
    // It renews its own with us, and names no resource there.
    let refresh = first["refresh_token"].as_str().expect("a refresh token");
    let second = tokens(&base, &[("grant_type", "refresh_token"), ("client_id", id), ("refresh_token", refresh)]).await;
    call(&stage.resource, second["access_token"].as_str()).await.expect(200);
    let log = stage.server.log();
    assert!(log.contains("\"event\":\"refresh_rotated\""), "{log}");
}
