//! Cookies: the session's, and one that marks a browser before anybody signed in.
//!
//! They hold an opaque id and nothing else. On https they carry the `__Host-`
//! prefix, so that no sub-domain can plant one; `SameSite=Lax`, since a strict one
//! is missing when the browser comes from the client. Two issuers on one host have
//! different names (OA-SE-12).

use axum::http::{HeaderMap, HeaderValue, header};
use chrono::TimeDelta;
use portcullis_verifier::vocabulary::Issuer;
use sha2::{Digest as _, Sha256};

use crate::{
    entropy,
    protocol::vocabulary::{BrowserId, Kind, SessionId, Token},
};

/// How long a browser is known by its mark, from the last page that needed it: longer than
/// any sign-in takes.
const MARK_LIFETIME: TimeDelta = TimeDelta::days(1);

/// The names of the cookies of one issuer.
#[derive(Clone, Debug)]
pub struct Cookies {
    session: String,
    browser: String,
    secure: bool,
}

impl Cookies {
    /// Names that no other issuer on the host uses.
    pub fn new(issuer: &Issuer) -> Self {
        let secure = issuer.is_https();
        let prefix = if secure { "__Host-" } else { "" };
        let [a, b, c, d, ..] = <[u8; 32]>::from(Sha256::digest(issuer.as_str()));
        let suffix = format!("{:08x}", u32::from_be_bytes([a, b, c, d]));
        Self { session: format!("{prefix}portcullis-session-{suffix}"), browser: format!("{prefix}portcullis-browser-{suffix}"), secure }
    }

    /// The session that the browser claims. A cookie that is no such token is none.
    pub fn session(&self, headers: &HeaderMap) -> Option<Token<SessionId>> {
        read(headers, &self.session)
    }

    /// The mark that the browser has.
    pub fn browser(&self, headers: &HeaderMap) -> Option<Token<BrowserId>> {
        read(headers, &self.browser)
    }

    /// The mark that the browser has, or a fresh one, and the cookie that keeps it for as
    /// long as what is begun now can take (OA-AZ-16).
    pub fn mark(&self, headers: &HeaderMap) -> anyhow::Result<(Token<BrowserId>, HeaderValue)> {
        let mark = match self.browser(headers) {
            Some(known) => known,
            None => Token::new(entropy::random()?),
        };
        let cookie = self.set(&self.browser, mark.wire(), MARK_LIFETIME);
        Ok((mark, cookie))
    }

    /// Sets the session.
    pub fn set_session(&self, session: &Token<SessionId>, lifetime: TimeDelta) -> HeaderValue {
        self.set(&self.session, session.wire(), lifetime)
    }

    /// Ends the session.
    pub fn clear_session(&self) -> HeaderValue {
        self.set(&self.session, "", TimeDelta::zero())
    }

    fn set(&self, name: &str, value: &str, lifetime: TimeDelta) -> HeaderValue {
        let secure = if self.secure { "; Secure" } else { "" };
        let cookie = format!("{name}={value}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{secure}", lifetime.num_seconds());
        let mut header = HeaderValue::from_str(&cookie).unwrap_or(HeaderValue::from_static(""));
        header.set_sensitive(true);
        header
    }
}

/// The first cookie of that name which is such a token; anything else counts as absent.
fn read<K: Kind>(headers: &HeaderMap, name: &str) -> Option<Token<K>> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(given, _)| *given == name)
        .find_map(|(_, value)| Token::parse(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookies(issuer: &str) -> Cookies {
        Cookies::new(&Issuer::parse(issuer).unwrap())
    }

    // OA-SE-01, OA-SE-12, MCP-AS-44
    #[test]
    fn cookies_are_locked_to_the_host_and_named_for_the_issuer() {
        let session = Token::<SessionId>::new([1; 32]);
        let set = cookies("https://a.example").set_session(&session, TimeDelta::hours(1));
        let text = set.to_str().unwrap();
        assert!(text.starts_with("__Host-portcullis-session-"));
        assert!(text.ends_with("; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax; Secure"), "{text}");
        assert_ne!(cookies("https://a.example/one").session, cookies("https://a.example/two").session);
        assert!(!cookies("http://127.0.0.1:8080").session.starts_with("__Host-"));
    }

    // OA-SE-13
    #[test]
    fn a_cookie_that_is_no_token_is_absent() {
        let cookies = cookies("https://a.example");
        let session = Token::<SessionId>::new([1; 32]);
        let with = |value: &str| {
            let header = HeaderValue::from_str(&format!("x=y; {}={value}; z", cookies.session)).unwrap();
            cookies.session(&HeaderMap::from_iter([(header::COOKIE, header)])).map(|token| token.hash())
        };
        assert_eq!(with(session.wire()), Some(session.hash()));
        assert_eq!(with("tampered"), None);
        assert_eq!(with(Token::<BrowserId>::new([1; 32]).wire()), None);
        assert_eq!(with(&"x".repeat(9000)), None);
    }

    proptest::proptest! {
        // OA-SE-13
        #[test]
        fn any_cookie_header_is_read_or_absent(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200), around in "[ -~]{0,40}") {
            let cookies = cookies("https://a.example");
            let session = Token::<SessionId>::new([1; 32]);
            let read = |bytes: &[u8]| {
                let header = HeaderValue::from_bytes(bytes).ok()?;
                cookies.session(&HeaderMap::from_iter([(header::COOKIE, header)])).map(|token| token.hash())
            };
            proptest::prop_assert_eq!(read(&bytes), None);
            let among = format!("{around}; {}={}; {around}", cookies.session, session.wire());
            proptest::prop_assert_eq!(read(among.as_bytes()), Some(session.hash()));
        }
    }
}
