//! client_id
