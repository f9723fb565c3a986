//! Protected resources and which one a request means (RFC 8707).
