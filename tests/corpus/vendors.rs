//! The vendors' web servers, all on this computer, with what they publish of their clients.

use josekit::{
    jwk::{Jwk, alg::rsa::RsaKeyPair},
    jws::{JwsHeader, RS256, serialize_compact},
};
use serde_json::{Value, json};

use super::{
    card::{Document, Way},
    replay::Known,
};
use crate::harness::{Foreign, Reply, now, random_text};

pub(super) struct Vendors {
    host: Foreign,
    key: Key,
}

const KEY_ID: &str = "2026-11";

/// A vendor's signing key.
#[derive(Clone, Debug)]
pub(super) struct Key(Jwk);

impl Vendors {
    pub(super) async fn open() -> Self {
        Self { host: Foreign::start("DNS:localhost").await, key: Key::new() }
    }

    /// Settings of a server that reads from here.
    pub(super) fn trusted(&self) -> String {
        format!("loopback = true\nroot_certificates = [\"{}\"]", self.host.root_file().display())
    }

    /// Puts a document where it belongs, and the keys that it names beside it.
    pub(super) fn publish(&self, document: &Document) -> Known {
        let id = self.here(&document.url);
        let mut metadata: Value = serde_json::to_value(&document.metadata).unwrap();
        metadata["client_id"] = json!(id);
        if let Some(keys_at) = document.metadata.get("jwks_uri").and_then(toml::Value::as_str) {
            metadata["jwks_uri"] = json!(self.here(keys_at));
            self.host.at(&path(keys_at), Reply::json(&json!({ "keys": [self.key.public()] }).to_string()));
        }
        self.host.at(&path(&document.url), Reply::json(&metadata.to_string()));
        let signs = metadata["token_endpoint_auth_method"] == "private_key_jwt";
        let also = metadata["token_endpoint_auth_methods_supported"].as_array();
        let may_come_without = also.is_some_and(|methods| methods.contains(&json!("none")));
        Known { id, secret: None, way: Way::Document, key: signs.then(|| (self.key.clone(), may_come_without)) }
    }

    /// What it answers instead from now on.
    pub(super) fn answers(&self, url: &str, reply: Reply) {
        self.host.at(&path(url), reply);
    }

    pub(super) fn here(&self, url: &str) -> String {
        format!("https://localhost:{}{}", self.host.port, path(url))
    }
}

/// The vendors share a host, so the name of each is the first part of its paths.
fn path(url: &str) -> String {
    format!("/{}", url.strip_prefix("https://").expect("https"))
}

impl Key {
    fn new() -> Self {
        Self(RsaKeyPair::generate(2048).unwrap().to_jwk_key_pair())
    }

    fn public(&self) -> Jwk {
        let mut key = self.0.to_public_key().unwrap();
        key.set_key_id(KEY_ID);
        key.set_algorithm("RS256");
        key
    }

    /// Who holds the key says so to this issuer (RFC 7523 §3), once.
    pub(super) fn assertion(&self, client_id: &str, issuer: &str) -> String {
        let now = now().timestamp();
        let claims = json!({ "iss": client_id, "sub": client_id, "aud": issuer, "iat": now, "exp": now + 300, "jti": random_text() });
        let mut header = JwsHeader::new();
        header.set_key_id(KEY_ID);
        let signer = RS256.signer_from_jwk(&self.0).unwrap();
        serialize_compact(claims.to_string().as_bytes(), &header, &signer).unwrap()
    }
}
