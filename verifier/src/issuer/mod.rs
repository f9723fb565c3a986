//! For the authorization server itself, and for nobody else: reading a token that it
//! issued, whoever it is for, to answer a resource that asks (RFC 7662) or an operator;
//! judging a key that a client registers; and reading the assertions by which clients prove
//! to it who they are (RFC 7523).
//!
//! **A resource has no use for this.** It would let in tokens that are for others
//! (RFC 9068 §4); a [`Verifier`](crate::Verifier) does not, and can't be told to.

mod client_assertion;
mod own_tokens;
#[cfg(feature = "aws-lc-rs")]
mod registered_keys;

pub use client_assertion::ClientAssertion;
pub use own_tokens::OwnTokens;
#[cfg(feature = "aws-lc-rs")]
pub use registered_keys::is_on_p384;
