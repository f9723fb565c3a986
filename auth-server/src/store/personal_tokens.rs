//! Personal access tokens; only their hash.

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};

use sqlx::types::Json;

use super::{Store, on_db, on_db_read, row::row};
use crate::protocol::{
    client::Client,
    personal_token::{PersonalToken, Terms},
    vocabulary::{PersonalAccessToken, TokenHash},
};

/// A token to be stored.
#[derive(Clone, Debug)]
pub struct NewPersonalToken {
    /// The token's hash.
    pub hash: TokenHash<PersonalAccessToken>,
    /// A fresh identifier.
    pub id: String,
    /// Whose it is.
    pub user_id: String,
    /// What it is for.
    pub terms: Terms,
}

/// Why a token was not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotStored {
    /// A form that is sent twice, too, must not make two.
    #[error("There is a token of this name already.")]
    NameTaken,
    /// The account is disabled, or gone.
    #[error("This account is disabled.")]
    NoPerson,
}

row! { TokenRow {
    id: String, user_id: String, user_name: String, disabled_at: Option<DateTime<Utc>>, name: String, resource: String, scope: String,
    created_at: DateTime<Utc>, expires_at: DateTime<Utc>, last_used_at: Option<DateTime<Utc>>, revoked_at: Option<DateTime<Utc>>,
    revoked_because: Option<String>,
} }

impl TryFrom<TokenRow> for PersonalToken {
    type Error = anyhow::Error;

    fn try_from(row: TokenRow) -> anyhow::Result<Self> {
        Ok(Self {
            id: row.id,
            user_id: row.user_id,
            user_name: row.user_name,
            user_disabled_at: row.disabled_at,
            name: row.name,
            resource: row.resource,
            scope: row.scope.parse().context("personal_tokens.scope")?,
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
            revoked: row.revoked_at.map(|at| (at, row.revoked_because.unwrap_or_default())),
        })
    }
}

macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT t.id, t.user_id, u.name AS user_name, u.disabled_at, t.name, t.resource, t.scope, t.created_at, t.expires_at, \
             t.last_used_at, t.revoked_at, t.revoked_because FROM personal_tokens t \
             JOIN users u ON u.issuer_id = t.issuer_id AND u.id = t.user_id WHERE t.issuer_id = $1 AND ",
            $condition
        )
    };
}

const FIND: &str = select!("t.hash = $2");
const ALL: &str = select!("t.revoked_at IS NULL ORDER BY t.created_at DESC, t.id DESC");
const OF_USER: &str = select!("t.user_id = $2 AND t.revoked_at IS NULL ORDER BY t.created_at DESC, t.id DESC");

const OPERATORS_CLIENTS: &str = "SELECT record FROM clients WHERE issuer_id = $1 AND origin = 'operator'";

/// Whoever makes a token holds the person's row: two at once, or one beside the account's
/// end, come one after the other.
const HOLD_PERSON: &str = "UPDATE users SET name = name WHERE issuer_id = $1 AND id = $2 AND disabled_at IS NULL";
const NAME_IN_USE: &str =
    "SELECT COUNT(*) FROM personal_tokens WHERE issuer_id = $1 AND user_id = $2 AND name = $3 AND revoked_at IS NULL AND expires_at > $4";
/// The longest unused beyond a number. What has expired is not in use, so it goes first.
const TRIM: &str = "UPDATE personal_tokens SET revoked_at = $3, revoked_because = 'too many' WHERE issuer_id = $1 AND hash IN \
    (SELECT hash FROM personal_tokens WHERE issuer_id = $1 AND user_id = $2 AND revoked_at IS NULL \
     ORDER BY expires_at > $3 DESC, COALESCE(last_used_at, created_at) DESC LIMIT 1000 OFFSET $4)";
/// Those that ended stay for a month to say so, but no flood of them.
const FORGET: &str = "DELETE FROM personal_tokens WHERE issuer_id = $1 AND hash IN \
    (SELECT hash FROM personal_tokens WHERE issuer_id = $1 AND user_id = $2 AND revoked_at IS NOT NULL \
     ORDER BY revoked_at DESC LIMIT 1000 OFFSET $3)";
const ADD: &str = "INSERT INTO personal_tokens (issuer_id, hash, id, user_id, name, resource, scope, created_at, expires_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const FIRST_USE: &str =
    "UPDATE personal_tokens SET last_used_at = $3 WHERE issuer_id = $1 AND hash = $2 AND last_used_at IS NULL AND revoked_at IS NULL";
const USE: &str = "UPDATE personal_tokens SET last_used_at = $3 WHERE issuer_id = $1 AND hash = $2 AND last_used_at < $3";
const REVOKE: &str = "UPDATE personal_tokens SET revoked_at = $4, revoked_because = $5 \
    WHERE issuer_id = $1 AND id = $2 AND user_id = $3 AND revoked_at IS NULL";
const END_OF_USER: &str =
    "UPDATE personal_tokens SET revoked_at = $3, revoked_because = $4 WHERE issuer_id = $1 AND user_id = $2 AND revoked_at IS NULL";
const END_AT: &str =
    "UPDATE personal_tokens SET revoked_at = $3, revoked_because = $4 WHERE issuer_id = $1 AND resource = $2 AND revoked_at IS NULL";

/// A person has no more of them at once.
const MOST_PER_PERSON: i64 = 50;
/// So many that ended are remembered.
const MOST_ENDED: i64 = 200;
/// A use is noted this often at most.
const NOTE_EVERY: TimeDelta = TimeDelta::minutes(1);

