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
use http::{Uri, request::Parts};
use portcullis_verifier::{Authorized, TrustedIssuer, Verifier};
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

/// The server, protected. `mcp` is the address that people type into their client.
pub(crate) fn app(issuer: impl Into<TrustedIssuer>, mcp: &str) -> Result<Router, Box<dyn std::error::Error>> {
    let verifier = Verifier::builder(issuer, mcp)
        .name("Files")
        .scope("files:read")
        .tool("delete_file", ["files:write"]) // asked for when the tool is called, and not before
        .build()?;

    // rmcp answers 403 to requests for another host than these, and unless told knows loopback only.
    let host = mcp.parse::<Uri>()?.host().map(str::to_owned);
    let config = StreamableHttpServerConfig::default().with_legacy_session_mode(false).with_json_response(true).with_allowed_hosts(host);
    let files = StreamableHttpService::new(|| Ok(Files), Arc::new(NeverSessionManager::default()), config);
    Ok(Router::new().nest_service("/mcp", files).layer(verifier.layer()).merge(verifier.metadata_routes()))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, app(ISSUER, MCP)?).await?;
    Ok(())
}

#[cfg(all(test, feature = "testing"))]
#[expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "in tests a panic is the report; the layer looks at the real clock")]
mod tests {
    use axum::body::Body;
    use http::{Request, StatusCode};
    use portcullis_verifier::testing::TestIssuer;
    use tower::ServiceExt as _;

    use super::*;

    /// How a call with a good token is answered that names this host.
    async fn asked_at(host: &str) -> StatusCode {
        let issuer = TestIssuer::new("https://auth.example.com");
        let mcp = "https://mcp.example.com/mcp";
        let token = issuer.token(mcp, chrono::Utc::now()).scope("files:read").sign();
        let request = Request::post("/mcp")
            .header("host", host)
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .body(Body::from(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#));
        app(issuer.trusted(), mcp).unwrap().oneshot(request.unwrap()).await.unwrap().status()
    }

    #[tokio::test]
    async fn it_answers_at_its_own_address_and_at_no_other() {
        assert_eq!(asked_at("mcp.example.com").await, StatusCode::OK);
        assert_eq!(asked_at("elsewhere.example.com").await, StatusCode::FORBIDDEN);
    }
}
