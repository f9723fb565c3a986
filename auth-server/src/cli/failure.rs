//! How a command ends when it did not do what it was asked.

use std::{fmt, process::ExitCode};

use crate::config::Mistakes;

/// Why a command did not do what it was asked. The kinds have exit codes of their own, for scripts.
#[derive(Debug)]
pub enum Failure {
    /// Something broke. Exit code 1.
    Failed(anyhow::Error),
    /// The command was used wrongly. Exit code 2.
    Usage(String),
    /// The configuration has mistakes. Exit code 2.
    Config(Mistakes),
    /// What it names does not exist. Exit code 3.
    NotFound(String),
    /// A rule forbids it. Exit code 4.
    Refused(String),
}

impl Failure {
    /// The code that the process ends with.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed(_) => 1,
            Self::Usage(_) | Self::Config(_) => 2,
            Self::NotFound(_) => 3,
            Self::Refused(_) => 4,
        })
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Mistakes> for Failure {
    fn from(mistakes: Mistakes) -> Self {
        Self::Config(mistakes)
    }
}

/// One line: what happened and what lies behind it.
impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => write!(formatter, "portcullis: {error:#}"),
            Self::Usage(sentence) | Self::NotFound(sentence) | Self::Refused(sentence) => write!(formatter, "portcullis: {sentence}"),
            Self::Config(mistakes) => mistakes.fmt(formatter),
        }
    }
}

/// What a command gives back.
pub type Outcome = Result<(), Failure>;
