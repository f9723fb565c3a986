//! What goes when one token goes (RFC 7009), and how a presented token is read at
//! the revocation and introspection endpoints.

use chrono::{DateTime, Utc};

use super::{
    error::{ErrorCode, OAuthError, Refusal},
    introspection::TokenClaims,
    parameters::Parameters,
    vocabulary::{ClientId, FamilyId},
};

/// The longest JWT that is looked at, in bytes.
const LONGEST_JWT: usize = 16 * 1024;

/// The token somebody presents, told apart by its form alone. A `token_type_hint`
/// is only a hint (RFC 7009 §2.1), and the forms need none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PresentedToken<'a> {
    /// Three parts of base64url: an access token, if our signature is on it.
    Jwt(&'a str),
    /// One word: a refresh token, if it is one of ours.
    Opaque(&'a str),
    /// Nothing this server could have issued.
    Unknown,
}

/// A request without exactly one token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRequestError {
    /// No `token`.
    #[error("the request has no token")]
    Missing,
    /// `token`, or another parameter, more than once.
    #[error("the request has a parameter more than once")]
    Repeated,
}

impl Refusal for TokenRequestError {
    fn answer(&self) -> OAuthError {
        OAuthError::invalid_request(match self {
            Self::Missing => "token is missing",
            Self::Repeated => "a parameter appears more than once",
        })
    }
}

impl<'a> PresentedToken<'a> {
    /// Reads the form of a revocation or introspection request. This comes before
    /// client authentication in the order of checks.
    pub fn read(form: &'a Parameters) -> Result<Self, TokenRequestError> {
        if form.first_repeated().is_some() {
            return Err(TokenRequestError::Repeated);
        }
        form.get("token").map(Self::of).ok_or(TokenRequestError::Missing)
    }

    fn of(token: &'a str) -> Self {
        let is_word =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        let parts = token.split('.').take(4).filter(|part| is_word(part)).count();
        match (token.len() <= LONGEST_JWT, parts, token.matches('.').take(3).count()) {
            (true, 3, 2) => Self::Jwt(token),
            (true, 1, 0) => Self::Opaque(token),
            _ => Self::Unknown,
        }
    }
}

/// The form, never the token.
impl std::fmt::Debug for PresentedToken<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Jwt(_) => "Jwt(…)",
            Self::Opaque(_) => "Opaque(…)",
            Self::Unknown => "Unknown",
        })
    }
}

/// What a presented token turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundToken {
    /// An access token whose signature is ours.
    AccessToken(TokenClaims),
    /// A refresh token, whether it is its family's newest or not.
    RefreshToken {
        /// Whom it was issued to.
        client_id: ClientId,
        /// The family it belongs to.
        family: FamilyId,
    },
    /// Nothing of ours.
    Nothing,
}

/// What must be ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// One access token, and only that.
    AccessToken {
        /// Its name.
        jti: String,
        /// When it ends anyway, so that the record of this can go.
        until: DateTime<Utc>,
    },
    /// Every refresh token of the family, and the access tokens that came from it
    /// (RFC 7009 §2.1).
    Family(FamilyId),
    /// Nothing: the token is unknown or over. The client hears that all is well.
    Nothing,
}

/// A token of another client, which stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a client asked to revoke a token of another client")]
pub struct WrongClient;

impl Refusal for WrongClient {
    fn answer(&self) -> OAuthError {
        OAuthError::new(ErrorCode::InvalidGrant, "the token was not issued to this client")
    }
}

/// Decides what to end when `client_id` presents a token (RFC 7009 §2.1).
pub fn revoke(client_id: &ClientId, found: FoundToken, now: DateTime<Utc>) -> Result<Revocation, WrongClient> {
    match found {
        FoundToken::Nothing => Ok(Revocation::Nothing),
        FoundToken::AccessToken(claims) => match DateTime::from_timestamp(claims.exp, 0) {
            Some(until) if now < until => {
                owned_by(client_id, &claims.client_id)?;
                Ok(Revocation::AccessToken { jti: claims.jti, until })
            }
            Some(_) | None => Ok(Revocation::Nothing),
        },
        FoundToken::RefreshToken { client_id: owner, family } => {
            owned_by(client_id, &owner)?;
            Ok(Revocation::Family(family))
        }
    }
}

