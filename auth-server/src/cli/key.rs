//! `portcullis key`: what tokens are signed with.

use chrono::{DateTime, TimeDelta, Utc};
use clap::Subcommand;
use serde::Serialize;

use super::{
    Global,
    ago::{ago, span, timestamp},
    danger::Danger,
    desk::Desk,
    failure::{Failure, Outcome},
    table::Table,
};
use crate::{
    config::resource_lifetimes,
    events::Step,
    keys::{self, MadeKey},
    protocol::vocabulary::SigningAlgorithm,
    store::{About, Rotation, StoredKey},
};

/// Clocks differ, and a server signs with the old key until it hears of the change.
const SLACK: TimeDelta = TimeDelta::minutes(2);

/// The longest that a verifier may trust the key set that it has (MCP-AS-175).
const LONGEST_CACHE: TimeDelta = TimeDelta::hours(1);

/// The subcommands of `key`.
#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// List the keys of the JWKS
    #[command(after_help = "Examples:\n  portcullis key list\n  portcullis key list --json")]
    List,
    /// Let the standby key take over
    ///
    /// The old key signs no more and stays in the JWKS until the last token it signed has expired; a new standby appears.
    #[command(after_help = "Examples:\n  portcullis key rotate --dry-run\n  portcullis key rotate --algorithm ES256 --yes")]
    Rotate {
        /// Only the key of this algorithm [default: all that are in use]
        #[arg(long)]
        algorithm: Option<SigningAlgorithm>,
        #[command(flatten)]
        danger: Danger,
    },
}

/// A key, for programs.
#[derive(Debug, Serialize)]
struct Record<'a> {
    kid: &'a str,
    algorithm: &'static str,
    /// `active`, `standby` or `retired`.
    state: &'static str,
    created_at: String,
    activated_at: Option<String>,
    retired_at: Option<String>,
    leaves_at: Option<String>,
}

impl<'a> Record<'a> {
    fn of(key: &'a StoredKey) -> Self {
        Self {
            kid: &key.kid,
            algorithm: key.algorithm.as_str(),
            state: state(key),
            created_at: timestamp(key.created_at),
            activated_at: key.activated_at.map(timestamp),
            retired_at: key.retired_at.map(timestamp),
            leaves_at: key.leaves_at.map(timestamp),
        }
    }
}

/// A rotation, for programs. `done` is false where it was only looked at.
#[derive(Debug, Serialize)]
struct Turn {
    algorithm: &'static str,
    done: bool,
    active: String,
    retired: Option<String>,
    standby: Option<String>,
}

impl Keys {
    pub(super) fn run(&self, global: &Global) -> Outcome {
        match self {
            Self::List => Desk::look(global, list),
            Self::Rotate { algorithm, danger } => Desk::look(global, async |desk| rotate(desk, *algorithm, *danger).await),
        }
    }
}

fn state(key: &StoredKey) -> &'static str {
    match (key.is_standby(), key.signs()) {
        (true, _) => "standby",
        (false, true) => "active",
        (false, false) => "retired",
    }
}

async fn list(desk: &Desk) -> Outcome {
    let keys = desk.store.signing_keys(desk.now).await?;
    let records: Vec<_> = keys.iter().map(Record::of).collect();
    let mut table = Table::new(["key", "algorithm", "state", "published", "what it does"]);
    for key in &keys {
        table.row([
            short(&key.kid),
            key.algorithm.as_str().to_owned(),
            state(key).to_owned(),
            ago(key.created_at, desk.now),
            doing(key, desk.now),
        ]);
    }
    desk.output.list(&records, &table, keys.len(), &format!("no keys {}; `portcullis serve` makes them", desk.place()))
}

fn doing(key: &StoredKey, now: DateTime<Utc>) -> String {
    match (key.activated_at, key.retired_at, key.leaves_at) {
        (None, ..) => "waits for its turn".to_owned(),
        (Some(since), None, _) => format!("signs since {}", ago(since, now).trim_end_matches(" ago")),
        (Some(_), Some(_), None) => "verifies".to_owned(),
        (Some(_), Some(_), Some(until)) => format!("verifies, leaves {}", ago(until, now)),
    }
}

/// As the greeting of `serve` names it.
fn short(kid: &str) -> String {
    kid.chars().take(6).collect()
}

