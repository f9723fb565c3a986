//! Real MCP clients against the real binary and its sample MCP server, with a
//! person in a real browser: 401, discovery, registration, sign-in and consent,
//! token, tools, step-up, refresh, and the end of it.

mod callback;
mod rmcp;
mod stage;
mod typescript;

pub(crate) use callback::Callback;
pub(crate) use rmcp::Connection;
pub(crate) use stage::allow;
