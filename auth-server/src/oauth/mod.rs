//! The endpoints of the RFCs, one file each.
//!
//! They read a request, load facts, ask `protocol/`, save, answer. The person's
//! pages between `/authorize` and its answer are in `login/` and `consent/`.

pub mod authorize;
pub mod client_request;
pub mod discovery;
mod document;
pub mod flow;
pub mod front;
mod grants;
pub mod health;
pub mod introspect;
pub mod jwks;
pub mod register;
pub mod revoke;
pub mod token;
