//! `/.well-known/oauth-authorization-server` (RFC 8414), everywhere clients look
//! for it (MCP-AS-01, MCP-AS-03), and the JWKS (RFC 7517 §5): written once, and
//! again when something in them changes.

use std::sync::Arc;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use bytes::Bytes;
use portcullis_verifier::vocabulary::{Issuer, Scope};
use sha2::{Digest as _, Sha256};

use crate::{
    app::App,
    config::{Config, RegistrationMode},
    http::{cors, layers},
    keys::JwkSet,
    protocol::{
        metadata::{ServerMetadata, WaysIn},
        resource::Resources,
    },
};

/// Where clients look for the metadata, below the issuer's host or path.
pub const WELL_KNOWN: &str = "/.well-known/oauth-authorization-server";
/// Where the keys are, below the issuer.
pub const JWKS: &str = "/jwks";

const METADATA_MAX_AGE: HeaderValue = HeaderValue::from_static("public, max-age=300");
/// A new key is published long before it signs.
const JWKS_MAX_AGE: HeaderValue = HeaderValue::from_static("public, max-age=900");

/// The public documents, swapped when resources or keys change.
#[derive(Debug)]
pub struct Documents {
    metadata_paths: Vec<String>,
    jwks_path: String,
    metadata: ArcSwap<Document>,
    jwks: ArcSwap<Document>,
}

/// A document, as it leaves.
#[derive(Debug)]
pub struct Document {
    pub(super) body: Bytes,
    etag: String,
    /// What is particular to it.
    headers: HeaderMap,
    /// With what every public answer has.
    pub(super) public_headers: HeaderMap,
}

impl Documents {
    /// Writes both.
    pub fn new(config: &Config, resources: &Resources, keys: JwkSet) -> anyhow::Result<Self> {
        let path = config.issuer.path();
        Ok(Self {
            metadata_paths: metadata_paths(&config.issuer),
            jwks_path: format!("{path}{JWKS}"),
            metadata: ArcSwap::from_pointee(metadata(config, resources)?),
            jwks: ArcSwap::from_pointee(jwks(config, keys)?),
        })
    }

    /// Writes both anew.
    pub fn replace(&self, config: &Config, resources: &Resources, keys: JwkSet) -> anyhow::Result<()> {
        self.metadata.store(Arc::new(metadata(config, resources)?));
        self.jwks.store(Arc::new(jwks(config, keys)?));
        Ok(())
    }

    /// The document at a path, if one is there.
    pub(super) fn at(&self, path: &str) -> Option<Arc<Document>> {
        if path == self.jwks_path {
            return Some(self.jwks.load_full());
        }
        self.metadata_paths.iter().any(|known| known == path).then(|| self.metadata.load_full())
    }

    pub(super) fn jwks(&self) -> Arc<Document> {
        self.jwks.load_full()
    }
}

/// With the issuer's path inserted, with it appended, and at the root, which this
/// process has to itself. Where the issuer ends in a slash, also for clients that do
/// not take it away before they insert the path (RFC 8414 §3.1).
pub fn metadata_paths(issuer: &Issuer) -> Vec<String> {
    let issuer_path = issuer.path();
    let mut paths = vec![WELL_KNOWN.to_owned()];
    if !issuer_path.is_empty() {
        paths.extend([format!("{WELL_KNOWN}{issuer_path}"), format!("{issuer_path}{WELL_KNOWN}")]);
    }
    if issuer.has_trailing_slash() {
        paths.push(format!("{WELL_KNOWN}{issuer_path}/"));
    }
    paths
}

fn metadata(config: &Config, resources: &Resources) -> anyhow::Result<Document> {
    let baseline = resources.iter().fold(Scope::none(), |scopes, resource| scopes.union(&resource.default_scopes));
    let ways_in =
        WaysIn { registration: config.registration.mode != RegistrationMode::Off, client_documents: config.client_documents.mode.is_on() };
    let metadata = ServerMetadata::new(&config.issuer, ways_in, &baseline);
    let body = Bytes::from(serde_json::to_vec(&metadata).context("writing the server metadata")?);
    let digest: [u8; 32] = Sha256::digest(&body).into();
    let mut tag = BASE64URL.encode(digest);
    tag.truncate(22);
    Document::new(&config.issuer, body, format!("\"{tag}\""), METADATA_MAX_AGE)
}

fn jwks(config: &Config, keys: JwkSet) -> anyhow::Result<Document> {
    Document::new(&config.issuer, keys.body, keys.etag, JWKS_MAX_AGE)
}

impl Document {
    fn new(issuer: &Issuer, body: Bytes, etag: String, max_age: HeaderValue) -> anyhow::Result<Self> {
        let headers = HeaderMap::from_iter([
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (header::ETAG, HeaderValue::from_str(&etag).context("an entity tag")?),
            (header::CACHE_CONTROL, max_age),
        ]);
        let mut public_headers = headers.clone();
        cors::mark(&mut public_headers);
        layers::protect(issuer, &mut public_headers);
        Ok(Self { body, etag, headers, public_headers })
    }

    /// The answer, which caches may ask about again (RFC 9110 §13.1.2).
    pub(super) fn answer(&self, asked: &HeaderMap) -> Response {
        let has_it = asked
            .get(header::IF_NONE_MATCH)
            .and_then(|known| known.to_str().ok())
            .is_some_and(|known| known.trim() == "*" || known.contains(&self.etag));
        let mut response = Response::default();
        *response.headers_mut() = self.headers.clone();
        if has_it {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response.headers_mut().remove(header::CONTENT_TYPE);
        } else {
            *response.body_mut() = Body::from(self.body.clone());
        }
        response
    }
}

/// The server's metadata.
pub async fn server_metadata(State(app): State<App>, headers: HeaderMap) -> Response {
    app.documents.metadata.load().answer(&headers)
}
