//! `portcullis token`: what a token says, and whether it is good; personal access tokens.

mod access;
mod personal;
mod refresh;
mod verdict;

use std::io::{self, Read as _};

use anyhow::Context as _;
use clap::Subcommand;

use super::{
    Global,
    danger::Danger,
    desk::Desk,
    failure::{Failure, Outcome},
};
use crate::{
    protocol::vocabulary::{
        AuthorizationCode, BrowserId, ClientSecret, InitialAccessToken, Kind, PersonalAccessToken, RequestHandle, SessionId, SetupLink,
        Token,
    },
    secret::Secret,
};

/// Longer than any token.
const MOST_BYTES: u64 = 64 * 1024;

/// The subcommands of `token`.
#[derive(Debug, Subcommand)]
pub(super) enum Tokens {
    /// Make a personal token for somebody
    ///
    /// It is shown once, and to you: hand it over in a way that nobody else sees. People can make their own on the account page.
    #[command(
        alias = "create",
        after_help = "Examples:\n  \
        portcullis token add Backup --user ada --resource https://mcp.example.com/mcp --scope files:read\n  \
        portcullis token add \"Try it\" --user ada --resource https://mcp.example.com/mcp --scope files:read --expires-in 8h"
    )]
    Add(personal::Add),
    /// Decode a token of this server, verify it, and say in words why it is refused
    ///
    /// Exit code 4 if it is refused. The token itself is never printed.
    #[command(after_help = "Examples:\n  portcullis token inspect < token.txt\n  \
        portcullis token inspect --resource https://mcp.example.com/mcp --json < token.txt")]
    Inspect {
        /// The token, or `-` to read it from standard input, where other users of this computer do not see it
        #[arg(default_value = "-", hide_default_value = true)]
        token: String,
        /// The resource that got it: say whether the token is for it
        #[arg(long, value_name = "URL")]
        resource: Option<String>,
    },
    /// List the personal tokens that were not revoked, newest first; never the tokens themselves
    #[command(after_help = "Examples:\n  portcullis token list\n  portcullis token list --user ada --json")]
    List {
        #[command(flatten)]
        filter: personal::Filter,
    },
    /// Revoke personal tokens
    ///
    /// A server that asks about tokens hears of it at once, the verifier within a minute.
    #[command(after_help = "Examples:\n  portcullis token revoke Backup --dry-run\n  portcullis token revoke --user ada --yes")]
    Revoke {
        /// Their ids, the beginnings of them, or their names
        #[arg(required_unless_present_any = ["user", "resource"], value_name = "TOKEN")]
        tokens: Vec<String>,
        #[command(flatten)]
        filter: personal::Filter,
        #[command(flatten)]
        danger: Danger,
    },
}

impl Tokens {
    pub(super) fn run(&self, global: &Global) -> Outcome {
        match self {
            Self::Add(add) => Desk::look(global, async |desk| add.run(desk).await),
            Self::Inspect { token, resource } => Desk::look(global, async |desk| inspect(desk, token, resource.as_deref()).await),
            Self::List { filter } => Desk::look(global, async |desk| personal::list(desk, filter).await),
            Self::Revoke { tokens, filter, danger } => {
                Desk::look(global, async |desk| personal::revoke(desk, tokens, filter, *danger).await)
            }
        }
    }
}

async fn inspect(desk: &Desk, given: &str, resource: Option<&str>) -> Outcome {
    let token = if given == "-" { from_stdin()? } else { Secret::new(bare(given)) };
    let text = token.expose();
    let verdict = if text.matches('.').count() >= 2 {
        access::inspect(desk, text, resource).await?
    } else if let Ok(token) = Token::<PersonalAccessToken>::parse(text) {
        personal::inspect(desk, &token, resource).await?
    } else if let Some(what) = kept_as_hash(text) {
        return Err(Failure::Refused(format!("this is {what}: only its hash is kept, so there is nothing to see in it")));
    } else {
        refresh::inspect(desk, text).await?
    };
    desk.output.show(&verdict, &verdict.for_people())?;
    verdict.outcome()
}

fn from_stdin() -> Result<Secret<String>, Failure> {
    let mut text = String::new();
    io::stdin().lock().take(MOST_BYTES).read_to_string(&mut text).context("reading the token from standard input")?;
    let token = Secret::new(bare(&text));
    drop(Secret::new(text));
    Ok(token)
}

/// Without blanks around it, and without the word before it in a header.
fn bare(text: &str) -> String {
    let text = text.trim();
    let text = text.strip_prefix("Authorization:").unwrap_or(text).trim();
    text.strip_prefix("Bearer ").unwrap_or(text).trim().to_owned()
}

/// What else of ours somebody may have at hand.
fn kept_as_hash(text: &str) -> Option<&'static str> {
    let kinds = [
        (AuthorizationCode::PREFIX, "an authorization code"),
        (BrowserId::PREFIX, "a cookie that names a browser"),
        (ClientSecret::PREFIX, "a client's secret"),
        (InitialAccessToken::PREFIX, "a registration token"),
        (RequestHandle::PREFIX, "the name of an authorization request"),
        (SessionId::PREFIX, "a session cookie"),
        (SetupLink::PREFIX, "a set-up link"),
    ];
    kinds.into_iter().find(|(prefix, _)| text.starts_with(prefix)).map(|(_, what)| what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_taken_as_it_was_copied() {
        for copied in ["a.b.c", " a.b.c\n", "Bearer a.b.c", "Authorization: Bearer a.b.c\r\n"] {
            assert_eq!(bare(copied), "a.b.c");
        }
    }

    #[test]
    fn other_secrets_are_told_by_how_they_begin() {
        assert_eq!(kept_as_hash("pc_secret_x"), Some("a client's secret"));
        assert_eq!(kept_as_hash("pc_refresh_x"), None);
    }
}
