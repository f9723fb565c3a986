//! An MCP server with the official SDK for Rust. Its tokens come from Portcullis and are checked by signature.
//!
//! ```toml
//! [dependencies]
//! axum = "0.8"
//! http = "1"
//! portcullis-verifier = { version = "0.1", features = {{ terms.verifier_features }} }
//! rmcp = { version = "3.11", features = ["macros", "server", "transport-streamable-http-server"] }
//! tokio = { version = "1", features = ["macros", "net", "rt-multi-thread"] }
//! ```

use std::sync::Arc;

use axum::Router;
use http::request::Parts;
use portcullis_verifier::{Authorized, BuildError, TrustedIssuer, Verifier, jwk::Algorithm};
use rmcp::{
    ErrorData, ServerHandler,
    handler::server::tool::Extension,
    model::{ServerCapabilities, ServerConfig},
    tool, tool_handler, tool_router,
    transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager},
};

const ISSUER: &str = {{ terms.issuer }};
/// The `aud` of the tokens.
const RESOURCE: &str = {{ terms.resource }};

#[derive(Clone, Debug)]
struct Tools;

#[tool_router]
impl Tools {
    #[tool(description = "Says who is signed in, and by which app.")]
    async fn whoami(&self, Extension(parts): Extension<Parts>) -> Result<String, ErrorData> {
        let caller = parts.extensions.get::<Authorized>().ok_or_else(|| ErrorData::internal_error("nobody is signed in", None))?;
        Ok(format!("{}, by {}", caller.subject(), caller.client_id()))
    }
}

#[tool_handler]
impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }
}

pub(crate) fn app(issuer: &str, resource: &str) -> Result<Router, BuildError> {
    let issuer = TrustedIssuer::new(issuer).algorithms([Algorithm::{{ terms.rust_algorithm }}]){% if terms.issuer_has_slash %}.accept_trailing_slash(){% endif %};
    // Nobody gets in without these scopes. Clients that ask for none get them by default.
    let verifier = Verifier::builder(issuer, resource)
        .name({{ terms.name }})
{%- for need in terms.each_need %}
        .scope({{ need }})
{%- endfor %}
        .build()?;
    // The host under which clients reach it. Unless told, it answers to names of this computer only.
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_allowed_hosts([{{ terms.host }}]);
    let tools = StreamableHttpService::new(|| Ok(Tools), Arc::new(NeverSessionManager::default()), config);
    Ok(Router::new()
        .{% if terms.is_origin %}fallback_service(tools){% else %}nest_service({{ terms.path }}, tools){% endif %}
        .layer(verifier.layer())
        .merge(verifier.metadata_routes()))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:{{ terms.port }}").await?;
    axum::serve(listener, app(ISSUER, RESOURCE)?).await?;
    Ok(())
}
