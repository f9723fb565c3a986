//! The verifier's examples, each behind a real server, as whoever copies one meets it.

#[path = "../../verifier/examples/rmcp.rs"]
#[expect(dead_code, unexpected_cfgs, reason = "its main wants the ports of the documentation, its tests a feature of its own")]
mod files;
#[path = "../../verifier/examples/axum.rs"]
#[expect(dead_code, reason = "its main wants the ports of the documentation")]
mod notes;

use axum::Router;
use portcullis_verifier::TrustedIssuer;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::harness::{Answer, Client, Server, Setup, Store, Tokens, free_port, http};

/// A server that knows one resource, at an address where nobody listens yet.
async fn server(path: &str, scopes: &str) -> (Server, String, TcpListener) {
    let port = free_port();
    let resource = format!("http://127.0.0.1:{port}/{path}");
    let resources = format!(r#"resources = [{{ url = "{resource}", name = "Example", scopes = {{ {scopes} }} }}]"#);
    let server = Setup::on(Store::Sqlite).resources(&resources).start().await;
    (server, resource, TcpListener::bind(("127.0.0.1", port)).await.unwrap())
}

fn serve(listener: TcpListener, app: Router) {
    tokio::spawn(async move { axum::serve(listener, app).await });
}

/// What a client is told who comes without a token, followed to the server.
async fn sent_to(answer: &Answer) -> Value {
    let challenge = answer.header("www-authenticate").expect("a challenge");
    let (_, rest) = challenge.split_once(r#"resource_metadata=""#).expect("where the metadata is");
    Answer::to(http().get(rest.split('"').next().unwrap())).await.expect(200).json()
}

async fn connect(server: &Server, client: &Client, resource: &str, scope: &str) -> Tokens {
    let mut ada = server.person("ada");
    client.connect_with(&mut ada, client.ask().with("resource", resource).with("scope", scope)).await
}

#[track_caller]
fn too_narrow(answer: &Answer, scope: &str) {
    let challenge = answer.header("www-authenticate").unwrap_or_default();
    assert_eq!(answer.status, 403, "{}", answer.body);
    assert!(challenge.contains("insufficient_scope") && challenge.ends_with(&format!(r#"scope="{scope}""#)), "{challenge}");
}

// MCP-RS-01, MCP-RS-05, MCP-RS-10, MCP-RS-12
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_axum_example_lets_in_whom_it_should() {
    let (server, resource, listener) = server("notes", r#""notes:read" = "Read", "notes:write" = "Write""#).await;
    serve(listener, notes::app(server.issuer.as_str(), &resource).unwrap());
    let origin = resource.strip_suffix("/notes").unwrap();
    assert_eq!(Answer::to(http().get(format!("{origin}/health"))).await.expect(200).body, "well");

    let metadata = sent_to(&Answer::to(http().get(&resource)).await.expect(401)).await;
    assert_eq!((&metadata["resource"], &metadata["authorization_servers"]), (&json!(resource), &json!([server.issuer])));
    Answer::to(http().post(&resource)).await.expect(401);
    Answer::to(http().get(&resource).bearer_auth("x.y.z")).await.expect(401);

    let client = server.client().await;
    let reader = connect(&server, &client, &resource, "notes:read").await;
    let read = Answer::to(http().get(&resource).bearer_auth(&reader.access)).await.expect(200).body;
    assert_eq!(read, format!("The notes of {}, read by {}", reader.claims()["sub"].as_str().unwrap(), client.id));
    too_narrow(&Answer::to(http().post(&resource).bearer_auth(&reader.access)).await, "notes:read notes:write");
    let writer = connect(&server, &client, &resource, "notes:write").await;
    assert_eq!(Answer::to(http().post(&resource).bearer_auth(&writer.access)).await.expect(200).body, "Written down");
}

// a client that can only send a header, at a server that asks about tokens; MCP-RS-07: never in the address
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_axum_example_lets_a_personal_token_in_where_it_may_ask() {
    let (server, resource, listener) = server("notes", r#""notes:read" = "Read", "notes:write" = "Write""#).await;
    let asker = server.resource_server(&[&resource]).await;
    let issuer = TrustedIssuer::new(server.issuer.as_str()).introspection(asker.id.as_str(), asker.secret.as_deref().unwrap());
    serve(listener, notes::app(issuer, &resource).unwrap());
    let make = |name: &str, scope: &str| {
        let arguments = ["token", "add", name, "--user", "ada", "--resource", &resource, "--scope", scope, "--json"];
        let made = server.cli(&arguments).expect().json();
        (made["token"].as_str().unwrap().to_owned(), made["user_id"].as_str().unwrap().to_owned())
    };
    let (reader, ada) = make("reads", "notes:read");
    let read = Answer::to(http().get(&resource).bearer_auth(&reader)).await.expect(200).body;
    assert_eq!(read, format!("The notes of {ada}, read by portcullis-personal-token"));
    too_narrow(&Answer::to(http().post(&resource).bearer_auth(&reader)).await, "notes:read notes:write");
    let (writer, _) = make("writes", "notes:write");
    assert_eq!(Answer::to(http().post(&resource).bearer_auth(&writer)).await.expect(200).body, "Written down");
    Answer::to(http().get(format!("{resource}?access_token={reader}"))).await.expect(401);
    Answer::to(http().get(&resource).bearer_auth(crate::harness::spoiled(&reader))).await.expect(401);
    // a token that was never shown to the server is ended before it is: nothing is remembered of it
    let (ended, _) = make("ended", "notes:read");
    server.cli(&["token", "revoke", "ended", "--yes"]).expect();
    Answer::to(http().get(&resource).bearer_auth(&ended)).await.expect(401);
}

// MCP-RS-01, MCP-RS-05, MCP-RS-10, MCP-RS-13
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rmcp_example_lets_in_whom_it_should() {
    let (server, resource, listener) = server("mcp", r#""files:read" = "Read", "files:write" = "Write""#).await;
    serve(listener, files::app(server.issuer.as_str(), &resource).unwrap());
    let call = async |token: Option<&str>, method: &str, tool: &str| {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": {"name": tool, "arguments": {}}});
        let request = http().post(&resource).header("accept", "application/json, text/event-stream").json(&body);
        Answer::to(match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        })
        .await
    };
    let metadata = sent_to(&call(None, "tools/call", "list_files").await.expect(401)).await;
    assert_eq!((&metadata["resource"], &metadata["authorization_servers"]), (&json!(resource), &json!([server.issuer])));
    call(Some("x.y.z"), "tools/list", "").await.expect(401);

    let client = server.client().await;
    let reader = connect(&server, &client, &resource, "files:read").await;
    let listed = call(Some(&reader.access), "tools/call", "list_files").await.expect(200).json();
    let expected = format!("notes.txt and todo.txt, of {}", reader.claims()["sub"].as_str().unwrap());
    assert_eq!(listed["result"]["content"][0]["text"], expected, "{listed}");
    too_narrow(&call(Some(&reader.access), "tools/call", "delete_file").await, "files:read files:write");
    let writer = connect(&server, &client, &resource, "files:read files:write").await;
    let deleted = call(Some(&writer.access), "tools/call", "delete_file").await.expect(200).json();
    assert_eq!(deleted["result"]["content"][0]["text"], "It is gone", "{deleted}");
}
