//! Tokens that were verified a moment ago, so that the next look costs a hash.

use std::fmt;

use chrono::{DateTime, Utc};
use quick_cache::sync::Cache;
use sha2::{Digest as _, Sha256};

use crate::access_token::AccessToken;

/// A token's name here: the SHA-256 of all its bytes, so that a changed token is
/// another token.
pub(crate) type Fingerprint = [u8; 32];

pub(crate) fn fingerprint(token: &str) -> Fingerprint {
    Sha256::digest(token.as_bytes()).into()
}

/// Verified tokens. Each verifier has its own, so nothing crosses audiences (OA-RS-16).
pub(crate) struct Remembered(Option<Cache<Fingerprint, Known>>);

/// A token, and which keys it was checked with.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) token: AccessToken,
    pub(crate) issuer: usize,
    pub(crate) generation: u64,
}

impl Remembered {
    pub(crate) fn new(most: usize) -> Self {
        Self((most > 0).then(|| Cache::new(most)))
    }

    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// What is known of a token that has not ended.
    pub(crate) fn find(&self, fingerprint: &Fingerprint, now: DateTime<Utc>) -> Option<Known> {
        self.0.as_ref()?.get(fingerprint).filter(|known| now < known.token.expires_at())
    }

    pub(crate) fn keep(&self, fingerprint: Fingerprint, known: Known) {
        if let Some(cache) = &self.0 {
            cache.insert(fingerprint, known);
        }
    }
}

impl fmt::Debug for Remembered {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Remembered({})", self.0.as_ref().map_or(0, Cache::len))
    }
}
