//! `/.well-known/oauth-authorization-server` (RFC 8414), everywhere clients look
//! for it (MCP-AS-01, MCP-AS-03).

use std::sync::Arc;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use bytes::Bytes;
use portcullis_verifier::vocabulary::Scope;
use sha2::{Digest as _, Sha256};

use crate::{
    app::App,
    config::{Config, RegistrationMode},
    protocol::{metadata::ServerMetadata, resource::Resources},
};

/// The document, written once and swapped when resources change.
#[derive(Debug)]
pub struct Documents(ArcSwap<Document>);

#[derive(Debug)]
struct Document {
    body: Bytes,
    etag: String,
}

impl Documents {
    /// Writes the document.
    pub fn new(config: &Config, resources: &Resources) -> anyhow::Result<Self> {
        Ok(Self(ArcSwap::from_pointee(Document::write(config, resources)?)))
    }

    /// Writes it anew.
    pub fn replace(&self, config: &Config, resources: &Resources) -> anyhow::Result<()> {
        self.0.store(Arc::new(Document::write(config, resources)?));
        Ok(())
    }
}

impl Document {
    fn write(config: &Config, resources: &Resources) -> anyhow::Result<Self> {
        let baseline = resources.iter().fold(Scope::none(), |scopes, resource| scopes.union(&resource.default_scopes));
        let metadata = ServerMetadata::new(&config.issuer, config.registration.mode != RegistrationMode::Off, &baseline);
        let body = Bytes::from(serde_json::to_vec(&metadata).context("writing the server metadata")?);
        let digest: [u8; 32] = Sha256::digest(&body).into();
        let mut tag = BASE64URL.encode(digest);
        tag.truncate(22);
        Ok(Self { body, etag: format!("\"{tag}\"") })
    }
}

/// The server's metadata.
pub async fn server_metadata(State(app): State<App>, headers: HeaderMap) -> Response {
    let document = app.documents.0.load();
    let mut response = cached(&headers, &document.etag, document.body.clone());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}

/// A public document that caches may ask about again (RFC 9110 §13.1.2).
pub(super) fn cached(asked: &HeaderMap, etag: &str, body: Bytes) -> Response {
    let tag = HeaderValue::from_str(etag).unwrap_or(HeaderValue::from_static("\"\""));
    let has_it = asked
        .get(header::IF_NONE_MATCH)
        .and_then(|known| known.to_str().ok())
        .is_some_and(|known| known.trim() == "*" || known.contains(etag));
    if has_it {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response();
    }
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json")), (header::ETAG, tag)], Body::from(body)).into_response()
}
