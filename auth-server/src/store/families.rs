//! Token families: what lives on after a code was redeemed.

use anyhow::Context as _;
use chrono::{DateTime, Utc};

use super::{
    Store, on_db, on_db_read,
    row::row,
    statement::{First, first},
};
use crate::protocol::{
    refresh::{RefreshError, RefreshStep, TokenFamily},
    refused::Effect,
    vocabulary::{ClientId, FamilyId},
};

/// What becomes of a presented refresh token.
#[derive(Debug)]
pub enum RefreshOutcome<T> {
    /// Tokens leave once this is stored.
    Issue {
        /// What becomes of the refresh token.
        step: RefreshStep,
        /// The hash of its successor, when it rotates.
        successor_hash: Option<[u8; 32]>,
        /// The new idle end.
        idle_expires_at: DateTime<Utc>,
        /// What leaves.
        tokens: T,
    },
    /// Nothing is issued; the effect is stored all the same.
    Refuse(RefreshError, Effect),
}

/// All that an operator wants to know of a family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FamilyStory {
    /// The grant it belongs to.
    pub grant_id: String,
    /// The client it was given to.
    pub client_id: String,
    /// The person's name.
    pub user_name: String,
    /// The resource, in its registered spelling.
    pub resource: String,
    /// What the person allowed.
    pub scope: String,
    /// The hash of the current refresh token, where there is one.
    pub current_hash: Option<[u8; 32]>,
    /// The hash of the one before.
    pub parent_hash: Option<[u8; 32]>,
    /// When that was replaced.
    pub rotated_at: Option<DateTime<Utc>>,
    /// Dead from here on unless it is used.
    pub idle_expires_at: DateTime<Utc>,
    /// Dead from here on.
    pub expires_at: DateTime<Utc>,
    /// When the family ended, and why, if it ended by itself.
    pub family_revoked: Option<(DateTime<Utc>, String)>,
    /// When the grant ended, and why.
    pub grant_revoked: Option<(DateTime<Utc>, String)>,
    /// Since when the account may not be used.
    pub user_disabled_at: Option<DateTime<Utc>>,
}

row! { StoryRow {
    grant_id: String, client_id: String, user_name: String, resource: String, scope: String, current_hash: Option<Vec<u8>>,
    parent_hash: Option<Vec<u8>>, rotated_at: Option<DateTime<Utc>>, idle_expires_at: DateTime<Utc>, expires_at: DateTime<Utc>,
    revoked_at: Option<DateTime<Utc>>, revoked_because: Option<String>, grant_revoked_at: Option<DateTime<Utc>>,
    grant_revoked_because: Option<String>, disabled_at: Option<DateTime<Utc>>,
} }

impl TryFrom<StoryRow> for FamilyStory {
    type Error = anyhow::Error;

    fn try_from(row: StoryRow) -> anyhow::Result<Self> {
        let end = |at: Option<DateTime<Utc>>, because: Option<String>| at.map(|at| (at, because.unwrap_or_default()));
        Ok(Self {
            grant_id: row.grant_id,
            client_id: row.client_id,
            user_name: row.user_name,
            resource: row.resource,
            scope: row.scope,
            current_hash: hash(row.current_hash).context("token_families.current_hash")?,
            parent_hash: hash(row.parent_hash).context("token_families.parent_hash")?,
            rotated_at: row.rotated_at,
            idle_expires_at: row.idle_expires_at,
            expires_at: row.expires_at,
            // What ended the grant ended the family with it.
            family_revoked: end(row.revoked_at, row.revoked_because).filter(|_| row.grant_revoked_at.is_none()),
            grant_revoked: end(row.grant_revoked_at, row.grant_revoked_because),
            user_disabled_at: row.disabled_at,
        })
    }
}

const STORY: &str = "SELECT f.grant_id, f.client_id, u.name AS user_name, f.resource, f.scope, f.current_hash, f.parent_hash, f.rotated_at, \
    f.idle_expires_at, f.expires_at, f.revoked_at, f.revoked_because, g.revoked_at AS grant_revoked_at, \
    g.revoked_because AS grant_revoked_because, u.disabled_at \
    FROM token_families f JOIN grants g ON g.issuer_id = f.issuer_id AND g.id = f.grant_id \
    JOIN users u ON u.issuer_id = f.issuer_id AND u.id = f.user_id WHERE f.issuer_id = $1 AND f.id = $2";

