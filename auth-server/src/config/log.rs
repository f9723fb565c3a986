//! `[log]`: what is written down while the server runs.

use serde_json::{Value as Json, json};

use super::{
    section::section,
    value::{Complaints, Given, Kind, choice},
};

choice! {
    /// The form of log lines.
    LogFormat {
        /// Text on a terminal, JSON elsewhere.
        Auto = "auto",
        /// Lines for people.
        Text = "text",
        /// One JSON object a line.
        Json = "json",
    }
}

choice! {
    /// How much of a caller's address is written down.
    SourceAddress {
        /// All of it.
        Full = "full",
        /// The network alone: /24, /48 for IPv6.
        Network = "network",
        /// Nothing.
        None = "none",
    }
}

section! {
    /// What is written down while the server runs.
    pub Log at "log" {
        /// `text` for people, `json` for programs; `auto` is text on a terminal and JSON elsewhere.
        format: LogFormat = LogFormat::Auto;
        /// How much: `error`, `warn`, `info`, `debug` or `trace`, also for parts of the program, as in `info,portcullis::oauth=debug`.
        level: Level = Level("info".to_owned());
        /// How much of the address that a request came from: `full`, its `network` (the first 24 bits, 48 of IPv6) or `none`.
        /// Limits go by the whole address all the same; it is in memory only, and beside a pending request.
        source_address: SourceAddress = SourceAddress::Full;
    }
}

/// How much is written down: levels, and parts of the program with theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level(String);

impl Level {
    /// In the notation of `tracing_subscriber::EnvFilter`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

/// Stricter than the filter itself, which takes a misspelt level for a part of the program and logs all of it.
fn is_directive(directive: &str) -> bool {
    let (target, level) = directive.split_once('=').unwrap_or(("any", directive));
    !target.is_empty() && target.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':') && LEVELS.contains(&level)
}

impl Kind for Level {
    fn read(given: &Given, complaints: &mut Complaints<'_>) -> Option<Self> {
        let text = given.text().unwrap_or_default();
        let wrong = text.split(',').map(str::trim).find(|directive| !is_directive(directive));
        match wrong.map(|directive| directive.rsplit('=').next().unwrap_or(directive)) {
            None => Some(Self(text.to_owned())),
            Some(level) => super::value::none_of(given, Some(level), &LEVELS, complaints),
        }
    }

    fn shape(_: Option<&(Self, Self)>) -> Json {
        json!({"type": "string"})
    }

    fn written(&self) -> Option<Json> {
        Some(json!(self.0))
    }
}
