//! The figures, for people and for programs.

use std::{fmt, time::Duration};

use serde_json::json;

/// One kind of request.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    /// CPU time of the server for one request.
    pub(crate) cpu_micros: f64,
    /// The same of what it is held against.
    pub(crate) beside_micros: f64,
    /// The median of the rounds' ratios.
    pub(crate) ratio: f64,
    /// The ratio should be no more than this.
    pub(crate) expected: f64,
}

/// One number by itself.
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    /// It should be no more than this, if anything is expected.
    pub(crate) expected: Option<f64>,
}

#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
    figures: Vec<Figure>,
}

impl Report {
    pub(crate) fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub(crate) fn note(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    pub(crate) fn to_json(&self) -> anyhow::Result<String> {
        let rows = self.rows.iter().map(|row| {
            json!({
                "name": row.name, "requests_per_second": row.per_second, "p50_micros": micros(row.p50), "p99_micros": micros(row.p99),
                "cpu_micros": row.cpu_micros, "beside_cpu_micros": row.beside_micros, "ratio": row.ratio, "expected": row.expected,
            })
        });
        let figures = self
            .figures
            .iter()
            .map(|figure| json!({ "name": figure.name, "value": figure.value, "unit": figure.unit, "expected": figure.expected }));
        Ok(serde_json::to_string_pretty(&json!({ "requests": rows.collect::<Vec<_>>(), "figures": figures.collect::<Vec<_>>() }))?)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.rows.is_empty() {
            writeln!(
                out,
                "{:<24} {:>8} {:>9} {:>9} {:>8} {:>8} {:>6} {:>8}",
                "", "req/s", "p50 µs", "p99 µs", "CPU µs", "beside", "ratio", "expected"
            )?;
        }
        for row in &self.rows {
            writeln!(
                out,
                "{:<24} {:>8.0} {:>9.0} {:>9.0} {:>8.1} {:>8.1} {:>6.2} {:>8}",
                row.name,
                row.per_second,
                micros(row.p50),
                micros(row.p99),
                row.cpu_micros,
                row.beside_micros,
                row.ratio,
                verdict(row.ratio, row.expected)
            )?;
        }
        for figure in &self.figures {
            let Figure { name, value, unit, expected } = figure;
            let verdict = expected.map(|expected| verdict(*value, expected)).unwrap_or_default();
            writeln!(out, "{name:<48} {value:>8.1} {unit} {verdict:>8}")?;
        }
        Ok(())
    }
}

fn verdict(value: f64, expected: f64) -> String {
    format!("{} {expected}", if value <= expected { "≤" } else { "MISS" })
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The middle one.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}
