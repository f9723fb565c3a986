//! Where a client wants its answers (RFC 6749 §3.1.2, RFC 8252 §7).
//!
//! A redirect URI is text and stays text: it is compared byte for byte and sent as
//! it was asked for. A URL parser is only the second reader, which must agree with
//! our own reading of scheme, host and port; where two readers differ, an attacker
//! has a choice (RFC 9700 §4.1).

use std::{net::Ipv4Addr, str::FromStr};

use url::Url;

/// A redirect URI that may be registered or asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RedirectUri {
    text: String,
    kind: RedirectKind,
}

/// What sort of place a redirect URI leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RedirectKind {
    /// A web site.
    Https,
    /// A program that listens on this computer (RFC 8252 §7.3).
    Loopback,
    /// A program that took a URI scheme for itself (RFC 8252 §7.1).
    PrivateUse,
}

/// Why a text can't be a redirect URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedirectUriError {
    /// Something other than printable ASCII, or a character that browsers rewrite.
    #[error("it has a character that no redirect URI may have")]
    Character,
    /// Two readers would take it for two different addresses.
    #[error("programs would read its address in different ways")]
    Ambiguous,
    /// A percent triplet that is malformed, or hides a dot, a slash or a control character.
    #[error("its percent-encoding is malformed or hides a path separator")]
    Encoding,
    /// A fragment, even an empty one.
    #[error("it has a fragment (`#…`)")]
    Fragment,
    /// A host that is no plain DNS name and no plain address.
    #[error("its host is not a plain DNS name (A-labels) or address")]
    Host,
    /// Longer than 2048 bytes.
    #[error("it is longer than 2048 bytes")]
    Length,
    /// Relative, or nothing after the scheme.
    #[error("it is not an absolute URI")]
    NotAbsolute,
    /// `.` or `..` as a path segment.
    #[error("its path has a `.` or `..` segment")]
    PathSegment,
    /// Plain http to somewhere else than this computer.
    #[error("http is only allowed for 127.0.0.1, [::1] and localhost; use https")]
    PlainHttp,
    /// A port that is no port.
    #[error("its port is not a number from 1 to 65535")]
    Port,
    /// Its query uses a name that our answer uses.
    #[error("its query uses a parameter name that the answer needs (such as `code` or `state`)")]
    ReservedParameter,
    /// A scheme that browsers or systems treat in their own way.
    #[error("its scheme is not allowed")]
    Scheme,
    /// A user name or password before the host.
    #[error("it has a user name or password before the host")]
    UserInfo,
    /// An asterisk.
    #[error("it has a wildcard; list each address")]
    Wildcard,
}

const MOST_BYTES: usize = 2048;

/// Schemes that are never a program's own (OA-RU-17).
const FORBIDDEN_SCHEMES: &[&str] = &[
    "about",
    "android-app",
    "blob",
    "chrome",
    "chrome-extension",
    "data",
    "dict",
    "edge",
    "file",
    "filesystem",
    "ftp",
    "ftps",
    "gopher",
    "intent",
    "jar",
    "javascript",
    "ldap",
    "ldaps",
    "livescript",
    "mailto",
    "mhtml",
    "moz-extension",
    "ms-msdt",
    "res",
    "resource",
    "search-ms",
    "sftp",
    "shell",
    "smb",
    "sms",
    "ssh",
    "tel",
    "telnet",
    "urn",
    "vbscript",
    "view-source",
    "ws",
    "wss",
];

/// Names that our answers use, or that other answers in this place would.
const RESERVED_PARAMETERS: &[&str] = &[
    "access_token",
    "code",
    "error",
    "error_description",
    "error_uri",
    "expires_in",
    "id_token",
    "iss",
    "response",
    "scope",
    "session_state",
    "state",
    "token_type",
];

const LOOPBACK_HOSTS: &[&str] = &["127.0.0.1", "[::1]", "localhost"];

impl RedirectUri {
    /// The URI as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What sort of place it leads to.
    pub fn kind(&self) -> RedirectKind {
        self.kind
    }

    /// The scheme, in lower case.
    pub fn scheme(&self) -> &str {
        self.text.split_once(':').map_or("", |(scheme, _)| scheme)
    }

