//! The identifier of a protected resource (RFC 8707 §2, RFC 9728 §1.2).

use std::fmt;

use url::Url;

use super::web_address::{self, AddressError};

/// A protected resource, such as an MCP server: an absolute URI without a
/// fragment, kept as it was registered.
///
/// That spelling is the one that tokens carry as `aud`; [`Resource::matches`] is
/// the lenient comparison for what clients ask for.
#[derive(Clone, Debug)]
pub struct Resource {
    written: String,
    url: Url,
    canonical: String,
}

/// Why a text is not a resource identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResourceError {
    /// Not an address at all, or not one that may be used.
    #[error(transparent)]
    Address(#[from] AddressError),
}

impl Resource {
    /// Reads a resource identifier.
    pub fn parse(text: &str) -> Result<Self, ResourceError> {
        let url = web_address::parse(text)?;
        let canonical = canonical(text, &url);
        Ok(Self { written: text.to_owned(), url, canonical })
    }

    /// The identifier as it was written.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// Scheme and host in lower case, no default port, no trailing slash of the path. Two
    /// identifiers with one canonical form name the same resource. Paths are
    /// left as they are: no dot segments removed, nothing percent-decoded.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// Whether `asked` means this resource: equal in canonical form, where a
    /// query counts only if this resource has one.
    pub fn matches(&self, asked: &Self) -> bool {
        if self.url.query().is_some() {
            return self.canonical == asked.canonical;
        }
        self.canonical == asked.without_query()
    }

    /// The canonical form without the query.
    pub fn without_query(&self) -> &str {
        self.canonical.split_once('?').map_or(self.canonical.as_str(), |(path, _)| path)
    }

    /// `scheme://host[:port]`.
    pub fn origin(&self) -> String {
        web_address::origin(&self.url)
    }

    /// The path, empty where the resource is the whole origin.
    pub fn path(&self) -> &str {
        match self.url.path() {
            "/" => "",
            path => path,
        }
    }

    /// Where the resource's metadata lives: the well-known segment inserted
    /// between host and path (RFC 9728 §3.1).
    pub fn metadata_url(&self) -> String {
        web_address::well_known(&self.url, "oauth-protected-resource")
    }
}

/// RFC 3986 §6.2.2.1 for scheme and host, §6.2.3 for the port; the rest is text. The
/// slash that does not count is the path's last, never one of a query.
fn canonical(text: &str, url: &Url) -> String {
    let after_scheme = text.split_once("://").map_or("", |(_, rest)| rest);
    let rest = after_scheme.find(['/', '?']).map_or("", |at| after_scheme.split_at(at).1);
    let (path, query) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
    let path = path.strip_suffix('/').filter(|path| !path.ends_with('/')).unwrap_or(path);
    format!("{}{path}{query}", web_address::origin(url))
}

impl fmt::Display for Resource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.written)
    }
}

/// Equal spelling, as `aud` is compared by most verifiers.
impl PartialEq for Resource {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for Resource {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn resource(text: &str) -> Resource {
        Resource::parse(text).unwrap()
    }

    // MCP-AS-72
    #[test]
    fn matching_is_lenient_about_case_port_slash_and_query() {
        let registered = resource("https://mcp.example.com/mcp");
        for same in [
            "https://mcp.example.com/mcp",
            "https://mcp.example.com/mcp/",
            "HTTPS://MCP.example.com/mcp",
            "https://mcp.example.com:443/mcp",
            "https://mcp.example.com/mcp?session=1",
            "https://mcp.example.com/mcp/?session=1",
        ] {
            assert!(registered.matches(&resource(same)), "{same}");
        }
        assert!(resource("https://mcp.example.com").matches(&resource("https://mcp.example.com/")));
        assert!(resource("https://mcp.example.com/").matches(&resource("https://mcp.example.com")));
    }

