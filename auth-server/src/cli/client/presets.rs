//! `portcullis client presets`.

use serde::Serialize;

use crate::{
    cli::{failure::Outcome, output::Output, table::Table},
    clients::presets::{Preset, presets},
};

/// A preset, for programs.
#[derive(Debug, Serialize)]
struct Record {
    preset: &'static str,
    name: &'static str,
    redirect_uris: &'static [&'static str],
    token_endpoint_auth_method: &'static str,
    evidence: &'static str,
    source: &'static str,
    checked: &'static str,
}

impl From<&Preset> for Record {
    fn from(preset: &Preset) -> Self {
        Self {
            preset: preset.name,
            name: preset.title,
            redirect_uris: preset.redirect_uris,
            token_endpoint_auth_method: preset.token_endpoint_auth_method.as_str(),
            evidence: preset.evidence.as_str(),
            source: preset.source,
            checked: preset.checked,
        }
    }
}

pub(super) fn list(output: Output) -> Outcome {
    let records: Vec<Record> = presets().iter().map(Record::from).collect();
    let mut table = Table::new(["preset", "client", "returns to", "known from", "checked"]).with_identifiers();
    for record in &records {
        table.row([record.preset, record.name, &record.redirect_uris.join(" "), record.evidence, record.checked].map(str::to_owned));
    }
    output.list(&records, &table, records.len(), "")
}
