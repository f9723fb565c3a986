//! What a client is told instead of a code (RFC 6749 §4.1.2.1).

use serde::{Deserialize, Serialize};

use super::{AuthorizationRequest, BoundRequest};
use crate::protocol::{
    error::{ErrorCode, OAuthError, Refusal},
    resource::TargetError,
    token_size::TOO_LARGE,
    vocabulary::{ClientId, RedirectUri},
};

/// Why the client gets no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum RedirectError {
    /// `code_challenge` has not the 43 characters of a SHA-256 value.
    #[error("code_challenge is malformed")]
    ChallengeMalformed,
    /// `code_challenge_method` is missing, which means `plain`, or is not `S256`.
    #[error("code_challenge_method is not S256")]
    ChallengeMethod,
    /// No `code_challenge`.
    #[error("code_challenge is missing")]
    ChallengeMissing,
    /// The client has not the authorization code grant.
    #[error("the client may not use the authorization code grant")]
    ClientMayNot,
    /// `prompt=none`, but the person has not allowed this.
    #[error("prompt=none, and there is no consent")]
    ConsentRequired,
    /// The person said no.
    #[error("the person denied the request")]
    Denied,
    /// Two readings of one request differ: a fault of ours.
    #[error("our two readings of the request differ")]
    Disagreement,
    /// `prompt=none`, but nobody is signed in, or not recently enough.
    #[error("prompt=none, and nobody is signed in")]
    LoginRequired,
    /// A known parameter is badly encoded or has control characters.
    #[error("a parameter is not form-encoded text")]
    Malformed,
    /// `max_age` is not a number.
    #[error("max_age is not a number of seconds")]
    MaxAge,
    /// The person is not on the resource's list.
    #[error("the person may not use this resource")]
    NotAdmitted,
    /// `prompt=none` with another value.
    #[error("prompt=none came with another value")]
    Prompt,
    /// A known parameter came twice.
    #[error("a parameter appears more than once")]
    Repeated,
    /// `request`.
    #[error("request objects are not used here")]
    RequestObject,
    /// `request_uri`.
    #[error("request objects by reference are not used here")]
    RequestUri,
    /// A `response_mode` other than `query`.
    #[error("response_mode is not query")]
    ResponseMode,
    /// No `response_type`.
    #[error("response_type is missing")]
    ResponseTypeMissing,
    /// A `response_type` other than `code`.
    #[error("response_type is not code")]
    ResponseType,
    /// A character outside the grammar, or too many scopes.
    #[error("scope is malformed")]
    Scope,
    /// Something broke on our side.
    #[error("something broke on our side")]
    ServerError,
    /// `state` is too long.
    #[error("state is too long")]
    State,
    /// The resource is malformed, unknown, gone, or one of several.
    #[error(transparent)]
    Target(TargetError),
    /// Something we need does not answer.
    #[error("something we need does not answer")]
    TemporarilyUnavailable,
    /// More scopes than an access token has room for.
    #[error("an access token with these scopes would be too large")]
    TokenTooLarge,
}

impl Refusal for RedirectError {
    fn answer(&self) -> OAuthError {
        match self {
            Self::ChallengeMalformed => {
                OAuthError::invalid_request("code_challenge must be the base64url SHA-256 of the verifier, 43 characters without padding")
            }
            Self::ChallengeMethod => OAuthError::invalid_request("code_challenge_method must be S256"),
            Self::ChallengeMissing => OAuthError::invalid_request("code_challenge is missing: PKCE with S256 is required of every client"),
            Self::ClientMayNot => OAuthError::UNAUTHORIZED_CLIENT,
            Self::ConsentRequired => OAuthError::new(ErrorCode::ConsentRequired, "the person has not allowed this yet, and prompt is none"),
            // OA-RI-06: the client does not learn which of the two it was.
            Self::Denied | Self::NotAdmitted => OAuthError::new(ErrorCode::AccessDenied, "the request was denied"),
            Self::Disagreement | Self::ServerError => OAuthError::SERVER_ERROR,
            Self::LoginRequired => OAuthError::new(ErrorCode::LoginRequired, "the person has to sign in, and prompt is none"),
            Self::Malformed => OAuthError::invalid_request("a parameter is not form-encoded UTF-8 text, or has control characters"),
            Self::MaxAge => OAuthError::invalid_request("max_age must be a number of seconds"),
            Self::Prompt => OAuthError::invalid_request("prompt must be none alone, or not none"),
            Self::Repeated => OAuthError::invalid_request("a parameter appears more than once"),
            Self::RequestObject => OAuthError::new(ErrorCode::RequestNotSupported, "request objects are not used here"),
            Self::RequestUri => OAuthError::new(ErrorCode::RequestUriNotSupported, "request_uri is not used here"),
            Self::ResponseMode => OAuthError::invalid_request("response_mode must be query, or absent"),
            Self::ResponseTypeMissing => OAuthError::invalid_request("response_type is missing"),
            Self::ResponseType => OAuthError::new(ErrorCode::UnsupportedResponseType, "response_type must be code"),
            Self::Scope => OAuthError::new(ErrorCode::InvalidScope, "scope has a character that no scope may have, or is too long"),
            Self::State => OAuthError::invalid_request("state is longer than 4096 bytes"),
            Self::Target(error) => error.answer(),
            Self::TemporarilyUnavailable => OAuthError::TEMPORARILY_UNAVAILABLE,
            Self::TokenTooLarge => TOO_LARGE,
        }
    }
}

