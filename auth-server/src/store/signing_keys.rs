//! Signing keys, their private parts sealed.

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::types::Json;

use super::{Store, catalogue, on_db, on_db_read, row::row};
use crate::protocol::vocabulary::SigningAlgorithm;

/// A key as it is stored.
#[derive(Clone, Debug)]
pub struct StoredKey {
    /// Its name in the JWKS.
    pub kid: String,
    /// The one algorithm it is for.
    pub algorithm: SigningAlgorithm,
    /// The public key as it stands in the JWKS.
    pub public_jwk: Map<String, Value>,
    /// The private key, sealed under the master key.
    pub sealed_private: Vec<u8>,
    /// When it was made, and published.
    pub created_at: DateTime<Utc>,
    /// When it began to sign; `None` while it is on standby.
    pub activated_at: Option<DateTime<Utc>>,
    /// When it ceased to sign.
    pub retired_at: Option<DateTime<Utc>>,
    /// When it leaves the JWKS.
    pub leaves_at: Option<DateTime<Utc>>,
}

/// A key to be stored.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Its name in the JWKS.
    pub kid: String,
    /// The one algorithm it is for.
    pub algorithm: SigningAlgorithm,
    /// The public key as it stands in the JWKS.
    pub public_jwk: Map<String, Value>,
    /// The private key, sealed under the master key.
    pub sealed_private: Vec<u8>,
}

/// What a rotation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The key that signs from now on.
    pub active: String,
    /// The key that signed until now.
    pub retired: Option<String>,
    /// The new standby.
    pub standby: String,
}

impl StoredKey {
    /// Whether it signs now.
    pub fn signs(&self) -> bool {
        self.activated_at.is_some() && self.retired_at.is_none()
    }

    /// Whether it waits for its turn.
    pub fn is_standby(&self) -> bool {
        self.activated_at.is_none()
    }
}

row! { KeyRow {
    kid: String, algorithm: String, public_jwk: Json<Map<String, Value>>, sealed_private: Vec<u8>, created_at: DateTime<Utc>,
    activated_at: Option<DateTime<Utc>>, retired_at: Option<DateTime<Utc>>, leaves_at: Option<DateTime<Utc>>,
} }

impl TryFrom<KeyRow> for StoredKey {
    type Error = anyhow::Error;

    fn try_from(row: KeyRow) -> anyhow::Result<Self> {
        Ok(Self {
            algorithm: row.algorithm.parse().context("signing_keys.algorithm")?,
            kid: row.kid,
            public_jwk: row.public_jwk.0,
            sealed_private: row.sealed_private,
            created_at: row.created_at,
            activated_at: row.activated_at,
            retired_at: row.retired_at,
            leaves_at: row.leaves_at,
        })
    }
}

const LIST: &str = "SELECT kid, algorithm, public_jwk, sealed_private, created_at, activated_at, retired_at, leaves_at \
    FROM signing_keys WHERE issuer_id = $1 AND (leaves_at IS NULL OR leaves_at > $2) ORDER BY algorithm, created_at, kid";
const ADD: &str = "INSERT INTO signing_keys (issuer_id, kid, algorithm, public_jwk, sealed_private, created_at, activated_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
const RETIRE: &str = "UPDATE signing_keys SET retired_at = $3, leaves_at = $4 \
    WHERE issuer_id = $1 AND algorithm = $2 AND activated_at IS NOT NULL AND retired_at IS NULL RETURNING kid";
const ACTIVATE: &str =
    "UPDATE signing_keys SET activated_at = $3 WHERE issuer_id = $1 AND algorithm = $2 AND activated_at IS NULL RETURNING kid";

impl Store {
    /// All keys of the JWKS at `now`, in a stable order.
    pub async fn signing_keys(&self, now: DateTime<Utc>) -> anyhow::Result<Vec<StoredKey>> {
        let rows: Vec<KeyRow> = on_db_read!(self.db, |pool| sqlx::query_as(LIST).bind(self.issuer_id).bind(now).fetch_all(pool).await)
            .context("reading signing keys")?;
        rows.into_iter().map(StoredKey::try_from).collect()
    }

    /// Stores a key; `false` if its place is taken already.
    pub async fn add_signing_key(&self, key: &NewKey, activated_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> anyhow::Result<bool> {
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            let added = sqlx::query(ADD)
                .bind(self.issuer_id)
                .bind(&key.kid)
                .bind(key.algorithm.as_str())
                .bind(Json(&key.public_jwk))
                .bind(&key.sealed_private)
                .bind(now)
                .bind(activated_at)
                .execute(&mut *step)
                .await?
                .rows_affected();
            sqlx::query(catalogue::BUMP).bind(self.issuer_id).execute(&mut *step).await?;
            step.commit().await?;
            Ok(added == 1)
        })
    }

    /// Retires the active key, activates the standby, stores a new standby.
    pub async fn rotate_signing_key(
        &self,
        algorithm: SigningAlgorithm,
        standby: NewKey,
        now: DateTime<Utc>,
        leaves_at: DateTime<Utc>,
    ) -> anyhow::Result<Rotation> {
        let name = algorithm.as_str();
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            let retired: Option<(String,)> =
                sqlx::query_as(RETIRE).bind(self.issuer_id).bind(name).bind(now).bind(leaves_at).fetch_optional(&mut *step).await?;
            let active: Option<(String,)> =
                sqlx::query_as(ACTIVATE).bind(self.issuer_id).bind(name).bind(now).fetch_optional(&mut *step).await?;
            let (active,) = active.with_context(|| format!("there is no {name} key on standby"))?;
            sqlx::query(ADD)
                .bind(self.issuer_id)
                .bind(&standby.kid)
                .bind(name)
                .bind(Json(&standby.public_jwk))
                .bind(&standby.sealed_private)
                .bind(now)
                .bind(None::<DateTime<Utc>>)
                .execute(&mut *step)
                .await?;
            sqlx::query(catalogue::BUMP).bind(self.issuer_id).execute(&mut *step).await?;
            step.commit().await?;
            Ok(Rotation { active, retired: retired.map(|(kid,)| kid), standby: standby.kid })
        })
    }
}