    /// Whether `asked` is this registered URI: the same bytes, or, for a program
    /// on this computer, the same bytes but for the port (RFC 8252 §7.3).
    pub fn matches(&self, asked: &Self) -> bool {
        if self.kind == RedirectKind::Loopback && asked.kind == RedirectKind::Loopback {
            return without_port(&self.text) == without_port(&asked.text);
        }
        self.text == asked.text
    }

    /// What a person is told about where they return to: the host as it is
    /// written (A-labels), or the scheme of a program.
    pub fn display_host(&self) -> String {
        match self.kind {
            RedirectKind::PrivateUse => format!("{}:", self.scheme()),
            RedirectKind::Https | RedirectKind::Loopback => {
                authority(&self.text).map_or_else(String::new, |(authority, _)| authority.to_ascii_lowercase())
            }
        }
    }

    /// Whether its host is written in A-labels, which may look like another name.
    pub fn is_internationalized(&self) -> bool {
        self.kind == RedirectKind::Https && self.display_host().split('.').any(|label| label.starts_with("xn--"))
    }
}

impl FromStr for RedirectUri {
    type Err = RedirectUriError;

    fn from_str(text: &str) -> Result<Self, RedirectUriError> {
        characters(text)?;
        let (scheme, rest) = text.split_once(':').ok_or(RedirectUriError::NotAbsolute)?;
        percent_encoding(rest)?;
        let kind = match scheme {
            "http" | "https" => web(text, scheme)?,
            _ => private_use(scheme, rest)?,
        };
        path_segments(rest)?;
        query(text)?;
        Ok(Self { text: text.to_owned(), kind })
    }
}

super::text::by_text!(RedirectUri);

pub(super) fn characters(text: &str) -> Result<(), RedirectUriError> {
    if text.len() > MOST_BYTES {
        return Err(RedirectUriError::Length);
    }
    let excluded = |byte: u8| !byte.is_ascii_graphic() || matches!(byte, b'\\' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'}' | b'|');
    if text.bytes().any(excluded) {
        return Err(RedirectUriError::Character);
    }
    if text.contains('#') {
        return Err(RedirectUriError::Fragment);
    }
    if text.contains('*') {
        return Err(RedirectUriError::Wildcard);
    }
    Ok(())
}

/// Triplets are well formed; outside the query none hides what structures a path.
pub(super) fn percent_encoding(rest: &str) -> Result<(), RedirectUriError> {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    for (part, is_path) in [(path, true), (query, false)] {
        for after in part.split('%').skip(1) {
            let byte = after
                .get(..2)
                .filter(|hex| hex.bytes().all(|digit| digit.is_ascii_hexdigit()))
                .and_then(|hex| u8::from_str_radix(hex, 16).ok());
            let byte = byte.ok_or(RedirectUriError::Encoding)?;
            if byte < 0x20 || byte == 0x7F || (is_path && matches!(byte, b'.' | b'/' | b'\\')) {
                return Err(RedirectUriError::Encoding);
            }
        }
    }
    Ok(())
}

fn web(text: &str, scheme: &str) -> Result<RedirectKind, RedirectUriError> {
    let (authority, _) = authority(text).ok_or(RedirectUriError::NotAbsolute)?;
    if authority.contains('@') {
        return Err(RedirectUriError::UserInfo);
    }
    let (host, port) = split_port(authority)?;
    if host.is_empty() {
        return Err(RedirectUriError::NotAbsolute);
    }
    let kind = match scheme {
        "https" => RedirectKind::Https,
        _ if LOOPBACK_HOSTS.contains(&host) => RedirectKind::Loopback,
        _ => return Err(RedirectUriError::PlainHttp),
    };
    plain_host(host)?;
    second_reader_agrees(text, scheme, host, port)?;
    Ok(kind)
}

/// What stands between `://` and the next `/` or `?`, and the rest.
fn authority(text: &str) -> Option<(&str, &str)> {
    let (_, rest) = text.split_once("://")?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    rest.split_at_checked(end)
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), RedirectUriError> {
    let after_host = if authority.starts_with('[') { authority.find(']').ok_or(RedirectUriError::Host)? } else { 0 };
    let Some(colon) = authority.get(after_host..).and_then(|tail| tail.find(':')).map(|at| at + after_host) else {
        return Ok((authority, None));
    };
    let (host, port) = authority.split_at_checked(colon).ok_or(RedirectUriError::Port)?;
    let digits = port.strip_prefix(':').unwrap_or_default();
    let is_decimal = !digits.is_empty() && !digits.starts_with('0') && digits.bytes().all(|digit| digit.is_ascii_digit());
    let port = digits.parse().ok().filter(|_| is_decimal).ok_or(RedirectUriError::Port)?;
    Ok((host, Some(port)))
}

