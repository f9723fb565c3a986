//! One-time links that make the first account.

use chrono::{DateTime, Utc};

use super::{Store, on_db, on_db_read};
use crate::protocol::vocabulary::{SetupLink, TokenHash};

const CLEAR: &str = "DELETE FROM setup_links WHERE issuer_id = $1";
const ADD: &str = "INSERT INTO setup_links (issuer_id, hash, expires_at) VALUES ($1, $2, $3)";
const GOOD: &str = "SELECT COUNT(*) FROM setup_links WHERE issuer_id = $1 AND hash = $2 AND expires_at > $3";

impl Store {
    /// Stores a link; earlier ones are void.
    pub async fn replace_setup_link(&self, link: &TokenHash<SetupLink>, expires_at: DateTime<Utc>) -> anyhow::Result<()> {
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            sqlx::query(CLEAR).bind(self.issuer_id).execute(&mut *step).await?;
            sqlx::query(ADD).bind(self.issuer_id).bind(link.as_bytes()).bind(expires_at).execute(&mut *step).await?;
            step.commit().await
        })
    }

    /// Whether the link can still make the first account.
    pub async fn setup_link_is_good(&self, link: &TokenHash<SetupLink>, now: DateTime<Utc>) -> anyhow::Result<bool> {
        let (count,): (i64,) =
            on_db_read!(self.db, |pool| sqlx::query_as(GOOD).bind(self.issuer_id).bind(link.as_bytes()).bind(now).fetch_one(pool).await)?;
        Ok(count > 0)
    }
}
