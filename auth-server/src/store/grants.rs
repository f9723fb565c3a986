//! What people allowed to whom, and taking it back.

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use portcullis_verifier::vocabulary::Scope;
use sqlx::types::Json;

use super::{
    Store,
    families::{replay, reuse},
    on_db, on_db_read,
    row::row,
};
use crate::protocol::{
    client::Client,
    vocabulary::{ClientId, GrantId},
};

/// A grant as a person or an operator lists it.
#[derive(Clone, Debug)]
pub struct GrantSummary {
    /// Its name.
    pub id: GrantId,
    /// Who allowed it.
    pub user_id: String,
    /// What that person is called.
    pub user_name: String,
    /// To whom.
    pub client: Client,
    /// At which resource.
    pub resource: String,
    /// What.
    pub scope: Scope,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// When its tokens were renewed last.
    pub last_used_at: DateTime<Utc>,
    /// When a family of its tokens ended since a token or a code was used twice; `None`
    /// where one was born since.
    pub ended_by_reuse_at: Option<DateTime<Utc>>,
}

/// What a revocation ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Revocation {
    /// Grants.
    pub grants: u64,
    /// Personal access tokens.
    pub personal_tokens: u64,
}

/// How many grants something touches, and how many people gave them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GrantCounts {
    /// Grants that stand.
    pub grants: i64,
    /// People who gave them.
    pub people: i64,
}

row! { GrantRow {
    id: String, user_id: String, user_name: String, record: Json<Client>, resource: String, scope: String, created_at: DateTime<Utc>,
    last_used_at: DateTime<Utc>, family_used_at: Option<DateTime<Utc>>, ended_by_reuse_at: Option<DateTime<Utc>>,
} }

impl TryFrom<GrantRow> for GrantSummary {
    type Error = anyhow::Error;

    fn try_from(row: GrantRow) -> anyhow::Result<Self> {
        Ok(Self {
            id: row.id.parse().context("grants.id")?,
            user_id: row.user_id,
            user_name: row.user_name,
            client: row.record.0,
            resource: row.resource,
            scope: row.scope.parse().context("grants.scope")?,
            created_at: row.created_at,
            ended_by_reuse_at: row.ended_by_reuse_at,
            last_used_at: row.family_used_at.map_or(row.last_used_at, |used| used.max(row.last_used_at)),
        })
    }
}

macro_rules! list_grants {
    ($condition:literal) => {
        concat!(
            "SELECT g.id, g.user_id, u.name AS user_name, c.record, g.resource, g.scope, g.created_at, g.last_used_at, \
             (SELECT f.last_used_at FROM token_families f WHERE f.issuer_id = g.issuer_id AND f.grant_id = g.id \
              ORDER BY f.last_used_at DESC LIMIT 1) AS family_used_at, \
             (SELECT f.revoked_at FROM token_families f WHERE f.issuer_id = g.issuer_id AND f.grant_id = g.id \
              AND f.revoked_because IN ('",
            reuse!(),
            "', '",
            replay!(),
            "') AND NOT EXISTS (SELECT 1 FROM token_families l WHERE l.issuer_id = g.issuer_id AND l.grant_id = g.id \
              AND l.created_at > f.revoked_at) ORDER BY f.revoked_at DESC LIMIT 1) AS ended_by_reuse_at \
             FROM grants g JOIN users u ON u.issuer_id = g.issuer_id AND u.id = g.user_id \
             JOIN clients c ON c.issuer_id = g.issuer_id AND c.id = g.client_id \
             WHERE g.issuer_id = $1 AND g.revoked_at IS NULL ",
            $condition,
            " ORDER BY g.created_at DESC, g.id DESC"
        )
    };
}

const ALL: &str = list_grants!("");
const OF_USER: &str = list_grants!("AND g.user_id = $2");
const REMEMBERED: &str =
    "SELECT redirect_set, scope FROM consents WHERE issuer_id = $1 AND user_id = $2 AND client_id = $3 AND resource = $4";
const GRANTED: &str =
    "SELECT scope FROM grants WHERE issuer_id = $1 AND user_id = $2 AND client_id = $3 AND resource = $4 AND revoked_at IS NULL";
