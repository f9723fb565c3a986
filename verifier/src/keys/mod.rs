//! Where the keys of an issuer come from: given once, or fetched and kept fresh.

#[cfg(feature = "fetch")]
mod fetched;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::{
    jwk::{JwkError, Set, SetError},
    vocabulary::Issuer,
};

#[cfg(feature = "fetch")]
pub(crate) use fetched::{Fetched, SigningKeys};

/// The keys of one issuer.
#[derive(Debug)]
pub(crate) enum Keys {
    /// Given when the verifier was made.
    Fixed(Arc<Set>),
    /// From the issuer itself.
    #[cfg(feature = "fetch")]
    Fetched(Arc<Fetched>),
}

/// Reads an issuer's keys. One that is too weak, or wrong in itself, is not used, and
/// the log says so (OA-JW-06): its tokens will be refused as signed by an unknown key.
pub(crate) fn read(issuer: &Issuer, json: &[u8]) -> Result<Set, SetError> {
    Set::read(json, |kid, reason| tell(issuer, kid, reason))
}

#[cfg(any(feature = "fetch", feature = "tower"))]
fn tell(issuer: &Issuer, kid: &str, reason: JwkError) {
    match reason {
        // Issuers publish keys for other purposes beside those for signatures (OA-JW-15).
        JwkError::Unsupported | JwkError::Use => tracing::debug!(%issuer, kid, %reason, "a key of the issuer is not used"),
        JwkError::Algorithm | JwkError::Malformed | JwkError::NotOnCurve | JwkError::Private | JwkError::Weak => {
            tracing::warn!(%issuer, kid, %reason, "a key of the issuer is not used");
        }
    }
}

/// The core alone has no log.
#[cfg(not(any(feature = "fetch", feature = "tower")))]
fn tell(_: &Issuer, _: &str, _: JwkError) {}

/// Keys, and which edition of them: it changes when the keys do, not when the same
/// ones are fetched again.
#[derive(Clone, Debug)]
pub(crate) struct AtHand {
    pub(crate) set: Arc<Set>,
    pub(crate) generation: u64,
}

impl Keys {
    /// The keys that can be used now, without asking anybody.
    #[cfg_attr(not(feature = "fetch"), expect(unused_variables, clippy::unnecessary_wraps, reason = "given keys do not age"))]
    pub(crate) fn at_hand(&self, now: DateTime<Utc>) -> Option<AtHand> {
        match self {
            Self::Fixed(set) => Some(AtHand { set: Arc::clone(set), generation: 0 }),
            #[cfg(feature = "fetch")]
            Self::Fetched(fetched) => fetched.at_hand(now).map(|(set, generation)| AtHand { set, generation }),
        }
    }
}
