//! Hands the command line to `cli/` and turns its answer into an exit code.
#![forbid(unsafe_code)]

fn main() {}
