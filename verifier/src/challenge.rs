//! What a caller hears: a status, and a challenge that tells a client what to do next
//! (RFC 6750 §3, RFC 9728 §5.1, RFC 9470 §3).

use std::fmt::Write as _;

use chrono::TimeDelta;
use http::{HeaderValue, StatusCode};

use crate::{refusal::Refusal, vocabulary::Scope};

/// The answer to a request that is not let in. It tells a client what to do, and an
/// attacker nothing: whatever is wrong with a token, the answer is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    status: StatusCode,
    error: Option<ErrorCode>,
    www_authenticate: Option<HeaderValue>,
}

/// The codes of a challenge, and the one of an answer without challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ErrorCode {
    InsufficientScope,
    InsufficientUserAuthentication,
    InvalidRequest,
    InvalidToken,
    TemporarilyUnavailable,
}

/// When to come back after a 503.
const RETRY_AFTER_SECONDS: u32 = 5;

impl Challenge {
    /// `metadata_url` and `scope` are part of most challenges.
    pub(crate) fn of(refusal: &Refusal, metadata_url: &str, scope: &Scope) -> Self {
        let header = |parameters: Parameters<'_>| Some(parameters.header(metadata_url));
        match refusal {
            Refusal::NoCredential => {
                let www_authenticate = header(Parameters { scope: Some(scope), ..Parameters::default() });
                Self { status: StatusCode::UNAUTHORIZED, error: None, www_authenticate }
            }
            Refusal::Malformed(_) => {
                let error = ErrorCode::InvalidRequest;
                Self::coded(StatusCode::BAD_REQUEST, error, header(Parameters::of(error)))
            }
            Refusal::Token(rejection) if rejection.is_our_fault() => {
                Self::coded(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::TemporarilyUnavailable, None)
            }
            Refusal::Token(_) => {
                let error = ErrorCode::InvalidToken;
                Self::coded(StatusCode::UNAUTHORIZED, error, header(Parameters { scope: Some(scope), ..Parameters::of(error) }))
            }
            Refusal::TooNarrow { needed, .. } => {
                let error = ErrorCode::InsufficientScope;
                Self::coded(StatusCode::FORBIDDEN, error, header(Parameters { scope: Some(needed), ..Parameters::of(error) }))
            }
            Refusal::SignInTooOld { max_age, .. } => {
                let error = ErrorCode::InsufficientUserAuthentication;
                Self::coded(StatusCode::UNAUTHORIZED, error, header(Parameters { max_age: Some(*max_age), ..Parameters::of(error) }))
            }
        }
    }

    fn coded(status: StatusCode, error: ErrorCode, www_authenticate: Option<HeaderValue>) -> Self {
        Self { status, error: Some(error), www_authenticate }
    }

    /// 400, 401, 403 or 503.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The value of `WWW-Authenticate`.
    pub fn www_authenticate(&self) -> Option<&HeaderValue> {
        self.www_authenticate.as_ref()
    }

    /// The value of `Retry-After`, in seconds.
    pub fn retry_after(&self) -> Option<u32> {
        (self.status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER_SECONDS)
    }

    /// The code, such as `invalid_token`; there is none where no token was sent.
    pub fn error(&self) -> Option<&'static str> {
        self.error.map(ErrorCode::as_str)
    }

    /// The same as a sentence.
    pub fn error_description(&self) -> Option<&'static str> {
        self.error.map(ErrorCode::description)
    }

    /// The body, JSON. Empty where there is nothing to say.
    pub fn body(&self) -> String {
        self.error
            .map_or_else(String::new, |error| format!(r#"{{"error":"{}","error_description":"{}"}}"#, error.as_str(), error.description()))
    }
}

impl ErrorCode {
    fn as_str(self) -> &'static str {
        match self {
            Self::InsufficientScope => "insufficient_scope",
            Self::InsufficientUserAuthentication => "insufficient_user_authentication",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidToken => "invalid_token",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
        }
    }

    /// Fixed texts, so that nothing of a request gets into a header.
    fn description(self) -> &'static str {
        match self {
            Self::InsufficientScope => "The access token does not allow this",
            Self::InsufficientUserAuthentication => "The person has to sign in again",
            Self::InvalidRequest => "Send one access token, in one Authorization header",
            Self::InvalidToken => "The access token is not valid here",
            Self::TemporarilyUnavailable => "The access token can not be checked at the moment",
        }
    }
}

/// The parameters of a challenge, in the order in which they are written.
#[derive(Default)]
struct Parameters<'a> {
    error: Option<ErrorCode>,
    max_age: Option<TimeDelta>,
    scope: Option<&'a Scope>,
}

