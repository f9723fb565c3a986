//! `portcullis completions`: what the shell completes.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::{Cli, failure::Outcome, output};

/// Print completions for a shell
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  portcullis completions bash > ~/.local/share/bash-completion/completions/portcullis\n  \
    portcullis completions fish > ~/.config/fish/completions/portcullis.fish")]
pub(super) struct Completions {
    /// Which shell
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self) -> Outcome {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "portcullis", &mut script);
        output::write(String::from_utf8_lossy(&script).trim_end())
    }
}