fn owned_by(client_id: &ClientId, owner: &ClientId) -> Result<(), WrongClient> {
    if client_id == owner { Ok(()) } else { Err(WrongClient) }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::vocabulary::{RequestHandle, Token};

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn client(id: &str) -> ClientId {
        id.parse().unwrap()
    }

    fn access_token() -> FoundToken {
        FoundToken::AccessToken(
            serde_json::from_value(serde_json::json!({
                "iss": "https://auth.example.com", "sub": "u_1", "aud": "https://rs.example/mcp", "client_id": "mine",
                "exp": 1_800_000_100, "iat": 1_800_000_000, "jti": "j", "scope": "a",
            }))
            .unwrap(),
        )
    }

    fn refresh_token() -> FoundToken {
        FoundToken::RefreshToken { client_id: client("mine"), family: FamilyId::from_bytes([1; 16]) }
    }

    // OA-RV-02, OA-IN-02, EA-144, EA-153
    #[test]
    fn the_token_is_there_once() {
        let read = |form: &str| PresentedToken::read(&Parameters::parse(form.as_bytes()).unwrap()).map(|_| ());
        assert_eq!(read("token=a"), Ok(()));
        assert_eq!(read("token="), Err(TokenRequestError::Missing));
        assert_eq!(read("client_id=c"), Err(TokenRequestError::Missing));
        assert_eq!(read("token=a&token=a"), Err(TokenRequestError::Repeated));
        assert_eq!(read("token=a&client_id=c&client_id=c"), Err(TokenRequestError::Repeated));
        for error in [TokenRequestError::Missing, TokenRequestError::Repeated] {
            assert_eq!(error.answer().code, ErrorCode::InvalidRequest);
        }
    }

    // OA-RV-03, EA-147
    #[test]
    fn a_token_is_told_by_its_form_whatever_the_hint() {
        let opaque = Token::<RequestHandle>::new([1; 32]);
        for hint in ["", "&token_type_hint=access_token", "&token_type_hint=refresh_token", "&token_type_hint=foo"] {
            for (token, expected) in [
                ("ey.e-_y.sig", PresentedToken::Jwt("ey.e-_y.sig")),
                (opaque.wire(), PresentedToken::Opaque(opaque.wire())),
                ("a.b", PresentedToken::Unknown),
                ("a.b.c.d", PresentedToken::Unknown),
                ("a..c", PresentedToken::Unknown),
                ("..", PresentedToken::Unknown),
                ("%20", PresentedToken::Unknown),
                ("a.b.%C3%A9", PresentedToken::Unknown),
            ] {
                let form = Parameters::parse(format!("token={token}{hint}").as_bytes()).unwrap();
                assert_eq!(PresentedToken::read(&form), Ok(expected), "{token}{hint}");
            }
        }
        let long = format!("token=a.{}.c", "b".repeat(LONGEST_JWT));
        assert_eq!(PresentedToken::read(&Parameters::parse(long.as_bytes()).unwrap()), Ok(PresentedToken::Unknown));
    }

    // OA-RV-06, OA-RV-07, MCP-AS-177
    #[test]
    fn a_refresh_token_takes_its_family_and_an_access_token_only_itself() {
        assert_eq!(revoke(&client("mine"), refresh_token(), now()), Ok(Revocation::Family(FamilyId::from_bytes([1; 16]))));
        let until = now() + TimeDelta::seconds(100);
        assert_eq!(revoke(&client("mine"), access_token(), now()), Ok(Revocation::AccessToken { jti: "j".to_owned(), until }));
    }

    // OA-RV-04, OA-RV-08, EA-146
    #[test]
    fn what_is_unknown_or_over_is_revoked_already() {
        assert_eq!(revoke(&client("mine"), FoundToken::Nothing, now()), Ok(Revocation::Nothing));
        assert_eq!(revoke(&client("mine"), access_token(), now() + TimeDelta::seconds(100)), Ok(Revocation::Nothing));
    }

    // OA-RV-05, EA-148
    #[test]
    fn another_clients_token_stays() {
        for found in [access_token(), refresh_token()] {
            let refused = revoke(&client("other"), found, now()).unwrap_err();
            assert_eq!(refused.answer().code, ErrorCode::InvalidGrant);
        }
    }

    proptest! {
        #[test]
        fn any_token_has_one_form(token in "[a-c.%=+ é_-]{1,40}") {
            let parts: Vec<&str> = token.split('.').collect();
            let words = parts.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
            let expected = match (words, parts.len()) {
                (true, 1) => PresentedToken::Opaque(&token),
                (true, 3) => PresentedToken::Jwt(&token),
                _ => PresentedToken::Unknown,
            };
            prop_assert_eq!(PresentedToken::of(&token), expected);
        }
    }
}
