//! Knowing who is there: passwords and sessions.
