//! Which host a request may name (OA-HT-07).
//!
//! No address is ever derived from `Host`; refusing unknown ones also stops a web
//! page from reaching a server on this computer under a name of its own (DNS
//! rebinding). Proxies often send a name of their own and are excepted, and so are
//! the health checks.

use std::net::IpAddr;

use axum::http::{HeaderMap, Uri, header, uri::Authority};
use ipnet::IpNet;
use portcullis_verifier::vocabulary::Issuer;

/// The host that requests may name.
#[derive(Clone, Debug)]
pub struct HostGuard {
    expected: String,
    trusted_proxies: Vec<IpNet>,
}

impl HostGuard {
    /// Expects the issuer's host and port.
    pub fn new(issuer: &Issuer, trusted_proxies: Vec<IpNet>) -> Self {
        let origin = issuer.origin();
        let expected = origin.split_once("://").map_or(origin.as_str(), |(_, authority)| authority).to_owned();
        Self { expected, trusted_proxies }
    }

    /// Whether the request may go on.
    pub fn allows(&self, uri: &Uri, headers: &HeaderMap, peer: IpAddr) -> bool {
        if matches!(uri.path(), "/livez" | "/readyz") || self.trusted_proxies.iter().any(|network| network.contains(&peer)) {
            return true;
        }
        let named = uri.authority().map(Authority::as_str).or_else(|| headers.get(header::HOST)?.to_str().ok());
        named.is_some_and(|named| self.is_expected(named))
    }

    /// The host to ask for.
    pub fn expected(&self) -> &str {
        &self.expected
    }

    /// Letter case aside, and with or without the scheme's own port.
    fn is_expected(&self, named: &str) -> bool {
        let without_default = named.strip_suffix(":443").or_else(|| named.strip_suffix(":80")).unwrap_or(named);
        named.eq_ignore_ascii_case(&self.expected) || without_default.eq_ignore_ascii_case(&self.expected)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn allows(issuer: &str, uri: &str, host: &'static str, peer: [u8; 4]) -> bool {
        let guard = HostGuard::new(&Issuer::parse(issuer).unwrap(), vec!["10.0.0.0/8".parse().unwrap()]);
        let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]);
        guard.allows(&uri.parse().unwrap(), &headers, IpAddr::from(peer))
    }

    // OA-HT-07
    #[test]
    fn only_the_issuers_own_host_is_answered() {
        let here = [127, 0, 0, 1];
        assert!(allows("https://auth.example", "/token", "AUTH.example", here));
        assert!(allows("https://auth.example", "/token", "auth.example:443", here));
        assert!(!allows("https://auth.example", "/token", "auth.example:8443", here));
        assert!(!allows("http://127.0.0.1:8080", "/token", "evil.example:8080", here));
        assert!(!allows("http://127.0.0.1:8080", "http://evil.example/token", "127.0.0.1:8080", here));
        assert!(allows("https://auth.example", "/livez", "10.1.2.3:8080", here));
        assert!(allows("https://auth.example", "/token", "upstream", [10, 1, 2, 3]));
    }
}
