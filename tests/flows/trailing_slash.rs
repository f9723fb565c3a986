//! An issuer that ends in a slash, because its operator says so (MCP-AS-05).

use portcullis_verifier::{BuildError, Rejection, TrustedIssuer, Verifier};
use serde_json::{Value, json};

use crate::harness::{Answer, CALLBACK, Client, FILES, Server, Setup, Store, Tokens, free_port, http};

const NAME: &str = "/.well-known/oauth-authorization-server";

/// The metadata, at each of these places the same, and every address in it below the issuer.
async fn metadata_at(server: &Server, paths: &[&str]) -> Value {
    let first = server.get(paths[0]).await.expect(200);
    for path in &paths[1..] {
        assert_eq!(server.get(path).await.expect(200).body, first.body, "{path}");
    }
    let metadata = first.json();
    assert_eq!(metadata["issuer"], json!(server.issuer), "byte for byte");
    for (name, value) in metadata.as_object().unwrap() {
        if let Some(address) = value.as_str().filter(|_| name.ends_with("_endpoint") || name.ends_with("_uri")) {
            let below = address.strip_prefix(&server.issuer).unwrap_or_else(|| panic!("{name}: {address}"));
            assert!(!below.starts_with('/'), "{name}: {address}");
        }
    }
    metadata
}

// MCP-AS-05, MCP-AS-04, OA-ISS-01, K-11: from the metadata to a token that is verified, the name is one
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slash_that_is_meant_is_part_of_the_name_everywhere() {
    let sample = format!("127.0.0.1:{}", free_port());
    let setup = Setup::on(Store::Sqlite).issuer_path("/").settings("issuer_trailing_slash = true");
    let server = setup.argument("--sample").argument("--sample-listen").argument(&sample).start().await;
    assert!(server.issuer.ends_with('/'));
    metadata_at(&server, &[NAME, &format!("{NAME}/")]).await;
    for nowhere in [format!("{NAME}//"), format!("/{NAME}"), "//token".to_owned(), "//jwks".to_owned()] {
        assert_eq!(server.get(&nowhere).await.status, 404, "{nowhere}");
    }

    let client = Client::register(&server, CALLBACK).await;
    let mut ada = server.person("ada");
    let ask = client.ask();
    let place = ada.arrive(&ask).await;
    let back = ada.allow(&place).await;
    assert_eq!(back.parameter("iss").as_deref(), Some(server.issuer.as_str()), "RFC 9207");
    let refused = ada.arrive(&client.ask().with("response_type", "token")).await;
    assert_eq!(refused.parameter("iss").as_deref(), Some(server.issuer.as_str()), "with an error, too");
    let tokens = Tokens::of(&client.redeem(&back.code(), &ask.verifier).await);
    assert_eq!(tokens.claims()["iss"], json!(server.issuer));
    let next = Tokens::of(&client.refresh(tokens.refresh()).await);
    assert_eq!(next.claims()["iss"], json!(server.issuer));
    assert!(server.resource_server(&[FILES]).await.finds_active(&next.access).await);

    let trusted = || TrustedIssuer::new(&server.issuer).accept_trailing_slash();
    let verifier = Verifier::builder(trusted(), FILES).build().unwrap();
    assert_eq!(verifier.check(&next.access).await.unwrap().client_id(), client.id);
    assert!(
        matches!(Verifier::builder(&server.issuer, FILES).build(), Err(BuildError::Issuer { .. })),
        "only where it is said to be meant"
    );
    let another = Verifier::builder(server.issuer.trim_end_matches('/'), FILES).build().unwrap();
    assert!(matches!(another.check(&next.access).await, Err(Rejection::Issuer { .. })), "without it, it is another issuer");

    let mcp = format!("http://{sample}/mcp");
    let document = Answer::to(http().get(format!("http://{sample}/.well-known/oauth-protected-resource/mcp"))).await.expect(200).json();
    assert_eq!(document["authorization_servers"], json!([server.issuer]), "RFC 9728");
    let ask = client.ask().with("resource", &mcp).with("scope", "sample:use");
    let tokens = client.connect_with(&mut ada, ask).await;
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "whoami", "arguments": {}}});
    let request = http().post(&mcp).bearer_auth(&tokens.access).header("accept", "application/json, text/event-stream");
    Answer::to(request.json(&call)).await.expect(200);
}

// MCP-AS-05, RFC 8414 §3.1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_path_too_the_document_is_found_with_and_without_the_slash() {
    let server = Setup::on(Store::Sqlite).issuer_path("/tenant/").settings("issuer_trailing_slash = true").start().await;
    let inserted = [format!("{NAME}/tenant"), format!("{NAME}/tenant/")];
    let metadata = metadata_at(&server, &[&inserted[0], &inserted[1], &format!("/tenant{NAME}"), NAME]).await;
    assert_eq!(metadata["token_endpoint"], json!(format!("{}token", server.issuer)));
    server.get("/tenant/jwks").await.expect(200);
    server.get("/tenant//jwks").await.expect(404);
    server.get(&format!("{NAME}/")).await.expect_error(404, "not_found");
}
