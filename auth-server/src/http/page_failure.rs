//! How a request of a person ends badly: a page in plain words, and nothing of what
//! was sent (OA-SE-11).

use std::{borrow::Cow, fmt::Display, time::Duration};

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    ApiFailure,
    csrf::FormError,
    page::{self, Trouble},
};
use crate::{
    events::{Event, Step},
    protocol::{
        authorize::{PageError, RedirectError},
        error::{ErrorCode, OAuthError, Refusal as _},
    },
    store,
};

/// A refusal, or our own fault, at a page.
#[derive(Debug)]
pub struct PageFailure {
    status: StatusCode,
    step: Step,
    title: &'static str,
    what: Cow<'static, str>,
    advice: &'static str,
    reason: String,
    client_id: Option<String>,
    retry_after: Option<Duration>,
    allow: Option<&'static str>,
    /// One of our pages, where it goes on.
    way_on: Option<String>,
    /// What a program that does not read pages is told instead.
    code: ErrorCode,
}

const START_AGAIN: &str = "Go back to the app you came from and connect again.";

impl PageFailure {
    /// Refuses in words for a person.
    pub fn refused(
        status: StatusCode,
        step: Step,
        title: &'static str,
        what: impl Into<Cow<'static, str>>,
        advice: &'static str,
        reason: impl Display,
    ) -> Self {
        let reason = reason.to_string();
        Self {
            status,
            step,
            title,
            what: what.into(),
            advice,
            reason,
            client_id: None,
            retry_after: None,
            allow: None,
            way_on: None,
            code: ErrorCode::InvalidRequest,
        }
    }

    /// The authorization request can't be followed, and there is nowhere to go.
    pub fn bad_request(what: impl Into<Cow<'static, str>>, reason: impl Display) -> Self {
        let advice = "Connect again in the app; if that does not help, its maker has to change it.";
        Self::refused(StatusCode::BAD_REQUEST, Step::AuthorizeRefused, "This link does not work", what, advice, reason)
    }

    /// The authorization request names nobody who could be told.
    pub fn nobody_to_tell(error: PageError, client_id: &str) -> Self {
        let mut failure = Self::bad_request(error.for_people(), error).with_code(error.answer().code).for_client(client_id);
        failure.advice = error.advice();
        failure
    }

    /// A request that is over, or belongs to another browser.
    pub fn gone() -> Self {
        let what = "It has expired, was answered already, or was opened in another browser.";
        Self::refused(StatusCode::BAD_REQUEST, Step::AuthorizeRefused, "This request is over", what, START_AGAIN, "no such pending request")
    }

    /// A request that has its answer.
    pub fn answered() -> Self {
        let what = "You have already answered this request.";
        Self::refused(
            StatusCode::BAD_REQUEST,
            Step::AuthorizeRefused,
            "Already answered",
            what,
            START_AGAIN,
            "the request was answered before",
        )
    }

    /// A request that has its answer, but whose browser was not sent back yet: it was
    /// interrupted, perhaps by a second click.
    pub fn decided(way_on: String) -> Self {
        let mut failure = Self::answered();
        failure.advice = "Continue to the app.";
        failure.way_on = Some(way_on);
        failure
    }

    /// A form of somebody who is no longer signed in.
    pub fn signed_out() -> Self {
        let (what, advice) = ("Nothing was changed, since you are not signed in any more.", "Sign in, then do it again.");
        Self::refused(StatusCode::FORBIDDEN, Step::FormRefused, "You are signed out", what, advice, "no session")
    }

    /// Nothing is there.
    pub fn not_found() -> Self {
        let (what, advice) = ("There is no page at this address.", "Check the address.");
        Self::refused(StatusCode::NOT_FOUND, Step::Refused, "Nothing here", what, advice, "no such path")
    }

    /// The method is not one of `allow`.
    pub fn method_not_allowed(allow: &'static str) -> Self {
        let (what, advice) = ("This address can not be used in this way.", "Go back, and follow the page from its beginning.");
        let mut failure = Self::refused(StatusCode::METHOD_NOT_ALLOWED, Step::Refused, "This does not work", what, advice, "wrong method");
        failure.allow = Some(allow);
        failure
    }

    /// Too much at once.
    pub fn too_many(retry_after: Duration) -> Self {
        let (what, advice) = ("Too many attempts came from here.", "Wait a little, then try again.");
        let mut failure = Self::refused(StatusCode::TOO_MANY_REQUESTS, Step::LimitHit, "One moment", what, advice, "a limit was reached");
        failure.retry_after = Some(retry_after);
        failure.code = ErrorCode::TemporarilyUnavailable;
        failure
    }

