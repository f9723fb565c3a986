//! The authorization request (RFC 6749 §4.1.1, OAuth 2.1 §4.1.1), judged in two steps.
//!
//! [`bind`] answers one question: does the redirect URI belong to the client? If not,
//! the person sees a page; nobody is ever sent to a stranger's address. From there on
//! [`BoundRequest::validate`] may tell the client what is wrong. The two steps have
//! different errors, [`PageError`] and [`RedirectError`], and only the second kind has
//! anywhere to go.
//!
//! The order of the checks is fixed, since a request with several mistakes gets the
//! answer to the first one: encoding, repeated parameters, `response_type`,
//! `response_mode`, request objects, PKCE, `resource`, `scope`, `prompt`, `max_age`.

mod bind;
mod location;
mod refused;
#[cfg(test)]
pub(crate) mod sample;
mod second_opinion;
mod validate;

pub use bind::{BoundRequest, PageError, bind};
pub use location::{error_location, success_location};
pub use refused::{RedirectError, RefusedRequest};
pub use validate::AuthorizationRequest;
