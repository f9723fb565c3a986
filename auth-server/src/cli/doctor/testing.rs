//! Answers for the tests of the steps.

use http::StatusCode;
use serde_json::Value;
use url::Url;

use super::{
    document::{Found, Place},
    outside::Answer,
};

/// Where the MCP server of the tests is.
pub(super) const MCP: &str = "https://mcp.example.com/mcp";

pub(super) fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
    let headers = headers.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap())).collect();
    Answer { status: StatusCode::from_u16(status).unwrap(), headers, body: body.as_bytes().to_vec() }
}

pub(super) fn json(status: u16, body: &str) -> Answer {
    answer(status, &[("content-type", "application/json")], body)
}

pub(super) fn url(text: &str) -> Url {
    text.parse().unwrap()
}

/// A place with this document.
pub(super) fn place(address: &str, document: &Value) -> Place {
    Place { url: url(address), found: Found::read(&Ok(json(200, &document.to_string()))) }
}

/// A place with nothing.
pub(super) fn nothing(address: &str) -> Place {
    Place { url: url(address), found: Found::Nothing { in_json: true } }
}
