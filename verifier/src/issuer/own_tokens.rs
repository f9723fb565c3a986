//! Reading a token that this server issued, whoever it is for.

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

/// RFC 9068 to the letter.
static KIND: TokenKind = TokenKind::ACCESS_TOKEN;

impl OwnTokens<'_> {
    /// What the token says, if it is one of ours, and its time has come and not passed.
    pub fn read(&self, token: &str, now: DateTime<Utc>) -> Result<Map<String, Value>, Rejection> {
        let unverified = UnverifiedToken::read(token, |_| Ok(&KIND))?;
        let checks = Checks { issuer: self.issuer, now, skew: self.skew };
        VerifiedToken::of(unverified, self.keys, &checks, &Leniency::NONE).map(VerifiedToken::into_claims)
    }
}
