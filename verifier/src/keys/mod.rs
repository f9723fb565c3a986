//! Where the keys of an issuer come from: given once, or fetched and kept fresh.

#[cfg(feature = "fetch")]
mod fetched;
#[cfg(feature = "fetch")]
mod freshness;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::jwk::Set;

#[cfg(feature = "fetch")]
pub(crate) use fetched::Fetched;

/// The keys of one issuer.
#[derive(Debug)]
pub(crate) enum Keys {
    /// Given when the verifier was made.
    Fixed(Arc<Set>),
    /// From the issuer itself.
    #[cfg(feature = "fetch")]
    Fetched(Arc<Fetched>),
}

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
            Self::Fetched(fetched) => fetched.at_hand(now),
        }
    }
}
