//! Who is calling (RFC 6749 §2.3).
