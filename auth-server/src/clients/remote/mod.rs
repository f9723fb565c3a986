//! What clients publish at an address of their own, kept for as long as it may be
//! (MCP-AS-120): metadata documents, keys.

mod known;

use std::{
    convert::Infallible,
    sync::{Arc, PoisonError, RwLock},
};

use chrono::{DateTime, Utc};
use quick_cache::sync::Cache;

use self::known::{Came, Known};
pub(super) use self::known::{Confirmed, Keeping};
use crate::{
    egress::{Answer, Ask, Egress, EgressError, MediaKind, Network},
    protocol::vocabulary::ExternalUrl,
};

/// Why there is nothing to use. `E` is what may be wrong with what was read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError<E: std::error::Error> {
    /// It could not be read.
    #[error(transparent)]
    Egress(EgressError),
    /// It was read, and is not what it has to be.
    #[error(transparent)]
    Invalid(E),
}

/// Values by their address, the least used forgotten first.
#[derive(Debug)]
pub(super) struct Remote<T, E: std::error::Error> {
    entries: Cache<String, Arc<Entry<T, E>>>,
    keeping: Keeping,
    most_bytes: usize,
}

#[derive(Debug)]
struct Entry<T, E: std::error::Error> {
    /// Held by whoever asks; the others wait for what comes (OA-CM-13).
    flight: tokio::sync::Mutex<()>,
    known: RwLock<Known<T, E>>,
}

impl<T, E: std::error::Error + Clone> Remote<T, E> {
    /// Keeps so many, each of so many bytes at most.
    pub(super) fn new(most_entries: usize, most_bytes: usize, keeping: Keeping) -> Self {
        Self { entries: Cache::new(most_entries), keeping, most_bytes }
    }

    /// What is known already and still fresh.
    pub(super) fn at_hand(&self, url: &str, now: DateTime<Utc>) -> Option<Arc<T>> {
        self.entries.get(url)?.known.read().unwrap_or_else(PoisonError::into_inner).fresh(now)
    }

    /// Takes in what was good at another time.
    pub(super) fn remember(&self, url: &str, confirmed: Confirmed<T>) {
        self.entry(url).known.write().unwrap_or_else(PoisonError::into_inner).remember(confirmed);
    }

    /// What stands there: what is known, if it is fresh and will do; else what is there
    /// now, read by its rules; else what was good not long ago.
    pub(super) async fn get<N: Network>(
        &self,
        egress: &Egress<N>,
        url: &ExternalUrl,
        will_do: impl Fn(&T) -> bool,
        read: impl FnOnce(&[u8]) -> Result<T, E>,
        now: DateTime<Utc>,
    ) -> Result<Confirmed<T>, RemoteError<E>> {
        let entry = self.entry(url.as_str());
        let settled = || entry.known.read().unwrap_or_else(PoisonError::into_inner).settled(&will_do, self.keeping, now);
        if let Some(settled) = settled() {
            return settled;
        }
        let _flight = entry.flight.lock().await;
        if let Some(settled) = settled() {
            return settled;
        }
        let etag = entry.known.read().unwrap_or_else(PoisonError::into_inner).etag().map(str::to_owned);
        let ask = Ask { url, kind: MediaKind::Json, etag: etag.as_deref(), most_bytes: self.most_bytes };
        let came = match egress.get(ask, now).await {
            Ok(Answer::Document(document)) => read(&document.body)
                .map(|value| Came { value: Some(Arc::new(value)), etag: document.etag, fresh_for: document.fresh_for })
                .map_err(RemoteError::Invalid),
            Ok(Answer::NotModified { fresh_for }) => Ok(Came { value: None, etag, fresh_for }),
            Err(error) => Err(RemoteError::Egress(error)),
        };
        entry.known.write().unwrap_or_else(PoisonError::into_inner).take(came, self.keeping, now)
    }

    fn entry(&self, url: &str) -> Arc<Entry<T, E>> {
        let Ok(entry) = self.entries.get_or_insert_with(url, || Ok::<_, Infallible>(Arc::default()));
        entry
    }
}

impl<T, E: std::error::Error> Default for Entry<T, E> {
    fn default() -> Self {
        Self { flight: tokio::sync::Mutex::default(), known: RwLock::default() }
    }
}
