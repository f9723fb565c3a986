//! What a verifier lets in and what not, told as its users see it.

#[cfg(feature = "axum")]
mod layer;
#[cfg(any(feature = "axum", feature = "fetch"))]
mod log;
mod tokens;

#[cfg(feature = "fetch")]
mod fetching;
#[cfg(feature = "fetch")]
mod introspecting;
#[cfg(feature = "fetch")]
mod issuer_server;

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, TimeDelta, Utc};

pub(super) const ISSUER: &str = "https://auth.example.com";
pub(super) const MCP: &str = "https://mcp.example.com/mcp";

/// A clock that moves when told.
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

pub(super) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}
