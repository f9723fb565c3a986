//! Holding back whoever asks too often, or guesses (OA-AB-01…04).
//!
//! `source` says whom a request counts for. The rules are in here, the counters in
//! `transient/`. Nothing locks anybody for good, and nobody's failures hold back
//! somebody else's success: a lock would be a lever for whoever wants to harm.

mod source;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

pub use source::{Source, Sources};

use crate::{
    config,
    transient::{Failures, Transient},
};

/// Counters at once; the oldest are forgotten beyond.
const MOST_ENTRIES: usize = 100_000;
const MINUTE: TimeDelta = TimeDelta::minutes(1);
const HOUR: TimeDelta = TimeDelta::hours(1);
/// Sign-in failures are forgotten this long after the last.
const SIGN_IN_MEMORY: TimeDelta = TimeDelta::hours(1);
/// Networks that many people share have so much more.
const VENDOR_FACTOR: u32 = 10;
/// An account that is attacked from many places is slowed down, but only so far.
const ACCOUNT_FACTOR: u32 = 10;
const LONGEST_ACCOUNT_WAIT: TimeDelta = TimeDelta::seconds(30);

/// The limits of this server.
#[derive(Debug)]
pub struct Limits {
    config: config::Limits,
    registrations_per_hour: u32,
    transient: Transient,
}

/// A limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a limit was reached")]
pub struct TooMany {
    /// When it may go on.
    pub retry_after: Duration,
}

impl Limits {
    /// Limits as the operator chose them.
    pub fn new(config: &config::Limits, registrations_per_hour: u32) -> Self {
        Self { config: config.clone(), registrations_per_hour, transient: Transient::in_memory(MOST_ENTRIES) }
    }

    /// Counts a failed client authentication, per client and source and per source
    /// (OA-AB-02). Who has the right credentials is never asked to wait.
    pub async fn client_failed(&self, source: &Source, client_id: Option<&str>, now: DateTime<Utc>) -> anyhow::Result<Result<(), TooMany>> {
        let own = format!("client|{source}|{}", client_id.unwrap_or_default());
        let by_client = self.transient.count(&own, MINUTE, now).await?;
        let by_source = self.transient.count(&format!("clients|{source}"), MINUTE, now).await?;
        let over = by_client > per(source, self.config.client_failures_per_minute)
            || by_source > per(source, self.config.source_failures_per_minute);
        Ok(if over { Err(TooMany { retry_after: Duration::from_mins(1) }) } else { Ok(()) })
    }

    /// Counts a registration (OA-AB-04).
    pub async fn registration(&self, source: &Source, now: DateTime<Utc>) -> anyhow::Result<Result<(), TooMany>> {
        let count = self.transient.count(&format!("register|{source}"), HOUR, now).await?;
        Ok(if count > per(source, self.registrations_per_hour) { Err(TooMany { retry_after: Duration::from_mins(10) }) } else { Ok(()) })
    }

    /// Whether somebody may try to sign in now (OA-AB-01). Waits grow with each
    /// failure: of this account from this place, of this place, and, less, of this
    /// account from anywhere. Unknown accounts are treated the same.
    pub async fn sign_in(&self, source: &Source, name: &str, now: DateTime<Utc>) -> anyhow::Result<Result<(), TooMany>> {
        let longest = self.config.longest_login_wait;
        let mut wait = TimeDelta::zero();
        for (key, free, longest) in self.sign_in_rules(source, name, longest) {
            if let Some(failures) = self.transient.failures(&key, SIGN_IN_MEMORY, now).await? {
                wait = wait.max(wait_after(failures, free, longest, now));
            }
        }
        Ok(if wait > TimeDelta::zero() { Err(TooMany { retry_after: wait.to_std().unwrap_or_default() }) } else { Ok(()) })
    }

