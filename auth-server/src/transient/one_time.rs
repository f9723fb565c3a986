//! Values that are good once, in this process: kept until each is over. Bounded, and
//! never forgetful: a value that was forgotten could be used again.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashSet},
    hash::{BuildHasher as _, RandomState},
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use super::FirstUse;

/// A value, whatever its length.
type Mark = [u8; 32];

/// So many steps at once do not wait for each other.
const SHARDS: usize = 16;

/// The values that were used, in parts that are locked one by one. Which part has a
/// value is decided anew in each process, so that nobody fills one of them on purpose.
#[derive(Debug)]
pub(super) struct OneTime {
    shards: [Mutex<Shard>; SHARDS],
    most_in_each: usize,
    place: RandomState,
}

#[derive(Debug, Default)]
struct Shard {
    used: HashSet<Mark>,
    by_end: BinaryHeap<Reverse<(DateTime<Utc>, Mark)>>,
    /// The latest time there was: what is over by then is forgotten, and stays over
    /// when the clock is set back.
    latest: DateTime<Utc>,
}

impl OneTime {
    pub(super) fn new(most_entries: usize) -> Self {
        Self { shards: Default::default(), most_in_each: most_entries.div_ceil(SHARDS), place: RandomState::new() }
    }

    pub(super) fn first_use(&self, key: &str, keep_until: DateTime<Utc>, now: DateTime<Utc>) -> FirstUse {
        let mark: Mark = Sha256::digest(key).into();
        let place = usize::try_from(self.place.hash_one(mark) % SHARDS as u64).unwrap_or_default();
        let Some(shard) = self.shards.get(place) else { return FirstUse::NoRoom };
        shard.lock().unwrap_or_else(PoisonError::into_inner).first_use(mark, keep_until, now, self.most_in_each)
    }
}

impl Shard {
    fn first_use(&mut self, mark: Mark, keep_until: DateTime<Utc>, now: DateTime<Utc>, most: usize) -> FirstUse {
        self.latest = self.latest.max(now);
        while let Some(Reverse((end, over))) = self.by_end.peek().copied()
            && end <= self.latest
        {
            self.by_end.pop();
            self.used.remove(&over);
        }
        if keep_until <= self.latest || self.used.contains(&mark) {
            return FirstUse::No;
        }
        if self.used.len() >= most {
            return FirstUse::NoRoom;
        }
        self.used.insert(mark);
        self.by_end.push(Reverse((keep_until, mark)));
        FirstUse::Yes
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
    }

    // OA-DB-05
    #[test]
    fn of_many_threads_with_one_value_exactly_one_is_first() {
        let values = OneTime::new(10_000);
        let firsts = || (0..500).filter(|value| values.first_use(&value.to_string(), at(60), at(0)) == FirstUse::Yes).count();
        let all: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(firsts)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(all, 500, "each value once, whoever came first");
    }

    #[test]
    fn a_value_is_over_at_its_end_and_may_come_again_with_a_later_one() {
        let values = OneTime::new(100);
        assert_eq!(values.first_use("a", at(60), at(0)), FirstUse::Yes);
        assert_eq!(values.first_use("b", at(60), at(0)), FirstUse::Yes, "values do not meet");
        assert_eq!(values.first_use("a", at(600), at(59)), FirstUse::No, "a later end does not make it another one");
        assert_eq!(values.first_use("a", at(600), at(60)), FirstUse::Yes);
        assert_eq!(values.first_use("c", at(60), at(60)), FirstUse::No, "what is over was never good");
    }

    // The clock of a machine may be set back by hand.
    #[test]
    fn a_clock_that_is_set_back_revives_nothing() {
        let values = OneTime::new(SHARDS);
        assert_eq!(values.first_use("a", at(60), at(0)), FirstUse::Yes);
        assert_eq!(values.first_use("a", at(60), at(70)), FirstUse::No);
        assert_eq!(values.first_use("a", at(60), at(10)), FirstUse::No);
    }

    // To forget a live value would let it in again.
    #[test]
    fn when_it_is_full_new_values_are_refused_until_old_ones_are_over() {
        const MOST: usize = 160;
        let values = OneTime::new(MOST);
        let use_all = |keep_until, now| {
            let asked = (0..20 * MOST).map(|value| value.to_string());
            asked.map(|value| (values.first_use(&value, keep_until, now), value)).collect::<Vec<_>>()
        };
        let outcomes = use_all(at(60), at(0));
        let used: Vec<&String> = outcomes.iter().filter(|(outcome, _)| *outcome == FirstUse::Yes).map(|(_, value)| value).collect();
        assert_eq!(used.len(), MOST, "as many as there is room for, and no more");
        assert!(outcomes.iter().all(|(outcome, _)| *outcome != FirstUse::No));
        for value in used {
            assert_eq!(values.first_use(value, at(60), at(59)), FirstUse::No, "nothing live was forgotten");
        }
        assert_eq!(values.first_use("one more", at(60), at(59)), FirstUse::NoRoom);
        let again = use_all(at(120), at(60));
        assert_eq!(again.iter().filter(|(outcome, _)| *outcome == FirstUse::Yes).count(), MOST, "what is over makes room");
        let held: usize = values.shards.iter().map(|shard| shard.lock().unwrap().by_end.len()).sum();
        assert_eq!(held, MOST, "and takes none any more");
    }

    proptest! {
        // As a list that forgets nothing would have it, while time goes on.
        #[test]
        fn nothing_is_first_twice_within_its_time(steps in prop::collection::vec((0_u8..6, 1_i64..30, 0_i64..20), 1..80)) {
            let values = OneTime::new(1_000);
            let (mut now, mut known): (_, HashMap<u8, DateTime<Utc>>) = (at(0), HashMap::new());
            for (value, lives, passes) in steps {
                now += TimeDelta::seconds(passes);
                let keep_until = now + TimeDelta::seconds(lives);
                let expected = known.get(&value).is_none_or(|end| *end <= now);
                let outcome = values.first_use(&value.to_string(), keep_until, now);
                prop_assert_eq!(outcome, if expected { FirstUse::Yes } else { FirstUse::No });
                if expected {
                    known.insert(value, keep_until);
                }
            }
        }
    }
}
