#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod access_token;
#[cfg(feature = "axum")]
mod axum;
mod builder;
mod challenge;
mod clock;
mod credential;
#[cfg(feature = "fetch")]
mod fetch;
#[cfg(feature = "fetch")]
mod introspection;
#[cfg(feature = "issuer")]
pub mod issuer;
pub mod jwk;
mod keys;
mod metadata;
mod needs;
mod refusal;
mod rejection;
mod remembered;
mod strict_json;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
#[cfg(feature = "tower")]
pub mod tower;
mod trusted;
mod verifier;
pub mod vocabulary;

#[cfg(feature = "axum")]
pub use crate::axum::NoLayer;
pub use access_token::AccessToken;
pub use builder::{BuildError, Builder};
pub use challenge::Challenge;
pub use credential::Malformed;
pub use metadata::Metadata;
pub use refusal::Refusal;
pub use rejection::Rejection;
#[cfg(feature = "tower")]
pub use tower::Authorized;
pub use trusted::TrustedIssuer;
pub use verifier::Verifier;
