//! `[log]`: what is written down while the server runs.

use super::{section::section, value::choice};

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

section! {
    /// What is written down while the server runs.
    pub Log at "log" {
        /// `text` for people, `json` for programs; `auto` is text on a terminal and JSON elsewhere.
        format: LogFormat = LogFormat::Auto;
        /// How much: `error`, `warn`, `info`, `debug` or `trace`, also for parts of the program, as in `info,portcullis::oauth=debug`.
        level: String = "info".to_owned();
    }
}
