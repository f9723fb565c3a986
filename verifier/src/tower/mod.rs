//! The layer in front of a protected server (tower).
//!
//! It lets a request in, with an [`Authorized`] in its extensions, or answers it itself
//! with the challenge that clients understand. What it does, in order: answers a
//! browser's preflight; reads the one `Authorization` header; checks the token; reads the
//! bounded body, where it has to know which tools are called; asks whether the token
//! allows that. Then it takes away the token and all headers that claim an identity, and
//! hands the request on, its body unchanged.

mod admission;
mod answer;
mod authorized;
mod body;
mod cors;
mod future;
mod identity_headers;
mod json_rpc;
mod layer;
mod service;

pub use authorized::Authorized;
pub use body::{RequestBody, ResponseBody};
pub use future::ResponseFuture;
pub use layer::AuthorizeLayer;
pub use service::Authorize;

#[cfg(feature = "axum")]
pub(crate) use answer::challenge as answer_of;
#[cfg(feature = "axum")]
pub(crate) use cors::{expose, preflight};
