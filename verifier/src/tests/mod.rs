//! What a verifier lets in and what not, told as its users see it.

#[cfg(feature = "axum")]
mod layer;
#[cfg(all(feature = "axum", feature = "fetch"))]
mod legacy;
#[cfg(any(feature = "axum", feature = "fetch"))]
mod log;
mod tokens;

#[cfg(feature = "fetch")]
mod fetching;
#[cfg(feature = "fetch")]
mod introspecting;
#[cfg(feature = "fetch")]
mod issuer_server;
#[cfg(feature = "fetch")]
mod time;

use chrono::{DateTime, Utc};

pub(super) const ISSUER: &str = "https://auth.example.com";
pub(super) const MCP: &str = "https://mcp.example.com/mcp";

pub(super) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}
