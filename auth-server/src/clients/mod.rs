//! Clients at hand: those read lately, and what is known of well-known vendors.

mod cache;
pub mod presets;

pub use cache::ClientCache;
