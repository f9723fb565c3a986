//! `cargo bench --bench load`: what a request costs the real server, beside a floor
//! that does only what the request can not do without.
//!
//! `cargo bench --bench load -- [--quick] [--json FILE] [FILTER…]`
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a benchmark talks to whoever runs it")]

mod authorize;
mod cpu;
mod floor;
mod load;
mod options;
mod report;
mod requests;
mod rounds;
mod seed;
mod server;
mod smoke;
mod standing;
mod tables;

use options::{Asked, Options};
use report::Report;

fn main() -> anyhow::Result<()> {
    // One thread makes the load, so that the server has the rest of the machine.
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build();
    match Options::read(std::env::args().skip(1))? {
        Asked::Floor(folder) => floor::run(&folder),
        Asked::Smoke => {
            runtime()?.block_on(smoke::once())?;
            println!("it works; measure with `cargo bench --bench load`");
            Ok(())
        }
        Asked::Benchmark(options) => runtime()?.block_on(run(&options)),
    }
}

async fn run(options: &Options) -> anyhow::Result<()> {
    let mut report = Report::default();
    rounds::measure(options, &mut report).await?;
    standing::measure(options, &mut report).await?;
    println!("{report}");
    if let Some(file) = &options.json {
        std::fs::write(file, report.to_json()?)?;
    }
    Ok(())
}
