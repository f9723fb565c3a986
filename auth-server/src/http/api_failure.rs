//! How a request of a program ends badly: JSON, vague outside, precise in the log.

use std::{fmt::Display, time::Duration};

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{
    events::{Event, Step},
    protocol::error::{ErrorCode, OAuthError, Refusal},
    store,
};

/// A refusal, or our own fault, at an endpoint for programs (RFC 6749 §5.2).
#[derive(Debug)]
pub struct ApiFailure {
    status: StatusCode,
    answer: OAuthError,
    step: Step,
    reason: String,
    client_id: Option<String>,
    retry_after: Option<Duration>,
    challenge: Option<HeaderValue>,
    allow: Option<&'static str>,
}

impl ApiFailure {
    /// Refuses with the status that belongs to the code.
    pub fn refused(step: Step, answer: OAuthError, reason: impl Display) -> Self {
        let status = status_of(answer.code);
        Self { status, answer, step, reason: reason.to_string(), client_id: None, retry_after: None, challenge: None, allow: None }
    }

    /// Refuses as `error` says.
    pub fn of(step: Step, error: &impl Refusal) -> Self {
        Self::refused(step, error.answer(), error)
    }

    /// The method is not one of `allow` (RFC 9110 §15.5.6).
    pub fn method_not_allowed(allow: &'static str) -> Self {
        let answer = OAuthError::new(ErrorCode::InvalidRequest, "this endpoint does not know that method");
        let mut failure = Self::refused(Step::Refused, answer, "wrong method").with_status(StatusCode::METHOD_NOT_ALLOWED);
        failure.allow = Some(allow);
        failure
    }

    /// Nothing is there.
    pub fn not_found() -> Self {
        Self::refused(Step::Refused, OAuthError::new(ErrorCode::NotFound, "there is nothing at this address"), "no such path")
            .with_status(StatusCode::NOT_FOUND)
    }

    /// Too much at once; it may be tried again later.
    pub fn too_many(retry_after: Duration) -> Self {
        let answer = OAuthError::new(ErrorCode::TemporarilyUnavailable, "too many requests; try again later");
        let mut failure = Self::refused(Step::LimitHit, answer, "a limit was reached").with_status(StatusCode::TOO_MANY_REQUESTS);
        failure.retry_after = Some(retry_after);
        failure
    }

    /// Whether what the client presented is worth nothing: as a guess would be.
    pub fn is_of_a_bad_grant(&self) -> bool {
        self.answer.code == ErrorCode::InvalidGrant
    }

    /// Another status than the code's own.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Names the client in the log.
    #[must_use]
    pub fn for_client(mut self, id: &str) -> Self {
        self.client_id = Some(id.chars().take(200).collect());
        self
    }

    /// A `WWW-Authenticate` header.
    #[must_use]
    pub fn with_challenge(mut self, challenge: HeaderValue) -> Self {
        self.challenge = Some(challenge);
        self
    }

    /// When to come again.
    #[must_use]
    pub fn with_retry_after(mut self, retry_after: Duration) -> Self {
        self.retry_after = Some(retry_after);
        self
    }
}

/// RFC 6749 §5.2: 400, but for the caller's identity and our own faults.
fn status_of(code: ErrorCode) -> StatusCode {
    if code == ErrorCode::InvalidClient || code == ErrorCode::InvalidToken {
        StatusCode::UNAUTHORIZED
    } else if code == ErrorCode::ServerError {
        StatusCode::INTERNAL_SERVER_ERROR
    } else if code == ErrorCode::TemporarilyUnavailable {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::BAD_REQUEST
    }
}

/// We broke. A store that is away is told apart: the client keeps its tokens and
/// comes again (OA-TK-12, OA-RT-21).
impl From<anyhow::Error> for ApiFailure {
    fn from(error: anyhow::Error) -> Self {
        let reason = format!("{error:#}");
        if store::is_away(&error) {
            let answer = OAuthError::new(ErrorCode::TemporarilyUnavailable, "the server can not reach its store; try again");
            return Self::refused(Step::Broken, answer, reason).with_retry_after(Duration::from_secs(2));
        }
        Self::refused(Step::Broken, OAuthError::new(ErrorCode::ServerError, "the server failed"), reason)
    }
}

impl IntoResponse for ApiFailure {
    fn into_response(self) -> Response {
        let mut event = Event::of(self.step).because(&self.reason);
        if let Some(client_id) = &self.client_id {
            event = event.client(client_id);
        }
        event.record();
        let body = json!({ "error": self.answer.code.as_str(), "error_description": self.answer.description });
        let mut response = (self.status, [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(body)).into_response();
        let headers = response.headers_mut();
        if let Some(after) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
        }
        if let Some(challenge) = self.challenge {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(allow) = self.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // OA-TK-11, OA-HT-13: nothing of what broke leaves
    #[tokio::test]
    async fn what_broke_stays_inside() {
        let error = anyhow::anyhow!("SELECT secret FROM users").context("/var/lib/portcullis");
        let response = ApiFailure::from(error).into_response();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = axum::body::to_bytes(response.into_body(), 1 << 16).await.unwrap();
        assert_eq!(&body[..], br#"{"error":"server_error","error_description":"the server failed"}"#);
    }

    // OA-TK-12
    #[test]
    fn a_store_that_is_away_is_a_reason_to_come_again() {
        let response = ApiFailure::from(anyhow::Error::new(sqlx::Error::PoolTimedOut).context("reading a client")).into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.headers().contains_key(header::RETRY_AFTER));
    }
}
