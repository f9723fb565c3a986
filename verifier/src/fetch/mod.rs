//! Asking an issuer: its metadata first, and from there its keys and its opinion of a
//! token. Only the configured issuer is asked, never an address that a token names
//! (RFC 8725 §3.10).

mod freshness;
mod http;
mod kept;
mod metadata;

use std::sync::{PoisonError, RwLock};

pub(crate) use http::{Document, FetchError};
pub(crate) use kept::{Kept, Source};
pub(crate) use metadata::Endpoints;

use crate::{builder::BuildError, vocabulary::Issuer};

/// An issuer as something that answers over HTTP. What its metadata says is read once,
/// and again after something it named did not work.
#[derive(Debug)]
pub(crate) struct AuthorizationServer {
    issuer: Issuer,
    http: http::Http,
    endpoints: RwLock<Option<Endpoints>>,
}

const MOST_JWKS_BYTES: usize = 128 * 1024;
const MOST_ANSWER_BYTES: usize = 64 * 1024;

impl AuthorizationServer {
    /// `roots` are certificates in PEM, which count besides the system's.
    pub(crate) fn new(issuer: Issuer, roots: &[String]) -> Result<Self, BuildError> {
        let http = http::Http::new(issuer.is_https(), roots, http::Patience::default())?;
        Ok(Self { issuer, http, endpoints: RwLock::new(None) })
    }

    pub(crate) fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// The issuer's metadata, asked for anew, and the page in it that people are sent to.
    #[cfg(feature = "axum")]
    pub(crate) async fn metadata(&self) -> Result<(Document, Option<String>), FetchError> {
        let (document, found) = metadata::discover(&self.issuer, &self.http).await?;
        self.remember(Some(found));
        let authorization_endpoint = metadata::authorization_endpoint(&self.issuer, &document)?;
        Ok((document, authorization_endpoint))
    }

    /// The issuer's keys, as it publishes them.
    pub(crate) async fn jwks(&self) -> Result<Document, FetchError> {
        let jwks_uri = self.endpoints().await?.jwks_uri;
        self.or_forget(self.http.get(&jwks_uri, MOST_JWKS_BYTES).await)
    }

    /// Sends a form to the introspection endpoint.
    pub(crate) async fn introspect(&self, authorization: reqwest::header::HeaderValue, form: String) -> Result<Document, FetchError> {
        let endpoint = self.endpoints().await?.introspection_endpoint;
        let endpoint = endpoint.ok_or(FetchError::NoEndpoint("introspection_endpoint"))?;
        self.or_forget(self.http.post(&endpoint, authorization, form, MOST_ANSWER_BYTES).await)
    }

    async fn endpoints(&self) -> Result<Endpoints, FetchError> {
        if let Some(known) = self.endpoints.read().unwrap_or_else(PoisonError::into_inner).clone() {
            return Ok(known);
        }
        let (_, found) = metadata::discover(&self.issuer, &self.http).await?;
        self.remember(Some(found.clone()));
        Ok(found)
    }

    fn remember(&self, endpoints: Option<Endpoints>) {
        *self.endpoints.write().unwrap_or_else(PoisonError::into_inner) = endpoints;
    }

    /// An address that does not work may have moved.
    fn or_forget(&self, outcome: Result<Document, FetchError>) -> Result<Document, FetchError> {
        if outcome.is_err() {
            self.remember(None);
        }
        outcome
    }
}
