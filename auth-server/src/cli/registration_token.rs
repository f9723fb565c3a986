//! `portcullis registration-token`: initial access tokens (RFC 7591 §3), with which clients may register.

use chrono::TimeDelta;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    Global,
    ago::{ago, ago_or, timestamp},
    danger::Danger,
    desk::Desk,
    failure::{Failure, Outcome},
    find,
    table::{Table, harmless},
};
use crate::{
    config::{RegistrationMode, parse_duration},
    entropy,
    events::Step,
    protocol::vocabulary::{InitialAccessToken, Token},
    store::{About, InitialAccess, NewInitialAccessToken},
};

/// The subcommands of `registration-token`.
#[derive(Debug, Subcommand)]
pub(super) enum RegistrationTokens {
    Add(Add),
    /// List all of them, newest first; never the tokens themselves
    #[command(after_help = "Examples:\n  portcullis registration-token list\n  portcullis registration-token list --json")]
    List,
    /// Make one useless; the clients that registered with it stay
    #[command(after_help = "Examples:\n  portcullis registration-token revoke 0199a3f2 --dry-run\n  \
        portcullis registration-token revoke \"Build machines\" --yes")]
    Revoke {
        /// Its id, the beginning of it, or its name
        token: String,
        #[command(flatten)]
        danger: Danger,
    },
}

/// Make a token with which clients may register
///
/// It is shown once. It counts where the setting `registration.mode` is `initial_access_token`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  portcullis registration-token add \"Build machines\"\n  \
    portcullis registration-token add \"Workshop\" --uses 20 --expires-in 8h")]
pub(super) struct Add {
    /// What you call it
    name: String,
    /// How many registrations it is good for [default: as many as one likes]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    uses: Option<u32>,
    /// When it ends, such as 8h or 30d [default: never]
    #[arg(long, value_name = "DURATION")]
    expires_in: Option<String>,
}

/// A token, for programs.
#[derive(Debug, Serialize)]
struct Record<'a> {
    id: &'a str,
    name: &'a str,
    /// Only where it was made just now.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    created_at: String,
    expires_at: Option<String>,
    uses_left: Option<i64>,
}

impl<'a> Record<'a> {
    fn of(access: &'a InitialAccess) -> Self {
        Self {
            id: &access.id,
            name: &access.name,
            token: None,
            created_at: timestamp(access.created_at),
            expires_at: access.expires_at.map(timestamp),
            uses_left: access.uses_left,
        }
    }
}

impl RegistrationTokens {
    pub(super) fn run(&self, global: &Global) -> Outcome {
        match self {
            Self::Add(add) => Desk::change(global, async |desk| add.run(desk).await),
            Self::List => Desk::look(global, list),
            Self::Revoke { token, danger } => Desk::look(global, async |desk| revoke(desk, token, *danger).await),
        }
    }
}

impl Add {
    async fn run(&self, desk: &Desk) -> Outcome {
        let name = self.name.trim();
        if name.is_empty() {
            return Err(Failure::Usage("give it a name by which you know it later".to_owned()));
        }
        let life = self.expires_in.as_deref().map(lifetime).transpose()?;
        let token = Token::<InitialAccessToken>::new(entropy::random()?);
        let access = InitialAccess {
            id: entropy::identifier(desk.now)?.to_string(),
            name: name.to_owned(),
            created_at: desk.now,
            expires_at: life.map(|life| desk.now + life),
            uses_left: self.uses.map(i64::from),
        };
        let new = NewInitialAccessToken {
            hash: token.hash(),
            id: access.id.clone(),
            name: access.name.clone(),
            expires_at: access.expires_at,
            uses: access.uses_left,
        };
        desk.store.add_initial_access_token(&new, desk.now).await?;
        desk.did(Step::RegistrationTokenAdded, about(&access.id)).await?;
        let hint = match desk.config.registration.mode {
            RegistrationMode::InitialAccessToken => "",
            RegistrationMode::Open => "\nRegistration is open to everyone: set registration.mode to initial_access_token",
            RegistrationMode::Off => "\nRegistration is off: set registration.mode to initial_access_token",
        };
        let said = format!("Added {}, shown only now\n  {}{hint}", harmless(name), token.wire());
        desk.output.show(&Record { token: Some(token.wire()), ..Record::of(&access) }, &said)
    }
}

fn lifetime(text: &str) -> Result<TimeDelta, Failure> {
    const LONGEST: TimeDelta = TimeDelta::days(3660);
    parse_duration(text)
        .filter(|life| *life > TimeDelta::zero() && *life <= LONGEST)
        .ok_or_else(|| Failure::Usage(format!("--expires-in {text}: this should be a length of time such as 8h or 30d")))
}

/// What an event says of a token: its id in the list.
fn about(id: &str) -> About {
    About { reason: Some(id.to_owned()), ..About::default() }
}

async fn list(desk: &Desk) -> Outcome {
    let tokens = desk.store.initial_access_tokens().await?;
    let records: Vec<_> = tokens.iter().map(Record::of).collect();
    let mut table = Table::new(["id", "name", "made", "expires", "uses left"]).with_identifiers();
    for token in &tokens {
        table.row([
            token.id.clone(),
            token.name.clone(),
            ago(token.created_at, desk.now),
            ago_or(token.expires_at, "never", desk.now),
            token.uses_left.map_or_else(|| "any".to_owned(), |left| left.to_string()),
        ]);
    }
    desk.output.list(&records, &table, tokens.len(), &format!("no registration tokens {}", desk.place()))
}

async fn revoke(desk: &Desk, given: &str, danger: Danger) -> Outcome {
    let tokens = desk.store.initial_access_tokens().await?;
    let token = find::by_name_or_prefix("registration token", &tokens, given, |token| &token.id, |token| token.name.clone(), desk)?;
    let what = format!("No client can register with {} any more; those that did stay.", token.name);
    if danger.is_taken(&what)? {
        desk.store.remove_initial_access_token(&token.id).await?;
        desk.did(Step::RegistrationTokenRevoked, about(&token.id)).await?;
    }
    desk.output.show(&Record::of(token), &danger.told(&format!("Revoked {}", harmless(&token.name))))
}
