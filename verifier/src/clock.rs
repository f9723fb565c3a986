//! What time it is: the system's, or a test's.

use std::{fmt, sync::Arc};

#[cfg(feature = "fetch")]
use chrono::TimeDelta;
use chrono::{DateTime, Utc};

/// Tells the time.
#[derive(Clone, Default)]
pub(crate) struct Clock(Option<Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>>);

impl Clock {
    pub(crate) fn of(tell: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(tell)))
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.0.as_ref().map_or_else(system_now, |tell| tell())
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the system's clock")]
fn system_now() -> DateTime<Utc> {
    std::time::SystemTime::now().into()
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_some() { "Clock(given)" } else { "Clock(system)" })
    }
}

/// Whether so much time has passed. A clock that was set back counts as passed, or a
/// wait could last for years.
#[cfg(feature = "fetch")]
pub(crate) fn has_passed(since: DateTime<Utc>, span: TimeDelta, now: DateTime<Utc>) -> bool {
    now < since || now - since >= span
}
