//! Keys of the library that this build checks signatures with.

#[cfg(feature = "aws-lc-rs")]
mod aws_lc;
#[cfg(not(feature = "aws-lc-rs"))]
mod rust_crypto;

use portcullis_verifier::jwk::Algorithm;
use serde_json::Value;

#[cfg(feature = "aws-lc-rs")]
pub(crate) use aws_lc::{LIBRARY, all};
#[cfg(not(feature = "aws-lc-rs"))]
pub(crate) use rust_crypto::{LIBRARY, all};

use crate::Result;

type Sign = dyn Fn(&[u8]) -> Result<Vec<u8>>;
type Check = dyn Fn(&[u8], &[u8]) -> Result<()>;

/// A key pair, parsed once.
pub(crate) struct Key {
    pub(crate) algorithm: Algorithm,
    /// The public key as JSON, its bare members.
    pub(crate) public: Value,
    sign: Box<Sign>,
    check: Box<Check>,
}

impl Key {
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        (self.sign)(message)
    }

    /// The library's own check, and nothing else.
    pub(crate) fn check(&self, message: &[u8], signature: &[u8]) -> Result<()> {
        (self.check)(message, signature)
    }
}
