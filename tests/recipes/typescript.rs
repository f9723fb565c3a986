//! FastMCP for TypeScript and the official SDK, as tests/node pins them.

use std::{path::Path, process::Command};

use super::stage::Recipe;

/// Packages are looked for from the file's folder upwards, so they are brought there.
fn node(file: &Path) -> Command {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/node/node_modules");
    assert!(installed.join("jose").is_dir(), "tests/prepare installs the packages of tests/node");
    std::os::unix::fs::symlink(installed.canonicalize().unwrap(), file.with_file_name("node_modules")).unwrap();
    let mut command = Command::new("node");
    command.arg(file);
    command
}

const FASTMCP: Recipe = Recipe { name: "fastmcp-ts", file: "server.mjs", runner: node, too_narrow: 403, misdirected: 200 };
const SDK: Recipe = Recipe { name: "mcp-sdk-ts", file: "server.mjs", runner: node, too_narrow: 403, misdirected: 403 };

// MCP-AS-173
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_made_with_fastmcp_for_typescript_is_protected() {
    FASTMCP.protects().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fastmcp_for_typescript_is_reached_through_a_proxy() {
    FASTMCP.is_reached_through_a_proxy().await;
}

// MCP-AS-173
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_made_with_the_typescript_sdk_is_protected() {
    SDK.protects().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_typescript_sdk_is_reached_through_a_proxy() {
    SDK.is_reached_through_a_proxy().await;
}
