//! `portcullis client`: the apps that ask for tokens.

mod add;
mod list;
mod presets;
mod remove;
mod secret;

use std::collections::BTreeMap;

use clap::Subcommand;
use serde::Serialize;

use super::{
    Global,
    ago::{ago, timestamp},
    danger::Danger,
    desk::Desk,
    failure::Outcome,
    output::Facts,
};
use crate::{
    protocol::{
        client::{Client, ClientOrigin},
        consent::published_at,
        vocabulary::{RedirectUri, TaggedMember},
    },
    store::About,
};

/// The subcommands of `client`.
#[derive(Debug, Subcommand)]
pub(super) enum Clients {
    Add(add::Add),
    /// List all clients, newest first: yours and those that registered themselves
    #[command(after_help = "Examples:\n  portcullis client list\n  portcullis client list --origin operator --json")]
    List {
        /// Only those that were made so: `operator` or `registered`
        #[arg(long)]
        origin: Option<list::Origin>,
    },
    /// Show one client
    #[command(after_help = "Examples:\n  portcullis client show \"Nightly report\"\n  portcullis client show pc_c_3Vq --json")]
    Show {
        /// Its id, the beginning of it, or its name
        client: String,
    },
    /// List the well-known clients that `client add --preset` knows
    #[command(after_help = "Examples:\n  portcullis client presets\n  portcullis client presets --json")]
    Presets,
    Secret(secret::Secret),
    /// Forbid a client everything, until it is enabled again
    #[command(after_help = "Examples:\n  portcullis client disable pc_c_3Vq --dry-run\n  portcullis client disable pc_c_3Vq --yes")]
    Disable {
        /// Its id, the beginning of it, or its name
        client: String,
        #[command(flatten)]
        danger: Danger,
    },
    /// Let a disabled client go on
    #[command(after_help = "Examples:\n  portcullis client enable pc_c_3Vq\n  portcullis client enable \"Nightly report\"")]
    Enable {
        /// Its id, the beginning of it, or its name
        client: String,
    },
    /// Remove a client, and end all that people allowed it
    #[command(after_help = "Examples:\n  portcullis client remove pc_c_3Vq --dry-run\n  portcullis client remove pc_c_3Vq --yes")]
    Remove {
        /// Its id, the beginning of it, or its name
        client: String,
        #[command(flatten)]
        danger: Danger,
    },
}

impl Clients {
    pub(super) fn run(&self, global: &Global) -> Outcome {
        match self {
            Self::Add(add) => Desk::change(global, async |desk| add.run(desk).await),
            Self::List { origin } => Desk::look(global, async |desk| list::list(desk, *origin).await),
            Self::Show { client } => Desk::look(global, async |desk| list::show(desk, client).await),
            Self::Presets => presets::list(global.output()),
            Self::Secret(secret) => Desk::look(global, async |desk| secret.run(desk).await),
            Self::Disable { client, danger } => Desk::look(global, async |desk| remove::disable(desk, client, *danger).await),
            Self::Enable { client } => Desk::look(global, async |desk| remove::enable(desk, client).await),
            Self::Remove { client, danger } => Desk::look(global, async |desk| remove::remove(desk, client, *danger).await),
        }
    }
}

/// What an event says of a client.
fn about(client: &Client, done: &str) -> About {
    About { client_id: Some(client.id.as_str().to_owned()), reason: Some(done.to_owned()), ..About::default() }
}

/// A client, for programs.
#[derive(Debug, Serialize)]
struct Record<'a> {
    client_id: &'a str,
    /// Only where it was made just now.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<&'a str>,
    name: Option<&'a str>,
    /// What it says of itself in further languages.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    in_languages: &'a BTreeMap<TaggedMember, String>,
    origin: ClientOrigin,
    token_endpoint_auth_method: &'static str,
    redirect_uris: Vec<&'a str>,
    grant_types: Vec<&'static str>,
    scope: Option<String>,
    machine_scopes: Vec<MachineScope<'a>>,
    introspects: &'a [String],
    trusted: bool,
    secrets: Vec<SecretRecord>,
    created_at: String,
    disabled_at: Option<String>,
}

