//! `GET /jwks`: the keys our tokens are checked with (RFC 7517 §5).

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};

use super::discovery::cached;
use crate::app::App;

/// Caches may keep the keys this long; a new key is published long before it signs.
const MAX_AGE: HeaderValue = HeaderValue::from_static("public, max-age=900");

/// The public keys.
pub async fn jwks(State(app): State<App>, headers: HeaderMap) -> Response {
    let document = app.keys.document();
    let mut response = cached(&headers, &document.etag, document.body);
    response.headers_mut().insert(header::CACHE_CONTROL, MAX_AGE);
    response
}
