//! The life of a signing key: standby, active, retired, gone.
//!
//! A standby key is published from the first start, so that by the time it signs
//! every cache has known it for long. A retired key stays until the last token it
//! signed has expired.

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};

use super::{KeyMaterial, MasterKey, SealedFor};
use crate::{
    protocol::vocabulary::SigningAlgorithm,
    store::{NewKey, Rotation, Store, StoredKey},
};

/// Where private keys are sealed for; the row is the key's `kid`.
pub(super) const SEALED_PRIVATE: Place = Place { table: "signing_keys", column: "sealed_private" };

pub(super) struct Place {
    table: &'static str,
    column: &'static str,
}

impl Place {
    pub(super) fn at<'a>(&self, row: &'a str) -> SealedFor<'a> {
        SealedFor { table: self.table, column: self.column, row }
    }
}

/// Makes what is missing: for each algorithm a key that signs and one on standby.
/// Safe to call from several processes at once.
pub async fn ensure_keys(store: &Store, master: &MasterKey, algorithms: &[SigningAlgorithm], now: DateTime<Utc>) -> anyhow::Result<()> {
    let stored = store.signing_keys(now).await?;
    for &algorithm in algorithms {
        let mut own = stored.iter().filter(|key| key.algorithm == algorithm);
        let active = own.clone().any(StoredKey::signs);
        let standby = own.any(StoredKey::is_standby);
        if !active {
            store.add_signing_key(make(master, algorithm).await?, Some(now), now).await?;
        }
        if !standby {
            store.add_signing_key(make(master, algorithm).await?, None, now).await?;
        }
    }
    Ok(())
}

/// The standby key takes over; the active one retires and leaves the JWKS after
/// `stays`, the longest life of a token it signed; a new standby appears.
pub async fn rotate(
    store: &Store,
    master: &MasterKey,
    algorithm: SigningAlgorithm,
    stays: TimeDelta,
    now: DateTime<Utc>,
) -> anyhow::Result<Rotation> {
    store.rotate_signing_key(algorithm, make(master, algorithm).await?, now, now + stays).await
}

async fn make(master: &MasterKey, algorithm: SigningAlgorithm) -> anyhow::Result<NewKey> {
    let material =
        tokio::task::spawn_blocking(move || KeyMaterial::generate(algorithm)).await.context("making a key was interrupted")??;
    let sealed_private = master.seal(material.private_der.expose(), SEALED_PRIVATE.at(&material.kid))?;
    Ok(NewKey { kid: material.kid, algorithm, public_jwk: material.public_jwk, sealed_private })
}
