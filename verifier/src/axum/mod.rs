//! For servers made with axum: [`Authorized`] as an extractor, challenges as responses,
//! and the routes of the metadata.

#[cfg(feature = "fetch")]
mod legacy;

use axum::{
    Router,
    body::Body,
    extract::{FromRequestParts, OptionalFromRequestParts},
    response::{IntoResponse, Response},
    routing::get,
};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE},
    request::Parts,
};

use crate::{
    Challenge, Verifier,
    metadata::ROOT,
    tower::{Authorized, answer_of, expose, preflight},
};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

impl Verifier {
    /// The routes at which clients find out who guards this server (RFC 9728 §3.1).
    /// Merge them into the application outside of the layer: they are public.
    ///
    /// Unless the server [shares its origin](crate::Builder::shares_origin), they answer
    /// for all of `/.well-known/oauth-protected-resource`, other paths with a 404.
    pub fn metadata_routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let metadata = self.metadata();
        let mut router = Router::new().without_v07_checks();
        for path in metadata.paths() {
            let json = metadata.json().to_owned();
            let read = move || std::future::ready(document(json.clone(), "public, max-age=3600"));
            router = router.route(path, get(read).fallback(other_method));
        }
        if metadata.is_alone() {
            router = router.route(&format!("{ROOT}/{{*other}}"), axum::routing::any(not_found));
        }
        router
    }
}

fn document(json: impl Into<Body>, kept: &'static str) -> Response {
    let headers = [(CONTENT_TYPE, JSON), (CACHE_CONTROL, HeaderValue::from_static(kept))];
    exposed((headers, json.into()).into_response())
}

/// A preflight comes before every read by a script that names its protocol version.
async fn other_method(method: Method, headers: HeaderMap) -> Response {
    match preflight(&method, &headers) {
        Some(answer) => answer.map(Body::new),
        None if method == Method::OPTIONS => {
            exposed((StatusCode::NO_CONTENT, [(ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS"))]).into_response())
        }
        None => {
            let mut response =
                error(StatusCode::METHOD_NOT_ALLOWED, r#"{"error":"invalid_request","error_description":"read this with GET"}"#);
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS"));
            response
        }
    }
}

const NOTHING_HERE: &str = r#"{"error":"not_found","error_description":"there is nothing at this address"}"#;

async fn not_found() -> Response {
    error(StatusCode::NOT_FOUND, NOTHING_HERE)
}

fn error(status: StatusCode, body: &'static str) -> Response {
    exposed(unexposed_error(status, body))
}

fn unexposed_error(status: StatusCode, body: &'static str) -> Response {
    let headers = [(CONTENT_TYPE, JSON), (CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (status, headers, body).into_response()
}

fn exposed(mut response: Response) -> Response {
    expose(response.headers_mut());
    response
}

/// Who is calling. Only behind the [layer](Verifier::layer): without it there is nobody,
/// and the answer is 500, since no request should get that far.
impl<S: Sync> FromRequestParts<S> for Authorized {
    type Rejection = NoLayer;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, NoLayer> {
        parts.extensions.get::<Self>().cloned().ok_or(NoLayer)
    }
}

/// For handlers that are reached both ways, with the layer and without.
impl<S: Sync> OptionalFromRequestParts<S> for Authorized {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Self::Rejection> {
        Ok(parts.extensions.get::<Self>().cloned())
    }
}

/// A handler asks who is calling, and no layer is there to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the route is not behind Verifier::layer()")]
pub struct NoLayer;

impl IntoResponse for NoLayer {
    fn into_response(self) -> Response {
        tracing::error!(reason = %self, "a handler asked who is calling");
        error(StatusCode::INTERNAL_SERVER_ERROR, r#"{"error":"server_error","error_description":"the server failed"}"#)
    }
}

impl IntoResponse for Challenge {
    fn into_response(self) -> Response {
        answer_of(&self).map(Body::new)
    }
}
