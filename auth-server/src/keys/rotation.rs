//! The life of a signing key: standby, active, retired, gone.
//!
//! A standby key is published from the first start, so that by the time it signs
//! every cache has known it for long. A retired key stays until the last token it
//! signed has expired.

use std::fmt;

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

/// A key that was made just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeKey {
    /// Its name in the JWKS.
    pub kid: String,
    /// What it is for.
    pub algorithm: SigningAlgorithm,
    /// Whether it signs at once; else it is on standby.
    pub signs: bool,
}

/// As an event tells of it.
impl fmt::Display for MadeKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.signs { "signs" } else { "is on standby" };
        write!(formatter, "{}: {} {state}", self.algorithm.as_str(), self.kid)
    }
}

/// Makes what is missing: for each algorithm a key that signs and one on standby.
/// Safe to call from several processes at once; only one of them has made a key.
pub async fn ensure_keys(
    store: &Store,
    master: &MasterKey,
    algorithms: &[SigningAlgorithm],
    now: DateTime<Utc>,
) -> anyhow::Result<Vec<MadeKey>> {
    let stored = store.signing_keys(now).await?;
    let mut made = Vec::new();
    for &algorithm in algorithms {
        let mut own = stored.iter().filter(|key| key.algorithm == algorithm);
        let places = [(true, own.clone().any(StoredKey::signs)), (false, own.any(StoredKey::is_standby))];
        for (signs, _) in places.into_iter().filter(|(_, is_taken)| !is_taken) {
            let key = make(master, algorithm).await?;
            if store.add_signing_key(&key, signs.then_some(now), now).await? {
                made.push(MadeKey { kid: key.kid, algorithm, signs });
            }
        }
    }
    Ok(made)
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
