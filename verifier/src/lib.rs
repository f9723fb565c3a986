//! Checks the access tokens that an MCP server is shown.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod access_token;
pub mod jwk;
pub mod rejection;
mod strict_json;
pub mod vocabulary;
