//! What may be forgotten: counters and one-time values.
