//! The figures, for people and for programs.

use std::fmt;

use serde_json::{Value, json};

use crate::{Result, keys::LIBRARY};

/// What one token costs.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) micros: f64,
    pub(crate) beside: Option<Beside>,
    pub(crate) expected: Option<Expected>,
}

/// What it is held against.
pub(crate) struct Beside {
    pub(crate) micros: f64,
    /// The median of the rounds' ratios.
    pub(crate) ratio: f64,
}

/// No more than this.
#[derive(Clone, Copy)]
pub(crate) enum Expected {
    Ratio(f64),
    Micros(f64),
}

#[derive(Default)]
pub(crate) struct Report(Vec<Row>);

impl Report {
    pub(crate) fn add(&mut self, row: Row) {
        self.0.push(row);
    }

    pub(crate) fn to_json(&self) -> Result<String> {
        let rows: Vec<Value> = self.0.iter().map(Row::to_json).collect();
        Ok(serde_json::to_string_pretty(&json!({ "library": LIBRARY, "tokens": rows }))?)
    }
}

impl Row {
    fn to_json(&self) -> Value {
        let expected = self.expected.map(|expected| match expected {
            Expected::Ratio(most) => json!({ "ratio": most }),
            Expected::Micros(most) => json!({ "micros": most }),
        });
        let (beside, ratio) = self.beside.as_ref().map(|beside| (beside.micros, beside.ratio)).unzip();
        json!({ "name": self.name, "micros": self.micros, "raw_micros": beside, "ratio": ratio, "expected": expected })
    }

    fn verdict(&self) -> String {
        let sign = |value: f64, most: f64| if value <= most { "≤" } else { "MISS" };
        match (self.expected, &self.beside) {
            (Some(Expected::Micros(most)), _) => format!("{} {most} µs", sign(self.micros, most)),
            (Some(Expected::Ratio(most)), Some(beside)) => format!("{} {most}", sign(beside.ratio, most)),
            (Some(Expected::Ratio(_)) | None, _) => String::new(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{LIBRARY:<24} {:>9} {:>9} {:>6} {:>10}", "µs", "raw µs", "ratio", "expected")?;
        for row in &self.0 {
            let (raw, ratio) = row.beside.as_ref().map(|beside| (format!("{:.1}", beside.micros), format!("{:.2}", beside.ratio))).unzip();
            let line = format!(
                "{:<24} {:>9.2} {:>9} {:>6} {:>10}",
                row.name,
                row.micros,
                raw.unwrap_or_default(),
                ratio.unwrap_or_default(),
                row.verdict()
            );
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// The middle one.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}
