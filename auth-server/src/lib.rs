//! Portcullis: an OAuth 2.1 authorization server, made first of all for MCP.
//!
//! Three verbs carry the design. **Decide**: what the RFCs decide is a pure
//! function in `protocol/`. **Keep**: `store/`, `transient/`, `keys/`, `events/`
//! hold state and never speak HTTP. **Speak**: one folder per thing a person can
//! name reads a request, loads facts, asks `protocol/`, saves, answers.
#![forbid(unsafe_code)]

// the wiring
pub mod app;
pub mod router;
pub mod serve;

// decide
pub mod protocol;

// speak
pub mod account;
pub mod cli;
pub mod consent;
pub mod http;
pub mod login;
pub mod oauth;
pub mod setup;

#[cfg(feature = "sample")]
pub mod sample;

// keep
pub mod clients;
pub mod config;
pub mod egress;
pub mod events;
pub mod jobs;
pub mod keys;
pub mod limits;
pub mod store;
pub mod tokens;
pub mod transient;

pub mod ago;
pub mod clock;
pub mod entropy;
pub mod secret;
pub mod telemetry;
