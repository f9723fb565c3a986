//! What goes when one token goes (RFC 7009).
