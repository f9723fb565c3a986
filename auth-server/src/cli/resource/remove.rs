//! `portcullis resource remove`.

use super::{Record, about, refuse_configured, titled};
use crate::{
    app::load_resources,
    cli::{
        danger::Danger,
        desk::Desk,
        failure::Outcome,
        find,
        output::{self, counted},
        table::harmless,
    },
    events::Step,
    protocol::client::Client,
};

/// The resource goes first: from then on nothing new begins there.
pub(super) async fn run(desk: &Desk, given: &str, danger: Danger) -> Outcome {
    let resources = load_resources(&desk.config, &desk.store).await?;
    let resource = find::resource(&resources, given, desk)?;
    refuse_configured(&resource, desk)?;
    let identifier = resource.identifier.as_str();
    let counts = desk.store.count_grants_at(identifier).await?;
    let uses =
        |client: &Client| client.machine_scopes.contains_key(identifier) || client.introspects.iter().any(|known| known == identifier);
    let machines = desk.store.clients().await?.iter().filter(|client| uses(client)).count();
    let tokens = desk.store.personal_tokens().await?.iter().filter(|token| token.resource == identifier).count();
    let what = format!(
        "Nobody gets tokens for {} any more. {} of {} {}; {} of yours {} access there.{}",
        harmless(&resource.name),
        counted(counts.grants, "grant"),
        find::people(counts.people),
        if counts.grants == 1 { "ends" } else { "end" },
        counted(i128::try_from(machines).unwrap_or_default(), "client"),
        if machines == 1 { "loses" } else { "lose" },
        match tokens {
            0 => String::new(),
            1 => " 1 personal token ends.".to_owned(),
            tokens => format!(" {tokens} personal tokens end."),
        },
    );
    if danger.is_taken(&what)? {
        desk.store.remove_resource(resource.identifier.canonical()).await?;
        let ended = desk.store.revoke_grants_at(identifier, "the resource was removed", desk.now).await?;
        let done = format!("the resource was removed, {} revoked", output::ended(ended));
        desk.did(Step::ConfigChange, about(&resource, &done)).await?;
    }
    desk.output.show(&Record::of(&resource, desk), &danger.told(&format!("Removed {}", titled(&resource))))
}
