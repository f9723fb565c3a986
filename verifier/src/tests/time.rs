//! A clock that moves when told.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, TimeDelta, Utc};

#[derive(Clone)]
pub(super) struct Time(Arc<AtomicI64>);

impl Time {
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(1_800_000_000)))
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.0.load(Ordering::SeqCst), 0).unwrap()
    }

    pub(super) fn advance(&self, by: TimeDelta) {
        self.0.fetch_add(by.num_seconds(), Ordering::SeqCst);
    }

    pub(super) fn teller(&self) -> impl Fn() -> DateTime<Utc> + Send + Sync + 'static {
        let time = self.clone();
        move || time.now()
    }
}
