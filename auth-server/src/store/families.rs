//! Token families: what lives on after a code was redeemed.

use anyhow::Context as _;
use chrono::{DateTime, Utc};

use super::{
    Store, on_db, on_db_read,
    row::row,
    statement::{First, first},
};
use crate::protocol::{
    refresh::{PresentedRefreshToken, RefreshError, RefreshStep, TokenFamily},
    refused::Effect,
    vocabulary::{ClientId, FamilyId},
};

/// A refresh that is under way.
#[derive(Debug)]
pub struct Refreshing<'a> {
    /// The authenticated client.
    pub client_id: &'a ClientId,
    /// The refresh token that it sent.
    pub presented: PresentedRefreshToken,
    /// The hash of the token that takes its place; `None` where this client's tokens
    /// do not rotate.
    pub successor_hash: Option<[u8; 32]>,
    /// The new idle end. The family ends no later than before.
    pub idle_expires_at: DateTime<Utc>,
}

/// What becomes of a presented refresh token.
#[derive(Debug)]
pub enum RefreshOutcome<T> {
    /// Tokens leave once this is stored.
    Issue(RefreshStep, T),
    /// Nothing is issued; the effect is stored all the same.
    Refuse(RefreshError, Effect),
}

row! { FamilyRow {
    id: String, grant_id: String, client_id: String, user_id: String, resource: String, scope: String, auth_time: DateTime<Utc>,
    generation: i64, current_hash: Option<Vec<u8>>, parent_hash: Option<Vec<u8>>, rotated_at: Option<DateTime<Utc>>,
    idle_expires_at: DateTime<Utc>, expires_at: DateTime<Utc>, revoked_at: Option<DateTime<Utc>>, user_name: String, is_used: bool,
} }

impl TryFrom<FamilyRow> for TokenFamily {
    type Error = anyhow::Error;

    fn try_from(row: FamilyRow) -> anyhow::Result<Self> {
        Ok(Self {
            id: row.id.parse().context("token_families.id")?,
            grant_id: row.grant_id.parse().context("token_families.grant_id")?,
            client_id: row.client_id.parse().context("token_families.client_id")?,
            user_id: row.user_id,
            user_name: row.user_name,
            resource: row.resource,
            scope: row.scope.parse().context("token_families.scope")?,
            auth_time: row.auth_time,
            generation: u32::try_from(row.generation).context("token_families.generation")?,
            current_hash: hash(row.current_hash).context("token_families.current_hash")?,
            parent_hash: hash(row.parent_hash).context("token_families.parent_hash")?,
            rotated_at: row.rotated_at,
            idle_expires_at: row.idle_expires_at,
            expires_at: row.expires_at,
            stands: row.revoked_at.is_none(),
        })
    }
}

pub(super) fn hash(bytes: Option<Vec<u8>>) -> anyhow::Result<Option<[u8; 32]>> {
    bytes.map(|bytes| <[u8; 32]>::try_from(bytes).map_err(|_| anyhow::anyhow!("a hash has 32 bytes"))).transpose()
}

impl FamilyRow {
    /// A family whose current token was just replaced, as it was before; its parent,
    /// which nobody asks for then, is not known any more.
    fn before_rotation(self) -> Self {
        Self { generation: self.generation - 1, current_hash: self.parent_hash, parent_hash: None, rotated_at: None, ..self }
    }
}

macro_rules! columns {
    () => {
        "id, grant_id, client_id, user_id, user_name, resource, scope, auth_time, generation, current_hash, parent_hash, rotated_at, \
         idle_expires_at, expires_at, revoked_at"
    };
}

/// Why a family ended whose refresh token came back late.
macro_rules! reuse {
    () => {
        "refresh token reuse"
    };
}

/// Why a family ended whose code came again.
macro_rules! replay {
    () => {
        "code replay"
    };
}

pub(super) use {replay, reuse};

/// Changes the family as its use does, if what was presented is the current token, by
/// the client it was given to, in time: the rule of
/// [`refresh`](crate::protocol::refresh::refresh) as far as the row knows it. Then looks
/// at the row; PostgreSQL gives none if it was not changed.
macro_rules! use_current {
    ($($rotation:literal)?) => {
        first!(
            postgres: [use_current!(@change $($rotation)?), " RETURNING TRUE AS is_used, ", columns!()],
            sqlite: [
                use_current!(@change $($rotation)?), "; \
                 SELECT changes() AS is_used, ", columns!(), " FROM token_families WHERE issuer_id = $1 AND id = $2",
            ],
        )
    };
    (@change $($rotation:literal)?) => {
        concat!(
            "UPDATE token_families SET ", $($rotation,)? "last_used_at = $5, \
             idle_expires_at = CASE WHEN expires_at < $6 THEN expires_at ELSE $6 END \
             WHERE issuer_id = $1 AND id = $2 AND client_id = $3 AND current_hash = $4 \
             AND revoked_at IS NULL AND idle_expires_at > $5 AND expires_at > $5"
        )
    };
}

const KEEP: First = use_current!();
const ROTATE: First = use_current!("generation = generation + 1, parent_hash = current_hash, current_hash = $7, rotated_at = $5, ");
/// Writes nothing, but holds the row: whoever comes second waits, and then sees the
/// successor.
const TAKE: &str = concat!(
    "UPDATE token_families SET last_used_at = last_used_at WHERE issuer_id = $1 AND id = $2 RETURNING FALSE AS is_used, ",
    columns!()
);
const STANDS: &str = "SELECT f.revoked_at IS NULL \
     AND NOT EXISTS (SELECT 1 FROM revoked_access_tokens r WHERE r.issuer_id = f.issuer_id AND r.jti = $3) \
     FROM token_families f WHERE f.issuer_id = $1 AND f.id = $2";