/// A DNS name in A-labels, a dotted quad or a bracketed IPv6 address (OA-RU-12).
fn plain_host(host: &str) -> Result<(), RedirectUriError> {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let address: std::net::Ipv6Addr = address.parse().map_err(|_| RedirectUriError::Host)?;
        let is_plain = address.to_ipv4_mapped().is_none() && !address.is_unspecified();
        return if is_plain { Ok(()) } else { Err(RedirectUriError::Host) };
    }
    if let Ok(address) = host.parse::<Ipv4Addr>() {
        return if address.is_unspecified() { Err(RedirectUriError::Host) } else { Ok(()) };
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // Browsers read a name whose last label is a number as an IPv4 address.
    let last = host.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if host.len() <= 253 && host.split('.').all(is_label) && !is_number { Ok(()) } else { Err(RedirectUriError::Host) }
}

/// The browser's reading (WHATWG) of scheme, host and port equals ours (OA-RU-08).
fn second_reader_agrees(text: &str, scheme: &str, host: &str, port: Option<u16>) -> Result<(), RedirectUriError> {
    let url = Url::parse(text).map_err(|_| RedirectUriError::Ambiguous)?;
    let default = if scheme == "https" { 443 } else { 80 };
    let same_port = url.port_or_known_default() == Some(port.unwrap_or(default));
    let same_host = url.host_str().is_some_and(|read| same_host(read, host));
    let no_user = url.username().is_empty() && url.password().is_none();
    if url.scheme() == scheme && same_host && same_port && no_user { Ok(()) } else { Err(RedirectUriError::Ambiguous) }
}

/// Letter case aside; IPv6 addresses by value, since their spellings vary.
fn same_host(read: &str, written: &str) -> bool {
    let address = |host: &str| host.strip_prefix('[')?.strip_suffix(']')?.parse::<std::net::Ipv6Addr>().ok();
    match (address(read), address(written)) {
        (Some(read), Some(written)) => read == written,
        _ => read.eq_ignore_ascii_case(written),
    }
}

fn private_use(scheme: &str, rest: &str) -> Result<RedirectKind, RedirectUriError> {
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'+' | b'.' | b'-'));
    if !is_scheme || FORBIDDEN_SCHEMES.contains(&scheme) {
        return Err(RedirectUriError::Scheme);
    }
    if rest.trim_start_matches('/').is_empty() {
        return Err(RedirectUriError::NotAbsolute);
    }
    let authority = rest.strip_prefix("//").map(|rest| rest.split(['/', '?']).next().unwrap_or_default());
    if authority.is_some_and(|authority| authority.contains('@')) {
        return Err(RedirectUriError::UserInfo);
    }
    Ok(RedirectKind::PrivateUse)
}

/// No `.` or `..`, also not with a `;` parameter behind which they hide (OA-RU-10).
fn path_segments(rest: &str) -> Result<(), RedirectUriError> {
    let path = rest.split('?').next().unwrap_or_default();
    let is_dots = |segment: &str| matches!(segment.split(';').next(), Some("." | ".."));
    if path.split('/').any(is_dots) { Err(RedirectUriError::PathSegment) } else { Ok(()) }
}

fn query(text: &str) -> Result<(), RedirectUriError> {
    let Some((_, query)) = text.split_once('?') else { return Ok(()) };
    let is_reserved = url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| RESERVED_PARAMETERS.contains(&name.as_ref()));
    if is_reserved { Err(RedirectUriError::ReservedParameter) } else { Ok(()) }
}

