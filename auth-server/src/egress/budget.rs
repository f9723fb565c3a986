//! How much is fetched: from one host, and in all (OA-CM-13).

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use quick_cache::sync::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::EgressError;

const AT_ONCE: usize = 32;
const AT_ONCE_PER_HOST: usize = 4;
const PER_MINUTE: u32 = 600;
const PER_MINUTE_PER_HOST: u32 = 30;
/// Hosts that are remembered; a flood of others makes the oldest start anew, within the bound in all.
const MOST_HOSTS: usize = 10_000;

#[derive(Debug)]
pub(super) struct Budget {
    in_all: Share,
    hosts: Cache<String, Arc<Share>>,
}

/// Both have to be held while something is fetched.
#[derive(Debug)]
pub(super) struct Permit {
    _in_all: OwnedSemaphorePermit,
    _of_host: OwnedSemaphorePermit,
}

#[derive(Debug)]
struct Share {
    at_once: Arc<Semaphore>,
    per_minute: u32,
    spent: Mutex<Spent>,
}

/// What is left fills up evenly: all of it in a minute.
#[derive(Debug, Default)]
struct Spent {
    tokens: f64,
    at: DateTime<Utc>,
}

impl Default for Budget {
    fn default() -> Self {
        Self { in_all: Share::new(AT_ONCE, PER_MINUTE), hosts: Cache::new(MOST_HOSTS) }
    }
}

impl Budget {
    /// Takes a part of what may be fetched from a host, and in all. Nobody waits: who
    /// comes too often is told so.
    pub(super) fn spend(&self, host: &str, now: DateTime<Utc>) -> Result<Permit, EgressError> {
        let Ok(of_host) =
            self.hosts.get_or_insert_with(host, || Ok::<_, Infallible>(Arc::new(Share::new(AT_ONCE_PER_HOST, PER_MINUTE_PER_HOST))));
        // The host's first: one that is asked for too often takes nothing from the others.
        Ok(Permit { _of_host: of_host.take(now)?, _in_all: self.in_all.take(now)? })
    }
}

impl Share {
    fn new(at_once: usize, per_minute: u32) -> Self {
        Self { at_once: Arc::new(Semaphore::new(at_once)), per_minute, spent: Mutex::default() }
    }

    fn take(&self, now: DateTime<Utc>) -> Result<OwnedSemaphorePermit, EgressError> {
        let permit = Arc::clone(&self.at_once).try_acquire_owned().map_err(|_| EgressError::Busy)?;
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.pay(self.per_minute.into(), now) { Ok(permit) } else { Err(EgressError::Busy) }
    }
}

impl Spent {
    fn pay(&mut self, per_minute: f64, now: DateTime<Utc>) -> bool {
        let minutes = (now - self.at).max(TimeDelta::zero()).as_seconds_f64() / 60.0;
        let spent = (self.tokens - minutes * per_minute).max(0.0);
        (self.tokens, self.at) = (spent, now);
        let is_left = spent + 1.0 <= per_minute;
        if is_left {
            self.tokens += 1.0;
        }
        is_left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    // OA-CM-13
    #[test]
    fn a_host_is_fetched_from_so_often_and_others_do_not_suffer() {
        let budget = Budget::default();
        let fetched = (0..100).filter(|_| budget.spend("a.example", at(0)).is_ok()).count();
        assert_eq!(fetched, 30);
        assert!(budget.spend("b.example", at(0)).is_ok());
        assert!(budget.spend("a.example", at(2)).is_ok(), "a thirtieth of a minute later");
        assert!(budget.spend("a.example", at(2)).is_err());
    }

    #[test]
    fn so_much_is_fetched_at_once_and_no_more() {
        let budget = Budget::default();
        let held: Vec<_> = (0..10).filter_map(|_| budget.spend("a.example", at(0)).ok()).collect();
        assert_eq!(held.len(), AT_ONCE_PER_HOST);
        let others: Vec<_> = (0..100).filter_map(|host| budget.spend(&format!("{host}.example"), at(0)).ok()).collect();
        assert_eq!(held.len() + others.len(), AT_ONCE);
        drop((held, others));
        assert!(budget.spend("a.example", at(0)).is_ok());
    }

    // OA-CM-13: names of many hosts
    #[test]
    fn so_much_is_fetched_in_all() {
        let budget = Budget::default();
        let fetched = (0..2000).filter(|host| budget.spend(&format!("{host}.example"), at(0)).is_ok()).count();
        assert_eq!(fetched, 600);
    }
}
