//! Public keys as JSON (RFC 7517), and checking signatures with them.

mod key;
mod set;
mod verify;

pub use key::{Algorithm, Jwk, JwkError};
pub use set::{Set, SetError};
