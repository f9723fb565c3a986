//! Signing tokens.
