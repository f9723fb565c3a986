//! What is known of one address: what to use, and when to ask again. Pure.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::RemoteError;

/// How long what was read is kept.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Keeping {
    /// At least, whatever its headers say.
    pub(in super::super) least: TimeDelta,
    /// At most, and where its headers say nothing.
    pub(in super::super) most: TimeDelta,
    /// Since it was last confirmed, while nothing newer can be had.
    pub(in super::super) stale: TimeDelta,
}

/// After a failure nothing is asked for so long.
const PAUSE_AFTER_FAILURE: TimeDelta = TimeDelta::seconds(60);
/// Who misses something in what is fresh asks again, but not more often.
const PAUSE_BETWEEN_QUESTIONS: TimeDelta = TimeDelta::seconds(30);

/// What came back.
#[derive(Clone, Debug)]
pub(super) struct Came<T> {
    /// Something new; nothing if what is held is the latest.
    pub(super) value: Option<Arc<T>>,
    pub(super) etag: Option<String>,
    pub(super) fresh_for: Option<TimeDelta>,
}

#[derive(Debug)]
pub(super) struct Known<T, E: std::error::Error> {
    held: Option<Held<T>>,
    failed: Option<(DateTime<Utc>, RemoteError<E>)>,
}

#[derive(Debug)]
struct Held<T> {
    confirmed: Confirmed<T>,
    etag: Option<String>,
    fresh_until: DateTime<Utc>,
}

/// A value, and when it was last known to stand there.
#[derive(Debug)]
pub(in super::super) struct Confirmed<T> {
    pub(in super::super) value: Arc<T>,
    pub(in super::super) at: DateTime<Utc>,
}

impl<T> Clone for Confirmed<T> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), at: self.at }
    }
}

impl<T, E: std::error::Error> Default for Known<T, E> {
    fn default() -> Self {
        Self { held: None, failed: None }
    }
}

impl<T, E: std::error::Error + Clone> Known<T, E> {
    /// What is fresh.
    pub(super) fn fresh(&self, now: DateTime<Utc>) -> Option<Arc<T>> {
        self.held.as_ref().filter(|held| now < held.fresh_until).map(|held| Arc::clone(&held.confirmed.value))
    }

    /// The name of the version that is held.
    pub(super) fn etag(&self) -> Option<&str> {
        self.held.as_ref()?.etag.as_deref()
    }

    /// What there is to say without asking; `None` if somebody has to ask.
    pub(super) fn settled(
        &self,
        will_do: impl Fn(&T) -> bool,
        keeping: Keeping,
        now: DateTime<Utc>,
    ) -> Option<Result<Confirmed<T>, RemoteError<E>>> {
        if let Some((failed_at, error)) = &self.failed
            && now - *failed_at < PAUSE_AFTER_FAILURE
        {
            return Some(self.stale(keeping, now).ok_or_else(|| error.clone()));
        }
        let held = self.held.as_ref().filter(|held| now < held.fresh_until)?;
        let is_settled = will_do(&held.confirmed.value) || now - held.confirmed.at < PAUSE_BETWEEN_QUESTIONS;
        is_settled.then(|| Ok(held.confirmed.clone()))
    }

    /// Takes in what came, and says what to use now.
    pub(super) fn take(
        &mut self,
        came: Result<Came<T>, RemoteError<E>>,
        keeping: Keeping,
        now: DateTime<Utc>,
    ) -> Result<Confirmed<T>, RemoteError<E>> {
        let came = match came {
            Ok(came) => came,
            Err(error) => {
                // What was good stays: a failure replaces nothing (OA-CM-20).
                self.failed = Some((now, error.clone()));
                return self.stale(keeping, now).ok_or(error);
            }
        };
        self.failed = None;
        let held = self.held.take().map(|held| held.confirmed.value);
        let Some(value) = came.value.or(held) else {
            // "Not modified", and nothing was held: asked without a version's name, nobody answers so.
            return Err(RemoteError::Egress(crate::egress::EgressError::Status(304)));
        };
        let fresh_for = came.fresh_for.unwrap_or(keeping.most).clamp(keeping.least, keeping.most);
        let confirmed = Confirmed { value, at: now };
        self.held = Some(Held { confirmed: confirmed.clone(), etag: came.etag, fresh_until: now + fresh_for });
        Ok(confirmed)
    }

    /// Takes in what was good at another time, unless something is held.
    pub(super) fn remember(&mut self, confirmed: Confirmed<T>) {
        let fresh_until = confirmed.at;
        self.held.get_or_insert(Held { confirmed, etag: None, fresh_until });
    }

