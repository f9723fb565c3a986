//! All a client may be told when the answer is no (RFC 6749 §4.1.2.1, §5.2).
//!
//! This is the only list of wire codes. A description is `'static` on purpose:
//! nothing out of a request, a row or a library can be printed into it.

use std::fmt;

use serde::{Serialize, Serializer};

macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident = $wire:literal;)*) => {
        /// A code as it goes over the wire.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ErrorCode {
            $($(#[$doc])* $variant,)*
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The wire spelling.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $wire,)*
                }
            }
        }
    };
}

error_codes! {
    /// The person, or a rule about the person, said no (RFC 6749 §4.1.2.1).
    AccessDenied = "access_denied";
    /// `prompt=none`, but an account must be chosen (`OpenID` Connect Core §3.1.2.6).
    AccountSelectionRequired = "account_selection_required";
    /// `prompt=none`, but there is no consent yet (`OpenID` Connect Core §3.1.2.6).
    ConsentRequired = "consent_required";
    /// `prompt=none`, but some page must be shown (`OpenID` Connect Core §3.1.2.6).
    InteractionRequired = "interaction_required";
    /// The client is unknown or did not prove who it is (RFC 6749 §5.2).
    InvalidClient = "invalid_client";
    /// A member of the client's metadata has no acceptable value (RFC 7591 §3.2.2).
    InvalidClientMetadata = "invalid_client_metadata";
    /// The code or refresh token is not valid, whatever the reason (RFC 6749 §5.2).
    InvalidGrant = "invalid_grant";
    /// A redirect URI cannot be registered (RFC 7591 §3.2.2).
    InvalidRedirectUri = "invalid_redirect_uri";
    /// The request is malformed (RFC 6749 §5.2).
    InvalidRequest = "invalid_request";
    /// The scope is malformed, unknown or more than was granted (RFC 6749 §5.2).
    InvalidScope = "invalid_scope";
    /// There is no such protected resource here (RFC 8707 §2).
    InvalidTarget = "invalid_target";
    /// The bearer token presented to us is not valid (RFC 6750 §3.1).
    InvalidToken = "invalid_token";
    /// `prompt=none`, but nobody is signed in (`OpenID` Connect Core §3.1.2.6).
    LoginRequired = "login_required";
    /// There is nothing at this address.
    NotFound = "not_found";
    /// Request objects are not used here (`OpenID` Connect Core §3.1.2.6).
    RequestNotSupported = "request_not_supported";
    /// Request objects by reference are not used here (`OpenID` Connect Core §3.1.2.6).
    RequestUriNotSupported = "request_uri_not_supported";
    /// We broke (RFC 6749 §4.1.2.1).
    ServerError = "server_error";
    /// Come back later (RFC 6749 §4.1.2.1).
    TemporarilyUnavailable = "temporarily_unavailable";
    /// The client may not use this grant (RFC 6749 §5.2).
    UnauthorizedClient = "unauthorized_client";
    /// This person cannot sign in as strongly as asked (RFC 9470 §5).
    UnmetAuthenticationRequirements = "unmet_authentication_requirements";
    /// There is no such grant here (RFC 6749 §5.2).
    UnsupportedGrantType = "unsupported_grant_type";
    /// There is no such response type here (RFC 6749 §4.1.2.1).
    UnsupportedResponseType = "unsupported_response_type";
    /// This kind of token cannot be revoked here (RFC 7009 §2.2.1).
    UnsupportedTokenType = "unsupported_token_type";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// An answer a client may see. Serialised, it is the body of RFC 6749 §5.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct OAuthError {
    /// What a program acts on.
    #[serde(rename = "error")]
    pub code: ErrorCode,
    /// What a developer reads: printable ASCII without `"` and `\`, at most 200
    /// characters.
    #[serde(rename = "error_description")]
    pub description: &'static str,
}

impl OAuthError {
    /// The one answer to every client that did not prove who it is.
    pub const INVALID_CLIENT: Self = Self::new(ErrorCode::InvalidClient, "the client is unknown or its authentication failed");
    /// The one answer to every code and refresh token that cannot be used.
    pub const INVALID_GRANT: Self = Self::new(ErrorCode::InvalidGrant, "the code or refresh token is not valid");
    /// Nothing is at this address.
    pub const NOT_FOUND: Self = Self::new(ErrorCode::NotFound, "there is nothing at this address");
    /// Something broke on our side, and we say no more.
    pub const SERVER_ERROR: Self = Self::new(ErrorCode::ServerError, "the server could not complete the request");
    /// The server, or something it needs, cannot answer at this moment.
    pub const TEMPORARILY_UNAVAILABLE: Self = Self::new(ErrorCode::TemporarilyUnavailable, "the server cannot answer now, try again later");
    /// The client may not use the grant it asked for.
    pub const UNAUTHORIZED_CLIENT: Self = Self::new(ErrorCode::UnauthorizedClient, "the client may not use this grant");

    /// An answer with a fixed text.
    ///
    /// A text outside the alphabet of RFC 6749 §5.2, or over 200 characters, does
    /// not compile as a constant:
    ///
    /// ```compile_fail
    /// use portcullis::protocol::error::{ErrorCode, OAuthError};
    /// const QUOTED: OAuthError = OAuthError::new(ErrorCode::InvalidRequest, "\"state\" is too long");
    /// ```
    pub const fn new(code: ErrorCode, description: &'static str) -> Self {
        assert!(is_description(description), "a description is printable ASCII without quote and backslash, 1 to 200 characters");
        Self { code, description }
    }

    /// `invalid_request` with its reason.
    pub const fn invalid_request(description: &'static str) -> Self {
        Self::new(ErrorCode::InvalidRequest, description)
    }
}

impl fmt::Display for OAuthError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code, self.description)
    }
}

/// A precise reason, for logs and tests, and the vague answer that goes with it.
pub trait Refusal: std::error::Error {
    /// What the client is told.
    fn answer(&self) -> OAuthError;
}

/// OA-AZ-14: the alphabet of RFC 6749 §5.2, at most 200 characters.
const fn is_description(text: &str) -> bool {
    let mut rest = text.as_bytes();
    if rest.is_empty() || rest.len() > 200 {
        return false;
    }
    while let [byte, tail @ ..] = rest {
        if !matches!(byte, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E) {
            return false;
        }
        rest = tail;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    // OA-AZ-14, OA-TK-11
    #[test]
    fn a_description_has_only_the_characters_of_the_grammar() {
        assert!(is_description("the `state` is longer than 4096 bytes"));
        for bad in ["", "a \"b\"", "a\\b", "é", "a\nb", "\u{7f}"] {
            assert!(!is_description(bad), "{bad:?}");
        }
        assert!(is_description(&"a".repeat(200)));
        assert!(!is_description(&"a".repeat(201)));
    }

    #[test]
    fn wire_codes_are_lower_case_words_and_each_is_used_once() {
        let mut seen = std::collections::BTreeSet::new();
        for code in ErrorCode::ALL {
            assert!(code.as_str().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{code}");
            assert!(seen.insert(code.as_str()), "{code}");
        }
    }

    // OA-TK-11: RFC 6749 §5.2
    #[test]
    fn an_answer_is_serialised_as_the_body_of_the_rfc() {
        assert_eq!(
            serde_json::to_value(OAuthError::INVALID_GRANT).unwrap(),
            serde_json::json!({ "error": "invalid_grant", "error_description": "the code or refresh token is not valid" })
        );
    }
}
