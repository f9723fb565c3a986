//! State that may be lost: counters. Losing it costs a limit its memory, never the
//! correctness of a code or a token (OA-DB-05); what must survive is in `store/`.
//!
//! An enum and not a trait: all variants are ours, and calls stay plain.

mod memory;

use chrono::{DateTime, TimeDelta, Utc};

use memory::Memory;

/// Where counters live.
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
}
