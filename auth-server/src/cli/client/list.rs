//! `portcullis client list` and `show`.

use clap::ValueEnum;

use super::{Record, facts};
use crate::{
    cli::{
        ago::ago,
        desk::Desk,
        failure::Outcome,
        find,
        output::counted,
        table::{Table, harmless},
    },
    protocol::client::{Client, ClientOrigin},
};

/// Who made a client, as a flag.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(in crate::cli) enum Origin {
    /// You
    Operator,
    /// The client itself
    Registered,
    /// Nobody: it has a document of its own
    Document,
}

impl Origin {
    fn is_that_of(self, client: &Client) -> bool {
        match self {
            Self::Operator => client.origin == ClientOrigin::Operator,
            Self::Registered => client.origin == ClientOrigin::Registered,
            Self::Document => client.origin == ClientOrigin::Document,
        }
    }
}

pub(super) async fn list(desk: &Desk, origin: Option<Origin>) -> Outcome {
    let mut clients = desk.store.clients().await?;
    clients.retain(|client| origin.is_none_or(|origin| origin.is_that_of(client)));
    let records: Vec<_> = clients.iter().map(Record::of).collect();
    let mut table = Table::new(["client id", "name", "kind", "made by", "returns to", "added", "state"]).with_identifiers();
    for client in &clients {
        table.row([
            client.id.to_string(),
            client.display_name(),
            if client.is_confidential() { "confidential" } else { "public" }.to_owned(),
            match client.origin {
                ClientOrigin::Operator => "you",
                ClientOrigin::Registered => "itself",
                ClientOrigin::Document => "its document",
            }
            .to_owned(),
            hosts(client),
            ago(client.created_at, desk.now),
            if client.is_active() { "active" } else { "disabled" }.to_owned(),
        ]);
    }
    desk.output.list(&records, &table, clients.len(), &format!("no clients {}", desk.place()))
}

/// Each host once.
fn hosts(client: &Client) -> String {
    let mut hosts: Vec<String> = client.redirect_uris.iter().map(crate::protocol::vocabulary::RedirectUri::display_host).collect();
    hosts.dedup();
    hosts.join(", ")
}

pub(super) async fn show(desk: &Desk, given: &str) -> Outcome {
    let client = find::client(desk, given).await?;
    let counts = desk.store.count_grants_of_client(&client.id).await?;
    let mut facts = facts(&client, None, desk);
    facts.add("added", ago(client.created_at, desk.now));
    facts.add("allowed", format!("{} by {}", counted(counts.grants, "grant"), find::people(counts.people)));
    desk.output.show(&Record::of(&client), &format!("{}\n{}", harmless(&client.display_name()), facts.render()))
}
