//! Log lines: for people on a terminal, JSON elsewhere.
