//! For the authorization server itself, and for nobody else: reading a token that it
//! issued, whoever it is for, to answer a resource that asks (RFC 7662) or an operator,
//! and judging a key that a client registers.
//!
//! **A resource has no use for this.** It would let in tokens that are for others
//! (RFC 9068 §4); a [`Verifier`](crate::Verifier) does not, and can't be told to.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};

use crate::{
    access_token::{Checks, Leniency, TokenKind, UnverifiedToken, VerifiedToken},
    jwk::Set,
    rejection::Rejection,
};

/// What an issuer knows its own tokens by.
#[derive(Clone, Copy, Debug)]
pub struct OwnTokens<'a> {
    /// Its identifier, byte for byte.
    pub issuer: &'a str,
    /// Its keys: those that sign, and those that did.
    pub keys: &'a Set,
    /// How far clocks may differ.
    pub skew: TimeDelta,
}

/// Whether this is a point of P-384, big end first: tokens are not signed on that curve,
/// but a client's assertion may be.
#[cfg(feature = "aws-lc-rs")]
pub fn is_on_p384(x: &[u8], y: &[u8]) -> bool {
    const UNCOMPRESSED: u8 = 4;
    let is_whole = x.len() == 48 && y.len() == 48;
    let point = [&[UNCOMPRESSED], x, y].concat();
    is_whole && aws_lc_rs::signature::ParsedPublicKey::new(&aws_lc_rs::signature::ECDSA_P384_SHA384_FIXED, point).is_ok()
}

/// RFC 9068 to the letter.
static KIND: TokenKind = TokenKind { further: Vec::new(), may_be_missing: false };

impl OwnTokens<'_> {
    /// What the token says, if it is one of ours, and its time has come and not passed.
    pub fn read(&self, token: &str, now: DateTime<Utc>) -> Result<Map<String, Value>, Rejection> {
        let unverified = UnverifiedToken::read(token, |_| Ok(&KIND))?;
        let checks = Checks { issuer: self.issuer, now, skew: self.skew };
        VerifiedToken::of(unverified, self.keys, &checks, &Leniency::NONE).map(VerifiedToken::into_claims)
    }
}
