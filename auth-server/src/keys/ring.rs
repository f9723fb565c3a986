//! The keys at hand: who signs, and what the JWKS says (RFC 7517 §5).

use std::{collections::BTreeMap, sync::Arc};

use anyhow::Context as _;
use arc_swap::ArcSwap;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use josekit::jws::JwsSigner;
use portcullis_verifier::jwk;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{KeyMaterial, MasterKey, rotation::SEALED_PRIVATE};
use crate::{protocol::vocabulary::SigningAlgorithm, store::StoredKey};

/// A key that signs.
#[derive(Clone, Debug)]
pub struct SigningKey {
    kid: String,
    signer: Box<dyn JwsSigner>,
    access_token_header: String,
}

/// The document at `jwks_uri`, as it leaves.
#[derive(Clone, Debug)]
pub struct JwkSet {
    /// JSON, always the same bytes for the same keys.
    pub body: Bytes,
    /// A strong entity tag.
    pub etag: String,
}

/// All keys, swapped as a whole when they change.
#[derive(Clone, Debug)]
pub struct KeyRing(Arc<ArcSwap<Keys>>);

#[derive(Debug)]
struct Keys {
    /// When the next key leaves.
    until: Option<DateTime<Utc>>,
    signing: BTreeMap<SigningAlgorithm, Arc<SigningKey>>,
    document: JwkSet,
    verifying: Arc<jwk::Set>,
}

impl KeyRing {
    /// Opens the stored keys.
    pub fn open(stored: &[StoredKey], master: &MasterKey) -> anyhow::Result<Self> {
        Ok(Self(Arc::new(ArcSwap::from_pointee(Keys::open(stored, master)?))))
    }

    /// Takes the keys as they are now; all clones see them.
    pub fn replace(&self, stored: &[StoredKey], master: &MasterKey) -> anyhow::Result<()> {
        self.0.store(Arc::new(Keys::open(stored, master)?));
        Ok(())
    }

    /// Whether a key should have left by now.
    pub fn is_stale(&self, now: DateTime<Utc>) -> bool {
        self.0.load().until.is_some_and(|until| until <= now)
    }

    /// The key that signs with `algorithm`.
    pub fn signing(&self, algorithm: SigningAlgorithm) -> anyhow::Result<Arc<SigningKey>> {
        self.0.load().signing.get(&algorithm).cloned().with_context(|| format!("there is no key for {}", algorithm.as_str()))
    }

    /// The keys that sign now: the algorithm and the key's name.
    pub fn active(&self) -> Vec<(String, String)> {
        self.0.load().signing.iter().map(|(algorithm, key)| (algorithm.as_str().to_owned(), key.kid.clone())).collect()
    }

    /// The document for everybody.
    pub fn document(&self) -> JwkSet {
        self.0.load().document.clone()
    }

    /// The same keys, for checking our own tokens.
    pub fn verifying(&self) -> Arc<jwk::Set> {
        Arc::clone(&self.0.load().verifying)
    }
}

impl Keys {
    fn open(stored: &[StoredKey], master: &MasterKey) -> anyhow::Result<Self> {
        let mut signing = BTreeMap::new();
        for key in stored.iter().filter(|key| key.signs()) {
            signing.insert(key.algorithm, Arc::new(SigningKey::open(key, master)?));
        }
        let public: Vec<&Map<String, Value>> = stored.iter().map(|key| &key.public_jwk).collect();
        let body = Bytes::from(serde_json::to_vec(&json!({ "keys": public })).context("writing the JWKS")?);
        let verifying = Arc::new(jwk::Set::from_json(&body).context("reading our own JWKS")?);
        let until = stored.iter().filter_map(|key| key.leaves_at).min();
        Ok(Self { until, signing, document: JwkSet::new(body), verifying })
    }
}

impl JwkSet {
    fn new(body: Bytes) -> Self {
        let digest: [u8; 32] = Sha256::digest(&body).into();
        let mut tag = BASE64URL.encode(digest);
        tag.truncate(22);
        Self { body, etag: format!("\"{tag}\"") }
    }
}

impl SigningKey {
    fn open(key: &StoredKey, master: &MasterKey) -> anyhow::Result<Self> {
        let private_der = master
            .open(&key.sealed_private, SEALED_PRIVATE.at(&key.kid))
            .with_context(|| format!("opening the signing key {}", key.kid))?;
        let material = KeyMaterial { kid: key.kid.clone(), algorithm: key.algorithm, public_jwk: key.public_jwk.clone(), private_der };
        let header = json!({ "alg": key.algorithm.as_str(), "kid": key.kid, "typ": "at+jwt" });
        Ok(Self { kid: key.kid.clone(), signer: material.signer()?, access_token_header: BASE64URL.encode(header.to_string()) })
    }

    /// Its name in the JWKS.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The encoded header of an access token signed by it (RFC 9068 §2.1).
    pub fn access_token_header(&self) -> &str {
        &self.access_token_header
    }

    /// A JWS signature over `message`.
    pub fn sign(&self, message: &[u8]) -> anyhow::Result<Vec<u8>> {
        self.signer.sign(message).with_context(|| format!("signing with the key {}", self.kid))
    }
}
