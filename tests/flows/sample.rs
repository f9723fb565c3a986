//! The sample MCP server of `serve --sample`, from the first refusal to more scope.

use serde_json::{Value, json};

use crate::harness::{Answer, CALLBACK, Client, Server, Setup, Store, Tokens, free_port, http};

/// The sample beside a server, and where it is.
async fn sample() -> (Server, String) {
    let address = format!("127.0.0.1:{}", free_port());
    let setup = Setup::on(Store::Sqlite).argument("--sample").argument("--sample-listen").argument(&address);
    (setup.start().await, format!("http://{address}"))
}

async fn call(mcp: &str, tokens: &Tokens, tool: &str, arguments: Value) -> Answer {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}});
    let request = http().post(mcp).bearer_auth(&tokens.access).header("accept", "application/json, text/event-stream");
    Answer::to(request.json(&body)).await
}

#[track_caller]
fn said(answer: Answer) -> String {
    answer.expect(200).json()["result"]["content"][0]["text"].as_str().expect("a text").to_owned()
}

async fn connect(server: &Server, client: &Client, mcp: &str, scope: &str) -> Tokens {
    let ask = client.ask().with("resource", mcp).with("scope", scope);
    client.connect_with(&mut server.person("ada"), ask).await
}

// MCP-RS-05, MCP-RS-13, MCP-RS-24, EA-165, EA-186
#[tokio::test]
async fn a_client_is_let_in_and_asks_for_more_where_a_tool_needs_it() {
    let (server, origin) = sample().await;
    let mcp = format!("{origin}/mcp");
    let refused = Answer::to(http().post(&mcp)).await.expect(401);
    assert_eq!(
        refused.header("www-authenticate").unwrap(),
        format!(r#"Bearer resource_metadata="{origin}/.well-known/oauth-protected-resource/mcp", scope="sample:use""#)
    );
    let client = Client::register(&server, CALLBACK).await;
    let tokens = connect(&server, &client, &mcp, "sample:use").await;

    let who = said(call(&mcp, &tokens, "whoami", json!({})).await);
    assert!(who.contains(tokens.claims()["sub"].as_str().unwrap()) && who.contains(&client.id), "{who}");
    assert_eq!(said(call(&mcp, &tokens, "add", json!({"a": 2, "b": 0.5})).await), "2.5");

    let narrow = call(&mcp, &tokens, "reset_counter", json!({})).await.expect(403);
    let challenge = narrow.header("www-authenticate").unwrap();
    assert!(
        challenge.contains(r#"error="insufficient_scope""#) && challenge.ends_with(r#"scope="sample:admin sample:use""#),
        "{challenge}"
    );
    let more = connect(&server, &client, &mcp, "sample:admin sample:use").await;
    assert_eq!(said(call(&mcp, &more, "reset_counter", json!({})).await), "There were 1 additions; now there are none");
}

// MCP-RS-02, K-30, EA-189
#[tokio::test]
async fn the_sample_has_its_metadata_and_no_token_endpoint() {
    let (server, origin) = sample().await;
    for path in ["/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource"] {
        let document = Answer::to(http().get(format!("{origin}{path}"))).await.expect(200).json();
        assert_eq!(document["resource"], format!("{origin}/mcp"));
        assert_eq!(document["authorization_servers"], json!([server.issuer]));
        assert_eq!(document["bearer_methods_supported"], json!(["header"]));
    }
    for path in ["/token", "/authorize", "/register", "/", "/.well-known/oauth-authorization-server"] {
        Answer::to(http().post(format!("{origin}{path}"))).await.expect_error(404, "not_found");
    }
}

// Tokens for another server open nothing here, nor the other way round (MCP-RS-11)
#[tokio::test]
async fn a_token_for_another_server_does_not_open_the_sample() {
    let (server, origin) = sample().await;
    let client = Client::register(&server, CALLBACK).await;
    let tokens = client.connect(&mut server.person("ada")).await;
    let answer = call(&format!("{origin}/mcp"), &tokens, "whoami", json!({})).await.expect(401);
    assert!(answer.header("www-authenticate").unwrap().starts_with(r#"Bearer error="invalid_token", "#));
    let log = server.log();
    let reason = format!("aud is https://files.example.com/mcp, this server is {origin}/mcp");
    assert!(log.contains(&reason), "{log}");
    assert!(!log.contains(&tokens.access), "a log has no token");
}

#[test]
fn the_sample_is_for_this_computer_only() {
    let ran = Setup::on(Store::Sqlite).argument("--sample").argument("--sample-listen").argument("0.0.0.0:0").refused();
    assert!(!ran.status.success());
    assert!(ran.stderr.contains("for this computer only"), "{}", ran.stderr);
}