/// An error redirect, often one that waits for the person to sign in (OA-AZ-23).
///
/// Only a bound request can be refused this way; where it goes is the client's own
/// address. The one other way to get one is to read it back from the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Record", into = "Record")]
pub struct RefusedRequest {
    /// Who asked.
    pub client_id: ClientId,
    /// Where the error goes.
    pub redirect_uri: RedirectUri,
    /// The client's `state`, unless it was itself the mistake.
    pub state: Option<String>,
    /// Why.
    pub reason: RedirectError,
    /// What the client is told.
    pub error: OAuthError,
    silent: bool,
}

impl RefusedRequest {
    /// Whether the client asked for no pages (`prompt=none`): then nothing is waited for.
    pub fn is_silent(&self) -> bool {
        self.silent
    }

    /// The same answer with another reason.
    #[must_use]
    pub fn because(self, reason: RedirectError) -> Self {
        Self { reason, error: reason.answer(), ..self }
    }
}

impl BoundRequest {
    /// Refuses the request.
    pub fn refused(&self, reason: RedirectError) -> RefusedRequest {
        RefusedRequest {
            client_id: self.client_id.clone(),
            redirect_uri: self.redirect_uri.clone(),
            state: self.state.clone(),
            reason,
            error: reason.answer(),
            silent: self.parameters.get("prompt").is_some_and(|prompt| prompt.split(' ').any(|value| value == "none")),
        }
    }
}

impl AuthorizationRequest {
    /// Refuses the request.
    pub fn refused(&self, reason: RedirectError) -> RefusedRequest {
        RefusedRequest {
            client_id: self.client_id.clone(),
            redirect_uri: self.redirect_uri.clone(),
            state: self.state.clone(),
            reason,
            error: reason.answer(),
            silent: self.prompt.none,
        }
    }
}

/// What is stored: the answer follows from the reason.
#[derive(Serialize, Deserialize)]
struct Record {
    client_id: ClientId,
    redirect_uri: RedirectUri,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    reason: RedirectError,
    #[serde(default)]
    silent: bool,
}

impl From<Record> for RefusedRequest {
    fn from(record: Record) -> Self {
        let Record { client_id, redirect_uri, state, reason, silent } = record;
        Self { client_id, redirect_uri, state, reason, error: reason.answer(), silent }
    }
}

impl From<RefusedRequest> for Record {
    fn from(refused: RefusedRequest) -> Self {
        let RefusedRequest { client_id, redirect_uri, state, reason, silent, error: _ } = refused;
        Self { client_id, redirect_uri, state, reason, silent }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::authorize::sample;

    // OA-AZ-23: it waits in the store
    #[test]
    fn a_refusal_is_stored_and_read_back() {
        for reason in [RedirectError::ResponseType, RedirectError::Target(TargetError::Several)] {
            let refused = sample::request("state=s&prompt=none").refused(reason);
            let text = serde_json::to_string(&refused).unwrap();
            assert!(!text.contains("description"), "{text}");
            assert_eq!(serde_json::from_str::<RefusedRequest>(&text).unwrap(), refused);
            assert!(refused.is_silent());
        }
    }

    // OA-RI-06
    #[test]
    fn not_being_admitted_looks_like_a_denial() {
        assert_eq!(RedirectError::NotAdmitted.answer(), RedirectError::Denied.answer());
    }
}
