//! What holds at every endpoint, whatever it is about: HTTP and discovery.

mod http;
mod locations;
mod metadata;
mod works_as_listed;
