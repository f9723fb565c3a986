//! The keys that sign tokens and the key that seals them.
//!
//! Signing keys live in the database, sealed under the master key, so that all
//! processes share them; the master key never enters the database. Not here: how
//! a token looks (`tokens/`), when a key may be forgotten (`jobs/`).
//!
//! In reading order: `master_key` seals and derives; `material` makes key pairs;
//! `ring` holds the signers and the JWKS; `rotation` moves keys through life. Keys in files,
//! that of TLS among them: `tls`, `private_file`.

mod master_key;
mod material;
mod private_file;
mod ring;
mod rotation;
pub mod tls;

pub(crate) use master_key::hmac;
pub use master_key::{MasterKey, SealError, SealedFor};
pub use material::KeyMaterial;
pub use ring::{JwkSet, KeyRing, SigningKey};
pub use rotation::{MadeKey, ensure_keys, rotate};
