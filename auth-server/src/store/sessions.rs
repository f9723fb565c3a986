//! Browser sessions; the cookie's value only as a hash.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Store, on_db, on_db_read, row::row};
use crate::protocol::vocabulary::{SessionId, TokenHash};

/// A session to be stored.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The cookie's hash.
    pub hash: TokenHash<SessionId>,
    /// What the account page calls it.
    pub id: String,
    /// Whose it is.
    pub user_id: String,
    /// What the browser says it is, cut.
    pub user_agent: String,
    /// When the person signed in.
    pub auth_time: DateTime<Utc>,
    /// Its absolute end.
    pub expires_at: DateTime<Utc>,
}

/// A session that lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSession {
    /// What the account page calls it.
    pub id: String,
    /// Whose it is.
    pub user_id: String,
    /// The person's name.
    pub user_name: String,
    /// When the person signed in.
    pub auth_time: DateTime<Utc>,
    /// When it was last used, give or take a minute.
    pub last_seen_at: DateTime<Utc>,
}

/// A session as the account page lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSummary {
    /// What the account page calls it.
    pub id: String,
    /// What the browser says it is.
    pub user_agent: String,
    /// When the person signed in.
    pub auth_time: DateTime<Utc>,
    /// When it was last used, give or take a minute.
    pub last_seen_at: DateTime<Utc>,
}

row! { SessionRow { id: String, user_id: String, user_name: String, auth_time: DateTime<Utc>, last_seen_at: DateTime<Utc> } }
row! { SummaryRow { id: String, user_agent: String, auth_time: DateTime<Utc>, last_seen_at: DateTime<Utc> } }

const ADD: &str = "INSERT INTO sessions (issuer_id, hash, id, user_id, user_agent, auth_time, last_seen_at, expires_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $6, $7)";
/// The oldest sessions of a person beyond a number.
const TRIM: &str = "DELETE FROM sessions WHERE issuer_id = $1 AND hash IN \
    (SELECT hash FROM sessions WHERE issuer_id = $1 AND user_id = $2 ORDER BY last_seen_at DESC LIMIT 1000 OFFSET $3)";
const FIND: &str = "SELECT s.id, s.user_id, u.name AS user_name, s.auth_time, s.last_seen_at FROM sessions s \
    JOIN users u ON u.issuer_id = s.issuer_id AND u.id = s.user_id \
    WHERE s.issuer_id = $1 AND s.hash = $2 AND s.expires_at > $3 AND s.last_seen_at > $4 AND u.disabled_at IS NULL";
const TOUCH: &str = "UPDATE sessions SET last_seen_at = $3 WHERE issuer_id = $1 AND hash = $2";
const END: &str = "DELETE FROM sessions WHERE issuer_id = $1 AND hash = $2";
const END_BY_ID: &str = "DELETE FROM sessions WHERE issuer_id = $1 AND user_id = $2 AND id = $3";
const LIST: &str = "SELECT id, user_agent, auth_time, last_seen_at FROM sessions \
    WHERE issuer_id = $1 AND user_id = $2 AND expires_at > $3 ORDER BY last_seen_at DESC";

/// A person rarely has more browsers than this.
const MOST_PER_PERSON: i64 = 50;

impl Store {
    /// Stores a session and notes the sign-in. Returns how many of the person's sessions
    /// ended, the longest unused, since there were too many.
    pub async fn add_session(&self, session: &NewSession) -> anyhow::Result<u64> {
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            sqlx::query(ADD)
                .bind(self.issuer_id)
                .bind(session.hash.as_bytes())
                .bind(&session.id)
                .bind(&session.user_id)
                .bind(&session.user_agent)
                .bind(session.auth_time)
                .bind(session.expires_at)
                .execute(&mut *step)
                .await?;
            let trim = sqlx::query(TRIM).bind(self.issuer_id).bind(&session.user_id).bind(MOST_PER_PERSON);
            let ended = trim.execute(&mut *step).await?.rows_affected();
            sqlx::query(Self::SIGNED_IN).bind(self.issuer_id).bind(&session.user_id).bind(session.auth_time).execute(&mut *step).await?;
            step.commit().await?;
            Ok(ended)
        })
    }

    /// The session behind a cookie, if it lives.
    pub async fn session(&self, hash: &TokenHash<SessionId>, idle: TimeDelta, now: DateTime<Utc>) -> anyhow::Result<Option<StoredSession>> {
        let row: Option<SessionRow> = on_db_read!(self.db, |pool| sqlx::query_as(FIND)
            .bind(self.issuer_id)
            .bind(hash.as_bytes())
            .bind(now)
            .bind(now - idle)
            .fetch_optional(pool)
            .await)?;
        Ok(row.map(|row| StoredSession {
            id: row.id,
            user_id: row.user_id,
            user_name: row.user_name,
            auth_time: row.auth_time,
            last_seen_at: row.last_seen_at,
        }))
    }

    /// Notes that a session is in use.
    pub async fn touch_session(&self, hash: &TokenHash<SessionId>, now: DateTime<Utc>) -> anyhow::Result<()> {
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            sqlx::query(TOUCH).bind(self.issuer_id).bind(hash.as_bytes()).bind(now).execute(&mut *step).await?;
            step.commit().await
        })
    }

    /// Ends a session.
    pub async fn end_session(&self, hash: &TokenHash<SessionId>) -> anyhow::Result<()> {
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            sqlx::query(END).bind(self.issuer_id).bind(hash.as_bytes()).execute(&mut *step).await?;
            step.commit().await
        })
    }

    /// Ends one of a person's sessions by the name the account page gives it.
    pub async fn end_session_by_id(&self, user_id: &str, id: &str) -> anyhow::Result<bool> {
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            let ended = sqlx::query(END_BY_ID).bind(self.issuer_id).bind(user_id).bind(id).execute(&mut *step).await?.rows_affected();
            step.commit().await?;
            Ok(ended > 0)
        })
    }

    /// A person's sessions, the last used first.
    pub async fn sessions_of(&self, user_id: &str, now: DateTime<Utc>) -> anyhow::Result<Vec<SessionSummary>> {
        let rows: Vec<SummaryRow> =
            on_db_read!(self.db, |pool| sqlx::query_as(LIST).bind(self.issuer_id).bind(user_id).bind(now).fetch_all(pool).await)?;
        let summary = |row: SummaryRow| SessionSummary {
            id: row.id,
            user_agent: row.user_agent,
            auth_time: row.auth_time,
            last_seen_at: row.last_seen_at,
        };
        Ok(rows.into_iter().map(summary).collect())
    }
}
