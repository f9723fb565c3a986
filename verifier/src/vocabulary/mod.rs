//! The nouns that an authorization server and a resource server both speak.
//!
//! A value of one of these types is valid: it is parsed at the edge and never
//! checked again.

mod issuer;
mod resource;
mod scope;
mod web_address;

pub use issuer::{Issuer, IssuerError};
pub use resource::{Resource, ResourceError};
pub use scope::{Scope, ScopeError, ScopeToken};
pub use web_address::AddressError;
