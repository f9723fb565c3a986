//! `portcullis resource`: the MCP servers that tokens are for.

mod add;
mod export;
mod recipe;
mod remove;

use chrono::TimeDelta;
use clap::Subcommand;
use portcullis_verifier::vocabulary::{Resource, ScopeToken};
use serde::Serialize;

use super::{
    Global,
    danger::Danger,
    desk::Desk,
    failure::{Failure, Outcome},
    find,
    output::{Facts, counted},
    table::{Table, harmless},
};
use crate::{
    app::load_resources,
    config::write_duration,
    protocol::resource::{ProtectedResource, ScopeDescription},
    store::About,
};

/// The subcommands of `resource`.
#[derive(Debug, Subcommand)]
pub(super) enum Resources {
    Add(add::Add),
    /// List all resources: those of the configuration file, then those added by command
    #[command(after_help = "Examples:\n  portcullis resource list\n  portcullis resource list --json")]
    List,
    /// Show one resource
    #[command(after_help = "Examples:\n  portcullis resource show https://mcp.example.com/mcp\n  \
        portcullis resource show https://mcp.example.com/mcp --json")]
    Show {
        /// Its address, in any spelling that clients may use
        resource: String,
    },
    Export(export::Export),
    /// Remove a resource, and end all that was allowed there
    #[command(after_help = "Examples:\n  portcullis resource remove https://mcp.example.com/mcp --dry-run\n  \
        portcullis resource remove https://mcp.example.com/mcp --yes")]
    Remove {
        /// Its address, in any spelling that clients may use
        resource: String,
        #[command(flatten)]
        danger: Danger,
    },
}

impl Resources {
    pub(super) fn run(&self, global: &Global) -> Outcome {
        match self {
            Self::Add(add) => Desk::change(global, async |desk| add.run(desk).await),
            Self::List => Desk::look(global, list),
            Self::Show { resource } => Desk::look(global, async |desk| show(desk, resource).await),
            Self::Export(export) => Desk::look(global, async |desk| export.run(desk).await),
            Self::Remove { resource, danger } => Desk::look(global, async |desk| remove::run(desk, resource, *danger).await),
        }
    }
}

/// What an event says of a resource.
fn about(resource: &ProtectedResource, done: &str) -> About {
    About { resource: Some(resource.identifier.to_string()), reason: Some(done.to_owned()), ..About::default() }
}

/// A resource, for programs.
#[derive(Debug, Serialize)]
struct Record<'a> {
    resource: &'a str,
    name: &'a str,
    aliases: Vec<&'a str>,
    scopes: Vec<ScopeRecord<'a>>,
    default_scopes: Vec<&'a str>,
    token_lifetime_seconds: i64,
    signing_algorithm: &'static str,
    origin_alias: bool,
    people: Option<Vec<&'a str>>,
    /// `configuration` or `command`.
    origin: &'static str,
}

#[derive(Debug, Serialize)]
struct ScopeRecord<'a> {
    scope: &'a str,
    sentence: &'a str,
}

impl<'a> Record<'a> {
    fn of(resource: &'a ProtectedResource, desk: &Desk) -> Self {
        let scopes = resource.scopes.iter();
        Self {
            resource: resource.identifier.as_str(),
            name: &resource.name,
            aliases: resource.aliases.iter().map(Resource::as_str).collect(),
            scopes: scopes.map(|scope| ScopeRecord { scope: scope.token.as_str(), sentence: &scope.sentence }).collect(),
            default_scopes: resource.default_scopes.iter().map(ScopeToken::as_str).collect(),
            token_lifetime_seconds: lifetime(resource, desk).num_seconds(),
            signing_algorithm: resource.signing_algorithm.as_str(),
            origin_alias: resource.origin_alias,
            people: resource.people.as_ref().map(|people| people.iter().map(String::as_str).collect()),
            origin: if is_configured(resource, desk) { "configuration" } else { "command" },
        }
    }
}

fn lifetime(resource: &ProtectedResource, desk: &Desk) -> TimeDelta {
    resource.token_lifetime.unwrap_or(desk.config.tokens.access_token_lifetime)
}

/// Whether it stands in the configuration, so that commands can't change it.
fn is_configured(resource: &ProtectedResource, desk: &Desk) -> bool {
    desk.config.resources.iter().any(|configured| configured.identifier.canonical() == resource.identifier.canonical())
}

fn refuse_configured(resource: &ProtectedResource, desk: &Desk) -> Result<(), Failure> {
    if !is_configured(resource, desk) {
        return Ok(());
    }
    let place = desk.config.file.as_ref().map_or_else(|| "the configuration".to_owned(), |file| file.display().to_string());
    Err(Failure::Refused(format!("{} stands in {place}: change it there, and start the server again", resource.identifier)))
}

async fn list(desk: &Desk) -> Outcome {
    let resources = load_resources(&desk.config, &desk.store).await?;
    let records: Vec<_> = resources.iter().map(|resource| Record::of(resource, desk)).collect();
    let mut table = Table::new(["address", "name", "scopes", "tokens", "from"]).with_identifiers();
    for resource in resources.iter() {
        table.row([
            resource.identifier.to_string(),
            resource.name.clone(),
            resource.all_scopes().to_string(),
            format!("{}, {}", resource.signing_algorithm.as_str(), write_duration(lifetime(resource, desk))),
            if is_configured(resource, desk) { "file" } else { "command" }.to_owned(),
        ]);
    }
    let empty = format!("no resources {}; `portcullis resource add` adds one", desk.place());
    desk.output.list(&records, &table, records.len(), &empty)
}

async fn show(desk: &Desk, given: &str) -> Outcome {
    let resources = load_resources(&desk.config, &desk.store).await?;
    let resource = find::resource(&resources, given, desk)?;
    let counts = desk.store.count_grants_at(resource.identifier.as_str()).await?;
    let mut facts = facts(&resource, desk);
    facts.add("allowed", format!("{} by {}", counted(counts.grants, "grant"), find::people(counts.people)));
    desk.output.show(&Record::of(&resource, desk), &format!("{}\n{}", titled(&resource), facts.render()))
}

/// `Files, https://mcp.example.com/mcp`.
fn titled(resource: &ProtectedResource) -> String {
    format!("{}, {}", harmless(&resource.name), resource.identifier)
}

fn facts(resource: &ProtectedResource, desk: &Desk) -> Facts {
    let mut facts = Facts::default();
    for alias in &resource.aliases {
        facts.add("also", alias.as_str());
    }
    if resource.origin_alias {
        facts.add("also", format!("{} while no other resource is there", resource.identifier.origin()));
    }
    for (index, scope) in resource.scopes.iter().enumerate() {
        facts.add(if index == 0 { "scopes" } else { "" }, described(scope, resource));
    }
    facts.add("tokens", format!("{}, {}", resource.signing_algorithm.as_str(), super::ago::span(lifetime(resource, desk))));
    if let Some(people) = &resource.people {
        let names: Vec<&str> = people.iter().map(String::as_str).collect();
        facts.add("people", if names.is_empty() { "nobody".to_owned() } else { names.join(", ") });
    }
    facts
}

fn described(scope: &ScopeDescription, resource: &ProtectedResource) -> String {
    let token = scope.token.as_str();
    let sentence = if scope.sentence == token { String::new() } else { format!("  {}", scope.sentence) };
    let usual = if resource.default_scopes.contains(token) { "  (asked for by default)" } else { "" };
    format!("{token}{sentence}{usual}")
}
