//! `portcullis grant`: what people allowed to apps.

use clap::{Args, Subcommand};
use portcullis_verifier::vocabulary::ScopeToken;
use serde::Serialize;

use super::{
    Global,
    ago::{ago, span, timestamp},
    danger::Danger,
    desk::Desk,
    failure::{Failure, Outcome},
    find,
    output::counted,
    table::{Table, harmless},
};
use crate::{
    events::Step,
    store::{About, GrantSummary},
};

/// The subcommands of `grant`.
#[derive(Debug, Subcommand)]
pub(super) enum Grants {
    /// List the grants that stand, newest first
    #[command(after_help = "Examples:\n  portcullis grant list\n  portcullis grant list --user ada --json")]
    List {
        #[command(flatten)]
        filter: Filter,
    },
    /// Take back what was allowed
    ///
    /// Ends refresh tokens and codes at once, and access tokens where the server asks about them (introspection).
    /// A server that checks tokens by itself accepts them until they expire.
    #[command(after_help = "Examples:\n  portcullis grant revoke 0199a3f2 --dry-run\n  portcullis grant revoke --user ada --yes")]
    Revoke {
        /// Ids of grants, or their beginnings
        #[arg(required_unless_present_any = ["user", "client", "resource"], value_name = "GRANT")]
        grants: Vec<String>,
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        danger: Danger,
    },
}

/// Which grants.
#[derive(Debug, Args)]
pub(super) struct Filter {
    /// Only those of this person
    #[arg(long)]
    user: Option<String>,
    /// Only those to this client
    #[arg(long)]
    client: Option<String>,
    /// Only those at this resource
    #[arg(long)]
    resource: Option<String>,
}

/// A grant, for programs.
#[derive(Debug, Serialize)]
struct Record<'a> {
    id: String,
    user_id: &'a str,
    user_name: &'a str,
    client_id: &'a str,
    client_name: String,
    resource: &'a str,
    scopes: Vec<&'a str>,
    created_at: String,
    last_used_at: String,
}

impl<'a> Record<'a> {
    fn of(grant: &'a GrantSummary) -> Self {
        Self {
            id: grant.id.to_string(),
            user_id: &grant.user_id,
            user_name: &grant.user_name,
            client_id: grant.client.id.as_str(),
            client_name: grant.client.display_name(),
            resource: &grant.resource,
            scopes: grant.scope.iter().map(ScopeToken::as_str).collect(),
            created_at: timestamp(grant.created_at),
            last_used_at: timestamp(grant.last_used_at),
        }
    }
}

impl Grants {
    pub(super) fn run(&self, global: &Global) -> Outcome {
        match self {
            Self::List { filter } => Desk::look(global, async |desk| list(desk, filter).await),
            Self::Revoke { grants, filter, danger } => Desk::look(global, async |desk| revoke(desk, grants, filter, *danger).await),
        }
    }
}

impl Filter {
    async fn grants(&self, desk: &Desk) -> Result<Vec<GrantSummary>, Failure> {
        let mut grants = match &self.user {
            Some(user) => desk.store.grants_of(&find::user(desk, user).await?.id).await?,
            None => desk.store.grants().await?,
        };
        if let Some(client) = &self.client {
            let client = find::client(desk, client).await?;
            grants.retain(|grant| grant.client.id == client.id);
        }
        if let Some(resource) = &self.resource {
            let identifier = find::any_resource(desk, resource).await?;
            grants.retain(|grant| grant.resource == identifier);
        }
        Ok(grants)
    }
}

async fn list(desk: &Desk, filter: &Filter) -> Outcome {
    let grants = filter.grants(desk).await?;
    let records: Vec<_> = grants.iter().map(Record::of).collect();
    let mut table = Table::new(["id", "person", "client", "resource", "scopes", "used"]).with_identifiers();
    for grant in &grants {
        table.row([
            grant.id.to_string(),
            grant.user_name.clone(),
            grant.client.display_name(),
            grant.resource.clone(),
            grant.scope.to_string(),
            ago(grant.last_used_at, desk.now),
        ]);
    }
    desk.output.list(&records, &table, grants.len(), &format!("no such grants {}", desk.place()))
}

async fn revoke(desk: &Desk, given: &[String], filter: &Filter, danger: Danger) -> Outcome {
    let mut grants = filter.grants(desk).await?;
    if !given.is_empty() {
        let mut wanted = Vec::new();
        let named: Vec<(String, &GrantSummary)> = grants.iter().map(|grant| (grant.id.to_string(), grant)).collect();
        for prefix in given {
            let found = find::by_prefix(&named, prefix, |(id, _)| id, |(_, grant)| described(grant))?;
            let (_, grant) = found.ok_or_else(|| find::missing("grant", prefix, [], &desk.place()))?;
            wanted.push(grant.id);
        }
        grants.retain(|grant| wanted.contains(&grant.id));
    }
    if grants.is_empty() {
        return Err(Failure::NotFound(format!("no such grants {}", desk.place())));
    }
    let number = counted(i128::try_from(grants.len()).unwrap_or_default(), "grant");
    let which: Vec<String> = grants.iter().take(MOST_SHOWN).map(described).collect();
    let more = grants.len().checked_sub(MOST_SHOWN).filter(|more| *more > 0).map(|more| format!("; and {more} more"));
    let what = format!(
        "{number} and all their tokens end: {}{}. A server that checks tokens by itself accepts them for up to {}.",
        which.join("; "),
        more.unwrap_or_default(),
        span(find::longest_token(desk).await?),
    );
    if danger.is_taken(&what)? {
        for grant in &grants {
            desk.store.revoke_grant(grant.id, None, "the operator revoked it", desk.now).await?;
            desk.did(Step::Revoked, about(grant)).await?;
        }
    }
    let records: Vec<_> = grants.iter().map(Record::of).collect();
    desk.output.show(&records, &danger.told(&format!("Revoked {number}")))
}

/// What an event says of a grant that an operator ended.
fn about(grant: &GrantSummary) -> About {
    About {
        client_id: Some(grant.client.id.as_str().to_owned()),
        user_id: Some(grant.user_id.clone()),
        grant_id: Some(grant.id.to_string()),
        resource: Some(grant.resource.clone()),
        reason: Some("by the operator".to_owned()),
    }
}

/// How many are named before the rest is counted.
const MOST_SHOWN: usize = 5;

fn described(grant: &GrantSummary) -> String {
    harmless(&format!("{} at {} for {}", grant.client.display_name(), grant.resource, grant.user_name))
}
