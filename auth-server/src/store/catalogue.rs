//! A counter that every change of clients, resources and keys moves, so that
//! every process hears of what another one, or the command line, has changed.

use super::{Store, on_db_read};

pub(super) const BUMP: &str = "UPDATE issuers SET catalogue_version = catalogue_version + 1 WHERE id = $1";

const NEWS: &str = "SELECT catalogue_version, EXISTS (SELECT 1 FROM operator_actions WHERE issuer_id = $1) FROM issuers WHERE id = $1";
const VERSION: &str = "SELECT catalogue_version FROM issuers WHERE id = $1";

impl Store {
    /// Differs from an earlier answer if something was changed in between.
    pub async fn catalogue_version(&self) -> anyhow::Result<i64> {
        let (version,): (i64,) = on_db_read!(self.db, |pool| sqlx::query_as(VERSION).bind(self.issuer_id).fetch_one(pool).await)?;
        Ok(version)
    }

    /// The version, and whether operators did something that no server has written down.
    pub async fn news(&self) -> anyhow::Result<(i64, bool)> {
        Ok(on_db_read!(self.db, |pool| sqlx::query_as(NEWS).bind(self.issuer_id).fetch_one(pool).await)?)
    }
}
