//! State that may be lost: counters, and values that are good once. Losing it costs a
//! limit its memory, never the correctness of a code or a token (OA-DB-05); what must
//! survive is in `store/`.
//!
//! An enum and not a trait: all variants are ours, and calls stay plain.

mod memory;
mod one_time;

use chrono::{DateTime, TimeDelta, Utc};

use memory::Memory;

/// Where counters and one-time values live.
#[derive(Debug)]
pub enum Transient {
    /// In this process.
    Memory(Memory),
}

/// What is known of repeated failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failures {
    /// How many in a row.
    pub count: u32,
    /// The last one.
    pub last: DateTime<Utc>,
}

/// Whether a value was used for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstUse {
    /// It was; nobody else hears this within its time.
    Yes,
    /// It was used before, or its time is over.
    No,
    /// There is no room to remember it, so it can't be let in. The caller may come again.
    NoRoom,
}

#[expect(clippy::unused_async, reason = "counters that processes share are asked over a connection")]
impl Transient {
    /// In this process, within a bound of entries.
    pub fn in_memory(most_entries: usize) -> Self {
        Self::Memory(Memory::new(most_entries))
    }

    /// Adds one to `key`, and tells how many there were in the sliding `window`.
    pub async fn count(&self, key: &str, window: TimeDelta, now: DateTime<Utc>) -> anyhow::Result<u64> {
        match self {
            Self::Memory(memory) => Ok(memory.count(key, window, now)),
        }
    }

    /// Counts an attempt as a failure before it is known how it ends, and tells what
    /// there was before. Failures are forgotten `memory` after the last.
    pub async fn attempt(&self, key: &str, memory: TimeDelta, now: DateTime<Utc>) -> anyhow::Result<Option<Failures>> {
        match self {
            Self::Memory(here) => Ok(here.attempt(key, memory, now)),
        }
    }

    /// Takes back an attempt made at `now`, before which there was `before`.
    pub async fn take_back(&self, key: &str, before: Option<Failures>, now: DateTime<Utc>) -> anyhow::Result<()> {
        match self {
            Self::Memory(here) => here.take_back(key, before, now),
        }
        Ok(())
    }

    /// Forgets failures.
    pub async fn forget_failures(&self, key: &str) -> anyhow::Result<()> {
        match self {
            Self::Memory(memory) => memory.forget_failures(key),
        }
        Ok(())
    }

    /// Uses `key` up: [`FirstUse::Yes`] for exactly one caller until `keep_until`, which is
    /// when the value would not be accepted any more anyway, such as the `exp` of an
    /// assertion whose `jti` this is (RFC 7523 §3). The key says whose value it is, too.
    ///
    /// Bounded, and when it is full new values are refused: to forget one that is still
    /// good would let it in again. What is over makes room. So whoever chooses
    /// `keep_until` decides how long room is taken: bound it, and hear nobody here who has
    /// not proved who they are. A restart forgets all: refuse what was made before it.
    pub async fn first_use(&self, key: &str, keep_until: DateTime<Utc>, now: DateTime<Utc>) -> anyhow::Result<FirstUse> {
        match self {
            Self::Memory(memory) => Ok(memory.first_use(key, keep_until, now)),
        }
    }
}
