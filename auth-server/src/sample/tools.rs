//! The tools of the sample.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use http::request::Parts;
use portcullis_verifier::Authorized;
use rmcp::{
    ErrorData, ServerHandler,
    handler::server::{tool::Extension, wrapper::Parameters},
    model::{Implementation, ServerCapabilities, ServerConfig},
    schemars::JsonSchema,
    tool, tool_handler, tool_router,
};
use serde::Deserialize;

/// An MCP server with three tools and one number to keep.
#[derive(Clone, Debug, Default)]
pub(super) struct Sample {
    additions: Arc<AtomicU64>,
}

/// Two numbers.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct Summands {
    /// The first number.
    a: f64,
    /// The second number.
    b: f64,
}

#[tool_router]
impl Sample {
    #[tool(description = "Says on whose behalf the client calls, and what it may do")]
    async fn whoami(&self, Extension(parts): Extension<Parts>) -> Result<String, ErrorData> {
        let caller = parts.extensions.get::<Authorized>().ok_or_else(|| ErrorData::internal_error("there is no token", None))?;
        Ok(format!("{}, through the client {}, with the scopes {}", caller.subject(), caller.client_id(), caller.scope()))
    }

    #[tool(description = "Adds two numbers, and counts that it did")]
    async fn add(&self, Parameters(Summands { a, b }): Parameters<Summands>) -> String {
        self.additions.fetch_add(1, Ordering::Relaxed);
        (a + b).to_string()
    }

    #[tool(description = "Sets the count of additions to zero; needs the scope sample:admin")]
    async fn reset_counter(&self) -> String {
        let additions = self.additions.swap(0, Ordering::Relaxed);
        format!("There were {additions} additions; now there are none")
    }
}

#[tool_handler]
impl ServerHandler for Sample {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("portcullis-sample", env!("CARGO_PKG_VERSION")))
            .with_instructions("A sample behind Portcullis: try whoami, add, and reset_counter.")
    }
}
