//! The command line: nouns, then verbs.
//!
//! A command is a file with its arguments, whose doc comments are its help, and a
//! `run`. Commands work beside a running server, directly on its database; it takes
//! their changes in within a second.

mod client;
mod completions;
mod config;
mod danger;
mod desk;
mod doctor;
mod failure;
mod find;
mod grant;
mod greeting;
mod key;
mod operator;
mod output;
mod password;
mod registration_token;
mod resource;
mod serve;
mod table;
mod token;
mod user;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand, error::ErrorKind};
pub use failure::{Failure, Outcome};
use output::Output;

use crate::{
    ago,
    config::{Config, Sources, load},
};

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
    /// Say which MCP servers are protected
    ///
    /// A resource is an MCP server, known by its address. It says which scopes there are, how each reads for people, how long its
    /// tokens live and how they are signed. Any client may ask for any resource; a token is always for exactly one.
    ///
    /// Resources stand in the configuration file, where they are read at the start, or are added here, where a running server takes
    /// them in within a second. Clients may spell an address in several ways; tokens carry the registered spelling.
    #[command(subcommand, alias = "resources")]
    Resource(resource::Resources),
    /// Add, see and shut out the people who sign in
    ///
    /// An account is a name, perhaps an e-mail address, and a password, of which only an argon2id hash is kept. People see what they
    /// allowed to apps, and take it back, on their account page. A disabled account can't sign in, and all it allowed has ended.
    #[command(subcommand, alias = "users")]
    User(user::Users),
    /// Add, see and remove the apps that ask for tokens
    ///
    /// A client is an app. Most MCP clients register themselves: anyone can, under any name, so people are always asked for consent.
    /// A client that you make is known to be the one you mean. It is public (on people's computers, without a secret) or confidential
    /// (on a server, with a secret that is shown once). A confidential one can also act for itself, within the scopes that you allow
    /// at each resource, and ask about tokens (introspection).
    #[command(subcommand, alias = "clients")]
    Client(client::Clients),
    /// See what people allowed, and take it back
    ///
    /// A grant is what one person allowed one client at one resource. It outlives its tokens: they are renewed until the grant is
    /// revoked, its refresh tokens expire, or the person, the client or the resource goes.
    #[command(subcommand, alias = "grants")]
    Grant(grant::Grants),
    /// See and change the keys that tokens are signed with
    ///
    /// For each algorithm in use one key signs, and one is on standby: published in the JWKS from the first start, so that every
    /// server that checks tokens knows it long before it signs. Rotating makes the standby sign, at once. The old key signs no more and
    /// stays in the JWKS until the last token it signed has expired; a new standby appears.
    ///
    /// The private parts lie in the database, sealed under the master key, which never enters it: back up both, and keep them apart.
    #[command(subcommand, alias = "keys")]
    Key(key::Keys),
    /// Find out what a token says and whether it is good; make and revoke personal tokens
    ///
    /// `inspect` reads any token that this server issued, says in words what it is, and if it is refused, every reason. The token itself is
    /// never printed or logged.
    ///
    /// A personal token is for a client that can only send a header: for one person at one resource, with some of its scopes, for a year at
    /// most. People make and revoke them on their account page; `add`, `list` and `revoke` are for you. Only the MCP server that it is for
    /// learns what it says, and only by asking (introspection).
    #[command(subcommand, alias = "tokens")]
    Token(token::Tokens),
    /// Let clients register only with a token of yours
    ///
    /// Where the setting `registration.mode` is `initial_access_token`, a client registers itself with one of these (RFC 7591, section 3):
    /// good for some registrations or for any number, for some time or for ever. It is shown once.
    #[command(subcommand, alias = "registration-tokens")]
    RegistrationToken(registration_token::RegistrationTokens),
    /// See what can be set, and check what is set
    ///
    /// Settings come from one TOML file, from variables of the environment such as `PORTCULLIS_TOKENS_CODE_LIFETIME`, and from flags, each
    /// overriding the ones before. Nothing is silently ignored: what is unknown or does not fit is told with its place.
    #[command(subcommand)]
    Config(config::Config),
    Doctor(doctor::Doctor),
    Completions(completions::Completions),
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
            Command::Completions(command) => command.run(),
            Command::Config(command) => command.run(&self.global),
            Command::Doctor(command) => command.run(&self.global),
            Command::Grant(command) => command.run(&self.global),
            Command::Key(command) => command.run(&self.global),
            Command::RegistrationToken(command) => command.run(&self.global),
            Command::Resource(command) => command.run(&self.global),
            Command::Serve(command) => command.run(&self.global),
            Command::Token(command) => command.run(&self.global),
            Command::User(command) => command.run(&self.global),
        }
    }
}
