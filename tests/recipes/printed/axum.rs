//! An HTTP API with axum. Its tokens come from Portcullis and are checked by signature.
//!
//! ```toml
//! [dependencies]
//! axum = "0.8"
//! portcullis-verifier = { version = "0.1", features = ["axum", "fetch"] }
//! tokio = { version = "1", features = ["macros", "net", "rt-multi-thread"] }
//! ```

use axum::{Router, routing::any};
use portcullis_verifier::{Authorized, BuildError, TrustedIssuer, Verifier, jwk::Algorithm};

const ISSUER: &str = "http://127.0.0.1:8080";
/// The `aud` of the tokens.
const RESOURCE: &str = "http://127.0.0.1:3000/mcp";

pub(crate) fn app(issuer: &str, resource: &str) -> Result<Router, BuildError> {
    let issuer = TrustedIssuer::new(issuer).algorithms([Algorithm::Es256]);
    // Nobody gets in without these scopes. Clients that ask for none get them by default.
    let verifier = Verifier::builder(issuer, resource)
        .name("Files")
        .scope("files:read")
        .build()?;
    Ok(Router::new()
        .route("/mcp", any(whoami))
        .layer(verifier.layer())
        .merge(verifier.metadata_routes()))
}

/// Who is signed in, and by which app.
async fn whoami(caller: Authorized) -> String {
    format!("{}, by {}", caller.subject(), caller.client_id())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, app(ISSUER, RESOURCE)?).await?;
    Ok(())
}
