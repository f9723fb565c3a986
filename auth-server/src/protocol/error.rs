//! All a client may be told.
