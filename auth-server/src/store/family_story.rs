//! All of a token family, for the operator.

use anyhow::Context as _;
use chrono::{DateTime, Utc};

use super::{Store, families::hash, on_db_read, row::row};
use crate::protocol::vocabulary::FamilyId;

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

impl Store {
    /// All that an operator wants to know of a family; `None` if there is no such family (any more).
    pub async fn family_story(&self, id: FamilyId) -> anyhow::Result<Option<FamilyStory>> {
        let row: Option<StoryRow> =
            on_db_read!(self.db, |pool| sqlx::query_as(STORY).bind(self.issuer_id).bind(id.to_string()).fetch_optional(pool).await)
                .context("reading a family")?;
        row.map(FamilyStory::try_from).transpose()
    }
}
