//! What the RFCs decide, as pure functions: facts in, verdict out.
//!
//! Nothing in here knows HTTP, SQL, a clock or chance: time is a parameter and
//! random values come ready-made. What the rules are about (clients, scopes,
//! redirect URIs) is in `vocabulary/`; a value of such a type is valid.

pub mod vocabulary;

pub mod access_token;
pub mod authorize;
pub mod client;
pub mod client_assertion;
pub mod client_auth;
pub mod client_credentials;
pub mod code;
pub mod consent;
pub mod error;
pub mod introspection;
pub mod metadata;
pub mod next_step;
pub mod parameters;
pub mod personal_token;
pub mod refresh;
pub mod refused;
pub mod registration;
pub mod resource;
pub mod resource_rules;
pub mod revocation;
pub mod token_size;
