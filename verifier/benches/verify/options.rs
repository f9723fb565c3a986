//! What the benchmark is asked to do.

use std::path::PathBuf;

use crate::Result;

/// What this run of the program is for.
pub(crate) enum Asked {
    Benchmark(Options),
    /// `cargo test` runs benchmarks too, without their `--bench`.
    Nothing,
}

/// How to measure.
#[derive(Default)]
pub(crate) struct Options {
    /// Fewer rounds: to see that it works.
    quick: bool,
    /// Where the figures go as JSON.
    pub(crate) json: Option<PathBuf>,
    filters: Vec<String>,
}

impl Options {
    pub(crate) fn read(mut arguments: impl Iterator<Item = String>) -> Result<Asked> {
        let mut options = Self::default();
        let mut is_benchmark = false;
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--bench" => is_benchmark = true,
                "--quick" => options.quick = true,
                "--json" => options.json = Some(arguments.next().ok_or("--json needs a file")?.into()),
                flag if flag.starts_with('-') => {
                    return Err(format!("{flag} is not known: --quick, --json FILE, or words that rows contain").into());
                }
                _ => options.filters.push(argument),
            }
        }
        Ok(if is_benchmark { Asked::Benchmark(options) } else { Asked::Nothing })
    }

    /// Whether a row is wanted.
    pub(crate) fn wants(&self, row: &str) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| row.contains(filter.as_str()))
    }

    /// Rounds of each row; odd, for the median.
    pub(crate) fn rounds(&self) -> usize {
        if self.quick { 31 } else { 301 }
    }
}
