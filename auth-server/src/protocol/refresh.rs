//! Rotation of refresh tokens, and what reuse means (RFC 9700 §4.14).
