//! When to fetch a document again, and how long an old one will do (OA-JW-14). Pure: it
//! is told what happened and what time it is.

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::has_passed;

/// What is known of a document: `T` is what was read in it.
#[derive(Debug)]
pub(super) struct Freshness<T> {
    loaded: Option<Loaded<T>>,
    generation: u64,
    last_attempt: Option<DateTime<Utc>>,
    failures: u32,
    /// How many attempts have ended: who waited for one sees that it did.
    pub(super) attempts: u64,
}

#[derive(Debug)]
struct Loaded<T> {
    value: T,
    document: Vec<u8>,
    at: DateTime<Utc>,
    fresh_for: TimeDelta,
}

/// What to do about the document before it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wants {
    /// Nothing.
    Nothing,
    /// Fetch, and use what came.
    Fetching,
    /// Use what there is, and fetch beside it.
    FetchingBeside,
}

const LEAST_FRESH: TimeDelta = TimeDelta::seconds(60);
const MOST_FRESH: TimeDelta = TimeDelta::hours(1);
const DEFAULT_FRESH: TimeDelta = TimeDelta::minutes(5);
/// The last good document is used for so long while the issuer is away.
const LONGEST_USE: TimeDelta = TimeDelta::hours(24);
/// So made-up `kid`s cause two requests a minute at most.
const COOL_DOWN: TimeDelta = TimeDelta::seconds(30);

impl<T> Default for Freshness<T> {
    fn default() -> Self {
        Self { loaded: None, generation: 0, last_attempt: None, failures: 0, attempts: 0 }
    }
}

impl<T> Freshness<T> {
    /// What was read, and which edition of the document it was read in.
    pub(super) fn at_hand(&self, now: DateTime<Utc>) -> Option<(&T, u64)> {
        let usable = self.loaded.as_ref().filter(|loaded| !has_passed(loaded.at, LONGEST_USE, now));
        usable.map(|loaded| (&loaded.value, self.generation))
    }

    /// Whether this is the document that was read.
    pub(super) fn is_of(&self, document: &[u8]) -> bool {
        self.loaded.as_ref().is_some_and(|loaded| loaded.document == document)
    }

    /// `is_missing`: what is at hand lacks what is looked for, or there is nothing at hand.
    pub(super) fn wants(&self, is_missing: bool, now: DateTime<Utc>) -> Wants {
        let is_old = self.loaded.as_ref().is_none_or(|loaded| has_passed(loaded.at, loaded.fresh_for, now));
        match (is_missing, is_old) {
            (true, _) => Wants::Fetching,
            (false, false) => Wants::Nothing,
            // A key may have been taken back, so old keys are renewed before they judge; but
            // once the issuer is known to be away, nobody waits for it.
            (false, true) if self.failures == 0 => Wants::Fetching,
            (false, true) => Wants::FetchingBeside,
        }
    }

    /// Whether enough time has passed since the last attempt. Where there is nothing at
    /// all, attempts begin a second apart: a server may start before its issuer.
    pub(super) fn may_try(&self, now: DateTime<Utc>) -> bool {
        let wait = match &self.loaded {
            Some(_) => COOL_DOWN,
            None => TimeDelta::seconds(1 << self.failures.saturating_sub(1).min(5)).min(COOL_DOWN),
        };
        self.last_attempt.is_none_or(|last| has_passed(last, wait, now))
    }

    pub(super) fn begins(&mut self, now: DateTime<Utc>) {
        self.last_attempt = Some(now);
    }

    /// `true` if the document is another one than before.
    pub(super) fn succeeded(&mut self, document: Vec<u8>, value: T, max_age: Option<TimeDelta>, now: DateTime<Utc>) -> bool {
        self.attempts += 1;
        self.failures = 0;
        let is_same = self.is_of(&document);
        if !is_same {
            self.generation += 1;
        }
        let fresh_for = max_age.unwrap_or(DEFAULT_FRESH).clamp(LEAST_FRESH, MOST_FRESH);
        self.loaded = Some(Loaded { value, document, at: now, fresh_for });
        !is_same
    }

    pub(super) fn failed(&mut self) {
        self.attempts += 1;
        self.failures = self.failures.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &[u8] = b"{}";

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn load(freshness: &mut Freshness<()>, max_age: Option<i64>, now: i64) -> bool {
        freshness.begins(at(now));
        freshness.succeeded(DOCUMENT.to_vec(), (), max_age.map(TimeDelta::seconds), at(now))
    }

    // OA-JW-14
    #[test]
    fn max_age_is_honoured_between_a_minute_and_an_hour() {
        for (max_age, fresh) in [(Some(0), 60), (Some(600), 600), (Some(999_999), 3600), (None, 300)] {
            let mut freshness = Freshness::default();
            assert!(load(&mut freshness, max_age, 0));
            assert_eq!(freshness.wants(false, at(fresh - 1)), Wants::Nothing, "{max_age:?}");
            assert_eq!(freshness.wants(false, at(fresh)), Wants::Fetching, "{max_age:?}");
        }
    }

    // OA-JW-14
    #[test]
    fn made_up_kids_cause_two_attempts_a_minute() {
        let mut freshness = Freshness::default();
        load(&mut freshness, Some(3600), 0);
        let mut attempts = 0;
        for second in 0..600 {
            assert_eq!(freshness.wants(true, at(second)), Wants::Fetching);
            if freshness.may_try(at(second)) {
                attempts += 1;
                load(&mut freshness, Some(3600), second);
            }
        }
        assert_eq!(attempts, 19);
    }

    // MCP-RS-17, OA-JW-14
    #[test]
    fn the_last_good_keys_serve_for_a_day_and_nobody_waits() {
        let mut freshness = Freshness::default();
        load(&mut freshness, Some(60), 0);
        freshness.begins(at(60));
        freshness.failed();
        assert_eq!(freshness.wants(false, at(61)), Wants::FetchingBeside);
        assert!(!freshness.may_try(at(89)) && freshness.may_try(at(90)));
        let day = 24 * 60 * 60;
        assert!(freshness.at_hand(at(day - 1)).is_some() && freshness.at_hand(at(day)).is_none());
    }

    // OA-RS-15
    #[test]
    fn without_any_keys_attempts_begin_a_second_apart() {
        let mut freshness = Freshness::<()>::default();
        let mut tried = Vec::new();
        for second in 0..100 {
            if freshness.may_try(at(second)) {
                tried.push(second);
                freshness.begins(at(second));
                freshness.failed();
            }
        }
        assert_eq!(tried, [0, 1, 3, 7, 15, 31, 61, 91]);
    }

    #[test]
    fn the_same_keys_fetched_again_are_the_same_edition() {
        let mut freshness = Freshness::default();
        load(&mut freshness, None, 0);
        assert!(!load(&mut freshness, None, 300));
        assert_eq!(freshness.at_hand(at(300)), Some((&(), 1)));
    }

    // A clock that jumps back makes nothing wait for years
    #[test]
    fn a_clock_that_was_set_back_means_fetching_now() {
        let mut freshness = Freshness::default();
        load(&mut freshness, Some(3600), 0);
        assert!(freshness.may_try(at(-1000)));
        assert_eq!(freshness.wants(false, at(-1000)), Wants::Fetching);
    }
}
