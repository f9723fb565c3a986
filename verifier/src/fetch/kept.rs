//! Documents that come from the issuer, and are kept fresh: one request at a time,
//! however many callers wait for it, and the last good one while the issuer is away.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use chrono::{DateTime, Utc};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{
    Document, FetchError,
    freshness::{Freshness, Wants},
};
use crate::vocabulary::Issuer;

/// Where a document comes from, and how it is read.
pub(crate) trait Source: Send + Sync + 'static {
    /// What is read in it. Cheap to clone.
    type Value: Clone + Send + Sync + 'static;

    /// What the log calls it.
    const NAME: &'static str;

    /// Whose it is.
    fn issuer(&self) -> &Issuer;

    /// Fetches and reads it. `is_known` tells whether a document is the one at hand.
    fn load(&self, is_known: impl Fn(&[u8]) -> bool + Send) -> impl Future<Output = Result<(Document, Self::Value), FetchError>> + Send;
}

/// A document of an issuer, fetched.
#[derive(Debug)]
pub(crate) struct Kept<S: Source> {
    source: S,
    state: RwLock<Freshness<S::Value>>,
    /// Held by whoever fetches.
    flight: Arc<Mutex<()>>,
}

impl<S: Source> Kept<S> {
    pub(crate) fn new(source: S) -> Self {
        Self { source, state: RwLock::default(), flight: Arc::default() }
    }

    /// What was read, and which edition of the document it was read in.
    pub(crate) fn at_hand(&self, now: DateTime<Utc>) -> Option<(S::Value, u64)> {
        self.read().at_hand(now).map(|(value, generation)| (value.clone(), generation))
    }

    /// Fetches if the document is old, or lacks what is looked for. `true` if it is to be
    /// looked at again.
    pub(crate) async fn refresh_if_needed(self: &Arc<Self>, is_missing: bool, now: DateTime<Utc>) -> bool {
        let (wants, attempts) = {
            let state = self.read();
            (state.wants(is_missing, now), state.attempts)
        };
        match wants {
            Wants::Nothing => false,
            Wants::FetchingBeside => {
                if let Ok(flight) = Arc::clone(&self.flight).try_lock_owned()
                    && self.read().may_try(now)
                {
                    tokio::spawn(Arc::clone(self).fetch(flight, now));
                }
                false
            }
            Wants::Fetching => {
                let flight = Arc::clone(&self.flight).lock_owned().await;
                if self.read().attempts != attempts {
                    return true;
                }
                // A task of its own: a caller that goes away does not break off what others wait for.
                self.read().may_try(now) && tokio::spawn(Arc::clone(self).fetch(flight, now)).await.is_ok()
            }
        }
    }

    async fn fetch(self: Arc<Self>, _flight: OwnedMutexGuard<()>, now: DateTime<Utc>) {
        self.write().begins(now);
        let (issuer, name) = (self.source.issuer(), S::NAME);
        match self.source.load(|document| self.read().is_of(document)).await {
            Ok((document, value)) => {
                if self.write().succeeded(document.body, value, document.max_age, now) {
                    tracing::info!(%issuer, "the issuer has new {name}");
                }
            }
            Err(error) => {
                self.write().failed();
                let has_last_good = self.read().at_hand(now).is_some();
                tracing::warn!(%issuer, %error, has_last_good, "the issuer's {name} could not be fetched");
            }
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Freshness<S::Value>> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Freshness<S::Value>> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}
