//! The first step: client and redirect URI. Errors are pages (RFC 6749 §3.1.2.4).

use crate::protocol::{
    client::Client,
    error::{ErrorCode, OAuthError, Refusal},
    parameters::Parameters,
    vocabulary::{ClientId, RedirectUri, RedirectUriError},
};

/// Why a request stays on our own page: it names nobody who may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// The client was disabled, or is not the one of the request.
    #[error("the client may not be used any more")]
    ClientGone,
    /// No `client_id`.
    #[error("client_id is missing")]
    ClientMissing,
    /// No such client.
    #[error("there is no such client")]
    ClientUnknown,
    /// `client_id` or `redirect_uri` is badly encoded.
    #[error("client_id or redirect_uri is not form-encoded text")]
    Encoding,
    /// Not a redirect URI that anybody could register.
    #[error("redirect_uri can be nobody's: {0}")]
    RedirectMalformed(RedirectUriError),
    /// No `redirect_uri`, which is required even of clients with only one.
    #[error("redirect_uri is missing")]
    RedirectMissing,
    /// Somebody else's, or nobody's.
    #[error("redirect_uri is not one of the client's")]
    RedirectUnregistered,
    /// `client_id` or `redirect_uri` more than once.
    #[error("client_id or redirect_uri appears more than once")]
    Repeated,
}

impl PageError {
    /// One sentence for the person who sees the page.
    pub fn for_people(self) -> &'static str {
        match self {
            Self::ClientGone | Self::ClientUnknown => "The registration of the app that sent you here has ended, or was never made.",
            Self::ClientMissing => "The link that brought you here does not say which app it is for.",
            Self::Encoding | Self::Repeated => "The link that brought you here is not written correctly.",
            Self::RedirectMalformed(_) | Self::RedirectMissing | Self::RedirectUnregistered => {
                "The app asked to send you back to an address that it has not registered here."
            }
        }
    }

    /// And one on what to do. Some apps never register anew by themselves (K-29).
    pub fn advice(self) -> &'static str {
        match self {
            Self::ClientGone | Self::ClientUnknown => {
                "Remove this server in the app and add it again: the app then registers anew. Connecting again without that does not help."
            }
            Self::ClientMissing
            | Self::Encoding
            | Self::Repeated
            | Self::RedirectMalformed(_)
            | Self::RedirectMissing
            | Self::RedirectUnregistered => "Go back to the app and connect again; if that does not help, its maker has to change it.",
        }
    }
}

impl Refusal for PageError {
    fn answer(&self) -> OAuthError {
        match self {
            Self::ClientGone | Self::ClientUnknown => OAuthError::new(ErrorCode::InvalidClient, "the client is unknown"),
            Self::ClientMissing => OAuthError::invalid_request("client_id is missing"),
            Self::Encoding => OAuthError::invalid_request("client_id or redirect_uri is not form-encoded text"),
            Self::RedirectMalformed(_) | Self::RedirectUnregistered => OAuthError::invalid_request("redirect_uri is not registered"),
            Self::RedirectMissing => OAuthError::invalid_request("redirect_uri is missing"),
            Self::Repeated => OAuthError::invalid_request("client_id or redirect_uri appears more than once"),
        }
    }
}

/// A request whose redirect URI is one of the client's: errors now have an address.
///
/// ```compile_fail
/// use portcullis::protocol::authorize::BoundRequest;
/// let _ = BoundRequest { redirect_uri: "https://evil.example/".parse().unwrap() };
/// ```
#[derive(Clone, Debug)]
pub struct BoundRequest {
    pub(super) parameters: Parameters,
    pub(super) client_id: ClientId,
    /// As it was asked for, a loopback port included (OA-RU-19).
    pub(super) redirect_uri: RedirectUri,
    /// What every answer carries back; nothing if it is faulty (OA-AZ-12).
    pub(super) state: Option<String>,
}

/// `state` of more bytes is refused.
pub(super) const LONGEST_STATE: usize = 4096;

