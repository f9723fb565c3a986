//! Keys that come from the issuer, and are kept fresh: one request at a time, however
//! many callers wait for it, and the last good keys while the issuer is away.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use chrono::{DateTime, Utc};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{
    AtHand,
    freshness::{Freshness, Wants},
};
use crate::{
    fetch::{AuthorizationServer, Document, FetchError},
    jwk::Set,
    rejection::Rejection,
};

/// The keys of an issuer, fetched.
#[derive(Debug)]
pub(crate) struct Fetched {
    server: Arc<AuthorizationServer>,
    state: RwLock<Freshness>,
    /// Held by whoever fetches.
    flight: Arc<Mutex<()>>,
}

impl Fetched {
    pub(crate) fn new(server: Arc<AuthorizationServer>) -> Self {
        Self { server, state: RwLock::default(), flight: Arc::default() }
    }

    pub(crate) fn at_hand(&self, now: DateTime<Utc>) -> Option<AtHand> {
        self.read().at_hand(now).cloned()
    }

    /// Fetches if the keys are old, or lack the one that a token names. `true` if the
    /// token is to be judged again.
    pub(crate) async fn refresh_if_needed(self: &Arc<Self>, why: Option<&Rejection>, now: DateTime<Utc>) -> bool {
        let (wants, attempts) = {
            let state = self.read();
            (state.wants(why, now), state.attempts)
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
        let issuer = self.server.issuer();
        match self.load().await {
            Ok((document, set)) => {
                if self.write().succeeded(document.body, set, document.max_age, now) {
                    tracing::info!(%issuer, "the issuer has new signing keys");
                }
            }
            Err(error) => {
                self.write().failed();
                let has_keys = self.read().at_hand(now).is_some();
                tracing::warn!(%issuer, %error, has_keys, "the issuer's signing keys could not be fetched");
            }
        }
    }

    async fn load(&self) -> Result<(Document, Set), FetchError> {
        let document = self.server.jwks().await?;
        // Of keys that are known, everything was said.
        let is_known = self.read().is_of(&document.body);
        let set = if is_known { Set::from_json(&document.body) } else { super::read(self.server.issuer(), &document.body) };
        Ok((document, set?))
    }

    fn read(&self) -> RwLockReadGuard<'_, Freshness> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Freshness> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}
