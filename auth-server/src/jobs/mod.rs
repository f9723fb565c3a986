//! Work that nobody waits for: hearing of changes, throwing away what is over.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::{
    app::App,
    events::{self, Event, Step},
    store::ClientLifetimes,
};

/// Changes by other processes are heard of within this time (and a little).
const WATCH_EVERY: Duration = Duration::from_millis(250);
const PRUNE_EVERY: Duration = Duration::from_mins(1);
/// A pause between two batches, so that others get their turn.
const BETWEEN_BATCHES: Duration = Duration::from_millis(50);

/// Begins all jobs; they end when `stop` is cancelled.
pub fn start(app: &App, stop: &CancellationToken) {
    tokio::spawn(until(stop.clone(), watch(app.clone())));
    tokio::spawn(until(stop.clone(), prune(app.clone())));
}

async fn until(stop: CancellationToken, job: impl Future<Output = ()>) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = job => {}
    }
}

/// Notices what another process, or the command line, has changed, and keys that leave.
async fn watch(app: App) {
    let mut ticks = interval(WATCH_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut known = app.opened_at;
    loop {
        ticks.tick().await;
        match follow(&app, known).await {
            Ok(version) => known = version,
            Err(error) => tracing::warn!(error = format!("{error:#}"), "can not look for changes"),
        }
    }
}

async fn follow(app: &App, known: i64) -> anyhow::Result<i64> {
    let (version, operators_acted) = app.store.news().await?;
    let now = app.clock.now();
    if known != version || app.keys.is_stale(now) {
        app.reload(now).await?;
    }
    if operators_acted {
        app.store.take_operator_actions(events::record_operator_action).await?;
    }
    Ok(version)
}

async fn prune(app: App) {
    let mut ticks = interval(PRUNE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = prune_once(&app).await {
            tracing::warn!(error = format!("{error:#}"), "can not throw away what is over");
        }
    }
}

/// Small batches until little is left.
async fn prune_once(app: &App) -> anyhow::Result<()> {
    let registration = &app.config.registration;
    let clients = ClientLifetimes { never_used: registration.never_used_lifetime, idle: registration.idle_lifetime };
    loop {
        let pruned = app.store.prune(clients, app.clock.now()).await?;
        for client in &pruned.clients {
            Event::of(Step::ClientDeleted).client(client).because("it was not in use").record();
        }
        for kid in &pruned.keys {
            Event::of(Step::KeyRemoved).because(format_args!("{kid} left the JWKS a month ago")).record();
        }
        if pruned.rows == 0 {
            return Ok(());
        }
        tracing::debug!(rows = pruned.rows, "threw away what is over");
        tokio::time::sleep(BETWEEN_BATCHES).await;
    }
}
