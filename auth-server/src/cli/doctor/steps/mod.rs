//! One file per step: what was seen there, judged without the network.

pub(super) mod address;
pub(super) mod challenge;
pub(super) mod connection;
pub(super) mod cors;
pub(super) mod issuer;
pub(super) mod latency;
pub(super) mod resource_metadata;
pub(super) mod server_members;
pub(super) mod server_metadata;
pub(super) mod token_endpoint;
