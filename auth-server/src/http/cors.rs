//! Cross-origin access for the endpoints that clients in browsers call
//! (MCP-AS-190…192): any origin, never with credentials.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, OPTIONS");
const HEADERS: HeaderValue = HeaderValue::from_static("Authorization, Content-Type, Accept, MCP-Protocol-Version, DPoP");
const EXPOSED: HeaderValue = HeaderValue::from_static("WWW-Authenticate, DPoP-Nonce, Retry-After");
const A_DAY: HeaderValue = HeaderValue::from_static("86400");

/// Answers the preflight and marks every answer, errors too.
pub async fn public(request: Request, next: Next) -> Response {
    if request.method() == Method::OPTIONS {
        return preflight();
    }
    let mut response = next.run(request).await;
    mark(response.headers_mut());
    response
}

/// What a browser asks for before a script's request.
pub fn preflight() -> Response {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, A_DAY),
    ];
    let mut response = (StatusCode::NO_CONTENT, headers).into_response();
    mark(response.headers_mut());
    response
}

/// Lets scripts of any origin read an answer.
pub fn mark(headers: &mut HeaderMap) {
    let marks: [(HeaderName, HeaderValue); 2] =
        [(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")), (header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED)];
    headers.extend(marks);
}