/// Binds the request to one of the client's redirect URIs.
pub fn bind(parameters: Parameters, client: &Client) -> Result<BoundRequest, PageError> {
    if ["client_id", "redirect_uri"].iter().any(|name| parameters.is_repeated(name)) {
        return Err(PageError::Repeated);
    }
    if ["client_id", "redirect_uri"].iter().any(|name| parameters.is_malformed(name)) {
        return Err(PageError::Encoding);
    }
    let client_id = parameters.get("client_id").ok_or(PageError::ClientMissing)?;
    if client_id != client.id.as_str() || client.disabled_at.is_some() {
        return Err(PageError::ClientGone);
    }
    let asked = parameters.get("redirect_uri").ok_or(PageError::RedirectMissing)?;
    let redirect_uri: RedirectUri = asked.parse().map_err(PageError::RedirectMalformed)?;
    if !client.may_redirect_to(&redirect_uri) {
        return Err(PageError::RedirectUnregistered);
    }
    let state = sound_state(&parameters);
    Ok(BoundRequest { parameters, client_id: client.id.clone(), redirect_uri, state })
}

/// A `state` that came once, well encoded and not too long.
fn sound_state(parameters: &Parameters) -> Option<String> {
    if parameters.is_repeated("state") || parameters.is_malformed("state") {
        return None;
    }
    parameters.get("state").filter(|state| is_state(state)).map(str::to_owned)
}

