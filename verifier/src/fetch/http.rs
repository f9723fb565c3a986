//! The one way out: limits on time and size, no redirects, no proxy, and TLS that is
//! set up here, so that nothing has to be installed for the whole process first.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use reqwest::{
    Client, RequestBuilder, Response,
    header::{ACCEPT, AGE, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue},
    redirect::Policy,
};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;

use crate::{builder::BuildError, jwk::SetError};

/// Why a document could not be had, or is not used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("{0} is at an address that is not https, or not one of its own kind: {1}")]
    Address(&'static str, String),
    #[error("the metadata is of the issuer {found}, not of {expected}; they are compared character by character")]
    IssuerDiffers { found: String, expected: String },
    #[error("{0} is not JSON as it has to be")]
    Malformed(&'static str),
    #[error("the metadata has no {0}")]
    NoEndpoint(&'static str),
    #[error("{url} answers {status}")]
    Status { url: String, status: u16 },
    #[error("{0}")]
    Set(#[from] SetError),
    #[error("{0} answers with more than is read")]
    TooLarge(String),
    #[error("{url}: {reason}")]
    Unreachable { url: String, reason: String },
}

/// A JSON document, and how long it may be kept.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) body: Vec<u8>,
    pub(crate) max_age: Option<TimeDelta>,
}

#[derive(Clone, Debug)]
pub(super) struct Http(Client);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const TIMEOUT: Duration = Duration::from_secs(5);

impl Http {
    /// Over plain http, towards this computer, no certificates are read.
    pub(super) fn new(is_https: bool) -> Result<Self, BuildError> {
        let failed = |error: &dyn std::fmt::Display| BuildError::Tls(error.to_string());
        let client = Client::builder()
            .tls_backend_preconfigured(tls(is_https).map_err(|error| failed(&error))?)
            .https_only(is_https)
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .build();
        client.map(Self).map_err(|error| failed(&error))
    }

    pub(super) async fn get(&self, url: &str, most_bytes: usize) -> Result<Document, FetchError> {
        read(self.0.get(url), url, most_bytes).await
    }

    pub(super) async fn post(
        &self,
        url: &str,
        mut authorization: HeaderValue,
        form: String,
        most_bytes: usize,
    ) -> Result<Document, FetchError> {
        authorization.set_sensitive(true);
        let request = self.0.post(url).header(AUTHORIZATION, authorization);
        read(request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form), url, most_bytes).await
    }
}

fn tls(is_https: bool) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let builder = if is_https { builder.with_platform_verifier()? } else { builder.with_root_certificates(RootCertStore::empty()) };
    Ok(builder.with_no_client_auth())
}

async fn read(request: RequestBuilder, url: &str, most_bytes: usize) -> Result<Document, FetchError> {
    let unreachable = |error: reqwest::Error| FetchError::Unreachable { url: url.to_owned(), reason: root_cause(&error) };
    let mut response = request.header(ACCEPT, "application/json").send().await.map_err(unreachable)?;
    if response.status() != reqwest::StatusCode::OK {
        return Err(FetchError::Status { url: url.to_owned(), status: response.status().as_u16() });
    }
    if !is_json(&response) {
        return Err(FetchError::Malformed("the answer"));
    }
    let max_age = max_age(response.headers());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > most_bytes {
            return Err(FetchError::TooLarge(url.to_owned()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Document { body, max_age })
}

/// The innermost reason: the outer ones repeat the address.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// `application/json`, or a kind of it such as `application/jwk-set+json`.
fn is_json(response: &Response) -> bool {
    let media_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// How much longer the answer is fresh (RFC 9111 §4.2).
fn max_age(headers: &HeaderMap) -> Option<TimeDelta> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let directives = text(CACHE_CONTROL)?.split(',').map(|directive| directive.trim().to_ascii_lowercase());
    let mut found = None;
    for directive in directives {
        if directive == "no-store" || directive == "no-cache" {
            return Some(TimeDelta::zero());
        }
        let seconds = directive.strip_prefix("max-age=").and_then(|value| value.trim_matches('"').parse::<u32>().ok());
        found = found.or(seconds);
    }
    let age: u32 = text(AGE).and_then(|age| age.parse().ok()).unwrap_or(0);
    found.map(|seconds| TimeDelta::seconds(seconds.saturating_sub(age).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    // OA-JW-14
    #[test]
    fn freshness_is_what_the_headers_say() {
        let read = |control: &str, age: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CACHE_CONTROL, control.parse().unwrap());
            headers.insert(AGE, age.parse().unwrap());
            max_age(&headers).map(|span| span.num_seconds())
        };
        assert_eq!(read("public, max-age=600", ""), Some(600));
        assert_eq!(read("Max-Age=600", "100"), Some(500));
        assert_eq!(read("max-age=600", "700"), Some(0));
        assert_eq!(read("max-age=600, no-store", ""), Some(0));
        assert_eq!(read("max-age=-1", ""), None);
        assert_eq!(read("public", ""), None);
        assert_eq!(max_age(&HeaderMap::new()), None);
    }
}