async fn rotate(desk: &Desk, only: Option<SigningAlgorithm>, danger: Danger) -> Outcome {
    let keys = desk.store.signing_keys(desk.now).await?;
    let standbys: Vec<&StoredKey> = keys.iter().filter(|key| key.is_standby() && only.is_none_or(|only| only == key.algorithm)).collect();
    if standbys.is_empty() {
        let which = only.map(|only| format!("{} ", only.as_str())).unwrap_or_default();
        return Err(Failure::NotFound(format!("no {which}key on standby {}; `portcullis serve` makes one", desk.place())));
    }
    let (_, longest) = resource_lifetimes();
    let stays = longest + SLACK;
    let what: Vec<String> = standbys.iter().map(|standby| plan(standby, stays, desk.now)).collect();
    if !danger.is_taken(&what.join(" "))? {
        let turns: Vec<Turn> = standbys.iter().map(|standby| planned(standby, &keys)).collect();
        return desk.output.show(&turns, &danger.told(""));
    }
    let master_key = desk.master_key().await?;
    let mut turns = Vec::new();
    for standby in standbys {
        let rotation = keys::rotate(&desk.store, &master_key, standby.algorithm, stays, desk.now).await?;
        let made = MadeKey { kid: rotation.standby.clone(), algorithm: standby.algorithm, signs: false };
        let turn = done(standby.algorithm, rotation);
        desk.did(Step::KeyRotated, about(&turn)).await?;
        if let Some(retired) = &turn.retired {
            let leaves = timestamp(desk.now + stays);
            let said = format!("{}: {retired} signs no more, and is in the JWKS until {leaves}", turn.algorithm);
            desk.did(Step::KeyRetired, About { reason: Some(said), ..About::default() }).await?;
        }
        desk.made_key(&made).await?;
        turns.push(turn);
    }
    let said: Vec<String> = turns.iter().map(|turn| told(turn, stays)).collect();
    desk.output.show(&turns, &said.join("\n"))
}

/// What is going to happen, and what may go wrong.
fn plan(standby: &StoredKey, stays: TimeDelta, now: DateTime<Utc>) -> String {
    let name = short(&standby.kid);
    let algorithm = standby.algorithm.as_str();
    let sure =
        format!("{algorithm}: {name} signs from now on; tokens of the old key stay good, and it leaves the JWKS in {}.", span(stays));
    if now - standby.created_at >= LONGEST_CACHE {
        return sure;
    }
    format!(
        "{sure} But {name} was published only {}: a server that trusts its copy of the JWKS for an hour may refuse new tokens until it looks again.",
        ago(standby.created_at, now)
    )
}

fn planned(standby: &StoredKey, keys: &[StoredKey]) -> Turn {
    let retired = keys.iter().find(|key| key.algorithm == standby.algorithm && key.signs()).map(|key| key.kid.clone());
    Turn { algorithm: standby.algorithm.as_str(), done: false, active: standby.kid.clone(), retired, standby: None }
}

fn done(algorithm: SigningAlgorithm, rotation: Rotation) -> Turn {
    let Rotation { active, retired, standby } = rotation;
    Turn { algorithm: algorithm.as_str(), done: true, active, retired, standby: Some(standby) }
}

/// What an event says of a rotation: which key signs now, and what became of the others.
fn about(turn: &Turn) -> About {
    let none = || "none".to_owned();
    let (retired, standby) = (turn.retired.clone().unwrap_or_else(none), turn.standby.clone().unwrap_or_else(none));
    let reason = format!("{}: {} signs, {retired} is retired, {standby} is on standby", turn.algorithm, turn.active);
    About { reason: Some(reason), ..About::default() }
}

fn told(turn: &Turn, stays: TimeDelta) -> String {
    let retired = turn.retired.as_deref().map(|kid| format!("  {}  retired, leaves the JWKS in {}\n", short(kid), span(stays)));
    let standby = turn.standby.as_deref().map(|kid| format!("  {}  published, standby", short(kid)));
    format!(
        "Rotated {}\n  {}  signs now\n{}{}",
        turn.algorithm,
        short(&turn.active),
        retired.unwrap_or_default(),
        standby.unwrap_or_default()
    )
}
