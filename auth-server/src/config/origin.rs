//! Where a value was written, and what is wrong with it.

use std::{fmt, path::Path, sync::Arc};

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In the configuration file.
    File {
        /// The file, as it was named.
        path: Arc<Path>,
        /// Counted from one.
        line: usize,
        /// Counted from one, in characters.
        column: usize,
    },
    /// In a variable of the environment.
    Environment(String),
    /// In a flag of the command line.
    Flag(String),
    /// Nowhere: it follows from something else.
    Derived,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line, column } => write!(formatter, "{}:{line}:{column}", path.display()),
            Self::Environment(name) => write!(formatter, "${name}"),
            Self::Flag(name) => formatter.write_str(name),
            Self::Derived => formatter.write_str("default"),
        }
    }
}

/// One thing that is wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where it is.
    pub origin: Origin,
    /// What was written there, as far as it may be shown.
    pub subject: String,
    /// What is wrong and what would be right.
    pub sentence: String,
}

/// Everything that is wrong with the configuration, in the order of the places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    /// None where nothing is wrong.
    pub(super) fn new(mut found: Vec<Mistake>) -> Option<Self> {
        found.sort_by_key(|mistake| place(&mistake.origin));
        found.dedup();
        (!found.is_empty()).then_some(Self(found))
    }

    /// For a failure that left no mistake behind, which would be one of this program.
    pub(super) fn unexplained() -> Self {
        let sentence = "the configuration cannot be used, for a reason that this program does not know".to_owned();
        Self(vec![Mistake { origin: Origin::Derived, subject: String::new(), sentence }])
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.0.iter()
    }
}

fn place(origin: &Origin) -> (u8, usize, usize) {
    match origin {
        Origin::File { line, column, .. } => (0, *line, *column),
        Origin::Environment(_) => (1, 0, 0),
        Origin::Flag(_) => (2, 0, 0),
        Origin::Derived => (3, 0, 0),
    }
}

/// A line each, in columns, and how many there are.
impl fmt::Display for Mistakes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.iter().map(|mistake| mistake.origin.to_string().chars().count()).max().unwrap_or_default();
        for Mistake { origin, subject, sentence } in &self.0 {
            let place = origin.to_string();
            if subject.is_empty() {
                writeln!(formatter, "{place:width$}   {sentence}")?;
            } else {
                writeln!(formatter, "{place:width$}   {subject}   {sentence}")?;
            }
        }
        match self.0.len() {
            1 => formatter.write_str("1 mistake"),
            number => write!(formatter, "{number} mistakes"),
        }
    }
}

impl std::error::Error for Mistakes {}

/// The word of `known` that was probably meant by `written`.
pub(crate) fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|word| (strsim::jaro_winkler(written, word), word))
        .filter(|(similarity, _)| *similarity > 0.8)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, word)| word)
}
