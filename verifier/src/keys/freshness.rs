//! When to fetch keys again, and how long old ones will do (OA-JW-14). Pure: it is told
//! what happened and what time it is.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::AtHand;
use crate::{clock::has_passed, jwk::Set, rejection::Rejection};

/// What is known of an issuer's keys.
#[derive(Debug, Default)]
pub(super) struct Freshness {
    loaded: Option<Loaded>,
    generation: u64,
    last_attempt: Option<DateTime<Utc>>,
    failures: u32,
    /// How many attempts have ended: who waited for one sees that it did.
    pub(super) attempts: u64,
}

#[derive(Debug)]
struct Loaded {
    keys: AtHand,
    document: Vec<u8>,
    at: DateTime<Utc>,
    fresh_for: TimeDelta,
}

/// What to do about the keys before a token is judged with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wants {
    /// Nothing.
    Nothing,
    /// Fetch, and judge again.
    Fetching,
    /// Judge with what there is, and fetch beside it.
    FetchingBeside,
}

const LEAST_FRESH: TimeDelta = TimeDelta::seconds(60);
const MOST_FRESH: TimeDelta = TimeDelta::hours(1);
const DEFAULT_FRESH: TimeDelta = TimeDelta::minutes(5);
/// The last good keys are used for so long while the issuer is away.
const LONGEST_USE: TimeDelta = TimeDelta::hours(24);
/// So made-up `kid`s cause two requests a minute at most.
const COOL_DOWN: TimeDelta = TimeDelta::seconds(30);

impl Freshness {
    pub(super) fn at_hand(&self, now: DateTime<Utc>) -> Option<&AtHand> {
        self.loaded.as_ref().filter(|loaded| !has_passed(loaded.at, LONGEST_USE, now)).map(|loaded| &loaded.keys)
    }

    /// Whether the keys are those of this document.
    pub(super) fn is_of(&self, document: &[u8]) -> bool {
        self.loaded.as_ref().is_some_and(|loaded| loaded.document == document)
    }

    /// `why` is the reason for which a token was refused with the keys at hand.
    pub(super) fn wants(&self, why: Option<&Rejection>, now: DateTime<Utc>) -> Wants {
        let is_missing = matches!(why, Some(Rejection::UnknownKey(_) | Rejection::KeysUnavailable(_)));
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

    /// Whether enough time has passed since the last attempt. Where there are no keys at
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

    /// `true` if the keys are other ones than before.
    pub(super) fn succeeded(&mut self, document: Vec<u8>, set: Set, max_age: Option<TimeDelta>, now: DateTime<Utc>) -> bool {
        self.attempts += 1;
        self.failures = 0;
        let is_same = self.is_of(&document);
        if !is_same {
            self.generation += 1;
        }
        let fresh_for = max_age.unwrap_or(DEFAULT_FRESH).clamp(LEAST_FRESH, MOST_FRESH);
        let keys = AtHand { set: Arc::new(set), generation: self.generation };
        self.loaded = Some(Loaded { keys, document, at: now, fresh_for });
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

    const JWKS: &[u8] = br#"{"keys":[{"kid":"a","kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}"#;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn load(freshness: &mut Freshness, max_age: Option<i64>, now: i64) -> bool {
        freshness.begins(at(now));
        freshness.succeeded(JWKS.to_vec(), Set::from_json(JWKS).unwrap(), max_age.map(TimeDelta::seconds), at(now))
    }

    fn unknown() -> Rejection {
        Rejection::UnknownKey("x".to_owned())
    }

    // OA-JW-14
    #[test]
    fn max_age_is_honoured_between_a_minute_and_an_hour() {
        for (max_age, fresh) in [(Some(0), 60), (Some(600), 600), (Some(999_999), 3600), (None, 300)] {
            let mut freshness = Freshness::default();
            assert!(load(&mut freshness, max_age, 0));
            assert_eq!(freshness.wants(None, at(fresh - 1)), Wants::Nothing, "{max_age:?}");
            assert_eq!(freshness.wants(None, at(fresh)), Wants::Fetching, "{max_age:?}");
        }
    }

    // OA-JW-14
    #[test]
    fn made_up_kids_cause_two_attempts_a_minute() {
        let mut freshness = Freshness::default();
        load(&mut freshness, Some(3600), 0);
        let mut attempts = 0;
        for second in 0..600 {
            assert_eq!(freshness.wants(Some(&unknown()), at(second)), Wants::Fetching);
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
        assert_eq!(freshness.wants(None, at(61)), Wants::FetchingBeside);
        assert!(!freshness.may_try(at(89)) && freshness.may_try(at(90)));
        let day = 24 * 60 * 60;
        assert!(freshness.at_hand(at(day - 1)).is_some() && freshness.at_hand(at(day)).is_none());
    }

    // OA-RS-15
    #[test]
    fn without_any_keys_attempts_begin_a_second_apart() {
        let mut freshness = Freshness::default();
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
        assert_eq!(freshness.at_hand(at(300)).unwrap().generation, 1);
    }

    // A clock that jumps back makes nothing wait for years
    #[test]
    fn a_clock_that_was_set_back_means_fetching_now() {
        let mut freshness = Freshness::default();
        load(&mut freshness, Some(3600), 0);
        assert!(freshness.may_try(at(-1000)));
        assert_eq!(freshness.wants(None, at(-1000)), Wants::Fetching);
    }
}
