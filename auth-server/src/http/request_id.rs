//! A correlation id for each request (OA-HT-13): ours, in every answer and every
//! log line. What the caller sent under that name is not believed.

use std::{
    fmt,
    hash::{BuildHasher as _, RandomState},
    sync::atomic::{AtomicU64, Ordering},
};

use axum::http::HeaderValue;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};

/// Makes correlation ids. They tell requests apart, of this process and of others,
/// and do not show how many there were: a keyed hash of a counter. No secret rests
/// on them.
#[derive(Debug, Default)]
pub struct RequestIds {
    key: RandomState,
    made: AtomicU64,
}

impl RequestIds {
    /// A fresh one.
    pub fn fresh(&self) -> RequestId {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let halves = [false, true].map(|half| self.key.hash_one((number, half)).to_be_bytes());
        RequestId(BASE64URL.encode(halves.as_flattened()))
    }
}

/// A correlation id.
#[derive(Clone, Debug)]
pub struct RequestId(String);

impl RequestId {
    /// The id as a header value.
    pub fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).unwrap_or(HeaderValue::from_static("-"))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    // OA-HT-13
    #[test]
    fn ids_differ_and_say_nothing_of_their_number() {
        let (one, other) = (RequestIds::default(), RequestIds::default());
        let ids: HashSet<String> = (0..1000).flat_map(|_| [one.fresh(), other.fresh()]).map(|id| id.to_string()).collect();
        assert_eq!(ids.len(), 2000);
        assert!(ids.iter().all(|id| id.len() == 22));
    }
}
