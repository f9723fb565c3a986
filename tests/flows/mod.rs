//! The product told as stories: what clients, people and operators come for.

mod account;
mod authorization_request;
mod client_authentication;
mod client_credentials;
mod client_documents;
mod codes;
mod consent;
mod examples;
mod first_connection;
mod introspection;
mod legacy_clients;
mod operators;
mod personal_tokens;
mod redirects;
mod refresh;
mod registration;
mod resources;
mod revocation;
mod sample;
mod scopes;
mod sessions;
mod trailing_slash;
