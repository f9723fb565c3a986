//! What servers last started with, so that a start with other settings is noticed.

use std::collections::BTreeMap;

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::types::Json;

use super::{Store, on_db, on_db_read, row::row};

/// The name of each setting that is not as it comes, with the hash of its value.
pub type Settings = BTreeMap<String, String>;

row! { StartRow { place: String, settings: Json<Settings> } }

/// The last start at this place; of a server that was never here, the last that brought
/// something new anywhere.
const LAST: &str = "SELECT place, settings FROM starts WHERE issuer_id = $1 \
    ORDER BY CASE WHEN place = $2 THEN 0 ELSE 1 END, changed_at DESC LIMIT 1";
const PUT: &str = "INSERT INTO starts (issuer_id, place, settings, changed_at) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (issuer_id, place) DO UPDATE SET settings = excluded.settings, changed_at = excluded.changed_at";
/// Places come and go where machines do.
const FORGET: &str = "DELETE FROM starts WHERE issuer_id = $1 AND changed_at < $2";
const KEPT: TimeDelta = TimeDelta::days(365);

impl Store {
    /// Notes the settings of a start, and tells of those that are others than at the last.
    /// They are told before they are noted: rather twice than never.
    pub async fn note_start(&self, place: &str, settings: &Settings, now: DateTime<Utc>, tell: impl FnOnce(&[&str])) -> anyhow::Result<()> {
        let last: Option<StartRow> =
            on_db_read!(self.db, |pool| sqlx::query_as(LAST).bind(self.issuer_id).bind(place).fetch_optional(pool).await)
                .context("reading what a server last started with")?;
        if let Some(StartRow { place: known, settings: Json(before) }) = &last {
            let changed = differences(before, settings);
            if !changed.is_empty() {
                tell(&changed);
            } else if known == place {
                return Ok(());
            }
        }
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            sqlx::query(FORGET).bind(self.issuer_id).bind(now - KEPT).execute(&mut *step).await?;
            let put = sqlx::query(PUT).bind(self.issuer_id).bind(place).bind(Json(settings)).bind(now);
            put.execute(&mut *step).await?;
            step.commit().await.context("noting what a server started with")
        })
    }
}

/// The names whose values are not the same, whichever side has them.
fn differences<'a>(before: &'a Settings, now: &'a Settings) -> Vec<&'a str> {
    let mut names: Vec<&str> = before.keys().chain(now.keys()).map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| before.get(*name) != now.get(*name));
    names
}
