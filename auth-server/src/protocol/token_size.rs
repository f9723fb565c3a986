//! How large an access token becomes (RFC 9068 §2.2, OA-AT-02).
//!
//! It travels with every call, in a header, where proxies and servers take only so
//! much. What makes it grow is known before anybody is asked: the scopes above all,
//! then the addresses of issuer and resource, and the client's identifier.

use portcullis_verifier::vocabulary::{Issuer, Scope};

use super::{
    error::{ErrorCode, OAuthError},
    resource::ProtectedResource,
    vocabulary::{ClientId, SigningAlgorithm},
};

/// Every access token has fewer bytes than these.
pub const LIMIT: usize = 2048;

/// What a client is told that asks for more than fits.
pub const TOO_LARGE: OAuthError =
    OAuthError::new(ErrorCode::InvalidScope, "an access token with all these scopes would have 2048 bytes or more: ask for fewer scopes");

/// Whom a token speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// The client itself.
    Machine,
    /// Somebody who signed in.
    Person,
}

/// Everything in a token that its size depends on.
#[derive(Clone, Copy, Debug)]
pub struct TokenParts<'a> {
    /// The issuer.
    pub issuer: &'a Issuer,
    /// What it is for: address and algorithm.
    pub resource: &'a ProtectedResource,
    /// Who asks.
    pub client_id: &'a ClientId,
    /// What it may do.
    pub scope: &'a Scope,
    /// Whom it speaks of.
    pub speaker: Speaker,
}

const HEADER: &str = r#"{"alg":"","kid":"","typ":"at+jwt"}"#;
const CLAIMS: &str = r#"{"iss":"","sub":"","aud":"","client_id":"","exp":,"iat":,"jti":"","scope":""}"#;
const CLAIMS_OF_A_PERSON: &str = r#","auth_time":,"grant_id":"""#;
/// A SHA-256 thumbprint, and a `jti` of 32 bytes, in base64url.
const DIGEST: usize = 43;
/// Seconds since 1970, for another 260 years.
const SECONDS: usize = 10;
/// A UUID with hyphens.
const GRANT_ID: usize = 36;
/// `u_` and a UUID without.
const PERSON: usize = 34;

impl TokenParts<'_> {
    /// The bytes of the signed token.
    pub fn size(&self) -> usize {
        let algorithm = self.resource.signing_algorithm;
        let header = HEADER.len() + algorithm.as_str().len() + DIGEST;
        let client_id = self.client_id.as_str().bytes().map(escaped).sum::<usize>();
        let speaker = match self.speaker {
            Speaker::Machine => client_id,
            Speaker::Person => PERSON + CLAIMS_OF_A_PERSON.len() + SECONDS + GRANT_ID,
        };
        // Addresses and scopes have no character that JSON would escape.
        let addresses = self.issuer.as_str().len() + self.resource.identifier.as_str().len();
        let scope = self.scope.iter().map(|token| token.as_str().len() + 1).sum::<usize>().saturating_sub(1);
        let claims = CLAIMS.len() + speaker + addresses + client_id + 2 * SECONDS + DIGEST + scope;
        encoded(header) + 1 + encoded(claims) + 1 + encoded(signature(algorithm))
    }

    /// Whether no such token may be made.
    pub fn is_too_large(&self) -> bool {
        self.size() >= LIMIT
    }
}

/// RFC 8259 §7: a quote and a backslash get another one.
fn escaped(byte: u8) -> usize {
    if matches!(byte, b'"' | b'\\') { 2 } else { 1 }
}

/// base64url without padding (RFC 7515 §2).
fn encoded(bytes: usize) -> usize {
    (bytes * 4).div_ceil(3)
}

/// Our RSA keys have 3072 bits.
fn signature(algorithm: SigningAlgorithm) -> usize {
    match algorithm {
        SigningAlgorithm::Es256 | SigningAlgorithm::EdDsa => 64,
        SigningAlgorithm::Rs256 | SigningAlgorithm::Ps256 => 384,
    }
}
