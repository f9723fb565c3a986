//! `cargo bench -p portcullis-verifier --bench verify`: what checking a token costs,
//! beside the bare signature check of the library in use; with `--features aws-lc-rs`
//! that is the other one.
//!
//! `cargo bench -p portcullis-verifier --bench verify -- [--quick] [--json FILE] [FILTER…]`
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a benchmark talks to whoever runs it")]

mod issuer;
mod keys;
mod options;
mod report;
mod rounds;

use options::{Asked, Options};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    match Options::read(std::env::args().skip(1))? {
        Asked::Nothing => {
            println!("run it with `cargo bench -p portcullis-verifier --bench verify`");
            Ok(())
        }
        Asked::Benchmark(options) => tokio::runtime::Builder::new_current_thread().build()?.block_on(run(&options)),
    }
}

async fn run(options: &Options) -> Result<()> {
    let report = rounds::measure(options).await?;
    println!("{report}");
    if let Some(file) = &options.json {
        std::fs::write(file, report.to_json()?)?;
    }
    Ok(())
}
