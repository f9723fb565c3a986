//! The metadata document (RFC 8414).
