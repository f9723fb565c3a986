//! An address that somebody else names and this server reads from.

use std::str::FromStr;

use super::redirect_uri::{RedirectUri, RedirectUriError, characters, percent_encoding};

/// An `https` address on somebody else's host: what a client says of itself stands
/// there. It is as strict as a redirect URI, for the same reason: no two programs may
/// read it as two addresses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ExternalUrl {
    text: String,
    host: String,
    port: u16,
    kind: HostKind,
}

/// Where a host may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HostKind {
    /// A name that the public DNS may know.
    Public,
    /// This computer: for development.
    Loopback,
}

/// Why a text is no such address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExternalUrlError {
    /// Not `https`, or `https` in other letters.
    #[error("it does not begin with https:// in lower case")]
    NotHttps,
    /// Written so that programs differ in what they read, or malformed.
    #[error(transparent)]
    Malformed(RedirectUriError),
    /// A host that can only be in some private network, or a bare address.
    #[error("its host is a bare address, or a name that only a private network knows")]
    PrivateHost,
}

const DEFAULT_PORT: u16 = 443;
/// Last labels that the public DNS never has (RFC 6761, RFC 6762, RFC 7686, RFC 8375).
const PRIVATE_SUFFIXES: &[&str] = &["alt", "home.arpa", "internal", "invalid", "lan", "local", "localdomain", "localhost", "onion"];

impl ExternalUrl {
    /// The address as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host, in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, 443 if none is written.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where its host may be.
    pub fn kind(&self) -> HostKind {
        self.kind
    }

    /// Host and port as an HTTP request names them.
    pub fn authority(&self) -> &str {
        let rest = self.text.get("https://".len()..).unwrap_or_default();
        rest.split(['/', '?']).next().unwrap_or_default()
    }

    /// Path and query as an HTTP request names them.
    pub fn path_and_query(&self) -> &str {
        self.text.get("https://".len() + self.authority().len()..).unwrap_or_default()
    }

    /// Whether there is more of a path than a slash.
    pub fn has_path(&self) -> bool {
        self.path_and_query().split('?').next().is_some_and(|path| path.len() > 1)
    }
}

impl FromStr for ExternalUrl {
    type Err = ExternalUrlError;

    fn from_str(text: &str) -> Result<Self, ExternalUrlError> {
        if !text.starts_with("https://") {
            return Err(ExternalUrlError::NotHttps);
        }
        characters(text).and_then(|()| percent_encoding(text)).map_err(ExternalUrlError::Malformed)?;
        // Without its query, which may have any names: no answer of ours is added to it.
        let read: RedirectUri = text.split('?').next().unwrap_or_default().parse().map_err(ExternalUrlError::Malformed)?;
        let authority = read.display_host();
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => {
                (host, port.parse().map_err(|_| ExternalUrlError::Malformed(RedirectUriError::Port))?)
            }
            Some(_) | None => (authority.as_str(), DEFAULT_PORT),
        };
        let kind = host_kind(host).ok_or(ExternalUrlError::PrivateHost)?;
        Ok(Self { text: text.to_owned(), host: host.to_owned(), port, kind })
    }
}

super::text::by_text!(ExternalUrl);

fn host_kind(host: &str) -> Option<HostKind> {
    if matches!(host, "localhost" | "127.0.0.1" | "[::1]") {
        return Some(HostKind::Loopback);
    }
    let is_address = host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok();
    let ends_in = |suffix: &&str| host.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    let is_hidden = is_address || !host.contains('.') || PRIVATE_SUFFIXES.iter().any(ends_in);
    (!is_hidden).then_some(HostKind::Public)
}

#[cfg(test)]
mod tests {
    use super::{ExternalUrlError as E, *};

    // MCP-AS-111, OA-CM-02
    #[test]
    fn addresses_that_clients_are_known_by_are_read_as_they_are_written() {
        for (text, host, port, path) in [
            ("https://claude.ai/oauth/mcp-oauth-client-metadata", "claude.ai", 443, "/oauth/mcp-oauth-client-metadata"),
            ("https://a.example:8443/c.json?v=1&code=2", "a.example", 8443, "/c.json?v=1&code=2"),
            ("https://A.Example/c", "a.example", 443, "/c"),
        ] {
            let url: ExternalUrl = text.parse().unwrap();
            assert_eq!((url.as_str(), url.host(), url.port(), url.path_and_query()), (text, host, port, path));
            assert_eq!(url.kind(), HostKind::Public);
        }
        assert!("https://a.example/c".parse::<ExternalUrl>().unwrap().has_path());
        for no_path in ["https://a.example", "https://a.example/", "https://a.example/?c"] {
            assert!(!no_path.parse::<ExternalUrl>().unwrap().has_path(), "{no_path}");
        }
    }

    // OA-CM-01, OA-CM-02, MCP-AS-111
    #[test]
    fn what_programs_could_read_in_two_ways_is_refused() {
        for (text, error) in [
            ("http://a.example/c", E::NotHttps),
            ("HTTPS://a.example/c", E::NotHttps),
            ("ftp://a.example/c", E::NotHttps),
            ("https://a.example/c#", E::Malformed(RedirectUriError::Fragment)),
            ("https://me@a.example/c", E::Malformed(RedirectUriError::UserInfo)),
            ("https://a.example\\@b.example/c", E::Malformed(RedirectUriError::Character)),
            ("https://a.example/é", E::Malformed(RedirectUriError::Character)),
            ("https://a.example/../c", E::Malformed(RedirectUriError::PathSegment)),
            ("https://a.example/%2e%2e/c", E::Malformed(RedirectUriError::Encoding)),
            ("https://a.example/c?x=%0a", E::Malformed(RedirectUriError::Encoding)),
            ("https://a.example./c", E::Malformed(RedirectUriError::Host)),
            ("https://0x7f.1/c", E::Malformed(RedirectUriError::Host)),
            ("https://a.example:0/c", E::Malformed(RedirectUriError::Port)),
            ("https:///c", E::Malformed(RedirectUriError::NotAbsolute)),
        ] {
            assert_eq!(text.parse::<ExternalUrl>(), Err(error), "{text}");
        }
        let long = format!("https://a.example/{}", "x".repeat(2048));
        assert_eq!(long.parse::<ExternalUrl>(), Err(E::Malformed(RedirectUriError::Length)));
    }

    // OA-CM-03
    #[test]
    fn hosts_of_private_networks_and_bare_addresses_are_refused() {
        for host in [
            "10.0.0.1",
            "203.0.113.9",
            "[2001:db8::1]",
            "intranet",
            "a.local",
            "a.internal",
            "a.localhost",
            "a.onion",
            "home.arpa",
            "a.home.arpa",
        ] {
            assert_eq!(format!("https://{host}/c").parse::<ExternalUrl>(), Err(E::PrivateHost), "{host}");
        }
        for host in ["localhost", "127.0.0.1", "[::1]", "localhost:8443", "[::1]:8443"] {
            let url: ExternalUrl = format!("https://{host}/c").parse().unwrap();
            assert_eq!(url.kind(), HostKind::Loopback, "{host}");
        }
        assert!("https://mylocal.example/c".parse::<ExternalUrl>().is_ok());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "https://\\PC{0,60}") {
            if let Ok(url) = text.parse::<ExternalUrl>() {
                proptest::prop_assert_eq!(format!("https://{}{}", url.authority(), url.path_and_query()), text);
            }
        }
    }
}
