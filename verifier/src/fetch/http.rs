//! The one way out: limits on time and size, no redirects, no proxy, and TLS that is
//! set up here, so that nothing has to be installed for the whole process first.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use reqwest::{
    Client, RequestBuilder, Response,
    header::{ACCEPT, AGE, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue},
    redirect::Policy,
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

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

/// How long an issuer is waited for: for the connection, and for the answer to its last
/// byte, connection included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    connect: Duration,
    answer: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { connect: Duration::from_secs(3), answer: Duration::from_secs(5) }
    }
}

impl Http {
    /// Over plain http, towards this computer, the system's certificates are not read.
    pub(super) fn new(is_https: bool, roots: &[String], patience: Patience) -> Result<Self, BuildError> {
        let failed = |error: &dyn std::fmt::Display| BuildError::Tls(error.to_string());
        let roots = certificates(roots).map_err(BuildError::Tls)?;
        let client = Client::builder()
            .tls_backend_preconfigured(tls(is_https, roots).map_err(|error| failed(&error))?)
            .https_only(is_https)
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(patience.connect)
            .timeout(patience.answer)
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

fn tls(is_https: bool, roots: Vec<CertificateDer<'static>>) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let mut only_these = RootCertStore::empty();
    for root in &roots {
        only_these.add(root.clone())?;
    }
    if !is_https {
        return Ok(builder.with_root_certificates(only_these).with_no_client_auth());
    }
    let platform = Arc::new(rustls_platform_verifier::Verifier::new_with_extra_roots(roots, provider)?);
    // "Dangerous" is any check of certificates that is chosen by hand. This is the system's.
    Ok(builder.dangerous().with_custom_certificate_verifier(platform).with_no_client_auth())
}

/// The certificates in texts of PEM, at least one in each.
fn certificates(texts: &[String]) -> Result<Vec<CertificateDer<'static>>, String> {
    let mut all = Vec::new();
    for text in texts {
        let before = all.len();
        for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
            all.push(certificate.map_err(|error| format!("a root certificate is malformed: {error}"))?);
        }
        if all.len() == before {
            return Err("a root certificate is not PEM, which begins with -----BEGIN CERTIFICATE-----".to_owned());
        }
    }
    Ok(all)
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

    // MCP-RS-17: who accepts and then says nothing, or no more, is not waited for
    #[tokio::test]
    async fn an_issuer_that_hangs_is_given_up() {
        const HEADERS: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n";
        let usual = Patience::default();
        assert_eq!((usual.connect.as_secs(), usual.answer.as_secs()), (3, 5));
        for said in [String::new(), HEADERS.to_owned(), format!("{HEADERS}\r\n{{")] {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}/jwks", listener.local_addr().unwrap());
            let answer = said.clone();
            let hanging = tokio::spawn(async move {
                let (stream, _) = listener.accept().await.unwrap();
                stream.writable().await.unwrap();
                let _written = stream.try_write(answer.as_bytes()).unwrap();
                std::future::pending::<()>().await;
            });
            let http = Http::new(false, &[], Patience { answer: Duration::from_millis(200), ..usual }).unwrap();
            let outcome = tokio::time::timeout(Duration::from_secs(30), http.get(&url, 1000)).await.expect("it gives up by itself");
            assert!(matches!(outcome, Err(FetchError::Unreachable { .. })), "{said:?} {outcome:?}");
            hanging.abort();
        }
    }

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
