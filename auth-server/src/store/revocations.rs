//! Access tokens that were revoked one by one.

use chrono::{DateTime, Utc};

use super::{Store, on_db, on_db_read};

const ADD: &str = "INSERT INTO revoked_access_tokens (issuer_id, jti, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
const FIND: &str = "SELECT COUNT(*) FROM revoked_access_tokens WHERE issuer_id = $1 AND jti = $2";

impl Store {
    /// Notes that one access token is not to be used any more.
    pub async fn revoke_access_token(&self, jti: &str, expires_at: DateTime<Utc>) -> anyhow::Result<()> {
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            sqlx::query(ADD).bind(self.issuer_id).bind(jti).bind(expires_at).execute(&mut *step).await?;
            step.commit().await
        })
    }

    /// Whether this very access token was revoked.
    pub async fn access_token_is_revoked(&self, jti: &str) -> anyhow::Result<bool> {
        let (count,): (i64,) = on_db_read!(self.db, |pool| sqlx::query_as(FIND).bind(self.issuer_id).bind(jti).fetch_one(pool).await)?;
        Ok(count > 0)
    }
}
