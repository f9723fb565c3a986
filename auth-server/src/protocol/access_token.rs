//! The claims of an access token (RFC 9068 §2.2).

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use chrono::{DateTime, Utc};
use portcullis_verifier::vocabulary::Scope;
use serde::Serialize;

use super::vocabulary::{ClientId, FamilyId, GrantId, Subject};

/// What an access token says. No name, no address: it travels.
#[derive(Clone, Debug, Serialize)]
pub struct AccessTokenClaims<'a> {
    /// The issuer, byte for byte.
    pub iss: &'a str,
    /// A person, or for a machine the client itself.
    pub sub: &'a Subject,
    /// The one resource it is for, in the registered spelling.
    pub aud: &'a str,
    /// Who asked for it.
    pub client_id: &'a ClientId,
    /// Seconds since 1970.
    pub exp: i64,
    /// Seconds since 1970.
    pub iat: i64,
    /// Unique; see [`TokenId`].
    pub jti: String,
    /// Space-separated.
    pub scope: &'a Scope,
    /// When the person signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// The grant behind it, the same for all its tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<GrantId>,
}

/// A token's `jti`: for tokens from an authorization code, the family's id and 128
/// random bits, so that ending a family ends its access tokens at introspection;
/// for others 256 random bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenId([u8; 32]);

impl TokenId {
    /// For a token that belongs to a family.
    pub fn in_family(family: FamilyId, random: [u8; 16]) -> Self {
        let mut bytes = [0; 32];
        let (head, tail) = bytes.split_at_mut(16);
        head.copy_from_slice(family.as_bytes());
        tail.copy_from_slice(&random);
        Self(bytes)
    }

    /// For a token that belongs to none.
    pub fn alone(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// Reads a `jti` of ours.
    pub fn parse(jti: &str) -> Option<Self> {
        Some(Self(BASE64URL.decode(jti).ok()?.try_into().ok()?))
    }

    /// The family, if the token belongs to one (its claims say so: `grant_id`).
    pub fn family(&self) -> Option<FamilyId> {
        self.0.first_chunk::<16>().map(|bytes| FamilyId::from_bytes(*bytes))
    }

    /// The claim's value.
    pub fn to_jti(self) -> String {
        BASE64URL.encode(self.0)
    }
}

/// `iat` and `exp`, whole seconds, so that `expires_in` is their difference.
pub fn validity(now: DateTime<Utc>, lifetime: chrono::TimeDelta) -> (i64, i64) {
    (now.timestamp(), now.timestamp() + lifetime.num_seconds())
}