/// What a machine may have at one resource.
#[derive(Debug, Serialize)]
struct MachineScope<'a> {
    resource: &'a str,
    scope: String,
}

/// When a secret lives; never the secret.
#[derive(Debug, Serialize)]
struct SecretRecord {
    created_at: String,
    expires_at: Option<String>,
}

impl<'a> Record<'a> {
    fn of(client: &'a Client) -> Self {
        let secrets = client.secrets.iter();
        let machines = client.machine_scopes.iter();
        Self {
            client_id: client.id.as_str(),
            client_secret: None,
            name: client.name.as_deref(),
            in_languages: &client.in_languages,
            origin: client.origin,
            token_endpoint_auth_method: client.token_endpoint_auth_method.as_str(),
            redirect_uris: client.redirect_uris.iter().map(RedirectUri::as_str).collect(),
            grant_types: client.grant_types.iter().map(|grant| grant.as_str()).collect(),
            scope: client.scope.as_ref().map(ToString::to_string),
            machine_scopes: machines.map(|(resource, scope)| MachineScope { resource, scope: scope.to_string() }).collect(),
            introspects: &client.introspects,
            trusted: client.trusted,
            secrets: secrets
                .map(|secret| SecretRecord { created_at: timestamp(secret.created_at), expires_at: secret.expires_at.map(timestamp) })
                .collect(),
            created_at: timestamp(client.created_at),
            disabled_at: client.disabled_at.map(timestamp),
        }
    }

    fn with_secret(self, secret: Option<&'a str>) -> Self {
        Self { client_secret: secret, ..self }
    }
}

/// What people are told of a client.
fn facts(client: &Client, secret: Option<&str>, desk: &Desk) -> Facts {
    let mut facts = Facts::default();
    facts.add("client_id", client.id.as_str());
    facts.add_some("client_secret", secret.map(|secret| format!("{secret}   (shown only now)")));
    facts.add(
        "kind",
        match (client.is_confidential(), client.signs_assertions()) {
            (true, true) => "confidential: it proves itself by its keys",
            (true, false) => "confidential: it has a secret",
            (false, true) => "public: it has keys, but may come without proof",
            (false, false) => "public: it has no secret",
        },
    );
    facts.add(
        "made by",
        match client.origin {
            ClientOrigin::Operator => "you".to_owned(),
            ClientOrigin::Registered => "itself: its name is not verified".to_owned(),
            ClientOrigin::Document => format!("its document: {} vouches for it", published_at(&client.id)),
        },
    );
    facts.add_some("keys at", client.jwks_uri.clone());
    facts.add_some("document read", client.confirmed_at.map(|at| ago(at, desk.now)));
    for name in client.display_names().into_iter().skip(1) {
        facts.add("also called", name);
    }
    for uri in &client.redirect_uris {
        facts.add("returns to", uri.as_str());
    }
    for (resource, scope) in &client.machine_scopes {
        facts.add("for itself", format!("{scope} at {resource}"));
    }
    for resource in &client.introspects {
        facts.add("may ask about", format!("tokens for {resource}"));
    }
    facts.add_some("asks for", client.scope.as_ref().map(ToString::to_string));
    if client.trusted {
        facts.add("consent", "not asked: you vouch for it");
    }
    for one in client.secrets.iter().filter(|_| secret.is_none()) {
        let ends = one.expires_at.map(|end| format!(", ends {}", ago(end, desk.now))).unwrap_or_default();
        facts.add("secret", format!("made {}{ends}", ago(one.created_at, desk.now)));
    }
    facts.add_some("disabled", client.disabled_at.map(|since| ago(since, desk.now)));
    facts
}