    /// Counts a failed sign-in.
    pub async fn sign_in_failed(&self, source: &Source, name: &str, now: DateTime<Utc>) -> anyhow::Result<()> {
        for (key, ..) in self.sign_in_rules(source, name, TimeDelta::zero()) {
            self.transient.note_failure(&key, SIGN_IN_MEMORY, now).await?;
        }
        Ok(())
    }

    /// A success forgives the failures of this account from this place. Those of
    /// the place stay, or an attacker would clear them with an account of their own.
    pub async fn signed_in(&self, source: &Source, name: &str) -> anyhow::Result<()> {
        self.transient.forget_failures(&here(source, name)).await
    }

    /// Key, forgiven failures and longest wait of each rule.
    fn sign_in_rules(&self, source: &Source, name: &str, longest: TimeDelta) -> [(String, u32, TimeDelta); 3] {
        let per_account = self.config.login_failures_per_account;
        [
            (here(source, name), per_account, longest),
            (format!("sign-in|{source}"), self.config.login_failures_per_source, longest),
            (format!("account|{}", folded(name)), per_account.saturating_mul(ACCOUNT_FACTOR), LONGEST_ACCOUNT_WAIT),
        ]
    }
}

fn here(source: &Source, name: &str) -> String {
    format!("sign-in|{source}|{}", folded(name))
}

/// Names of any length and letter case become one short key.
fn folded(name: &str) -> String {
    name.trim().to_lowercase().chars().take(64).collect()
}

fn per(source: &Source, limit: u32) -> u64 {
    u64::from(if source.is_vendor() { limit.saturating_mul(VENDOR_FACTOR) } else { limit })
}

/// One second after the first failure beyond the forgiven ones, then twice as long each time.
fn wait_after(failures: Failures, free: u32, longest: TimeDelta, now: DateTime<Utc>) -> TimeDelta {
    let Some(beyond) = failures.count.checked_sub(free) else { return TimeDelta::zero() };
    let wait = TimeDelta::seconds(1_i64 << beyond.min(30)).min(longest);
    failures.last + wait - now
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use axum::http::HeaderMap;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
    }

    fn source(last: u8) -> Source {
        Sources::new(Vec::new(), Vec::new()).of(&HeaderMap::new(), IpAddr::from([192, 0, 2, last]))
    }

    fn limits() -> Limits {
        Limits::new(&config::Limits::default(), 20)
    }

    // OA-AB-01
    #[tokio::test]
    async fn a_guesser_waits_longer_each_time_and_the_owner_elsewhere_does_not() {
        let limits = limits();
        let waits = async |source: &Source, now| {
            limits.sign_in(source, "ada", now).await.unwrap().err().map(|too_many| too_many.retry_after.as_secs())
        };
        for _ in 0..5 {
            assert_eq!(waits(&source(1), at(0)).await, None);
            limits.sign_in_failed(&source(1), "ada", at(0)).await.unwrap();
        }
        assert_eq!(waits(&source(1), at(0)).await, Some(1));
        limits.sign_in_failed(&source(1), "Ada ", at(1)).await.unwrap();
        assert_eq!(waits(&source(1), at(1)).await, Some(2));
        assert_eq!(waits(&source(1), at(3)).await, None, "no permanent lock");
        assert_eq!(waits(&source(2), at(1)).await, None, "the owner is elsewhere");
        limits.signed_in(&source(1), "ada").await.unwrap();
        assert_eq!(waits(&source(1), at(1)).await, None);
    }

    // OA-AB-02, OA-CL-14
    #[tokio::test]
    async fn failures_of_a_source_are_bounded() {
        let limits = limits();
        let mut refused = 0;
        for _ in 0..100 {
            if limits.client_failed(&source(1), Some("c"), at(0)).await.unwrap().is_err() {
                refused += 1;
            }
        }
        assert_eq!(refused, 70);
        assert!(limits.client_failed(&source(2), Some("c"), at(0)).await.unwrap().is_ok());
    }
}
