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
    protocol::client_auth::SignedOnce,
    transient::{Failures, FirstUse, Transient},
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

/// An attempt to sign in that was let through. It counts as a failure, unless
/// [`Limits::signed_in`] or [`Limits::not_tried`] says otherwise.
#[derive(Debug)]
#[must_use]
pub struct SignInAttempt {
    /// Under which keys, and what there was before.
    counted: Vec<(String, Option<Failures>)>,
    now: DateTime<Utc>,
}

impl Limits {
    /// Limits as the operator chose them.
    pub fn new(config: &config::Limits, registrations_per_hour: u32) -> Self {
        Self { config: config.clone(), registrations_per_hour, transient: Transient::in_memory(MOST_ENTRIES) }
    }

    /// Counts a failed client authentication, or a code or token that was none, per
    /// client and source and per source (OA-AB-02). What is right never has to wait.
    pub async fn client_failed(&self, source: &Source, client_id: Option<&str>, now: DateTime<Utc>) -> anyhow::Result<Result<(), TooMany>> {
        let own = format!("client|{source}|{}", client_id.unwrap_or_default());
        let by_client = self.transient.count(&own, MINUTE, now).await?;
        let by_source = self.transient.count(&format!("clients|{source}"), MINUTE, now).await?;
        let over = by_client > per(source, self.config.client_failures_per_minute)
            || by_source > per(source, self.config.source_failures_per_minute);
        Ok(if over { Err(TooMany { retry_after: Duration::from_mins(1) }) } else { Ok(()) })
    }

    /// Whether this is the first use of a client's assertion. With no room left to
    /// remember it in, nobody can tell, and it has to come again.
    pub async fn first_use(&self, signed: &SignedOnce, now: DateTime<Utc>) -> anyhow::Result<Result<bool, TooMany>> {
        let key = format!("assertion|{}|{}", signed.client().id, signed.used.jti);
        Ok(match self.transient.first_use(&key, signed.used.until, now).await? {
            FirstUse::Yes => Ok(true),
            FirstUse::No => Ok(false),
            FirstUse::NoRoom => Err(TooMany { retry_after: Duration::from_mins(1) }),
        })
    }

    /// Counts a registration (OA-AB-04).
    pub async fn registration(&self, source: &Source, now: DateTime<Utc>) -> anyhow::Result<Result<(), TooMany>> {
        let count = self.transient.count(&format!("register|{source}"), HOUR, now).await?;
        Ok(if count > per(source, self.registrations_per_hour) { Err(TooMany { retry_after: Duration::from_mins(10) }) } else { Ok(()) })
    }

    /// Whether somebody may try to sign in now (OA-AB-01). Waits grow with each
    /// failure: of this account from this place, of this place, and, less, of this
    /// account from anywhere. Unknown accounts are treated the same. An attempt is
    /// counted before it is made, so that many at once gain nothing.
    pub async fn sign_in(&self, source: &Source, name: &str, now: DateTime<Utc>) -> anyhow::Result<Result<SignInAttempt, TooMany>> {
        let mut wait = TimeDelta::zero();
        let mut attempt = SignInAttempt { counted: Vec::new(), now };
        for (key, free, longest) in self.sign_in_rules(source, name, self.config.longest_login_wait) {
            let before = self.transient.attempt(&key, SIGN_IN_MEMORY, now).await?;
            wait = wait.max(before.map_or(TimeDelta::zero(), |failures| wait_after(failures, free, longest, now)));
            attempt.counted.push((key, before));
        }
        if wait > TimeDelta::zero() {
            // Whoever only waits must not make the wait longer, or an account could be locked.
            self.not_tried(attempt).await?;
            return Ok(Err(TooMany { retry_after: wait.to_std().unwrap_or_default() }));
        }
        Ok(Ok(attempt))
    }

    /// The attempt was not made after all.
    pub async fn not_tried(&self, attempt: SignInAttempt) -> anyhow::Result<()> {
        for (key, before) in attempt.counted {
            self.transient.take_back(&key, before, attempt.now).await?;
        }
        Ok(())
    }

    /// A success forgives the failures of this account from this place. Those of
    /// the place stay, or an attacker would clear them with an account of their own.
    pub async fn signed_in(&self, source: &Source, name: &str, attempt: SignInAttempt) -> anyhow::Result<()> {
        self.not_tried(attempt).await?;
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
            limits.sign_in(source, "Ada ", now).await.unwrap().err().map(|too_many| too_many.retry_after.as_secs())
        };
        for _ in 0..5 {
            assert_eq!(waits(&source(1), at(0)).await, None);
        }
        for _ in 0..3 {
            assert_eq!(waits(&source(1), at(0)).await, Some(1), "waiting makes it no longer");
        }
        assert_eq!(waits(&source(1), at(1)).await, None);
        assert_eq!(waits(&source(1), at(1)).await, Some(2));
        assert_eq!(waits(&source(2), at(1)).await, None, "the owner is elsewhere");
        let right = limits.sign_in(&source(1), "ada", at(3)).await.unwrap().expect("no permanent lock");
        limits.signed_in(&source(1), "ada", right).await.unwrap();
        assert_eq!(waits(&source(1), at(3)).await, None);
    }

    // OA-AB-01: what was not tried or went well is no failure of the place
    #[tokio::test]
    async fn only_failures_hold_a_place_back() {
        let limits = limits();
        for at_once in 0..100 {
            let name = format!("person-{at_once}");
            let attempt = limits.sign_in(&source(1), &name, at(0)).await.unwrap().expect("nobody failed");
            if at_once % 2 == 0 {
                limits.signed_in(&source(1), &name, attempt).await.unwrap();
            } else {
                limits.not_tried(attempt).await.unwrap();
            }
        }
        let free = config::Limits::default().login_failures_per_source;
        for failed in 0..free {
            assert!(limits.sign_in(&source(1), &format!("person-{failed}"), at(0)).await.unwrap().is_ok());
        }
        assert!(limits.sign_in(&source(1), "somebody else", at(0)).await.unwrap().is_err());
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
