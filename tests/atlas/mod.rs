//! The error atlas: for every bad input its exact answer (`EA-001` to `EA-194`).
//!
//! The rows are data: one file of `rows/` for each endpoint, one row one case, in
//! the notation that `notation.rs` explains and checks. A row names a good request
//! of its file and how its inputs spoil it (`row.rs`); `world.rs` has the values
//! that its placeholders stand for, `send.rs` sends, `run.rs` judges, and reads in
//! the server's log that there was exactly one error event and no secret. What no
//! data can say (races, raw bytes, faults from inside) is told in `stories/`.
//! `ATLAS=EA-047 ./tests/run --test blackbox atlas::` runs one row.

mod craft;
mod events;
mod notation;
mod row;
mod run;
mod send;
mod stage;
mod stories;
mod world;

use std::collections::BTreeMap;

use crate::harness::on_both_stores;

const ROWS: usize = 194;

on_both_stores! {
    async fn authorize(store: Store) { run::run("authorize", store).await; }
    async fn pages(store: Store) { run::run("pages", store).await; }
    async fn token(store: Store) { run::run("token", store).await; }
    async fn refresh(store: Store) { run::run("refresh", store).await; }
    async fn register(store: Store) { run::run("register", store).await; }
    async fn revoke(store: Store) { run::run("revoke", store).await; }
    async fn introspect(store: Store) { run::run("introspect", store).await; }
    async fn metadata(store: Store) { run::run("metadata", store).await; }
    async fn resource(store: Store) { run::run("resource", store).await; }
    async fn any(store: Store) { run::run("any", store).await; }
}

/// Every row is either run or waits for a named issue; none is in both places, none twice.
#[test]
fn every_row_is_there_exactly_once() {
    let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for sheet in row::sheets() {
        for row in row::sheet(&sheet).row {
            assert!(!row.bad.is_empty() && !row.rules.is_empty(), "{}", row.id);
            seen.entry(row.id).or_default().push(sheet.clone());
        }
    }
    for (issue, ids) in row::not_yet_due() {
        for id in ids {
            seen.entry(id).or_default().push(format!("not yet due: {issue}"));
        }
    }
    let wanted: Vec<String> = (1..=ROWS).map(|number| format!("EA-{number:03}")).collect();
    let missing: Vec<_> = wanted.iter().filter(|id| !seen.contains_key(*id)).collect();
    let strange: Vec<_> = seen.keys().filter(|id| !wanted.contains(id)).collect();
    let twice: BTreeMap<_, _> = seen.iter().filter(|(_, places)| places.len() != 1).collect();
    assert!(missing.is_empty() && strange.is_empty() && twice.is_empty(), "missing {missing:?}, strange {strange:?}, twice {twice:?}");
}
