//! People who sign in.

use anyhow::Context as _;
use chrono::{DateTime, Utc};

use super::{Store, on_db, on_db_read, row::row};
use crate::{
    protocol::vocabulary::{SetupLink, TokenHash, user_name_key as key},
    secret::Secret,
};

/// A person with an account.
#[derive(Clone, Debug)]
pub struct User {
    /// Stable, never given again.
    pub id: String,
    /// What they sign in with.
    pub name: String,
    /// Works for signing in as well.
    pub email: Option<String>,
    /// Argon2id in its own text form.
    pub password_hash: Secret<String>,
    /// When the account was made.
    pub created_at: DateTime<Utc>,
    /// Since when the account may not be used.
    pub disabled_at: Option<DateTime<Utc>>,
    /// The last sign-in.
    pub last_signed_in_at: Option<DateTime<Utc>>,
}

/// An account to be made.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// A fresh identifier.
    pub id: String,
    /// What they sign in with.
    pub name: String,
    /// Works for signing in as well.
    pub email: Option<String>,
    /// Argon2id in its own text form.
    pub password_hash: Secret<String>,
}

/// Somebody else has that name or e-mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("another account has that name or e-mail address")]
pub struct NameTaken;

row! { UserRow {
    id: String, name: String, email: Option<String>, password_hash: String, created_at: DateTime<Utc>,
    disabled_at: Option<DateTime<Utc>>, last_signed_in_at: Option<DateTime<Utc>>,
} }

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            email: row.email,
            password_hash: Secret::new(row.password_hash),
            created_at: row.created_at,
            disabled_at: row.disabled_at,
            last_signed_in_at: row.last_signed_in_at,
        }
    }
}

macro_rules! select_user {
    ($rest:literal) => {
        concat!("SELECT id, name, email, password_hash, created_at, disabled_at, last_signed_in_at FROM users WHERE issuer_id = $1 ", $rest)
    };
}

const BY_ID: &str = select_user!("AND id = $2");
const BY_LOGIN: &str = select_user!("AND (name_key = $2 OR email_key = $2)");
const LIST: &str = select_user!("ORDER BY created_at DESC, id DESC");
const COUNT: &str = "SELECT COUNT(*) FROM users WHERE issuer_id = $1";
const ADD: &str = "INSERT INTO users (issuer_id, id, name, name_key, email, email_key, password_hash, created_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
const NAME_IN_USE: &str = "SELECT COUNT(*) FROM users WHERE issuer_id = $1 AND (name_key IN ($2, $3) OR email_key IN ($2, $3))";
const SPEND_LINK: &str = "DELETE FROM setup_links WHERE issuer_id = $1 AND hash = $2 AND expires_at > $3";
const VOID_LINKS: &str = "DELETE FROM setup_links WHERE issuer_id = $1";
const SET_PASSWORD: &str = "UPDATE users SET password_hash = $3 WHERE issuer_id = $1 AND id = $2";
const SET_DISABLED: &str = "UPDATE users SET disabled_at = $3 WHERE issuer_id = $1 AND id = $2";
const SIGNED_IN: &str = "UPDATE users SET last_signed_in_at = $3 WHERE issuer_id = $1 AND id = $2";
const END_SESSIONS: &str = "DELETE FROM sessions WHERE issuer_id = $1 AND user_id = $2";
const WITHDRAW_CODES: &str =
    "UPDATE codes SET withdrawn_at = $3 WHERE issuer_id = $1 AND user_id = $2 AND redeemed_at IS NULL AND withdrawn_at IS NULL";
const END_FAMILIES: &str = "UPDATE token_families SET revoked_at = $3, revoked_because = 'the account was disabled' \
    WHERE issuer_id = $1 AND revoked_at IS NULL AND grant_id IN (SELECT id FROM grants WHERE issuer_id = $1 AND user_id = $2)";

impl Store {
    /// The account with this id.
    pub async fn user(&self, id: &str) -> anyhow::Result<Option<User>> {
        let row: Option<UserRow> =
            on_db_read!(self.db, |pool| sqlx::query_as(BY_ID).bind(self.issuer_id).bind(id).fetch_optional(pool).await)?;
        Ok(row.map(User::from))
    }

    /// The account that somebody means who signs in with a name or an address.
    pub async fn user_by_login(&self, login: &str) -> anyhow::Result<Option<User>> {
        let row: Option<UserRow> =
            on_db_read!(self.db, |pool| sqlx::query_as(BY_LOGIN).bind(self.issuer_id).bind(key(login)).fetch_optional(pool).await)?;
        Ok(row.map(User::from))
    }

