//! Hands the command line to `cli/` and turns its answer into an exit code.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    portcullis::cli::run()
}
