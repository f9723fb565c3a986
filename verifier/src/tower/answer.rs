//! Answers that the layer gives itself. None of them is ever stored (RFC 6750 §5.3).

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use http_body_util::Full;

use crate::Challenge;

/// A challenge as a response.
pub(crate) fn challenge(challenge: &Challenge) -> Response<Full<Bytes>> {
    let mut response = json(challenge.status(), challenge.body());
    if let Some(value) = challenge.www_authenticate() {
        response.headers_mut().insert(WWW_AUTHENTICATE, value.clone());
    }
    if let Some(seconds) = challenge.retry_after() {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

/// The body is no JSON-RPC that can be read in one way only.
pub(super) fn unreadable() -> Response<Full<Bytes>> {
    let body = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}"#;
    json(StatusCode::BAD_REQUEST, body.to_owned())
}

/// The body is larger than what is read of it.
pub(super) fn too_large() -> Response<Full<Bytes>> {
    let body = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"The request is too large"}}"#;
    json(StatusCode::PAYLOAD_TOO_LARGE, body.to_owned())
}

fn json(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let is_empty = body.is_empty();
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if !is_empty {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    response
}
