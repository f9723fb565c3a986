//! Tokens that let their bearer register clients; only their hash.

use chrono::{DateTime, Utc};

use super::{Store, clients::insert_client, on_db, on_db_read, row::row};
use crate::protocol::{
    client::Client,
    vocabulary::{InitialAccessToken, TokenHash},
};

/// A token to be stored.
#[derive(Clone, Debug)]
pub struct NewInitialAccessToken {
    /// The token's hash.
    pub hash: TokenHash<InitialAccessToken>,
    /// A fresh identifier, for lists.
    pub id: String,
    /// What the operator calls it.
    pub name: String,
    /// Its end, if it has one.
    pub expires_at: Option<DateTime<Utc>>,
    /// How many registrations it is good for; `None` for as many as one likes.
    pub uses: Option<i64>,
}

/// A token as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitialAccess {
    /// For lists.
    pub id: String,
    /// What the operator calls it.
    pub name: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Its end, if it has one.
    pub expires_at: Option<DateTime<Utc>>,
    /// How many registrations are left.
    pub uses_left: Option<i64>,
}

row! { TokenRow {
    id: String, name: String, created_at: DateTime<Utc>, expires_at: Option<DateTime<Utc>>, uses_left: Option<i64>,
} }

const ADD: &str =
    "INSERT INTO initial_access_tokens (issuer_id, hash, id, name, created_at, expires_at, uses_left) VALUES ($1, $2, $3, $4, $5, $6, $7)";
macro_rules! good {
    () => {
        " WHERE issuer_id = $1 AND hash = $2 AND (expires_at IS NULL OR expires_at > $3) AND (uses_left IS NULL OR uses_left > 0)"
    };
}

const IS_GOOD: &str = concat!("SELECT COUNT(*) FROM initial_access_tokens", good!());
const SPEND: &str = concat!("UPDATE initial_access_tokens SET uses_left = uses_left - 1", good!());
const LIST: &str =
    "SELECT id, name, created_at, expires_at, uses_left FROM initial_access_tokens WHERE issuer_id = $1 ORDER BY created_at DESC, id DESC";
const REMOVE: &str = "DELETE FROM initial_access_tokens WHERE issuer_id = $1 AND id = $2";

impl Store {
    /// Stores a token.
    pub async fn add_initial_access_token(&self, token: &NewInitialAccessToken, now: DateTime<Utc>) -> anyhow::Result<()> {
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            sqlx::query(ADD)
                .bind(self.issuer_id)
                .bind(token.hash.as_bytes())
                .bind(&token.id)
                .bind(&token.name)
                .bind(now)
                .bind(token.expires_at)
                .bind(token.uses)
                .execute(&mut *step)
                .await?;
            step.commit().await
        })
    }

    /// Whether a token is known, and neither expired nor spent. Nothing is used.
    pub async fn is_initial_access_token(&self, token: &TokenHash<InitialAccessToken>, now: DateTime<Utc>) -> anyhow::Result<bool> {
        let (good,): (i64,) = on_db_read!(self.db, |pool| sqlx::query_as(IS_GOOD)
            .bind(self.issuer_id)
            .bind(token.as_bytes())
            .bind(now)
            .fetch_one(pool)
            .await)?;
        Ok(good == 1)
    }

    /// Uses a token once and stores the client that it is used for: both or neither
    /// (OA-DR-03). `false` if it is unknown, expired or spent by now.
    pub async fn add_client_with(
        &self,
        token: &TokenHash<InitialAccessToken>,
        client: &Client,
        now: DateTime<Utc>,
    ) -> anyhow::Result<bool> {
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            let spent = sqlx::query(SPEND).bind(self.issuer_id).bind(token.as_bytes()).bind(now).execute(&mut *step).await?.rows_affected();
            if spent != 1 {
                step.rollback().await?;
                return Ok(false);
            }
            insert_client!(self, step, client);
            step.commit().await?;
            Ok(true)
        })
    }

    /// All tokens, newest first.
    pub async fn initial_access_tokens(&self) -> anyhow::Result<Vec<InitialAccess>> {
        let rows: Vec<TokenRow> = on_db_read!(self.db, |pool| sqlx::query_as(LIST).bind(self.issuer_id).fetch_all(pool).await)?;
        let access = |row: TokenRow| InitialAccess {
            id: row.id,
            name: row.name,
            created_at: row.created_at,
            expires_at: row.expires_at,
            uses_left: row.uses_left,
        };
        Ok(rows.into_iter().map(access).collect())
    }

    /// Removes a token; `false` if there is none.
    pub async fn remove_initial_access_token(&self, id: &str) -> anyhow::Result<bool> {
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            let removed = sqlx::query(REMOVE).bind(self.issuer_id).bind(id).execute(&mut *step).await?.rows_affected();
            step.commit().await?;
            Ok(removed == 1)
        })
    }
}