/// A loopback URI without its port; its authority has one colon at most after the host.
fn without_port(text: &str) -> (&str, &str) {
    let Some((authority, rest)) = authority(text) else { return (text, "") };
    let host =
        LOOPBACK_HOSTS.iter().find(|host| authority.strip_prefix(**host).is_some_and(|port| port.is_empty() || port.starts_with(':')));
    (host.copied().unwrap_or(authority), rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{RedirectUriError as E, *};

    fn uri(text: &str) -> RedirectUri {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[track_caller]
    fn refused(text: &str, error: E) {
        assert_eq!(text.parse::<RedirectUri>(), Err(error), "{text}");
    }

    // MCP-AS-21, MCP-AS-22: the known clients' own
    #[test]
    fn the_redirect_uris_of_known_clients_are_accepted() {
        for (text, kind) in [
            ("https://claude.ai/api/mcp/auth_callback", RedirectKind::Https),
            ("https://chatgpt.com/connector_platform_oauth_redirect", RedirectKind::Https),
            ("http://127.0.0.1:33418/", RedirectKind::Loopback),
            ("http://127.0.0.1/", RedirectKind::Loopback),
            ("http://[::1]:8080/cb", RedirectKind::Loopback),
            ("http://localhost:6274/oauth/callback/debug", RedirectKind::Loopback),
            ("cursor://anysphere.cursor-retrieval/oauth/user-abc-files/callback", RedirectKind::PrivateUse),
            ("com.example.app:/callback", RedirectKind::PrivateUse),
            ("vscode://vscode.github-authentication/did-authenticate", RedirectKind::PrivateUse),
            ("https://a.example/cb?tenant=1", RedirectKind::Https),
        ] {
            assert_eq!(uri(text).kind(), kind, "{text}");
            assert_eq!(uri(text).as_str(), text);
        }
    }

    // OA-RU-01
    #[test]
    fn only_the_same_bytes_match() {
        let registered = uri("https://a.example/cb~x?a=1&b=2");
        assert!(registered.matches(&uri("https://a.example/cb~x?a=1&b=2")));
        for asked in [
            "https://A.example/cb~x?a=1&b=2",
            "https://a.example/cb~x/?a=1&b=2",
            "https://a.example/cb~x?b=2&a=1",
            "https://a.example/cb%7Ex?a=1&b=2",
            "https://a.example:443/cb~x?a=1&b=2",
            "https://a.example/cb~x",
        ] {
            assert!(!registered.matches(&uri(asked)), "{asked}");
        }
    }

    // OA-RU-02, OA-RU-03, MCP-AS-22
    #[test]
    fn the_port_is_left_out_for_programs_on_this_computer() {
        for host in ["127.0.0.1", "[::1]", "localhost"] {
            assert!(uri(&format!("http://{host}/cb")).matches(&uri(&format!("http://{host}:50123/cb"))));
            assert!(uri(&format!("http://{host}:1/cb")).matches(&uri(&format!("http://{host}:2/cb"))));
            assert!(!uri(&format!("http://{host}:1/cb")).matches(&uri(&format!("http://{host}:1/cb2"))));
            assert!(!uri(&format!("http://{host}:1/cb")).matches(&uri(&format!("http://{host}:1/cb?x=1"))));
        }
        assert!(!uri("http://127.0.0.1/cb").matches(&uri("http://localhost/cb")));
        assert!(!uri("https://localhost:1/cb").matches(&uri("https://localhost:2/cb")));
        assert!(!uri("app://localhost:1/cb").matches(&uri("app://localhost:2/cb")));
    }

    // OA-RU-04 … OA-RU-18
    #[test]
    fn what_readers_could_differ_on_is_refused() {
        for (text, error) in [
            ("", E::NotAbsolute),
            ("//host/cb", E::NotAbsolute),
            ("/cb", E::NotAbsolute),
            ("https://a.example/cb#", E::Fragment),
            ("https://a.example/cb#x", E::Fragment),
            ("https://good.example@evil.example/cb", E::UserInfo),
            ("https://u:p@a.example/", E::UserInfo),
            ("https://a.example\\@evil.example", E::Character),
            ("https://a.example/c b", E::Character),
            ("https://a.example/c\r\nb", E::Character),
            ("https://bücher.example/", E::Character),
            ("https:/a.example", E::NotAbsolute),
            ("https:a.example", E::NotAbsolute),
            ("https:///a.example", E::NotAbsolute),
            ("https://a.example:443:80/", E::Port),
            ("https://[::1", E::Host),
            ("https://a.example%2f@b.example", E::Encoding),
            ("https://a%2eexample/", E::Encoding),
            ("https://a%41.example/", E::Host),
            ("https://a.example/cb/%2e%2e/x", E::Encoding),
            ("https://a.example/cb%2Fx", E::Encoding),
            ("https://a.example/cb%5cx", E::Encoding),
            ("https://a.example/cb%0ax", E::Encoding),
            ("https://a.example/cb%zz", E::Encoding),
            ("https://a.example/cb?x=%0d%0a", E::Encoding),
            ("https://a.example/cb/../evil", E::PathSegment),
            ("https://a.example/./cb", E::PathSegment),
            ("https://a.example/..;/cb", E::PathSegment),
            ("https://*.example/cb", E::Wildcard),
            ("https://a.example/cb/*", E::Wildcard),
            ("https://a..example/", E::Host),
            ("https://a.example./", E::Host),
            ("https://2130706433/", E::Host),
            ("https://0x7f.1/", E::Host),
            ("https://127.1/", E::Host),
            ("https://0.0.0.0/", E::Host),
            ("https://[::ffff:127.0.0.1]/", E::Host),
            ("https://a.example/cb?iss=x", E::ReservedParameter),
            ("https://a.example/cb?%73tate=x", E::ReservedParameter),
            ("http://a.example/cb", E::PlainHttp),
            ("http://192.168.0.5/cb", E::PlainHttp),
            ("http://127.0.0.2/cb", E::PlainHttp),
            ("http://localhost.evil.example/", E::PlainHttp),
            ("http://app.localhost/cb", E::PlainHttp),
            ("Cursor://x", E::Scheme),
            ("HTTPS://a.example/", E::Scheme),
            ("myapp:", E::NotAbsolute),
            ("myapp://", E::NotAbsolute),
            ("javascript:alert(1)", E::Scheme),
            ("data:text/html,x", E::Scheme),
            ("urn:ietf:wg:oauth:2.0:oob", E::Scheme),
            ("https://a.example:0/", E::Port),
            ("https://a.example:65536/", E::Port),
            ("https://a.example:080/", E::Port),
            ("http://localhost:/cb", E::Port),
        ] {
            refused(text, error);
        }
        refused(&format!("https://a.example/{}", "x".repeat(2048)), E::Length);
    }

    // OA-RU-08: letters and hyphens like any A-label, and none that a browser can decode
    #[test]
    fn what_browsers_read_in_another_way_is_refused() {
        refused("https://xn--a.example/cb", E::Ambiguous);
    }

    // OA-RU-13
    #[test]
    fn a_person_sees_where_they_return_to() {
        assert_eq!(uri("https://Claude.ai/cb").display_host(), "claude.ai");
        assert_eq!(uri("cursor://x/y").display_host(), "cursor:");
        assert_eq!(uri("http://127.0.0.1:1/cb").display_host(), "127.0.0.1:1");
        assert!(uri("https://xn--pple-43d.com/cb").is_internationalized());
    }

    proptest! {
        // OA-RU-24
        #[test]
        fn a_match_means_equal_bytes_or_equal_without_the_loopback_port(
            a in "(https|http|app)://(localhost|127\\.0\\.0\\.1|\\[::1\\]|a\\.example)(:[1-9][0-9]{0,3})?(/[a-c]{0,2}){0,2}(\\?x=[a-c])?",
            b in "(https|http|app)://(localhost|127\\.0\\.0\\.1|\\[::1\\]|a\\.example)(:[1-9][0-9]{0,3})?(/[a-c]{0,2}){0,2}(\\?x=[a-c])?",
        ) {
            if let (Ok(first), Ok(second)) = (a.parse::<RedirectUri>(), b.parse::<RedirectUri>()) {
                let strip = |text: &str| {
                    let (head, tail) = text.split_once("://").unwrap();
                    let end = tail.find(['/', '?']).unwrap_or(tail.len());
                    let (authority, rest) = tail.split_at(end);
                    let host = authority.rfind(':').filter(|_| !authority.ends_with(']')).map_or(authority, |at| &authority[..at]);
                    format!("{head}://{host}{rest}")
                };
                let both_loopback = first.kind() == RedirectKind::Loopback && second.kind() == RedirectKind::Loopback;
                let expected = a == b || (both_loopback && strip(&a) == strip(&b));
                prop_assert_eq!(first.matches(&second), expected);
                prop_assert_eq!(second.matches(&first), expected);
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,80}") {
            if let Ok(read) = text.parse::<RedirectUri>() {
                prop_assert_eq!(read.as_str(), text);
            }
        }
    }
}