const OPEN_GRANT: &str = "SELECT user_id, client_id, resource FROM grants WHERE issuer_id = $1 AND id = $2 AND revoked_at IS NULL";
const OPEN_OF_USER: &str = "SELECT id FROM grants WHERE issuer_id = $1 AND user_id = $2 AND revoked_at IS NULL";
const REVOKE: &str = "UPDATE grants SET revoked_at = $3, revoked_because = $4 WHERE issuer_id = $1 AND id = $2 AND revoked_at IS NULL";
const END_FAMILIES: &str =
    "UPDATE token_families SET revoked_at = $3, revoked_because = $4 WHERE issuer_id = $1 AND grant_id = $2 AND revoked_at IS NULL";
const WITHDRAW_CODES: &str =
    "UPDATE codes SET withdrawn_at = $3 WHERE issuer_id = $1 AND grant_id = $2 AND redeemed_at IS NULL AND withdrawn_at IS NULL";
const FORGET_CONSENT: &str = "DELETE FROM consents WHERE issuer_id = $1 AND user_id = $2 AND client_id = $3 AND resource = $4";

const COUNT_OF_CLIENT: &str =
    "SELECT COUNT(*), COUNT(DISTINCT user_id) FROM grants WHERE issuer_id = $1 AND client_id = $2 AND revoked_at IS NULL";
const COUNT_AT: &str = "SELECT COUNT(*), COUNT(DISTINCT user_id) FROM grants WHERE issuer_id = $1 AND resource = $2 AND revoked_at IS NULL";
const REVOKE_AT: &str =
    "UPDATE grants SET revoked_at = $3, revoked_because = $4 WHERE issuer_id = $1 AND resource = $2 AND revoked_at IS NULL";
const END_FAMILIES_AT: &str =
    "UPDATE token_families SET revoked_at = $3, revoked_because = $4 WHERE issuer_id = $1 AND resource = $2 AND revoked_at IS NULL";
const WITHDRAW_CODES_AT: &str = "UPDATE codes SET withdrawn_at = $3 WHERE issuer_id = $1 AND resource = $2 \
    AND redeemed_at IS NULL AND withdrawn_at IS NULL";
const FORGET_CONSENTS_AT: &str = "DELETE FROM consents WHERE issuer_id = $1 AND resource = $2";

impl Store {
    /// All grants that stand, newest first.
    pub async fn grants(&self) -> anyhow::Result<Vec<GrantSummary>> {
        let rows: Vec<GrantRow> = on_db_read!(self.db, |pool| sqlx::query_as(ALL).bind(self.issuer_id).fetch_all(pool).await)?;
        rows.into_iter().map(GrantSummary::try_from).collect()
    }

    /// What a person allowed, newest first.
    pub async fn grants_of(&self, user_id: &str) -> anyhow::Result<Vec<GrantSummary>> {
        let rows: Vec<GrantRow> =
            on_db_read!(self.db, |pool| sqlx::query_as(OF_USER).bind(self.issuer_id).bind(user_id).fetch_all(pool).await)?;
        rows.into_iter().map(GrantSummary::try_from).collect()
    }

    /// How much would end with a client.
    pub async fn count_grants_of_client(&self, client_id: &ClientId) -> anyhow::Result<GrantCounts> {
        self.count_grants(COUNT_OF_CLIENT, client_id.as_str()).await
    }

    /// How much would end with a resource.
    pub async fn count_grants_at(&self, resource: &str) -> anyhow::Result<GrantCounts> {
        self.count_grants(COUNT_AT, resource).await
    }

    async fn count_grants(&self, question: &'static str, of: &str) -> anyhow::Result<GrantCounts> {
        let (grants, people): (i64, i64) =
            on_db_read!(self.db, |pool| sqlx::query_as(question).bind(self.issuer_id).bind(of).fetch_one(pool).await)?;
        Ok(GrantCounts { grants, people })
    }

