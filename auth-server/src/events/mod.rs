//! What happened: one enum, many sinks.
