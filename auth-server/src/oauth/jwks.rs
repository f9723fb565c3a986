//! `GET /jwks`: the keys our tokens are checked with (RFC 7517 §5).

use axum::{extract::State, http::HeaderMap, response::Response};

use crate::app::App;

/// The public keys.
pub async fn jwks(State(app): State<App>, headers: HeaderMap) -> Response {
    app.documents.jwks().answer(&headers)
}
