//! The protocol's nouns. Each is parsed at the edge; a value that exists is valid.

mod client_id;
mod code_challenge;
mod family_id;
mod grant_id;
mod grant_type;
mod prompt;
mod redirect_uri;
mod signing_algorithm;
mod subject;
mod token;
mod token_endpoint_auth_method;
