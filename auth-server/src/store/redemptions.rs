//! When codes were redeemed: at their commit, which is no part of what is committed.
//!
//! A request that arrived before the commit has lost a race, one that came after it
//! replays the code (OA-CD-07). The database knows only when the write was made; this
//! process knows of its own redemptions when they were durable, for a while.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use quick_cache::sync::Cache;

use crate::protocol::vocabulary::{AuthorizationCode, TokenHash};

/// More than anybody loses a race for at once; some dozen bytes each.
const MOST: usize = 8192;

type Hash = Box<[u8]>;

/// The redemptions of this process. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Redemptions(Arc<Known>);

#[derive(Debug)]
struct Known {
    /// How many requests are redeeming a code.
    under_way: Mutex<HashMap<Hash, u32>>,
    done: Cache<Hash, DateTime<Utc>>,
}

/// A request that is redeeming a code, until this is dropped.
pub(super) struct UnderWay {
    redemptions: Redemptions,
    hash: Hash,
}

impl Redemptions {
    pub(super) fn new() -> Self {
        Self(Arc::new(Known { under_way: Mutex::default(), done: Cache::new(MOST) }))
    }

    /// A redemption begins; said before anything is written.
    pub(super) fn begin(&self, hash: &TokenHash<AuthorizationCode>) -> UnderWay {
        let hash: Hash = hash.as_bytes().into();
        *self.under_way().entry(hash.clone()).or_default() += 1;
        UnderWay { redemptions: self.clone(), hash }
    }

    /// When a code that is found redeemed was redeemed, if it was here: the end of time
    /// while nobody was answered yet.
    pub(super) fn time_of(&self, hash: &TokenHash<AuthorizationCode>) -> Option<DateTime<Utc>> {
        // in this order: what is under way no more is done
        let is_under_way = self.under_way().contains_key(hash.as_bytes());
        self.0.done.get(hash.as_bytes()).or(is_under_way.then_some(DateTime::<Utc>::MAX_UTC))
    }

    fn under_way(&self) -> std::sync::MutexGuard<'_, HashMap<Hash, u32>> {
        self.0.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UnderWay {
    /// The code is this request's, durably.
    pub(super) fn won(self, now: DateTime<Utc>) {
        self.redemptions.0.done.insert(self.hash.clone(), now);
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut under_way = self.redemptions.under_way();
        if let Some(count) = under_way.get_mut(&self.hash) {
            *count -= 1;
            if *count == 0 {
                under_way.remove(&self.hash);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::vocabulary::Token;

    // OA-CD-07
    #[test]
    fn a_code_is_redeemed_when_its_winner_says_so() {
        let redemptions = Redemptions::new();
        let hash = Token::<AuthorizationCode>::new([1; 32]).hash();
        let at = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        assert_eq!(redemptions.time_of(&hash), None, "another process did it");
        let (winner, loser) = (redemptions.begin(&hash), redemptions.begin(&hash));
        assert_eq!(redemptions.time_of(&hash), Some(DateTime::<Utc>::MAX_UTC));
        drop(loser);
        assert_eq!(redemptions.time_of(&hash), Some(DateTime::<Utc>::MAX_UTC));
        winner.won(at);
        let late = redemptions.begin(&hash);
        assert_eq!(redemptions.time_of(&hash), Some(at));
        drop(late);
        assert_eq!(redemptions.time_of(&hash), Some(at));
        assert!(redemptions.under_way().is_empty());
    }

    #[test]
    fn whoever_went_away_leaves_nothing() {
        let redemptions = Redemptions::new();
        let hash = Token::<AuthorizationCode>::new([1; 32]).hash();
        drop(redemptions.begin(&hash));
        assert_eq!(redemptions.time_of(&hash), None);
    }
}
