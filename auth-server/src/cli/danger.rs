//! Commands after which something stops working: they say what, and ask.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use anyhow::Context as _;
use clap::Args;

use super::{failure::Failure, output, table::harmless};

/// The flags of a command after which something stops working.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Danger {
    /// Do it without asking
    #[arg(long)]
    yes: bool,
    /// Only say what would stop working
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
}

impl Danger {
    /// Says what stops working; whether to go on. Where nobody can be asked, `--yes` has to say so.
    pub(super) fn is_taken(self, what_stops: &str) -> Result<bool, Failure> {
        output::complain(&harmless(what_stops));
        if self.yes || self.dry_run {
            return Ok(self.yes);
        }
        if !io::stdin().is_terminal() {
            return Err(Failure::Refused("nothing was changed: there is no terminal to ask at, so say --yes, or --dry-run".to_owned()));
        }
        if asked()? { Ok(true) } else { Err(Failure::Refused("nothing was changed".to_owned())) }
    }

    /// Whether only to look.
    pub(super) fn is_dry_run(self) -> bool {
        self.dry_run
    }

    /// What was done, or that nothing was.
    pub(super) fn told(self, done: &str) -> String {
        if self.dry_run { "Nothing was changed".to_owned() } else { done.to_owned() }
    }
}

fn asked() -> Result<bool, Failure> {
    let mut terminal = io::stderr().lock();
    write!(terminal, "Go on? [y/N] ").and_then(|()| terminal.flush()).context("asking")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).context("reading the answer")?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