    /// Ends all grants at a resource, the codes in flight, the remembered consents and the
    /// personal tokens.
    pub async fn revoke_grants_at(&self, resource: &str, because: &str, now: DateTime<Utc>) -> anyhow::Result<Revocation> {
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            let revoke = sqlx::query(REVOKE_AT).bind(self.issuer_id).bind(resource).bind(now).bind(because);
            let grants = revoke.execute(&mut *step).await?.rows_affected();
            // Codes first: an exchange under way ends before that, and its family is seen.
            sqlx::query(WITHDRAW_CODES_AT).bind(self.issuer_id).bind(resource).bind(now).execute(&mut *step).await?;
            sqlx::query(END_FAMILIES_AT).bind(self.issuer_id).bind(resource).bind(now).bind(because).execute(&mut *step).await?;
            sqlx::query(FORGET_CONSENTS_AT).bind(self.issuer_id).bind(resource).execute(&mut *step).await?;
            let end = sqlx::query(Self::END_PERSONAL_TOKENS_AT).bind(self.issuer_id).bind(resource).bind(now).bind(because);
            let personal_tokens = end.execute(&mut *step).await?.rows_affected();
            step.commit().await.context("revoking the grants at a resource")?;
            Ok(Revocation { grants, personal_tokens })
        })
    }

    /// Whether a person has allowed this client anything.
    pub async fn has_grant(&self, user_id: &str, client_id: &ClientId) -> anyhow::Result<bool> {
        const COUNT: &str = "SELECT COUNT(*) FROM grants WHERE issuer_id = $1 AND user_id = $2 AND client_id = $3 AND revoked_at IS NULL";
        let (count,): (i64,) = on_db_read!(self.db, |pool| sqlx::query_as(COUNT)
            .bind(self.issuer_id)
            .bind(user_id)
            .bind(client_id.as_str())
            .fetch_one(pool)
            .await)?;
        Ok(count > 0)
    }

    /// The scopes a person has granted a client at a resource so far.
    pub async fn granted_scope(&self, user_id: &str, client_id: &ClientId, resource: &str) -> anyhow::Result<Scope> {
        let row: Option<(String,)> = on_db_read!(self.db, |pool| sqlx::query_as(GRANTED)
            .bind(self.issuer_id)
            .bind(user_id)
            .bind(client_id.as_str())
            .bind(resource)
            .fetch_optional(pool)
            .await)?;
        row.map_or(Ok(Scope::none()), |(scope,)| scope.parse().context("grants.scope"))
    }

    /// The consent that is remembered: for which redirect set, and which scopes.
    pub async fn remembered_consent(&self, user_id: &str, client_id: &ClientId, resource: &str) -> anyhow::Result<Option<(String, Scope)>> {
        let row: Option<(String, String)> = on_db_read!(self.db, |pool| sqlx::query_as(REMEMBERED)
            .bind(self.issuer_id)
            .bind(user_id)
            .bind(client_id.as_str())
            .bind(resource)
            .fetch_optional(pool)
            .await)?;
        row.map(|(redirect_set, scope)| Ok((redirect_set, scope.parse().context("consents.scope")?))).transpose()
    }

    /// Ends a grant: its families, the codes in flight, the remembered consent.
    /// With `owner`, only if it is that person's. `false` if there is no such grant.
    pub async fn revoke_grant(&self, id: GrantId, owner: Option<&str>, because: &str, now: DateTime<Utc>) -> anyhow::Result<bool> {
        let id = id.to_string();
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            let open: Option<(String, String, String)> =
                sqlx::query_as(OPEN_GRANT).bind(self.issuer_id).bind(&id).fetch_optional(&mut *step).await?;
            let Some((user_id, client_id, resource)) = open.filter(|(user_id, ..)| owner.is_none_or(|owner| owner == user_id)) else {
                step.rollback().await?;
                return Ok(false);
            };
            sqlx::query(REVOKE).bind(self.issuer_id).bind(&id).bind(now).bind(because).execute(&mut *step).await?;
            // Codes first: an exchange under way ends before that, and its family is seen.
            sqlx::query(WITHDRAW_CODES).bind(self.issuer_id).bind(&id).bind(now).execute(&mut *step).await?;
            sqlx::query(END_FAMILIES).bind(self.issuer_id).bind(&id).bind(now).bind(because).execute(&mut *step).await?;
            let forget = sqlx::query(FORGET_CONSENT).bind(self.issuer_id).bind(&user_id).bind(&client_id);
            forget.bind(&resource).execute(&mut *step).await?;
            step.commit().await.context("revoking a grant")?;
            Ok(true)
        })
    }

    /// Ends all grants of a person, and their personal tokens.
    pub async fn revoke_grants_of_user(&self, user_id: &str, because: &str, now: DateTime<Utc>) -> anyhow::Result<Revocation> {
        let open: Vec<(String,)> =
            on_db_read!(self.db, |pool| sqlx::query_as(OPEN_OF_USER).bind(self.issuer_id).bind(user_id).fetch_all(pool).await)?;
        let personal_tokens = self.revoke_personal_tokens_of(user_id, because, now).await?;
        let mut revocation = Revocation { grants: 0, personal_tokens };
        for (id,) in open {
            if self.revoke_grant(id.parse().context("grants.id")?, None, because, now).await? {
                revocation.grants += 1;
            }
        }
        Ok(revocation)
    }
}
