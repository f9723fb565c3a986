//! What issuers and resources have in common: an absolute address, kept as written.

use url::{Host, Url};

/// Why a text is not an address that can name an issuer or a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Something other than printable ASCII, or a character that URIs exclude.
    #[error("it has a character that no URI may have")]
    Character,
    /// A fragment, even an empty one.
    #[error("it has a fragment (`#…`)")]
    Fragment,
    /// Longer than 2048 bytes.
    #[error("it is longer than 2048 bytes")]
    Length,
    /// Relative, or without a host, or otherwise not an `http(s)` URL.
    #[error("it is not an absolute https URL")]
    NotAbsolute,
    /// Plain http on a host that is not this computer.
    #[error("http is only allowed for this computer (127.0.0.1, [::1], localhost); use https")]
    PlainHttp,
    /// A user name or password before the host.
    #[error("it has a user name or password before the host")]
    UserInfo,
}

const MOST_BYTES: usize = 2048;

/// Parses an absolute `https` URL, or `http` on a loopback host.
pub(super) fn parse(text: &str) -> Result<Url, AddressError> {
    if text.len() > MOST_BYTES {
        return Err(AddressError::Length);
    }
    if !text.bytes().all(is_uri_byte) {
        return Err(AddressError::Character);
    }
    if text.contains('#') {
        return Err(AddressError::Fragment);
    }
    let after_scheme = split_scheme(text).ok_or(AddressError::NotAbsolute)?;
    let authority = after_scheme.split(['/', '?']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(AddressError::UserInfo);
    }
    let url = Url::parse(text).map_err(|_| AddressError::NotAbsolute)?;
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err(AddressError::PlainHttp);
    }
    Ok(url)
}

/// What follows `https://` or `http://`, in any letter case.
fn split_scheme(text: &str) -> Option<&str> {
    ["https://", "http://"].iter().find_map(|scheme| {
        let (head, rest) = text.split_at_checked(scheme.len())?;
        (head.eq_ignore_ascii_case(scheme) && !rest.is_empty() && !rest.starts_with(['/', '?'])).then_some(rest)
    })
}

fn is_uri_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'}' | b'|')
}

/// Whether the host is this computer: `localhost`, 127.0.0.0/8 or `[::1]`.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// `scheme://host[:port]`, the port only where it is not the scheme's own.
pub(super) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// The location of a well-known document: the segment goes between host and
/// path (RFC 8414 §3.1, RFC 9728 §3.1).
pub(super) fn well_known(url: &Url, name: &str) -> String {
    let path = if url.path() == "/" { "" } else { url.path() };
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{}/.well-known/{name}{path}{query}", origin(url))
}
