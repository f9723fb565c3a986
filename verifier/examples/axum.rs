//! A small API behind the verifier, with axum.
//!
//! Start an issuer, make the resource known to it, and run this beside it:
//!
//! ```sh
//! portcullis serve
//! portcullis resource add http://127.0.0.1:3000/notes --name "Notes" \
//!     --scope notes:read="Read your notes" --scope notes:write="Change your notes"
//! cargo run -p portcullis-verifier --example axum --features axum,fetch
//! curl -i http://127.0.0.1:3000/notes     # 401, and where to get a token
//! ```

use axum::{Router, routing::get};
use portcullis_verifier::{Authorized, BuildError, Challenge, TrustedIssuer, Verifier};

const ISSUER: &str = "http://127.0.0.1:8080";
const NOTES: &str = "http://127.0.0.1:3000/notes";

/// The API, protected. `notes` is the address that clients use.
pub(crate) fn app(issuer: impl Into<TrustedIssuer>, notes: &str) -> Result<Router, BuildError> {
    let verifier = Verifier::builder(issuer, notes).name("Notes").scope("notes:read").scope_implies("notes:write", "notes:read").build()?;

    Ok(Router::new()
        .route("/notes", get(read).post(write))
        .layer(verifier.layer())
        .merge(verifier.metadata_routes())
        .route("/health", get(async || "well")))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, app(ISSUER, NOTES)?).await?;
    Ok(())
}

/// What the layer asks for is enough here.
async fn read(caller: Authorized) -> String {
    format!("The notes of {}, read by {}", caller.subject(), caller.client_id())
}

/// Here it is not: a client that may only read is told what else to ask for.
async fn write(caller: Authorized) -> Result<&'static str, Challenge> {
    caller.require("notes:write")?;
    Ok("Written down")
}
