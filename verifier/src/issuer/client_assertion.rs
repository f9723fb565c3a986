//! A JWT with which a client proves who it is (RFC 7523 §3).

use serde_json::{Map, Value};

use crate::{
    access_token::{TokenKind, UnverifiedToken},
    jwk::{Algorithm, Set},
    rejection::{Rejection, shown},
};

/// An assertion, taken apart. Who it says it is chooses the keys to check it with; until
/// that is done nothing in it is to be believed.
pub struct ClientAssertion<'a>(UnverifiedToken<'a>);

/// No other kind of JWT is taken for one (RFC 8725 §3.11).
static KIND: TokenKind = TokenKind { known: &["jwt", "client-authentication+jwt"], further: Vec::new(), may_be_missing: true };
/// An assertion that names no key is tried with so many.
const MOST_KEYS_TRIED: usize = 8;

impl<'a> ClientAssertion<'a> {
    /// Reads the compact form: no algorithm but ours, and no key that it brings itself.
    pub fn read(assertion: &'a str) -> Result<Self, Rejection> {
        UnverifiedToken::read(assertion, |_| Ok(&KIND)).map(Self)
    }

    /// Whose assertion it says it is.
    pub fn issuer(&self) -> &str {
        self.0.issuer()
    }

    /// What it is signed with.
    pub fn algorithm(&self) -> Algorithm {
        self.0.algorithm()
    }

    /// Whether this key set may have its key: if not, a fresher one may.
    pub fn may_be_of(&self, keys: &Set) -> bool {
        self.0.header.kid.as_deref().is_none_or(|kid| keys.find(kid).is_some())
    }

    /// What it says, if one of the client's keys signed it. Nothing of that is judged yet.
    pub fn verify(self, keys: &Set) -> Result<Map<String, Value>, Rejection> {
        let UnverifiedToken { header, claims, signed, signature } = self.0;
        let is_signed = match header.kid.as_deref() {
            Some(kid) => {
                let key = keys.find(kid).ok_or_else(|| Rejection::UnknownKey(shown(kid)))?;
                if !key.fits(header.algorithm) {
                    return Err(Rejection::AlgorithmOfKey { algorithm: header.algorithm.as_str(), kid: shown(kid) });
                }
                key.verifies(header.algorithm, signed, &signature)
            }
            None => keys.fitting(header.algorithm).take(MOST_KEYS_TRIED).any(|key| key.verifies(header.algorithm, signed, &signature)),
        };
        if is_signed { Ok(claims) } else { Err(Rejection::Signature(shown(header.kid.as_deref().unwrap_or("without kid")))) }
    }
}

impl std::fmt::Debug for ClientAssertion<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ClientAssertion").field("issuer", &self.issuer()).finish_non_exhaustive()
    }
}
