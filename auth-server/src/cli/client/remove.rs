//! `portcullis client remove`, `disable` and `enable`.

use super::{Record, about};
use crate::{
    cli::{
        danger::Danger,
        desk::Desk,
        failure::{Failure, Outcome},
        find,
        output::counted,
        table::harmless,
    },
    events::Step,
    protocol::client::Client,
};

pub(super) async fn remove(desk: &Desk, given: &str, danger: Danger) -> Outcome {
    let client = find::client(desk, given).await?;
    let name = harmless(&client.display_name());
    let what = format!("{name} can no longer be used, and its id is gone for good. {}", what_ends(desk, &client).await?);
    if danger.is_taken(&what)? {
        desk.store.remove_client(&client.id).await?;
        desk.did(Step::ClientDeleted, about(&client, "removed")).await?;
    }
    desk.output.show(&Record::of(&client), &danger.told(&format!("Removed {name}, {}", client.id)))
}

pub(super) async fn disable(desk: &Desk, given: &str, danger: Danger) -> Outcome {
    let mut client = find::client(desk, given).await?;
    let name = harmless(&client.display_name());
    let counts = desk.store.count_grants_of_client(&client.id).await?;
    let what = format!(
        "{name} gets no tokens until it is enabled again, and introspection calls those it has inactive. It has {} of {}, which {}.",
        counted(counts.grants, "grant"),
        find::people(counts.people),
        if counts.grants == 1 { "rests" } else { "rest" },
    );
    if danger.is_taken(&what)? {
        client.disabled_at = Some(desk.now);
        store(desk, &client, "disabled").await?;
    }
    desk.output.show(&Record::of(&client), &danger.told(&format!("Disabled {name}")))
}

pub(super) async fn enable(desk: &Desk, given: &str) -> Outcome {
    let mut client = find::client(desk, given).await?;
    client.disabled_at = None;
    store(desk, &client, "enabled").await?;
    desk.output.show(&Record::of(&client), &format!("{} can be used again", harmless(&client.display_name())))
}

/// Replaces the record; a client that was removed meanwhile is not made again.
pub(super) async fn store(desk: &Desk, client: &Client, done: &str) -> Result<(), Failure> {
    if desk.store.replace_client(client).await? {
        return desk.did(Step::ClientChanged, about(client, done)).await;
    }
    Err(Failure::NotFound(format!("client {} was removed a moment ago", client.id)))
}

async fn what_ends(desk: &Desk, client: &Client) -> Result<String, Failure> {
    let counts = desk.store.count_grants_of_client(&client.id).await?;
    let ends = if counts.grants == 1 { "ends" } else { "end" };
    let machines = match client.machine_scopes.len() {
        0 => String::new(),
        number => format!(" What it may do for itself at {} ends.", counted(i128::try_from(number).unwrap_or_default(), "resource")),
    };
    Ok(format!("{} of {} {ends}, with all their tokens.{machines}", counted(counts.grants, "grant"), find::people(counts.people)))
}
