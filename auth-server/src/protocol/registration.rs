//! Metadata in, client out (RFC 7591).
