//! State in this process. Bounded: under a flood of keys, old counters are forgotten;
//! values that are good once never are, see `one_time.rs`.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use quick_cache::sync::Cache;

use super::{Failures, FirstUse, one_time::OneTime};

/// Counters and one-time values in this process.
#[derive(Debug)]
pub struct Memory {
    windows: Cache<String, Arc<Mutex<Window>>>,
    failures: Cache<String, Arc<Mutex<Option<Failures>>>>,
    one_time: OneTime,
}

/// Two neighbouring windows, from which the sliding one is estimated.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    began: i64,
    current: u64,
    before: u64,
}

impl Memory {
    pub(super) fn new(most_entries: usize) -> Self {
        Self { windows: Cache::new(most_entries), failures: Cache::new(most_entries), one_time: OneTime::new(most_entries) }
    }

    pub(super) fn count(&self, key: &str, window: TimeDelta, now: DateTime<Utc>) -> u64 {
        let entry = entry(&self.windows, key);
        let mut counted = entry.lock().unwrap_or_else(PoisonError::into_inner);
        counted.move_to(now.timestamp_millis(), window.num_milliseconds().max(1));
        counted.current += 1;
        counted.sliding(now.timestamp_millis(), window.num_milliseconds().max(1))
    }

    pub(super) fn attempt(&self, key: &str, memory: TimeDelta, now: DateTime<Utc>) -> Option<Failures> {
        let entry = entry(&self.failures, key);
        let mut known = entry.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known.filter(|failures| now - failures.last < memory);
        *known = Some(Failures { count: before.map_or(0, |failures| failures.count).saturating_add(1), last: now });
        before
    }

    pub(super) fn take_back(&self, key: &str, before: Option<Failures>, now: DateTime<Utc>) {
        let Some(entry) = self.failures.get(key) else { return };
        let mut known = entry.lock().unwrap_or_else(PoisonError::into_inner);
        *known = known.filter(|failures| failures.count > 1).map(|failures| Failures {
            count: failures.count - 1,
            // unless somebody else's attempt came later
            last: before.map_or(failures.last, |before| if failures.last == now { before.last } else { failures.last }),
        });
    }

    pub(super) fn first_use(&self, key: &str, keep_until: DateTime<Utc>, now: DateTime<Utc>) -> FirstUse {
        self.one_time.first_use(key, keep_until, now)
    }

    pub(super) fn forget_failures(&self, key: &str) {
        self.failures.remove(key);
    }
}

/// The same for all who ask at once.
fn entry<T: Default>(cache: &Cache<String, Arc<Mutex<T>>>, key: &str) -> Arc<Mutex<T>> {
    let Ok(entry) = cache.get_or_insert_with(key, || Ok::<_, Infallible>(Arc::default()));
    entry
}

impl Window {
    fn move_to(&mut self, now: i64, length: i64) {
        let began = now.div_euclid(length) * length;
        if began == self.began {
            return;
        }
        self.before = if began - self.began == length { self.current } else { 0 };
        self.current = 0;
        self.began = began;
    }

    /// What has happened in the last `length`, if the window before was even.
    fn sliding(self, now: i64, length: i64) -> u64 {
        let left = u64::try_from(length - (now - self.began)).unwrap_or(0);
        let length = u64::try_from(length).unwrap_or(1);
        self.current + self.before * left / length
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_700_000_000_000 + millis).unwrap()
    }

    // OA-AB-02
    #[test]
    fn a_window_slides() {
        let memory = Memory::new(10);
        let minute = TimeDelta::minutes(1);
        let base = 20_000; // 1_700_000_000 is 20 s into a minute
        for expected in 1..=10 {
            assert_eq!(memory.count("a", minute, at(base)), expected);
        }
        assert_eq!(memory.count("b", minute, at(base)), 1, "keys do not meet");
        let next_minute = base + 40_000 + 20_000;
        assert!(memory.count("a", minute, at(next_minute)) < 10, "a part is over");
        assert_eq!(memory.count("a", minute, at(next_minute + 600_000)), 1, "all is over");
    }

    #[test]
    fn failures_are_forgotten_after_a_while_or_on_success() {
        let memory = Memory::new(10);
        let hour = TimeDelta::hours(1);
        let seen = |count, last| Some(Failures { count, last: at(last) });
        assert_eq!(memory.attempt("a", hour, at(0)), None);
        assert_eq!(memory.attempt("a", hour, at(1)), seen(1, 0));
        assert_eq!(memory.attempt("a", hour, at(2)), seen(2, 1));
        memory.take_back("a", seen(2, 1), at(2));
        assert_eq!(memory.attempt("a", hour, at(3)), seen(2, 1), "as if it had not been");
        assert_eq!(memory.attempt("a", hour, at(3) + hour), None);
        memory.forget_failures("a");
        assert_eq!(memory.attempt("a", hour, at(2)), None);
    }

    #[test]
    fn taking_back_one_attempt_leaves_the_others() {
        let memory = Memory::new(10);
        let hour = TimeDelta::hours(1);
        let mine = memory.attempt("a", hour, at(1));
        memory.attempt("a", hour, at(2));
        memory.take_back("a", mine, at(1));
        assert_eq!(memory.attempt("a", hour, at(3)), Some(Failures { count: 1, last: at(2) }));
    }

    // OA-AB-01: at the same moment too
    #[test]
    fn every_attempt_is_counted_once() {
        let memory = Memory::new(10);
        let count =
            || (0..500).filter_map(|_| memory.attempt("a", TimeDelta::hours(1), at(0))).map(|before| before.count).collect::<Vec<_>>();
        let mut seen: Vec<u32> = std::thread::scope(|scope| {
            let threads = [scope.spawn(count), scope.spawn(count)];
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        seen.sort_unstable();
        assert_eq!(seen, (1..1000).collect::<Vec<_>>());
    }

    proptest! {
        // OA-AB-02: nobody gets far more than the limit through, wherever windows begin
        #[test]
        fn the_estimate_never_misses_what_just_happened(times in prop::collection::vec(0_i64..120_000, 1..60)) {
            let memory = Memory::new(10);
            let mut sorted = times;
            sorted.sort_unstable();
            for (index, time) in sorted.iter().enumerate() {
                let counted = memory.count("a", TimeDelta::minutes(1), at(*time));
                let window = at(*time).timestamp_millis().div_euclid(60_000);
                let in_this_window = sorted[..=index].iter().filter(|earlier| at(**earlier).timestamp_millis().div_euclid(60_000) == window).count();
                prop_assert!(counted >= u64::try_from(in_this_window).unwrap());
            }
        }
    }
}
