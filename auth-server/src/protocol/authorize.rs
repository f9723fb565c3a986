//! The authorization request (RFC 6749 §4.1.1, RFC 7636, RFC 8707).
