//! An HTTP API with axum. Its tokens come from Portcullis and are checked by signature.
//!
//! ```toml
//! [dependencies]
//! axum = "0.8"
//! portcullis-verifier = { version = "0.1", features = {{ terms.verifier_features }} }
//! tokio = { version = "1", features = ["macros", "net", "rt-multi-thread"] }
//! ```

use axum::{Router, routing::any};
use portcullis_verifier::{Authorized, BuildError, TrustedIssuer, Verifier, jwk::Algorithm};

const ISSUER: &str = {{ terms.issuer }};
/// The `aud` of the tokens.
const RESOURCE: &str = {{ terms.resource }};

pub(crate) fn app(issuer: &str, resource: &str) -> Result<Router, BuildError> {
    let issuer = TrustedIssuer::new(issuer).algorithms([Algorithm::{{ terms.rust_algorithm }}]){% if terms.issuer_has_slash %}.accept_trailing_slash(){% endif %};
    // Nobody gets in without these scopes. Clients that ask for none get them by default.
    let verifier = Verifier::builder(issuer, resource)
        .name({{ terms.name }})
{%- for need in terms.each_need %}
        .scope({{ need }})
{%- endfor %}
        .build()?;
    Ok(Router::new()
        .route({{ terms.path }}, any(whoami))
        .layer(verifier.layer())
        .merge(verifier.metadata_routes()))
}

/// Who is signed in, and by which app.
async fn whoami(caller: Authorized) -> String {
    format!("{}, by {}", caller.subject(), caller.client_id())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:{{ terms.port }}").await?;
    axum::serve(listener, app(ISSUER, RESOURCE)?).await?;
    Ok(())
}
