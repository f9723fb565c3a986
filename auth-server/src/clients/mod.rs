//! Clients at hand: those read lately, what they publish, and what is known of
//! well-known vendors.

mod cache;
mod documents;
mod keys;
mod pinned;
pub mod presets;
mod remote;
mod sealed;

pub use cache::ClientCache;
pub use documents::{ClientDocuments, NoDocument};
pub use keys::{ClientKeys, KeysError};
pub use remote::RemoteError;
pub use sealed::{Sealed, SealedClients};
