//! A registered client and what it may do.
