//! The keys that sign and the key that seals.
