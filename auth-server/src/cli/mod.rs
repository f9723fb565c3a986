//! The command line: nouns, then verbs.
//!
//! A command is a file with its arguments, whose doc comments are its help, and a
//! `run`. Commands work beside a running server, directly on its database; it takes
//! their changes in within a second.

mod ago;
mod client;
mod completions;
mod config;
mod danger;
mod desk;
mod failure;
mod find;
mod greeting;
mod output;
mod password;
mod serve;
mod table;
mod user;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand, error::ErrorKind};
pub use failure::{Failure, Outcome};
use output::Output;

use crate::config::{Config, Sources, load};

/// An OAuth 2.1 authorization server made first of all for MCP.
#[derive(Debug, Parser)]
#[command(
    name = "portcullis",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    after_help = "Examples:\n  portcullis serve --sample\n  portcullis resource add https://mcp.example.com/mcp --name \"Files\"\n\n\
                  Exit codes: 0 done, 1 failed, 2 used wrongly or configured wrongly, 3 not found, 4 refused by a rule."
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
struct Global {
    /// The configuration file [default: `$PORTCULLIS_CONFIG`, else `portcullis.toml` in this folder]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Configuration")]
    config: Option<PathBuf>,
    /// The folder of the database and the master key
    #[arg(long, global = true, value_name = "FOLDER", help_heading = "Configuration")]
    data_dir: Option<String>,
    /// The address by which people and clients reach the server
    #[arg(long, global = true, value_name = "URL", help_heading = "Configuration")]
    issuer: Option<String>,
    /// Where what must survive is kept: sqlite:PATH or postgres://…
    #[arg(long, global = true, value_name = "URL", help_heading = "Configuration")]
    database: Option<String>,
    /// Any other setting, as in `--set tokens.code_lifetime=30s`; may be repeated
    #[arg(long, global = true, value_name = "KEY=VALUE", help_heading = "Configuration")]
    set: Vec<String>,
    /// Write JSON, for programs
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    /// Add and see the apps that ask for tokens
    #[command(subcommand, alias = "clients")]
    Client(client::Clients),
    /// See what can be set, and check what is set
    #[command(subcommand)]
    Config(config::Config),
    Completions(completions::Completions),
    /// Add, see and shut out the people who sign in
    #[command(subcommand, alias = "users")]
    User(user::Users),
}

impl Global {
    fn sources(&self) -> Sources {
        let mut sources = Sources::of_process();
        sources.file.clone_from(&self.config);
        sources.set.clone_from(&self.set);
        let flags =
            [("data_dir", "--data-dir", &self.data_dir), ("issuer", "--issuer", &self.issuer), ("database", "--database", &self.database)];
        for (key, flag, value) in flags {
            if let Some(value) = value {
                sources.flags.push((key, flag.to_owned(), value.clone()));
            }
        }
        sources
    }

    fn output(&self) -> Output {
        Output::new(self.json)
    }

    fn configuration(&self) -> Result<Config, Failure> {
        Ok(load(&self.sources())?)
    }
}

/// Reads the command line of this process and does what it says.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return told_usage(&error),
    };
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::complain(&failure.to_string());
            failure.exit_code()
        }
    }
}

/// Help and version are answers; anything else was used wrongly.
fn told_usage(error: &clap::Error) -> ExitCode {
    // Where the terminal is gone there is nobody left to tell.
    let _ = error.print();
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) { ExitCode::SUCCESS } else { ExitCode::from(2) }
}

impl Cli {
    fn run(&self) -> Outcome {
        match &self.command {
            Command::Client(command) => command.run(&self.global),
            Command::Config(command) => command.run(&self.global),
            Command::Completions(command) => command.run(),
            Command::Serve(command) => command.run(&self.global),
            Command::User(command) => command.run(&self.global),
        }
    }
}
