//! Reading an authorization server's metadata (RFC 8414 §3).

use serde::Deserialize;

use super::http::{Document, FetchError, Http};
use crate::{
    rejection::shown,
    vocabulary::{Issuer, Resource},
};

/// The addresses in the metadata that a resource needs.
#[derive(Clone, Debug)]
pub(crate) struct Endpoints {
    pub(crate) jwks_uri: String,
    pub(crate) introspection_endpoint: Option<String>,
}

#[derive(Deserialize)]
struct Written {
    issuer: String,
    jwks_uri: Option<String>,
    introspection_endpoint: Option<String>,
}

const MOST_BYTES: usize = 256 * 1024;

/// Looks where RFC 8414 says, then where OpenID Connect does.
pub(super) async fn discover(issuer: &Issuer, http: &Http) -> Result<(Document, Endpoints), FetchError> {
    let mut missing = None;
    let appended = format!("{}/.well-known/openid-configuration", issuer.as_str().trim_end_matches('/'));
    for url in [issuer.well_known("oauth-authorization-server"), issuer.well_known("openid-configuration"), appended] {
        match http.get(&url, MOST_BYTES).await {
            Ok(document) => {
                let endpoints = read(issuer, &document)?;
                return Ok((document, endpoints));
            }
            Err(FetchError::Status { url, status: 404 }) => missing = missing.or(Some(url)),
            Err(error) => return Err(error),
        }
    }
    Err(FetchError::Status { url: missing.unwrap_or_default(), status: 404 })
}

/// The document has to name the very issuer that was asked (RFC 8414 §3.3, OA-MD-10).
fn read(issuer: &Issuer, document: &Document) -> Result<Endpoints, FetchError> {
    let written: Written = serde_json::from_slice(&document.body).map_err(|_| FetchError::Malformed("the metadata"))?;
    if written.issuer != issuer.as_str() {
        return Err(FetchError::IssuerDiffers { found: shown(&written.issuer), expected: issuer.to_string() });
    }
    let address = |name, url| address(issuer, name, url);
    Ok(Endpoints {
        jwks_uri: address("jwks_uri", written.jwks_uri.ok_or(FetchError::NoEndpoint("jwks_uri"))?)?,
        introspection_endpoint: written.introspection_endpoint.map(|url| address("introspection_endpoint", url)).transpose()?,
    })
}

/// Where people are sent to sign in, and allow (RFC 8414 §2). Not every issuer has people.
#[cfg(feature = "axum")]
pub(super) fn authorization_endpoint(issuer: &Issuer, document: &Document) -> Result<Option<String>, FetchError> {
    #[derive(Deserialize)]
    struct ForPeople {
        authorization_endpoint: Option<String>,
    }
    let written: ForPeople = serde_json::from_slice(&document.body).map_err(|_| FetchError::Malformed("the metadata"))?;
    written.authorization_endpoint.map(|url| address(issuer, "authorization_endpoint", url)).transpose()
}

fn address(issuer: &Issuer, name: &'static str, url: String) -> Result<String, FetchError> {
    let is_good = Resource::parse(&url).is_ok_and(|parsed| !issuer.is_https() || parsed.origin().starts_with("https://"));
    if is_good { Ok(url) } else { Err(FetchError::Address(name, shown(&url))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(issuer: &str, more: &str) -> Document {
        Document { body: format!(r#"{{"issuer":"{issuer}"{more}}}"#).into_bytes(), max_age: None }
    }

    // OA-MD-10, OA-JW-16
    #[test]
    fn only_the_issuers_own_document_with_safe_addresses_is_used() {
        let issuer = Issuer::parse("https://auth.example.com").unwrap();
        let read = |name: &str, more: &str| read(&issuer, &document(name, more));
        let good = read("https://auth.example.com", r#","jwks_uri":"https://keys.example.com/jwks""#).unwrap();
        assert_eq!(good.jwks_uri, "https://keys.example.com/jwks");
        for other in ["https://auth.example.com/", "https://AUTH.example.com", "https://evil.example"] {
            let refused = read(other, r#","jwks_uri":"https://keys.example.com/jwks""#);
            assert!(matches!(refused, Err(FetchError::IssuerDiffers { .. })), "{other}");
        }
        for uri in ["http://auth.example.com/jwks", "http://127.0.0.1/jwks", "file:///etc/passwd", "/jwks"] {
            let refused = read("https://auth.example.com", &format!(r#","jwks_uri":"{uri}""#));
            assert!(matches!(refused, Err(FetchError::Address("jwks_uri", _))), "{uri}");
        }
        assert!(matches!(read("https://auth.example.com", ""), Err(FetchError::NoEndpoint("jwks_uri"))));
        for uri in ["http://auth.example.com/introspect", "http://localhost/introspect", "javascript:1"] {
            let more = format!(r#","jwks_uri":"https://auth.example.com/jwks","introspection_endpoint":"{uri}""#);
            assert!(matches!(read("https://auth.example.com", &more), Err(FetchError::Address("introspection_endpoint", _))), "{uri}");
        }
        let reads_locally = |uri: &str| {
            let local = Issuer::parse("http://127.0.0.1:8080").unwrap();
            super::read(&local, &document("http://127.0.0.1:8080", &format!(r#","jwks_uri":"{uri}""#))).is_ok()
        };
        assert!(reads_locally("http://127.0.0.1:8080/jwks") && !reads_locally("http://auth.example.com/jwks"), "http is for this computer");
    }
}
