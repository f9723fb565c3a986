//! Codes that were stored a moment ago, for their first exchange.
//!
//! Most codes are redeemed once, at once: the first to ask for one need not ask the
//! database. What has happened to the code meanwhile does not matter, since it is
//! spent only if it still is the same; and who was first was there before any
//! other. That holds for one process, so only SQLite's store remembers codes.

use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::protocol::{
    code::IssuedCode,
    vocabulary::{AuthorizationCode, TokenHash},
};

/// More than are under way on a busy server; some hundred bytes each.
const MOST: usize = 8192;

/// A bounded memory of codes. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct RecentCodes(Arc<Cache<Box<[u8]>, IssuedCode>>);

impl RecentCodes {
    pub(super) fn new() -> Self {
        Self(Arc::new(Cache::new(MOST)))
    }

    /// Remembers a code that is stored.
    pub(super) fn keep(&self, hash: &TokenHash<AuthorizationCode>, code: IssuedCode) {
        self.0.insert(hash.as_bytes().into(), code);
    }

    /// A code that nobody has asked for yet.
    pub(super) fn take(&self, hash: &TokenHash<AuthorizationCode>) -> Option<IssuedCode> {
        self.0.remove(hash.as_bytes()).map(|(_, code)| code)
    }
}