impl Parameters<'_> {
    fn of(error: ErrorCode) -> Self {
        Self { error: Some(error), ..Self::default() }
    }

    /// Every value is a quoted string, and none can hold a quote or a backslash: codes
    /// and sentences are ours, scope tokens and addresses exclude them by their types
    /// (OA-RS-05). It begins with `Bearer`, which is all that some clients look at.
    fn header(&self, metadata_url: &str) -> HeaderValue {
        let mut text = String::from("Bearer ");
        if let Some(error) = self.error {
            let _ = write!(text, r#"error="{}", error_description="{}", "#, error.as_str(), error.description());
        }
        if let Some(max_age) = self.max_age {
            let _ = write!(text, r#"max_age="{}", "#, max_age.num_seconds());
        }
        let _ = write!(text, r#"resource_metadata="{metadata_url}""#);
        // Whether a client stays connected is between it and the issuer (MCP-RS-15).
        let scope: Scope =
            self.scope.into_iter().flat_map(Scope::iter).filter(|token| token.as_str() != "offline_access").cloned().collect();
        if !scope.is_empty() {
            let _ = write!(text, r#", scope="{scope}""#);
        }
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("Bearer"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{credential::Malformed, rejection::Rejection};

    const METADATA: &str = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp";

    fn answer(refusal: &Refusal) -> (u16, String) {
        let challenge = Challenge::of(refusal, METADATA, &Scope::parse("b a").unwrap());
        let header = challenge.www_authenticate().map(|value| value.to_str().unwrap().replace(METADATA, "<prm>"));
        (challenge.status().as_u16(), header.unwrap_or_default())
    }

    // The table of canonical challenges, OA-RS-01 to OA-RS-07, byte for byte
    #[test]
    fn challenges_are_written_in_the_one_order() {
        let narrow = Refusal::TooNarrow { needed: Scope::parse("c a b").unwrap(), granted: Scope::none() };
        let old = Refusal::SignInTooOld { max_age: TimeDelta::seconds(300), age: None };
        for (refusal, status, header) in [
            (Refusal::NoCredential, 401, r#"Bearer resource_metadata="<prm>", scope="a b""#),
            (
                Refusal::Token(Rejection::SenderBound),
                401,
                r#"Bearer error="invalid_token", error_description="The access token is not valid here", resource_metadata="<prm>", scope="a b""#,
            ),
            (
                Refusal::Malformed(Malformed::SeveralHeaders),
                400,
                r#"Bearer error="invalid_request", error_description="Send one access token, in one Authorization header", resource_metadata="<prm>""#,
            ),
            (
                narrow,
                403,
                r#"Bearer error="insufficient_scope", error_description="The access token does not allow this", resource_metadata="<prm>", scope="a b c""#,
            ),
            (
                old,
                401,
                r#"Bearer error="insufficient_user_authentication", error_description="The person has to sign in again", max_age="300", resource_metadata="<prm>""#,
            ),
            (Refusal::Token(Rejection::KeysUnavailable("https://auth.example.com".to_owned())), 503, ""),
        ] {
            assert_eq!(answer(&refusal), (status, header.to_owned()), "{refusal:?}");
        }
    }

    // OA-RS-04
    #[test]
    fn no_answer_tells_which_check_failed() {
        let first = answer(&Refusal::Token(Rejection::Signature("a".to_owned())));
        for rejection in [Rejection::Expired { ago: TimeDelta::seconds(9) }, Rejection::UnknownKey("x".to_owned()), Rejection::NotCompact] {
            assert_eq!(answer(&Refusal::Token(rejection)), first);
        }
    }

    #[test]
    fn without_scopes_there_is_no_scope_parameter() {
        let challenge = Challenge::of(&Refusal::NoCredential, METADATA, &Scope::none());
        assert_eq!(challenge.www_authenticate().unwrap().to_str().unwrap(), format!("Bearer resource_metadata=\"{METADATA}\""));
    }

    // OA-RS-05
    #[test]
    fn every_challenge_reads_back() {
        use proptest::prelude::*;
        let tokens = prop::collection::vec("[!#-\\[\\]-~]{1,12}", 0..8);
        proptest!(|(tokens in tokens, path in "[a-zA-Z0-9/._~%!$&'()*+,;=:@-]{0,40}")| {
            let scope = Scope::parse(&tokens.join(" ")).unwrap();
            let Ok(resource) = crate::vocabulary::Resource::parse(&format!("https://h.example/{path}")) else { return Ok(()) };
            let challenge = Challenge::of(&Refusal::NoCredential, &resource.metadata_url(), &scope);
            let read = read_back(challenge.www_authenticate().unwrap().to_str().unwrap());
            prop_assert_eq!(read.get("resource_metadata").cloned(), Some(resource.metadata_url()));
            prop_assert_eq!(read.get("scope").cloned().unwrap_or_default(), scope.to_string());
        });
    }

    /// RFC 9110 §11.6.1, by somebody who has not seen the code above.
    fn read_back(header: &str) -> std::collections::BTreeMap<String, String> {
        let mut rest = header.strip_prefix("Bearer ").expect("the scheme comes first");
        let mut found = std::collections::BTreeMap::new();
        loop {
            let (name, value) = rest.split_once("=\"").expect("name=\"value\"");
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            let (value, after) = value.split_once('"').expect("a closing quote");
            assert!(found.insert(name.to_owned(), value.to_owned()).is_none(), "{name} stands twice");
            let Some(more) = after.strip_prefix(", ") else {
                assert_eq!(after, "");
                return found;
            };
            rest = more;
        }
    }
}