    // OA-RI-02
    #[test]
    fn nothing_else_matches() {
        let registered = resource("https://mcp.example.com/mcp");
        for other in [
            "https://mcp.example.com",
            "https://mcp.example.com/mcp/x",
            "https://mcp.example.com/MCP",
            "https://mcp.example.com/mcp/../admin",
            "https://mcp.example.com/x/../mcp",
            "https://mcp.example.com/%6dcp",
            "https://mcp.example.com/mcp//",
            "https://mcp.example.com:8443/mcp",
            "https://evil.example/mcp",
        ] {
            assert!(!registered.matches(&resource(other)), "{other}");
        }
        assert!(!resource("https://h.example/mcp?a=1").matches(&resource("https://h.example/mcp")));
    }

    // MCP-AS-72: the slash that may be missing is the path's, and a query counts to its last character
    #[test]
    fn a_slash_in_a_query_is_part_of_the_name() {
        let registered = resource("https://h.example/mcp?tenant=7");
        assert!(registered.matches(&resource("https://H.example/mcp/?tenant=7")));
        assert!(resource("https://h.example/?a").matches(&resource("https://h.example?a")));
        for other in ["https://h.example/mcp?tenant=7/", "https://h.example/mcp/?tenant=7/", "https://h.example/mcp//?tenant=7"] {
            assert!(!registered.matches(&resource(other)), "{other}");
            assert!(!resource(other).matches(&registered), "{other}");
        }
    }

    // OA-RI-01
    #[test]
    fn malformed_identifiers_are_refused() {
        for bad in [
            "",
            "/mcp",
            "//h.example/mcp",
            "https://h.example/#",
            "https://u@h.example/",
            "https://bücher.example/",
            "urn:mcp:x",
            "https:/h.example",
            "http://h.example",
        ] {
            assert!(Resource::parse(bad).is_err(), "{bad}");
        }
    }

    // MCP-RS-02
    #[test]
    fn metadata_lives_at_the_inserted_path() {
        assert_eq!(resource("https://h.example/a/mcp").metadata_url(), "https://h.example/.well-known/oauth-protected-resource/a/mcp");
        assert_eq!(resource("https://h.example").metadata_url(), "https://h.example/.well-known/oauth-protected-resource");
    }

    proptest! {
        // OA-RI-01
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,120}", tail in "[ -~]{0,60}") {
            for text in [text, format!("https://{tail}")] {
                if let Ok(resource) = Resource::parse(&text) {
                    prop_assert_eq!(resource.as_str(), text.as_str(), "kept as written");
                    prop_assert!(resource.matches(&resource));
                    prop_assert!(resource.canonical().starts_with("http"));
                    let again = Resource::parse(resource.canonical()).unwrap();
                    prop_assert_eq!(again.canonical(), resource.canonical(), "canonical once and for all");
                    prop_assert!(again.matches(&resource));
                }
            }
        }

        // MCP-AS-72, OA-RI-02: a match is about spelling and never about the path, nor about a query that is registered
        #[test]
        fn a_match_keeps_host_path_and_query(
            host in "[a-b]", path in "(/[a-b%2e.]){0,2}/{0,2}(\\?[x-z/]{0,2})?",
            other_host in "[a-bA-B]", other in "(/[a-b%2e.]){0,2}/{0,2}(\\?[x-z/]{0,2})?",
        ) {
            let registered = Resource::parse(&format!("https://{host}.example{path}"));
            let asked = Resource::parse(&format!("https://{other_host}.example:443{other}"));
            if let (Ok(registered), Ok(asked)) = (registered, asked) {
                let (path, query) = path.split_once('?').map_or((path.as_str(), None), |(path, query)| (path, Some(query)));
                let (other, other_query) = other.split_once('?').map_or((other.as_str(), None), |(path, query)| (path, Some(query)));
                let is_but_a_slash = |short: &str, long: &str| !short.ends_with('/') && long.strip_suffix('/') == Some(short);
                let is_meant = host == other_host.to_lowercase()
                    && (path == other || is_but_a_slash(path, other) || is_but_a_slash(other, path))
                    && (query.is_none() || query == other_query);
                prop_assert_eq!(registered.matches(&asked), is_meant, "{} {}", registered.as_str(), asked.as_str());
                let again = Resource::parse(registered.canonical()).unwrap();
                prop_assert_eq!(again.canonical(), registered.canonical(), "canonical once and for all");
            }
        }
    }
}
