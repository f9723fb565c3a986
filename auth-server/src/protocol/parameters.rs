//! A form in which nothing comes twice (RFC 6749 §3.1).
