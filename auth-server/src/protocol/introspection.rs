//! What may be said of a token, and to whom (RFC 7662).