/// Printable text of at most 4096 bytes. RFC 6749 has ASCII only, but clients send
/// what they like; control characters are another matter.
pub(super) fn is_state(state: &str) -> bool {
    state.len() <= LONGEST_STATE && !state.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::authorize::sample;

    fn bound(query: &str) -> Result<BoundRequest, PageError> {
        bind(sample::parameters(query), &sample::client())
    }

    fn encoded(text: &str) -> String {
        url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
    }

    const GOOD: &str = "client_id=app&redirect_uri=https%3A%2F%2Fapp.example%2Fcb";

    // EA-001, EA-004, EA-006, OA-AZ-03, OA-AZ-07
    #[test]
    fn client_and_redirect_uri_are_both_required() {
        assert_eq!(bound("").unwrap_err(), PageError::ClientMissing);
        assert_eq!(bound("client_id=&redirect_uri=https://app.example/cb").unwrap_err(), PageError::ClientMissing);
        assert_eq!(bound("client_id=app").unwrap_err(), PageError::RedirectMissing);
        assert_eq!(bound("client_id=app&redirect_uri=").unwrap_err(), PageError::RedirectMissing);
        assert_eq!(bound(GOOD).unwrap().redirect_uri.as_str(), "https://app.example/cb");
    }

    // EA-003, EA-008, OA-AZ-04
    #[test]
    fn neither_may_come_twice_even_if_equal() {
        assert_eq!(bound(&format!("{GOOD}&client_id=app")).unwrap_err(), PageError::Repeated);
        assert_eq!(bound(&format!("{GOOD}&redirect_uri=https://app.example/cb")).unwrap_err(), PageError::Repeated);
        assert_eq!(bound(&format!("{GOOD}&redirect%5furi=https://evil.example/")).unwrap_err(), PageError::Repeated);
    }

    // EA-007, EA-009…EA-011, EA-013…EA-015, OA-RU-01…11, MCP-AS-21, MCP-AS-23
    #[test]
    fn nobody_is_sent_to_an_address_that_is_not_the_clients() {
        for address in [
            "https://evil.example/cb",
            "https://app.example/cb/",
            "https://app.example/CB",
            "https://APP.example/cb",
            "https://app.example:443/cb",
            "https://app.example/cb?x=1",
            "https://app.example/cb#",
            "https://app.example/%63b",
            "https://app.example/cb/../evil",
            "https://app.example@evil.example/cb",
            "https://app.example\\@evil.example/cb",
            "https://app.example.evil.example/cb",
            "//app.example/cb",
            "javascript:alert(1)",
            "http://localhost:7777/cb",
            "http://127.0.0.1:7777/other",
            "http://127.0.0.1.evil.example:7777/cb",
            "http://[::1]:7777/cb",
            // letters that look alike, and characters that browsers turn into dots and slashes
            "https://\u{430}pp.example/cb",
            "https://app\u{3002}example/cb",
            "https://app.example\u{ff0f}cb",
            "https://app.example\u{200b}/cb",
            "https://\u{ff41}pp.example/cb",
            "https://app.example/cb\u{85}",
            "https://xn--pp-4da.example/cb",
            "cursor://evil/cb",
            "cursor:/app/cb",
            "cursor://app/cb/",
        ] {
            let answer = bound(&format!("client_id=app&redirect_uri={}", encoded(address)));
            let refused = matches!(answer, Err(PageError::RedirectMalformed(_) | PageError::RedirectUnregistered | PageError::Encoding));
            assert!(refused, "{address}");
        }
    }

    // EA-012, OA-RU-02, OA-RU-19, MCP-AS-22
    #[test]
    fn a_loopback_client_may_listen_at_any_port_and_is_answered_there() {
        let bound = bound("client_id=app&redirect_uri=http://127.0.0.1:54321/cb").unwrap();
        assert_eq!(bound.redirect_uri.as_str(), "http://127.0.0.1:54321/cb");
    }

    // EA-002, OA-AZ-06
    #[test]
    fn a_disabled_client_or_another_one_binds_nothing() {
        let mut client = sample::client();
        client.disabled_at = DateTime::from_timestamp(0, 0);
        assert_eq!(bind(sample::parameters(GOOD), &client).unwrap_err(), PageError::ClientGone);
        let other = sample::parameters("client_id=other&redirect_uri=https://app.example/cb");
        assert_eq!(bind(other, &sample::client()).unwrap_err(), PageError::ClientGone);
        assert_eq!(PageError::ClientGone.answer().code, ErrorCode::InvalidClient);
    }

    // EA-016, OA-AZ-05
    #[test]
    fn a_badly_encoded_address_is_no_address() {
        for bad in ["%zz", "%ff", "https://app.example/cb%00", "https://app.example/cb%0d%0aX:1"] {
            assert_eq!(bound(&format!("client_id=app&redirect_uri={bad}")).unwrap_err(), PageError::Encoding, "{bad}");
        }
        assert_eq!(bound("client_id=app%0a&redirect_uri=https://app.example/cb").unwrap_err(), PageError::Encoding);
    }

    // EA-027…EA-029, OA-AZ-12
    #[test]
    fn only_a_sound_state_travels_back() {
        let state = |tail: &str| bound(&format!("{GOOD}&{tail}")).unwrap().state;
        assert_eq!(state("state=a%2Bb%20c"), Some("a+b c".to_owned()));
        assert_eq!(state("state="), None);
        assert_eq!(state("state=a&state=a"), None);
        assert_eq!(state("state=a%0Ab"), None);
        assert_eq!(state("state=a%C2%85b"), None);
        assert_eq!(state("state=%ff"), None);
        assert_eq!(state(&format!("state={}", "x".repeat(4096))).map(|state| state.len()), Some(4096));
        assert_eq!(state(&format!("state={}", "x".repeat(4097))), None);
    }

    proptest! {
        // OA-RU-24: one changed character is another address, a loopback port excepted
        #[test]
        fn no_near_miss_is_bound(which in 0_usize..3, at in 0_usize..24, cut in 0_usize..3, put in "[ -~]{0,3}") {
            let registered = sample::client().redirect_uris[which].as_str().to_owned();
            let at = at.min(registered.len());
            let end = (at + cut).min(registered.len());
            let changed = format!("{}{put}{}", &registered[..at], &registered[end..]);
            if let Ok(bound) = bound(&format!("client_id=app&redirect_uri={}", encoded(&changed))) {
                prop_assert_eq!(bound.redirect_uri.as_str(), changed.as_str());
                let port = changed.strip_prefix("http://127.0.0.1").and_then(|rest| rest.strip_suffix("/cb"));
                let any_port = port.is_some_and(|port| port.strip_prefix(':').is_some_and(|digits| digits.parse::<u16>().is_ok()));
                prop_assert!(sample::client().redirect_uris.iter().any(|uri| uri.as_str() == changed) || any_port, "{}", changed);
            }
        }

        // OA-AZ-05, OA-AZ-06
        #[test]
        fn any_query_binds_to_a_registered_address_or_not_at_all(query in "([a-z_%0-9]{0,12}=[ -~]{0,30}&){0,6}") {
            if let Ok(parameters) = Parameters::parse_remembering_faults(query.as_bytes())
                && let Ok(bound) = bind(parameters, &sample::client())
            {
                prop_assert!(sample::client().may_redirect_to(&bound.redirect_uri));
            }
        }
    }
}
