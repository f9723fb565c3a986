//! The issuer identifier of an authorization server (RFC 8414 §2).

use std::fmt;

use url::Url;

use super::web_address::{self, AddressError};

/// An authorization server's name: `https`, no query, no fragment, no trailing
/// slash. It is kept as written, since clients compare it character by character.
#[derive(Clone, Debug)]
pub struct Issuer {
    written: String,
    url: Url,
}

/// Why a text is not an issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerError {
    /// Not an address at all, or not one that may be used.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A query (RFC 8414 §2 excludes it).
    #[error("it has a query (`?…`)")]
    Query,
    /// It ends in a slash.
    #[error("remove the trailing slash: clients compare it character by character")]
    TrailingSlash,
}

impl Issuer {
    /// Reads an issuer identifier.
    pub fn parse(text: &str) -> Result<Self, IssuerError> {
        let url = web_address::parse(text)?;
        if text.contains('?') {
            return Err(IssuerError::Query);
        }
        if text.ends_with('/') {
            return Err(IssuerError::TrailingSlash);
        }
        Ok(Self { written: text.to_owned(), url })
    }

    /// Reads an identifier that may end in a slash, where that is known and meant. It is
    /// part of the name: with or without it are two issuers. Addresses below it have one
    /// slash all the same.
    pub fn parse_with_slash(text: &str) -> Result<Self, IssuerError> {
        let issuer = Self::parse(text.strip_suffix('/').unwrap_or(text))?;
        Ok(Self { written: text.to_owned(), ..issuer })
    }

    /// Whether it ends in a slash.
    pub fn has_trailing_slash(&self) -> bool {
        self.written.ends_with('/')
    }

    /// The identifier as it was written.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// `scheme://host[:port]`.
    pub fn origin(&self) -> String {
        web_address::origin(&self.url)
    }

    /// The path, empty for an issuer that is a bare origin.
    pub fn path(&self) -> &str {
        match self.url.path() {
            "/" => "",
            path => path,
        }
    }

    /// Whether the server is reached over TLS.
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Whether the host is this computer.
    pub fn is_loopback(&self) -> bool {
        web_address::is_loopback(&self.url)
    }

    /// The URL of a well-known document, the segment inserted between host and
    /// path (RFC 8414 §3.1), such as `oauth-authorization-server`.
    pub fn well_known(&self, name: &str) -> String {
        web_address::well_known(&self.url, name)
    }

    /// An address directly below the issuer, such as `/token`.
    pub fn below(&self, path: &str) -> String {
        format!("{}{path}", self.written.strip_suffix('/').unwrap_or(&self.written))
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.written)
    }
}

/// Plain string equality (RFC 8414 §3.3).
impl PartialEq for Issuer {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for Issuer {}

#[cfg(test)]
mod tests {
    use super::*;

    // MCP-AS-04, MCP-AS-05, OA-MD-01
    #[test]
    fn only_a_bare_https_address_names_an_issuer() {
        for good in [
            "https://auth.example.com",
            "https://auth.example.com/tenant",
            "https://auth.example.com/@me",
            "http://127.0.0.1:8080",
            "http://localhost",
        ] {
            assert_eq!(Issuer::parse(good).map(|issuer| issuer.as_str().to_owned()), Ok(good.to_owned()));
        }
        for (bad, why) in [
            ("https://auth.example.com/", IssuerError::TrailingSlash),
            ("https://auth.example.com/tenant/", IssuerError::TrailingSlash),
            ("https://auth.example.com?x=1", IssuerError::Query),
            ("https://auth.example.com#", IssuerError::Address(AddressError::Fragment)),
            ("https://me@auth.example.com", IssuerError::Address(AddressError::UserInfo)),
            ("http://auth.example.com", IssuerError::Address(AddressError::PlainHttp)),
            ("auth.example.com", IssuerError::Address(AddressError::NotAbsolute)),
        ] {
            assert_eq!(Issuer::parse(bad), Err(why), "{bad}");
        }
    }

    // MCP-AS-01
    #[test]
    fn the_well_known_segment_goes_between_host_and_path() {
        let issuer = Issuer::parse("https://auth.example.com/tenant").unwrap();
        assert_eq!(
            issuer.well_known("oauth-authorization-server"),
            "https://auth.example.com/.well-known/oauth-authorization-server/tenant"
        );
    }

    // MCP-AS-05, RFC 8414 §3.1
    #[test]
    fn a_slash_that_is_meant_stays_in_the_name_and_nowhere_else() {
        for (written, below, well_known) in [
            ("https://a.example/", "https://a.example/token", "https://a.example/.well-known/x"),
            ("https://a.example/tenant/", "https://a.example/tenant/token", "https://a.example/.well-known/x/tenant"),
            ("https://a.example", "https://a.example/token", "https://a.example/.well-known/x"),
        ] {
            let issuer = Issuer::parse_with_slash(written).unwrap();
            assert_eq!((issuer.as_str(), issuer.below("/token").as_str(), issuer.well_known("x").as_str()), (written, below, well_known));
            assert_eq!(issuer.has_trailing_slash(), written.ends_with('/'));
        }
        assert_ne!(Issuer::parse_with_slash("https://a.example/"), Issuer::parse("https://a.example"));
        assert_eq!(Issuer::parse_with_slash("https://a.example//"), Err(IssuerError::TrailingSlash));
        assert_eq!(Issuer::parse_with_slash("https://a.example/?/"), Err(IssuerError::Query));
    }

    proptest::proptest! {
        // OA-MD-01
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,120}", tail in "[ -~]{0,60}") {
            for text in [text, format!("https://{tail}")] {
                if let Ok(issuer) = Issuer::parse(&text) {
                    proptest::prop_assert_eq!(issuer.as_str(), text.as_str(), "byte for byte");
                    proptest::prop_assert!(!text.ends_with('/') && !text.contains(['?', '#']) && Url::parse(&text).is_ok_and(|url| url.username().is_empty()));
                }
            }
        }
    }
}
