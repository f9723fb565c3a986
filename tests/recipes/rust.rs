//! The official SDK for Rust and axum, behind the verifier.
//!
//! What is printed is compiled with these tests: it is kept in `printed/`, and must be
//! what the command prints today. Where that is another text for a good reason:
//! `PRINT_AGAIN=1 ./tests/run --test blackbox recipes::rust`

use std::{fs, path::Path};

use axum::Router;
use serde_json::json;
use tokio::net::TcpListener;

use super::stage::Stage;
use crate::harness::{Setup, Store, free_port};

#[rustfmt::skip]
#[path = "printed/axum.rs"]
#[expect(dead_code, reason = "its main wants one port")]
mod printed_axum;
#[rustfmt::skip]
#[path = "printed/rmcp.rs"]
#[expect(dead_code, reason = "its main wants one port")]
mod printed_rmcp;

async fn at(port: u16, app: impl FnOnce(&Stage) -> Router) -> Stage {
    let stage = Stage::at(port).await;
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let app = app(&stage);
    tokio::spawn(async move { axum::serve(listener, app).await });
    stage
}

// MCP-AS-173, MCP-RS-01, MCP-RS-05
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_made_with_rmcp_is_protected() {
    let stage = at(free_port(), |stage| printed_rmcp::app(&stage.server.issuer, &stage.resource).unwrap()).await;
    stage.is_protected(403).await;
    stage.is_used().await;
}

// MCP-AS-173, MCP-RS-01, MCP-RS-05
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_made_with_axum_is_protected() {
    let stage = at(free_port(), |stage| printed_axum::app(&stage.server.issuer, &stage.resource).unwrap()).await;
    stage.is_protected(403).await;
}

#[tokio::test]
async fn what_is_compiled_here_is_what_is_printed() {
    let resource = "http://127.0.0.1:3000/mcp";
    let scopes = r#"{ "files:read" = "Read your files", "files:write" = "Change your files" }"#;
    let setup =
        Setup::on(Store::Sqlite).resources(&format!("resources = [{{ url = \"{resource}\", name = \"Files\", scopes = {scopes} }}]"));
    let server = setup.without_accounts().start().await;
    for name in ["axum", "rmcp"] {
        let printed = server.cli(&["resource", "export", resource, "--for", name]).expect().stdout;
        let printed = printed.replace(&server.issuer, "http://127.0.0.1:8080");
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../tests/recipes/printed/{name}.rs"));
        if std::env::var_os("PRINT_AGAIN").is_some() {
            fs::write(&file, &printed).unwrap();
        }
        assert_eq!(fs::read_to_string(&file).unwrap_or_default(), printed, "{name}: print it again");
    }
}

/// Other algorithms are a feature of the verifier; a bare origin is no path to nest at.
#[tokio::test]
async fn what_the_resource_is_decides_what_is_printed() {
    let server = Setup::on(Store::Sqlite).without_accounts().start().await;
    let resource = "https://notes.example.com";
    server.cli(&["resource", "add", resource, "--algorithm", "EdDSA"]).expect();
    let code = server.cli(&["resource", "export", resource, "--for", "rmcp"]).expect().stdout;
    for part in
        ["[Algorithm::EdDsa]", r#"features = ["aws-lc-rs", "axum", "fetch"]"#, ".fallback_service(tools)", r#"(["notes.example.com"])"#]
    {
        assert!(code.contains(part), "{part}: {code}");
    }
    assert_eq!(server.cli(&["resource", "export", resource, "--for", "rmcp", "--json"]).expect().json()["algorithm"], json!("EdDSA"));
}