impl Store {
    /// Stores a token. Returns how many of the person's ended, the longest unused, since
    /// there were too many.
    pub async fn add_personal_token(&self, token: &NewPersonalToken, now: DateTime<Utc>) -> anyhow::Result<Result<u64, NotStored>> {
        let (user_id, terms) = (&token.user_id, &token.terms);
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            let held = sqlx::query(HOLD_PERSON).bind(self.issuer_id).bind(user_id).execute(&mut *step).await?.rows_affected();
            let named = sqlx::query_as(NAME_IN_USE).bind(self.issuer_id).bind(user_id).bind(terms.name()).bind(now);
            let (named,): (i64,) = named.fetch_one(&mut *step).await?;
            if held == 0 || named > 0 {
                step.rollback().await?;
                return Ok(Err(if held == 0 { NotStored::NoPerson } else { NotStored::NameTaken }));
            }
            let trim = sqlx::query(TRIM).bind(self.issuer_id).bind(user_id).bind(now).bind(MOST_PER_PERSON - 1);
            let ended = trim.execute(&mut *step).await?.rows_affected();
            sqlx::query(FORGET).bind(self.issuer_id).bind(user_id).bind(MOST_ENDED).execute(&mut *step).await?;
            sqlx::query(ADD)
                .bind(self.issuer_id)
                .bind(token.hash.as_bytes())
                .bind(&token.id)
                .bind(user_id)
                .bind(terms.name())
                .bind(terms.resource())
                .bind(terms.scope().to_string())
                .bind(now)
                .bind(terms.expires_at())
                .execute(&mut *step)
                .await?;
            step.commit().await.context("storing a personal token")?;
            Ok(Ok(ended))
        })
    }

    /// The token of this hash, whether it is good or not (any more).
    pub async fn personal_token(&self, hash: &TokenHash<PersonalAccessToken>) -> anyhow::Result<Option<PersonalToken>> {
        let row: Option<TokenRow> =
            on_db_read!(self.db, |pool| sqlx::query_as(FIND).bind(self.issuer_id).bind(hash.as_bytes()).fetch_optional(pool).await)?;
        row.map(PersonalToken::try_from).transpose()
    }

    /// Whether anybody may ask about tokens for a resource. Only operators let a client do that.
    pub async fn is_asked_about(&self, resource: &str) -> anyhow::Result<bool> {
        let clients: Vec<(Json<Client>,)> =
            on_db_read!(self.db, |pool| sqlx::query_as(OPERATORS_CLIENTS).bind(self.issuer_id).fetch_all(pool).await)?;
        let asks = |client: &Client| client.disabled_at.is_none() && client.introspects.iter().any(|known| known == resource);
        Ok(clients.iter().any(|(client,)| asks(client)))
    }

    /// All tokens that were not revoked, newest first.
    pub async fn personal_tokens(&self) -> anyhow::Result<Vec<PersonalToken>> {
        let rows: Vec<TokenRow> = on_db_read!(self.db, |pool| sqlx::query_as(ALL).bind(self.issuer_id).fetch_all(pool).await)?;
        rows.into_iter().map(PersonalToken::try_from).collect()
    }

    /// Those of a person, newest first.
    pub async fn personal_tokens_of(&self, user_id: &str) -> anyhow::Result<Vec<PersonalToken>> {
        let rows: Vec<TokenRow> =
            on_db_read!(self.db, |pool| sqlx::query_as(OF_USER).bind(self.issuer_id).bind(user_id).fetch_all(pool).await)?;
        rows.into_iter().map(PersonalToken::try_from).collect()
    }

    /// Notes that a token is in use. `true` for its first use, once.
    pub async fn use_personal_token(
        &self,
        hash: &TokenHash<PersonalAccessToken>,
        token: &PersonalToken,
        now: DateTime<Utc>,
    ) -> anyhow::Result<bool> {
        if token.last_used_at.is_some_and(|used| now - used < NOTE_EVERY) {
            return Ok(false);
        }
        let (statement, is_first) = if token.last_used_at.is_none() { (FIRST_USE, true) } else { (USE, false) };
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            let noted = sqlx::query(statement).bind(self.issuer_id).bind(hash.as_bytes()).bind(now);
            let noted = noted.execute(&mut *step).await?.rows_affected();
            step.commit().await?;
            Ok(is_first && noted == 1)
        })
    }

    /// Ends one of a person's tokens; `false` if there is none such that stands.
    pub async fn revoke_personal_token(&self, id: &str, user_id: &str, because: &str, now: DateTime<Utc>) -> anyhow::Result<bool> {
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            let revoke = sqlx::query(REVOKE).bind(self.issuer_id).bind(id).bind(user_id).bind(now).bind(because);
            let revoked = revoke.execute(&mut *step).await?.rows_affected();
            step.commit().await?;
            Ok(revoked == 1)
        })
    }

    /// Ends all tokens of a person.
    pub async fn revoke_personal_tokens_of(&self, user_id: &str, because: &str, now: DateTime<Utc>) -> anyhow::Result<u64> {
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            let revoke = sqlx::query(END_OF_USER).bind(self.issuer_id).bind(user_id).bind(now).bind(because);
            let revoked = revoke.execute(&mut *step).await?.rows_affected();
            step.commit().await?;
            Ok(revoked)
        })
    }

    pub(super) const END_PERSONAL_TOKENS_OF: &'static str = END_OF_USER;
    pub(super) const END_PERSONAL_TOKENS_AT: &'static str = END_AT;
}
