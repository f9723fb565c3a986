//! `docs/configuration.md`, made from the declarations.

use std::fmt::Write as _;

use serde_json::Value as Json;

use super::{
    schema::{Described, sections},
    section::Setting,
};

const PREFACE: &str = "# Configuration

Portcullis runs without any. What you set comes from, in rising precedence: defaults, one TOML file, environment variables, flags.

- **File**: `--config FILE`, else `PORTCULLIS_CONFIG`, else `portcullis.toml` in the current folder. Relative paths in it start where the file is.
- **Environment**: `PORTCULLIS_` and the name of the setting, as given below. Lists are separated by commas.
- **Flags**: `--issuer`, `--listen` (of `serve`), `--data-dir`, `--database`, and `--set KEY=VALUE` for any other, as in `--set tokens.code_lifetime=30s`.

Nothing is ignored: a setting or a `PORTCULLIS_` variable that does not exist is a mistake. `portcullis config check` lists all mistakes at once with their places,
and exits with 2 if there are any. `portcullis config schema` prints a JSON Schema for your editor.

Lengths of time are written `45s`, `15m`, `12h`, `30d`, `1h30m`; a bare number counts seconds.

This page is made from the program (`portcullis config reference`); a test keeps it fresh.
";

/// The reference page, in Markdown.
pub fn reference() -> String {
    let mut page = PREFACE.to_owned();
    for section in sections() {
        section_of(&section, &mut page);
    }
    page
}

fn section_of(section: &Described, page: &mut String) {
    let title = if section.name.is_empty() { "At the top of the file".to_owned() } else { format!("`[{}]`", section.name) };
    // Writing to a String cannot fail.
    let _ = write!(page, "\n## {title}\n\n{}\n\n| setting | default | meaning |\n| --- | --- | --- |\n", section.about);
    for setting in &section.settings {
        let name = setting.key.rsplit('.').next().unwrap_or(setting.key);
        let meaning = setting.about.replace('|', "\\|");
        let limits = limits(setting).map(|limits| format!(" {limits}")).unwrap_or_default();
        let _ = writeln!(page, "| `{name}`<br>`{}` | {} | {meaning}{limits} |", setting.variable(), default(setting));
    }
}

fn default(setting: &Setting) -> String {
    match &setting.default {
        None => "–".to_owned(),
        Some(Json::Array(items)) if items.is_empty() => "none".to_owned(),
        Some(Json::String(text)) => format!("`{text:?}`"),
        Some(value) => format!("`{value}`"),
    }
}

fn limits(setting: &Setting) -> Option<String> {
    let bound = |name: &str| setting.shape.get(name).and_then(Json::as_i64);
    let (low, high) = (bound("minimum")?, bound("maximum")?);
    let is_time = setting.shape.get("pattern").is_some();
    let show = |value: i64| {
        if is_time { super::write_duration(chrono::TimeDelta::seconds(value)) } else { value.to_string() }
    };
    Some(format!("From {} to {}.", show(low), show(high)))
}
