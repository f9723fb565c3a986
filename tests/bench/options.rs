//! What the benchmark is asked to do.

use std::path::PathBuf;

use anyhow::Context as _;

/// What this run of the program is for.
pub(crate) enum Asked {
    Benchmark(Options),
    /// To be the bare server, with its data in a folder.
    Floor(PathBuf),
    /// To show that it works at all: `cargo test` runs benchmarks without their `--bench`.
    Smoke,
}

/// How to measure.
#[derive(Default)]
pub(crate) struct Options {
    /// Fewer rounds and less data: to see that it works.
    pub(crate) quick: bool,
    /// Where the figures go as JSON.
    pub(crate) json: Option<PathBuf>,
    filters: Vec<String>,
}

impl Options {
    pub(crate) fn read(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<Asked> {
        let mut options = Self::default();
        let mut is_benchmark = false;
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--floor" => return Ok(Asked::Floor(arguments.next().context("--floor needs a folder")?.into())),
                "--bench" => is_benchmark = true,
                "--quick" => options.quick = true,
                "--json" => options.json = Some(arguments.next().context("--json needs a file")?.into()),
                flag if flag.starts_with('-') => anyhow::bail!("{flag} is not known: --quick, --json FILE, or words that rows contain"),
                _ => options.filters.push(argument),
            }
        }
        Ok(if is_benchmark { Asked::Benchmark(options) } else { Asked::Smoke })
    }

    /// Whether a row is wanted.
    pub(crate) fn wants(&self, row: &str) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| row.contains(filter.as_str()))
    }

    /// Rounds of each pair; odd, for the median.
    pub(crate) fn rounds(&self) -> usize {
        if self.quick { 3 } else { 9 }
    }

    /// Grants in the full store.
    pub(crate) fn many_grants(&self) -> u32 {
        if self.quick { 50_000 } else { 1_000_000 }
    }
}