    /// More requests than are worked on at once.
    pub fn busy() -> Self {
        let (what, advice) = ("More is asked of this server at the moment than it can do.", "Wait a little, then try again.");
        let mut failure = Self::refused(StatusCode::SERVICE_UNAVAILABLE, Step::LimitHit, "One moment", what, advice, "too many at once");
        failure.retry_after = Some(Duration::from_secs(1));
        failure.code = ErrorCode::TemporarilyUnavailable;
        failure
    }

    /// No answer in time.
    pub fn overdue(reason: &str) -> Self {
        let (what, advice) = ("The server did not get to an answer in time.", "Wait a little, then try again.");
        let mut failure = Self::refused(StatusCode::SERVICE_UNAVAILABLE, Step::Broken, "One moment", what, advice, reason);
        failure.retry_after = Some(Duration::from_secs(2));
        failure.code = ErrorCode::TemporarilyUnavailable;
        failure
    }

    /// Another status.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// What a program is told.
    #[must_use]
    pub fn with_code(mut self, code: ErrorCode) -> Self {
        self.code = code;
        self
    }

    /// Names the client in the log.
    #[must_use]
    pub fn for_client(mut self, id: &str) -> Self {
        self.client_id = Some(id.chars().take(200).collect());
        self
    }

    /// What the client is told if we, and not the request, are at fault (OA-AZ-19).
    pub fn fault(&self) -> Option<RedirectError> {
        (self.step == Step::Broken).then_some(if self.status == StatusCode::SERVICE_UNAVAILABLE {
            RedirectError::TemporarilyUnavailable
        } else {
            RedirectError::ServerError
        })
    }

    /// Writes the event down.
    pub fn record(&self) {
        let mut event = Event::of(self.step).because(&self.reason);
        if let Some(client_id) = &self.client_id {
            event = event.client(client_id);
        }
        event.record();
    }

    /// As a page or, for a program that accepts JSON and no pages, as JSON (OA-AZ-02).
    pub fn for_reader(self, headers: &HeaderMap) -> Response {
        if !wants_json(headers) {
            return self.into_response();
        }
        let mut failure =
            ApiFailure::refused(self.step, OAuthError::new(self.code, self.what_for_programs()), &self.reason).with_status(self.status);
        if let Some(client_id) = &self.client_id {
            failure = failure.for_client(client_id);
        }
        if let Some(after) = self.retry_after {
            failure = failure.with_retry_after(after);
        }
        failure.into_response()
    }

    fn what_for_programs(&self) -> &'static str {
        match &self.what {
            Cow::Owned(_) => "what the client says of itself can not be used",
            Cow::Borrowed(_) if self.code == ErrorCode::InvalidClient => "the client is not known to this server; register again",
            Cow::Borrowed(what) => what,
        }
    }
}

fn wants_json(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    accept.contains("application/json") && !accept.contains("text/html")
}

/// We broke.
impl From<anyhow::Error> for PageFailure {
    fn from(error: anyhow::Error) -> Self {
        let reason = format!("{error:#}");
        let advice = "Try again in a moment. If it happens again, tell whoever runs this server, with the code below.";
        if store::is_away(&error) {
            let what = "This server can not reach its database at the moment.";
            let mut failure = Self::refused(StatusCode::SERVICE_UNAVAILABLE, Step::Broken, "One moment", what, advice, reason);
            failure.retry_after = Some(Duration::from_secs(2));
            failure.code = ErrorCode::TemporarilyUnavailable;
            return failure;
        }
        let what = "A fault of this server stopped what you were doing.";
        Self::refused(StatusCode::INTERNAL_SERVER_ERROR, Step::Broken, "This did not work", what, advice, reason)
            .with_code(ErrorCode::ServerError)
    }
}

/// A form that did not come from our own page.
impl From<FormError> for PageFailure {
    fn from(error: FormError) -> Self {
        let what = "The form did not come from the page it belongs to. Nothing was changed.";
        let advice = "Go back, load the page again and send the form once more.";
        Self::refused(StatusCode::FORBIDDEN, Step::FormRefused, "This form was not accepted", what, advice, error)
    }
}

impl IntoResponse for PageFailure {
    fn into_response(self) -> Response {
        self.record();
        let mut response =
            page::trouble(self.status, Trouble { title: self.title, what: self.what, advice: self.advice, way_on: self.way_on });
        let headers = response.headers_mut();
        if let Some(after) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
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

    // OA-AZ-19
    #[test]
    fn a_client_hears_whose_fault_it_was_only_where_it_was_ours() {
        let away = anyhow::Error::new(sqlx::Error::PoolTimedOut).context("reading");
        assert_eq!(PageFailure::from(away).fault(), Some(RedirectError::TemporarilyUnavailable));
        assert_eq!(PageFailure::from(anyhow::anyhow!("a fault")).fault(), Some(RedirectError::ServerError));
        assert_eq!(PageFailure::from(FormError::CrossSite).fault(), None);
    }
}
