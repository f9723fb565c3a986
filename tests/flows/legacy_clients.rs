//! Clients of the MCP revision of 2025-03-26: the root of the MCP server is all they know.

use axum::Router;
use portcullis_verifier::Verifier;
use serde_json::json;
use tokio::net::TcpListener;

use crate::harness::{Answer, CALLBACK, Client, Setup, Store, Tokens, free_port, http};

// MCP-RS-27, MCP-AS-187
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_knows_only_the_mcp_servers_root_gets_in() {
    let origin = format!("http://127.0.0.1:{}", free_port());
    let mcp = format!("{origin}/mcp");
    let resources = format!(r#"resources = [{{ url = "{mcp}", name = "Files", scopes = {{ "files:read" = "Read" }} }}]"#);
    let server = Setup::on(Store::Sqlite).resources(&resources).start().await;
    let verifier = Verifier::builder(server.issuer.as_str(), &mcp).scope("files:read").build().unwrap();
    let app = Router::new()
        .route("/mcp", axum::routing::post(async || "let in"))
        .layer(verifier.layer())
        .merge(verifier.metadata_routes())
        .merge(verifier.legacy_routes().unwrap());
    let listener = TcpListener::bind(origin.strip_prefix("http://").unwrap()).await.unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });

    // It takes the root for the authorization server, and finds the real one's document.
    let found = Answer::to(http().get(format!("{origin}/.well-known/oauth-authorization-server"))).await.expect(200);
    let own = Answer::to(server.request("GET", "/.well-known/oauth-authorization-server")).await.expect(200);
    assert_eq!(found.body, own.body, "byte for byte");
    let metadata = found.json();
    assert_eq!(metadata["issuer"], server.issuer.as_str());
    let registration = metadata["registration_endpoint"].as_str().expect("where to register");
    let wishes = json!({"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none"});
    let registered = Answer::to(http().post(registration).json(&wishes)).await.expect(201).json();
    let client = Client::known(&server, registered["client_id"].as_str().unwrap(), None, CALLBACK);

    // Or it reads no document, and knows of the page at the root only.
    let ask = client.ask().with("resource", &mcp);
    let sent = Answer::to(http().get(format!("{origin}{}", ask.path()))).await.expect(302).location().expect("where to");
    assert_eq!(sent, format!("{}?{}", metadata["authorization_endpoint"].as_str().unwrap(), ask.query()));
    for path in ["/token", "/register"] {
        assert_eq!(Answer::to(http().post(format!("{origin}{path}"))).await.expect(404).location(), None);
    }
    let mut ada = server.person("ada");
    let place = ada.open(&sent).await;
    assert!(!place.left && place.try_form("/sign-in").is_some(), "{} {}", place.url, place.answer.body);
    let asked = ada.sign_in(&place).await;
    let code = ada.allow(&asked).await.code();
    let token = Tokens::of(&client.redeem(&code, &ask.verifier).await).access;
    assert_eq!(Answer::to(http().post(&mcp).bearer_auth(token)).await.expect(200).body, "let in");
}
