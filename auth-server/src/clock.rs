//! What time it is, in whole microseconds.
//!
//! PostgreSQL keeps microseconds and SQLite's text nanoseconds: with whole
//! microseconds, what was written is what is read.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use chrono::{DateTime, TimeDelta, Utc};

/// Tells the time. Cheap to clone; clones of a stopped clock move together.
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that moves only when told: for tests.
    pub fn stopped_at(start: DateTime<Utc>) -> Self {
        Self(Some(Arc::new(AtomicI64::new(start.timestamp_micros()))))
    }

    /// Moves a stopped clock. The system's clock does not listen.
    pub fn advance(&self, by: TimeDelta) {
        if let Some(micros) = &self.0 {
            micros.fetch_add(by.num_microseconds().unwrap_or(0), Ordering::SeqCst);
        }
    }

    /// The time now. A request reads it once, so that all its decisions agree.
    pub fn now(&self) -> DateTime<Utc> {
        let micros = match &self.0 {
            Some(stopped) => stopped.load(Ordering::SeqCst),
            None => system_now().timestamp_micros(),
        };
        DateTime::from_timestamp_micros(micros).unwrap_or_default()
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the system's clock")]
fn system_now() -> DateTime<Utc> {
    std::time::SystemTime::now().into()
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_some() { "Clock(stopped)" } else { "Clock(system)" })
    }
}