    fn stale(&self, keeping: Keeping, now: DateTime<Utc>) -> Option<Confirmed<T>> {
        let confirmed = &self.held.as_ref()?.confirmed;
        (now - confirmed.at <= keeping.stale).then(|| confirmed.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::egress::EgressError;

    const KEEPING: Keeping = Keeping { least: TimeDelta::minutes(1), most: TimeDelta::hours(24), stale: TimeDelta::hours(24) };

    #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
    #[error("bad")]
    struct Bad;

    type OfText = Known<&'static str, Bad>;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn document(value: &'static str, fresh_for: Option<i64>) -> Came<&'static str> {
        Came { value: Some(Arc::new(value)), etag: Some("\"1\"".to_owned()), fresh_for: fresh_for.map(TimeDelta::seconds) }
    }

    fn failure() -> Result<Came<&'static str>, RemoteError<Bad>> {
        Err(RemoteError::Egress(EgressError::TimedOut))
    }

    /// What there is to say at this moment without asking.
    fn said(known: &OfText, seconds: i64) -> Option<Result<&'static str, RemoteError<Bad>>> {
        known.settled(|_| true, KEEPING, at(seconds)).map(|settled| settled.map(|confirmed| *confirmed.value))
    }

    // MCP-AS-120: by its headers, a minute at least and a day at most
    #[test]
    fn a_document_is_fresh_as_long_as_it_says_within_bounds() {
        for (says, fresh_for) in [(Some(600), 600), (Some(0), 60), (Some(1_000_000), 86_400), (None, 86_400)] {
            let mut known = OfText::default();
            known.take(Ok(document("a", says)), KEEPING, at(0)).unwrap();
            assert_eq!(said(&known, fresh_for - 1), Some(Ok("a")), "{says:?}");
            assert_eq!(said(&known, fresh_for), None, "{says:?}");
        }
    }

    #[test]
    fn what_is_confirmed_is_fresh_again() {
        let mut known = OfText::default();
        known.take(Ok(document("a", Some(60))), KEEPING, at(0)).unwrap();
        let confirmed = Came { value: None, etag: Some("\"1\"".to_owned()), fresh_for: Some(TimeDelta::seconds(60)) };
        assert_eq!(known.take(Ok(confirmed.clone()), KEEPING, at(100)).map(|confirmed| *confirmed.value), Ok("a"));
        assert_eq!(said(&known, 159), Some(Ok("a")));
        assert_eq!(known.etag(), Some("\"1\""));
        assert!(OfText::default().take(Ok(confirmed), KEEPING, at(0)).is_err());
    }

    // MCP-AS-120, MCP-AS-121, OA-CM-09, OA-CM-20
    #[test]
    fn a_failure_replaces_nothing_and_is_remembered_for_a_minute() {
        let mut known = OfText::default();
        assert!(known.take(failure(), KEEPING, at(0)).is_err());
        assert!(matches!(said(&known, 59), Some(Err(_))), "it is not asked for again");
        assert_eq!(said(&known, 60), None);
        known.take(Ok(document("a", Some(60))), KEEPING, at(60)).unwrap();
        assert_eq!(known.take(failure(), KEEPING, at(200)).map(|confirmed| *confirmed.value), Ok("a"));
        assert_eq!(said(&known, 210), Some(Ok("a")));
        let a_day_later = 60 + 86_400;
        assert_eq!(known.take(failure(), KEEPING, at(a_day_later)).map(|confirmed| *confirmed.value), Ok("a"));
        assert!(known.take(failure(), KEEPING, at(a_day_later + 1)).is_err());
        assert!(matches!(said(&known, a_day_later + 2), Some(Err(_))));
    }

    // OA-CL-13
    #[test]
    fn who_misses_something_asks_again_but_not_at_once() {
        let mut known = OfText::default();
        known.take(Ok(document("a", Some(3600))), KEEPING, at(0)).unwrap();
        let missing = |known: &OfText, seconds| known.settled(|_| false, KEEPING, at(seconds)).is_none();
        assert!(!missing(&known, 29));
        assert!(missing(&known, 30));
        known.take(Ok(document("b", Some(3600))), KEEPING, at(30)).unwrap();
        assert!(!missing(&known, 59));
    }

    #[test]
    fn what_was_good_before_a_restart_helps_when_nothing_else_does() {
        let mut known = OfText::default();
        known.remember(Confirmed { value: Arc::new("old"), at: at(0) });
        assert_eq!(said(&known, 1), None, "it is asked for first");
        assert_eq!(known.take(failure(), KEEPING, at(100)).map(|confirmed| *confirmed.value), Ok("old"));
        known.take(Ok(document("new", None)), KEEPING, at(200)).unwrap();
        known.remember(Confirmed { value: Arc::new("old"), at: at(0) });
        assert_eq!(said(&known, 201), Some(Ok("new")));
    }
}
