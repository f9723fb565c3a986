//! An MCP server behind the verifier, with the official Rust SDK.
//!
//! ```sh
//! portcullis serve
//! portcullis resource add http://127.0.0.1:3000/mcp --name "Files" \
//!     --scope files:read="Read your files" --scope files:write="Change and delete your files"
//! cargo run -p portcullis-verifier --example rmcp --features axum,fetch
//! claude mcp add --transport http files http://127.0.0.1:3000/mcp
//! ```

use std::sync::Arc;

use axum::Router;
use http::request::Parts;
use portcullis_verifier::{Authorized, Verifier};
use rmcp::{
    ErrorData, ServerHandler,
    handler::server::tool::Extension,
    model::{ServerCapabilities, ServerConfig},
    tool, tool_handler, tool_router,
    transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager},
};

const ISSUER: &str = "http://127.0.0.1:8080";
const MCP: &str = "http://127.0.0.1:3000/mcp";

#[derive(Clone, Debug)]
struct Files;

#[tool_router]
impl Files {
    #[tool(description = "Names the files of the person who is signed in")]
    async fn list_files(&self, Extension(parts): Extension<Parts>) -> Result<String, ErrorData> {
        let caller = parts.extensions.get::<Authorized>().ok_or_else(|| ErrorData::internal_error("nobody is signed in", None))?;
        Ok(format!("notes.txt and todo.txt, of {}", caller.subject()))
    }

    #[tool(description = "Deletes a file")]
    async fn delete_file(&self) -> String {
        "It is gone".to_owned()
    }
}

#[tool_handler]
impl ServerHandler for Files {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let verifier = Verifier::builder(ISSUER, MCP)
        .name("Files")
        .scope("files:read")
        .tool("delete_file", ["files:write"]) // asked for when the tool is called, and not before
        .build()?;

    let config = StreamableHttpServerConfig::default().with_legacy_session_mode(false).with_json_response(true);
    let files = StreamableHttpService::new(|| Ok(Files), Arc::new(NeverSessionManager::default()), config);
    let app = Router::new().nest_service("/mcp", files).layer(verifier.layer()).merge(verifier.metadata_routes());

    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, app).await?;
    Ok(())
}