row! { FamilyRow {
    id: String, grant_id: String, client_id: String, user_id: String, resource: String, scope: String, auth_time: DateTime<Utc>,
    generation: i64, current_hash: Option<Vec<u8>>, parent_hash: Option<Vec<u8>>, rotated_at: Option<DateTime<Utc>>,
    idle_expires_at: DateTime<Utc>, expires_at: DateTime<Utc>, revoked_at: Option<DateTime<Utc>>, user_name: String,
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

fn hash(bytes: Option<Vec<u8>>) -> anyhow::Result<Option<[u8; 32]>> {
    bytes.map(|bytes| <[u8; 32]>::try_from(bytes).map_err(|_| anyhow::anyhow!("a hash has 32 bytes"))).transpose()
}

/// A write on the row comes first: whoever comes second waits, and then sees the
/// successor.
const TAKE: First = first!(
    "UPDATE token_families SET last_used_at = $3 WHERE issuer_id = $1 AND id = $2 \
     RETURNING id, grant_id, client_id, user_id, user_name, resource, scope, auth_time, generation, current_hash, parent_hash, rotated_at, \
     idle_expires_at, expires_at, revoked_at"
);
const STANDS: &str = "SELECT f.revoked_at IS NULL \
     AND NOT EXISTS (SELECT 1 FROM revoked_access_tokens r WHERE r.issuer_id = f.issuer_id AND r.jti = $3) \
     FROM token_families f WHERE f.issuer_id = $1 AND f.id = $2";
const ROTATE: &str = "UPDATE token_families SET generation = generation + 1, parent_hash = current_hash, current_hash = $3, rotated_at = $4, \
    idle_expires_at = $5 WHERE issuer_id = $1 AND id = $2";
const KEEP: &str = "UPDATE token_families SET idle_expires_at = $3 WHERE issuer_id = $1 AND id = $2";
const REVOKE: &str =
    "UPDATE token_families SET revoked_at = $3, revoked_because = $4 WHERE issuer_id = $1 AND id = $2 AND revoked_at IS NULL";
/// Codes of the same grant that are still in flight die with the family.
const WITHDRAW_CODES: &str = "UPDATE codes SET withdrawn_at = $3 WHERE issuer_id = $1 AND redeemed_at IS NULL AND withdrawn_at IS NULL \
    AND grant_id = (SELECT grant_id FROM token_families WHERE issuer_id = $1 AND id = $2)";

impl Store {
    /// Takes the family's row, lets `decide` judge what was presented, stores the
    /// outcome: one transaction. If `decide` fails, nothing is rotated.
    pub async fn refresh_family<T>(
        &self,
        id: FamilyId,
        now: DateTime<Utc>,
        decide: impl FnOnce(Option<&TokenFamily>) -> anyhow::Result<RefreshOutcome<T>>,
    ) -> anyhow::Result<Result<T, RefreshError>> {
        let id = id.to_string();
        on_db!(self.db, |writer| {
            let taken = writer.begin_with(TAKE, |take| take.bind(self.issuer_id).bind(&id).bind(now)).await?;
            let (mut step, row): (_, Option<FamilyRow>) = taken;
            let family = row.map(TokenFamily::try_from).transpose()?;
            match decide(family.as_ref())? {
                RefreshOutcome::Issue { step: RefreshStep::Rotate, successor_hash, idle_expires_at, tokens } => {
                    let rotate = sqlx::query(ROTATE).bind(self.issuer_id).bind(&id).bind(successor_hash.map(Vec::from));
                    rotate.bind(now).bind(idle_expires_at).execute(&mut *step).await?;
                    step.commit().await.context("rotating a refresh token")?;
                    Ok(Ok(tokens))
                }
                RefreshOutcome::Issue { step: RefreshStep::Keep, idle_expires_at, tokens, .. } => {
                    sqlx::query(KEEP).bind(self.issuer_id).bind(&id).bind(idle_expires_at).execute(&mut *step).await?;
                    step.commit().await.context("keeping a refresh token")?;
                    Ok(Ok(tokens))
                }
                RefreshOutcome::Issue { step: RefreshStep::Repeat, tokens, .. } => {
                    step.rollback().await?;
                    Ok(Ok(tokens))
                }
                RefreshOutcome::Refuse(error, Effect::RevokeFamily) => {
                    sqlx::query(REVOKE).bind(self.issuer_id).bind(&id).bind(now).bind("refresh token reuse").execute(&mut *step).await?;
                    sqlx::query(WITHDRAW_CODES).bind(self.issuer_id).bind(&id).bind(now).execute(&mut *step).await?;
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

    /// All that an operator wants to know of a family; `None` if there is no such family (any more).
    pub async fn family_story(&self, id: FamilyId) -> anyhow::Result<Option<FamilyStory>> {
        let row: Option<StoryRow> =
            on_db_read!(self.db, |pool| sqlx::query_as(STORY).bind(self.issuer_id).bind(id.to_string()).fetch_optional(pool).await)
                .context("reading a family")?;
        row.map(FamilyStory::try_from).transpose()
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