const REVOKE: &str =
    "UPDATE token_families SET revoked_at = $3, revoked_because = $4 WHERE issuer_id = $1 AND id = $2 AND revoked_at IS NULL";
/// Codes of the same grant that are still in flight die with the family.
const WITHDRAW_CODES: &str = "UPDATE codes SET withdrawn_at = $3 WHERE issuer_id = $1 AND redeemed_at IS NULL AND withdrawn_at IS NULL \
    AND grant_id = (SELECT grant_id FROM token_families WHERE issuer_id = $1 AND id = $2)";

impl Store {
    /// Uses the presented token if it is its family's current one, and lets `decide`
    /// judge the family as it was before: one transaction. What `decide` refuses, or
    /// fails at, is undone.
    pub async fn refresh_family<T>(
        &self,
        refreshing: &Refreshing<'_>,
        now: DateTime<Utc>,
        decide: impl FnOnce(Option<&TokenFamily>) -> anyhow::Result<RefreshOutcome<T>>,
    ) -> anyhow::Result<Result<T, RefreshError>> {
        let presented = &refreshing.presented;
        let id = presented.family_id.to_string();
        on_db!(self.db, |writer| {
            let first = if refreshing.successor_hash.is_some() { ROTATE } else { KEEP };
            let used = writer.begin_with(first, |first| {
                let first = first.bind(self.issuer_id).bind(&id).bind(refreshing.client_id.as_str());
                let first = first.bind(presented.hash.as_slice()).bind(now).bind(refreshing.idle_expires_at);
                match &refreshing.successor_hash {
                    Some(successor_hash) => first.bind(successor_hash.as_slice()),
                    None => first,
                }
            });
            let (mut step, row): (_, Option<FamilyRow>) = used.await?;
            let row = match row {
                Some(row) => Some(row),
                None => sqlx::query_as(TAKE).bind(self.issuer_id).bind(&id).fetch_optional(&mut *step).await?,
            };
            let is_used = row.as_ref().is_some_and(|row| row.is_used);
            let is_rotated = is_used && refreshing.successor_hash.is_some();
            let row = if is_rotated { row.map(FamilyRow::before_rotation) } else { row };
            let family = row.map(TokenFamily::try_from).transpose()?;
            match decide(family.as_ref())? {
                RefreshOutcome::Issue(RefreshStep::Rotate | RefreshStep::Keep, tokens) => {
                    anyhow::ensure!(is_used, "the store and the rules differ on which refresh token is the current one");
                    step.commit().await.context("using a refresh token")?;
                    Ok(Ok(tokens))
                }
                RefreshOutcome::Issue(RefreshStep::Repeat, tokens) => {
                    step.rollback().await?;
                    Ok(Ok(tokens))
                }
                RefreshOutcome::Refuse(error, Effect::RevokeFamily) => {
                    // Codes come first wherever families end, or two steps could wait for each other: begin
                    // anew. Once reused a token stays so.
                    step.rollback().await?;
                    let mut step = writer.begin_write().await?;
                    sqlx::query(WITHDRAW_CODES).bind(self.issuer_id).bind(&id).bind(now).execute(&mut *step).await?;
                    sqlx::query(REVOKE).bind(self.issuer_id).bind(&id).bind(now).bind(reuse!()).execute(&mut *step).await?;
                    step.commit().await.context("revoking a family")?;
                    Ok(Err(error))
                }
                RefreshOutcome::Refuse(error, Effect::CountFailure | Effect::Nothing) => {
                    step.rollback().await?;
                    Ok(Err(error))
                }
            }
        })
    }

    /// Whether an access token of a family may still be used: the family, its grant
    /// and its person stand, and the token was not revoked by itself.
    pub async fn family_token_stands(&self, id: FamilyId, jti: &str) -> anyhow::Result<bool> {
        let row: Option<(bool,)> = on_db_read!(self.db, |pool| sqlx::query_as(STANDS)
            .bind(self.issuer_id)
            .bind(id.to_string())
            .bind(jti)
            .fetch_optional(pool)
            .await)
        .context("reading a family")?;
        Ok(row.is_some_and(|(stands,)| stands))
    }

    /// The client that a family was given to; `None` if there is no such family (any more).
    pub async fn family_owner(&self, id: FamilyId) -> anyhow::Result<Option<ClientId>> {
        const OWNER: &str = "SELECT client_id FROM token_families WHERE issuer_id = $1 AND id = $2";
        let row: Option<(String,)> =
            on_db_read!(self.db, |pool| sqlx::query_as(OWNER).bind(self.issuer_id).bind(id.to_string()).fetch_optional(pool).await)
                .context("reading a family")?;
        row.map(|(owner,)| owner.parse().context("token_families.client_id")).transpose()
    }

    /// Ends a family: its refresh tokens, and its access tokens at introspection.
    pub async fn revoke_family(&self, id: FamilyId, because: &str, now: DateTime<Utc>) -> anyhow::Result<()> {
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            sqlx::query(REVOKE).bind(self.issuer_id).bind(id.to_string()).bind(now).bind(because).execute(&mut *step).await?;
            step.commit().await.context("revoking a family")
        })
    }
}
