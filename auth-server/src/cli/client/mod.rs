//! `portcullis client`: the apps that ask for tokens.

mod add;

use clap::Subcommand;
use serde::Serialize;

use super::{Global, ago::timestamp, desk::Desk, failure::Outcome};
use crate::protocol::{
    client::{Client, ClientOrigin},
    vocabulary::RedirectUri,
};

/// The subcommands of `client`.
#[derive(Debug, Subcommand)]
pub(super) enum Clients {
    Add(add::Add),
}

impl Clients {
    pub(super) fn run(&self, global: &Global) -> Outcome {
        match self {
            Self::Add(add) => Desk::change(global, async |desk| add.run(desk).await),
        }
    }
}

/// A client, for programs.
#[derive(Debug, Serialize)]
struct Record<'a> {
    client_id: &'a str,
    /// Only where it was made just now.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<&'a str>,
    name: Option<&'a str>,
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
        Self {
            client_id: client.id.as_str(),
            client_secret: None,
            name: client.name.as_deref(),
            origin: client.origin,
            token_endpoint_auth_method: client.token_endpoint_auth_method.as_str(),
            redirect_uris: client.redirect_uris.iter().map(RedirectUri::as_str).collect(),
            grant_types: client.grant_types.iter().map(|grant| grant.as_str()).collect(),
            scope: client.scope.as_ref().map(ToString::to_string),
            machine_scopes: client
                .machine_scopes
                .iter()
                .map(|(resource, scope)| MachineScope { resource, scope: scope.to_string() })
                .collect(),
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
