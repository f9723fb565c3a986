//! FastMCP for Python and the official SDK, as tests/python/requirements.txt pins them.

use std::{path::Path, process::Command};

use super::stage::Recipe;

pub(super) fn python(file: &Path) -> Command {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/python/.venv/bin/python");
    assert!(installed.is_file(), "tests/prepare installs the packages of tests/python");
    let mut command = Command::new(installed);
    command.arg(file);
    command
}

const FASTMCP: Recipe = Recipe { name: "fastmcp-python", file: "server.py", runner: python, too_narrow: 401, misdirected: 200 };
const SDK: Recipe = Recipe { name: "mcp-sdk-python", file: "server.py", runner: python, too_narrow: 403, misdirected: 421 };

// MCP-AS-05, MCP-AS-173, F-01, F-02, F-03, F-04, F-07
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_made_with_fastmcp_for_python_is_protected() {
    FASTMCP.protects().await;
}

// MCP-AS-57, MCP-AS-176, F-06, F-08
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_made_with_fastmcp_for_python_that_asks_hears_of_revocation_at_once() {
    FASTMCP.asks_about_each().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fastmcp_for_python_is_reached_through_a_proxy() {
    FASTMCP.is_reached_through_a_proxy().await;
}

// MCP-AS-173
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_made_with_the_python_sdk_is_protected() {
    SDK.protects().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_python_sdk_is_reached_through_a_proxy() {
    SDK.is_reached_through_a_proxy().await;
}
