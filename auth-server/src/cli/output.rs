//! Where commands write: text for people, or JSON for programs.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal as _, Write as _},
};

use anyhow::Context as _;
use serde::Serialize;

use super::{
    failure::{Failure, Outcome},
    table::Table,
};
use crate::store::Revocation;

/// How to write, decided once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    json: bool,
    width: Option<usize>,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        let on_terminal = io::stdout().is_terminal();
        let width = terminal_size::terminal_size().filter(|_| on_terminal).map(|(width, _)| usize::from(width.0));
        Self { json, width }
    }

    /// One result in two forms.
    pub(super) fn show(self, for_programs: &impl Serialize, for_people: &str) -> Outcome {
        if self.json {
            let text = serde_json::to_string_pretty(for_programs).context("writing JSON")?;
            return write(&text);
        }
        write(for_people.trim_end_matches('\n'))
    }

    /// A list in two forms; people get a sentence where there is nothing.
    pub(super) fn list<const COLUMNS: usize>(
        self,
        for_programs: &impl Serialize,
        table: &Table<COLUMNS>,
        count: usize,
        empty: &str,
    ) -> Outcome {
        let text = if count == 0 { empty.to_owned() } else { table.render(self.width) };
        self.show(for_programs, &text)
    }
}

/// Writes to standard output. A reader that has heard enough (`| head`) is no failure.
pub(super) fn write(text: &str) -> Outcome {
    let written = writeln!(io::stdout().lock(), "{text}");
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Failed(anyhow::Error::new(error).context("writing the answer")))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes to standard error, where nothing can be done about a failure.
pub(super) fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Facts about one thing, names in a column.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts(Vec<(&'static str, String)>);

impl Facts {
    pub(super) fn add(&mut self, name: &'static str, value: impl Into<String>) -> &mut Self {
        self.0.push((name, super::table::harmless(&value.into())));
        self
    }

    /// Left out where there is none.
    pub(super) fn add_some(&mut self, name: &'static str, value: Option<String>) -> &mut Self {
        if let Some(value) = value {
            self.add(name, value);
        }
        self
    }

    pub(super) fn render(&self) -> String {
        let width = self.0.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
        let mut text = String::new();
        for (name, value) in &self.0 {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {name:width$}  {value}");
        }
        text
    }
}

/// `2 grants`, `1 grant and 2 personal tokens`: what ended.
pub(super) fn ended(revocation: Revocation) -> String {
    let grants = counted(revocation.grants, "grant");
    match revocation.personal_tokens {
        0 => grants,
        tokens => format!("{grants} and {}", counted(tokens, "personal token")),
    }
}

/// `1 grant`, `2 grants`.
pub(super) fn counted(number: impl Into<i128>, noun: &str) -> String {
    match number.into() {
        1 => format!("1 {noun}"),
        number => format!("{number} {noun}s"),
    }
}
