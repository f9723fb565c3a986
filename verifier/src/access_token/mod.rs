//! An access token, before and after it was checked (RFC 9068, RFC 8725).
//!
//! `compact` takes a token apart, `claims` checks its signature and what it says, and
//! `principal` is what is left for a handler: an [`AccessToken`], which nothing but a
//! successful check can make.

mod claims;
mod compact;
mod principal;

pub(crate) use claims::{Checks, Leniency, TokenKind, VerifiedToken};
pub(crate) use compact::UnverifiedToken;
pub use principal::AccessToken;

/// Tokens are no longer than this.
pub const MOST_BYTES: usize = 8 * 1024;
