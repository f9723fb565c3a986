//! One file for each grant type of the token endpoint.

pub(crate) mod authorization_code;
pub(crate) mod client_credentials;
mod mint;
pub(crate) mod refresh_token;