    /// All accounts, newest first.
    pub async fn users(&self) -> anyhow::Result<Vec<User>> {
        let rows: Vec<UserRow> = on_db_read!(self.db, |pool| sqlx::query_as(LIST).bind(self.issuer_id).fetch_all(pool).await)?;
        Ok(rows.into_iter().map(User::from).collect())
    }

    /// How many accounts there are.
    pub async fn count_users(&self) -> anyhow::Result<i64> {
        let (count,): (i64,) = on_db_read!(self.db, |pool| sqlx::query_as(COUNT).bind(self.issuer_id).fetch_one(pool).await)?;
        Ok(count)
    }

    /// Makes an account; links that would make the first one are void from then on.
    pub async fn add_user(&self, user: &NewUser, now: DateTime<Utc>) -> anyhow::Result<Result<(), NameTaken>> {
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            let taken: (i64,) = sqlx::query_as(NAME_IN_USE)
                .bind(self.issuer_id)
                .bind(key(&user.name))
                .bind(user.email.as_deref().map_or_else(|| key(&user.name), key))
                .fetch_one(&mut *step)
                .await?;
            if taken.0 > 0 {
                step.rollback().await?;
                return Ok(Err(NameTaken));
            }
            let added = sqlx::query(ADD)
                .bind(self.issuer_id)
                .bind(&user.id)
                .bind(user.name.trim())
                .bind(key(&user.name))
                .bind(&user.email)
                .bind(user.email.as_deref().map(key))
                .bind(user.password_hash.expose())
                .bind(now)
                .execute(&mut *step)
                .await?
                .rows_affected();
            sqlx::query(VOID_LINKS).bind(self.issuer_id).execute(&mut *step).await?;
            step.commit().await?;
            Ok(if added == 1 { Ok(()) } else { Err(NameTaken) })
        })
    }

    /// Makes the first account with a one-time link; `false` if the link is not good
    /// (any more) or somebody was first.
    pub async fn add_first_user(&self, link: &TokenHash<SetupLink>, user: &NewUser, now: DateTime<Utc>) -> anyhow::Result<bool> {
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            let spent =
                sqlx::query(SPEND_LINK).bind(self.issuer_id).bind(link.as_bytes()).bind(now).execute(&mut *step).await?.rows_affected();
            let (others,): (i64,) = sqlx::query_as(COUNT).bind(self.issuer_id).fetch_one(&mut *step).await?;
            if spent == 0 || others > 0 {
                step.rollback().await?;
                return Ok(false);
            }
            sqlx::query(ADD)
                .bind(self.issuer_id)
                .bind(&user.id)
                .bind(user.name.trim())
                .bind(key(&user.name))
                .bind(&user.email)
                .bind(user.email.as_deref().map(key))
                .bind(user.password_hash.expose())
                .bind(now)
                .execute(&mut *step)
                .await?;
            step.commit().await?;
            Ok(true)
        })
    }

    /// Changes a password and ends the person's sessions; `false` if there is no
    /// such account.
    pub async fn set_password(&self, id: &str, password_hash: &Secret<String>) -> anyhow::Result<bool> {
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            let changed = sqlx::query(SET_PASSWORD)
                .bind(self.issuer_id)
                .bind(id)
                .bind(password_hash.expose())
                .execute(&mut *step)
                .await?
                .rows_affected();
            sqlx::query(END_SESSIONS).bind(self.issuer_id).bind(id).execute(&mut *step).await?;
            step.commit().await?;
            Ok(changed == 1)
        })
    }

    /// Shuts an account out or lets it in again. Shutting it out ends its sessions and
    /// its tokens; its grants are to be revoked with [`Store::revoke_grants_of_user`].
    pub async fn set_user_disabled(&self, id: &str, disabled_at: Option<DateTime<Utc>>) -> anyhow::Result<bool> {
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            let changed =
                sqlx::query(SET_DISABLED).bind(self.issuer_id).bind(id).bind(disabled_at).execute(&mut *step).await?.rows_affected();
            if let Some(now) = disabled_at {
                sqlx::query(END_SESSIONS).bind(self.issuer_id).bind(id).execute(&mut *step).await?;
                // Codes first: an exchange under way ends before that, and its family is seen.
                sqlx::query(WITHDRAW_CODES).bind(self.issuer_id).bind(id).bind(now).execute(&mut *step).await?;
                sqlx::query(END_FAMILIES).bind(self.issuer_id).bind(id).bind(now).execute(&mut *step).await?;
                let end = sqlx::query(Self::END_PERSONAL_TOKENS_OF).bind(self.issuer_id).bind(id).bind(now);
                end.bind("the account was disabled").execute(&mut *step).await?;
            }
            step.commit().await.context("changing an account")?;
            Ok(changed == 1)
        })
    }

    pub(super) const SIGNED_IN: &'static str = SIGNED_IN;
}
