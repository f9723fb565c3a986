//! The sample MCP server of `serve --sample`.

use std::net::SocketAddr;

use tokio_util::sync::CancellationToken;

use crate::app::App;

/// Starts the sample and returns its address.
#[expect(clippy::unused_async, reason = "the sample follows in the next step")]
pub async fn start(_: &App, _: SocketAddr, _: &CancellationToken) -> anyhow::Result<String> {
    anyhow::bail!("the sample is not part of this build")
}
