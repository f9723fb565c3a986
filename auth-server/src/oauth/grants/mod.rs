//! One file for each grant type of the token endpoint.

pub mod authorization_code;
pub mod client_credentials;
mod mint;
pub mod refresh_token;
