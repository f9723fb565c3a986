//! The notation of the requirements, section 0, and all that an answer in it promises.

use std::collections::BTreeSet;

use super::send::Outcome;
use crate::harness::{Answer, forms};

/// What a row expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// `P400`: a page.
    Page(u16),
    /// `R:code`: back to the client; `, no state` where the state is the mistake.
    Redirect { code: String, state: bool },
    /// `J400:code`.
    Json { status: u16, code: String },
    /// `C401`, and `C401 + Basic` where the caller used the header.
    Client { basic: bool },
    /// `W401`, `W403:code`: a resource's answer.
    Resource { status: u16, code: Option<String> },
    /// `401 Bearer`, `401 Bearer invalid_token`: our own endpoint wants a bearer token.
    Bearer { code: Option<String> },
    /// `code`: the person allows, the client gets a code.
    Code { state: bool },
    /// `consent`, `sign-in`: the page is shown.
    Shown(String),
    /// `303 /account`.
    Goes(String),
    /// `200 empty`.
    Empty,
    /// `200 inactive`.
    Inactive,
    /// `204 preflight`.
    Preflight,
    /// A bare status.
    Status(u16),
}

impl Expected {
    pub(super) fn parse(text: &str) -> Self {
        let (text, state) = text.strip_suffix(", no state").map_or((text, true), |text| (text, false));
        let (head, code) = text.split_once(':').map_or((text, None), |(head, code)| (head, Some(code.to_owned())));
        let status = |text: &str| text.parse::<u16>().unwrap_or_else(|_| panic!("{text} is no answer"));
        match (head, &code) {
            ("R", Some(code)) => Self::Redirect { code: code.clone(), state },
            ("code", None) => Self::Code { state },
            ("consent" | "sign-in", None) => Self::Shown(text.to_owned()),
            ("C401", None) => Self::Client { basic: false },
            ("C401 + Basic", None) => Self::Client { basic: true },
            ("401 Bearer", None) => Self::Bearer { code: None },
            ("401 Bearer invalid_token", None) => Self::Bearer { code: Some("invalid_token".to_owned()) },
            ("200 empty", None) => Self::Empty,
            ("200 inactive", None) => Self::Inactive,
            ("204 preflight", None) => Self::Preflight,
            _ if head.starts_with("303 ") => Self::Goes(head[4..].to_owned()),
            _ if head.starts_with('P') => Self::Page(status(&head[1..])),
            _ if head.starts_with('J') => Self::Json { status: status(&head[1..]), code: code.expect("J names a code") },
            _ if head.starts_with('W') => Self::Resource { status: status(&head[1..]), code },
            _ => Self::Status(status(head)),
        }
    }

    /// The status, where the notation has one.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Page(status) | Self::Status(status) | Self::Json { status, .. } | Self::Resource { status, .. } => Some(*status),
            Self::Client { .. } | Self::Bearer { .. } => Some(401),
            Self::Code { .. } | Self::Redirect { .. } | Self::Shown(_) | Self::Goes(_) | Self::Empty | Self::Inactive | Self::Preflight => {
                None
            }
        }
    }

    /// Whether the caller did something wrong, so that the log has to have an error event.
    pub(super) fn is_error(&self) -> bool {
        match self {
            Self::Page(status) | Self::Status(status) => *status >= 400,
            Self::Redirect { .. } | Self::Json { .. } | Self::Client { .. } | Self::Resource { .. } | Self::Bearer { .. } => true,
            Self::Code { .. } | Self::Shown(_) | Self::Goes(_) | Self::Empty | Self::Inactive | Self::Preflight => false,
        }
    }

    /// All that the notation promises.
    #[track_caller]
    pub(super) fn check(&self, outcome: &Outcome, issuer: &str) {
        let state = outcome.state.as_deref();
        let answer = &outcome.answer;
        let seen = || format!("{} {:?} {}", answer.status, answer.headers, answer.body.chars().take(1500).collect::<String>());
        match self {
            Self::Page(status) => page(answer, *status),
            Self::Redirect { code, state: has_state } => {
                assert_eq!(redirect(outcome, issuer, if *has_state { state } else { None }).get("error"), Some(code), "{}", seen());
            }
            Self::Code { state: has_state } => {
                let parameters = redirect(outcome, issuer, if *has_state { state } else { None });
                assert!(parameters.contains_key("code") && !parameters.contains_key("error"), "{parameters:?}");
            }
            Self::Json { status, code } => json(outcome, *status, code),
            Self::Client { basic } => {
                json(outcome, 401, "invalid_client");
                let challenge = answer.header("www-authenticate");
                assert_eq!(challenge, basic.then(|| format!("Basic realm=\"{issuer}\"")), "{}", seen());
            }
            Self::Bearer { code } => {
                json(outcome, 401, "invalid_token");
                let challenge = challenge(answer);
                assert_eq!(challenge.iter().find(|(name, _)| name == "error").map(|(_, value)| value), code.as_ref(), "{}", seen());
            }
            Self::Resource { status, code } => resource(answer, *status, code.as_deref()),
            Self::Shown(page) => {
                assert_eq!(answer.status, 200, "{}", seen());
                let form = if page == "consent" { "/decision" } else { "/sign-in" };
                let is_there = forms(&answer.body).iter().any(|shown| shown.action.ends_with(form));
                assert!(outcome.left.is_none() && is_there, "no {page} page: {}", seen());
                safe_page(answer);
            }
            Self::Goes(path) => {
                assert_eq!((answer.status, outcome.at.as_str()), (200, path.as_str()), "{}", seen());
                assert!(outcome.left.is_none());
            }
            Self::Empty => assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{}", seen()),
            Self::Inactive => {
                assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"active":false}"#), "{}", seen());
                assert_eq!(answer.header("cache-control").as_deref(), Some("no-store"), "{}", seen());
            }
            Self::Preflight => preflight(answer),
            Self::Status(status) => assert_eq!(answer.status, *status, "{}", seen()),
        }
    }
}

/// `P`: no `Location`, a policy, never stored.
#[track_caller]
pub(super) fn page(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{:?} {}", answer.headers, answer.body);
    assert_eq!(answer.location(), None, "a page does not lead away");
    safe_page(answer);
    comes_again(answer);
}

#[track_caller]
fn safe_page(answer: &Answer) {
    let policy = answer.header("content-security-policy").unwrap_or_else(|| panic!("no policy: {:?}", answer.headers));
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("unsafe-inline") && policy.contains("base-uri 'none'"), "{policy}");
    assert_eq!(answer.header("x-frame-options").as_deref(), Some("DENY"), "{:?}", answer.headers);
    assert_eq!(answer.header("x-content-type-options").as_deref(), Some("nosniff"), "{:?}", answer.headers);
    assert_eq!(answer.header("cache-control").as_deref(), Some("no-store"), "{:?}", answer.headers);
    assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html")), "{:?}", answer.headers);
    assert!(
        answer.header("referrer-policy").is_some_and(|policy| policy == "no-referrer" || policy == "same-origin"),
        "{:?}",
        answer.headers
    );
    assert_eq!(answer.header("access-control-allow-origin"), None, "pages are for no script of others");
}

/// `R`: to the validated address, with `iss` and `state`, without `code`, without a fragment.
#[track_caller]
fn redirect(outcome: &Outcome, issuer: &str, state: Option<&str>) -> std::collections::BTreeMap<String, String> {
    let answer = &outcome.answer;
    let left = outcome.left.as_ref().unwrap_or_else(|| panic!("the browser is still here: {} {}", answer.status, answer.body));
    assert!(answer.status == 302 || answer.status == 303, "{}", answer.status);
    assert_eq!(left.fragment(), None, "{left}");
    let location = answer.location().unwrap();
    let wanted = outcome.redirect_uri.as_deref().expect("a redirect URI was sent");
    assert!(location.starts_with(wanted), "{location} is not {wanted}");
    assert!(matches!(location[wanted.len()..].chars().next(), Some('?' | '&')), "{location}");
    let mut parameters = std::collections::BTreeMap::new();
    for (name, value) in left.query_pairs() {
        let before = parameters.insert(name.clone().into_owned(), value.into_owned());
        assert!(before.is_none(), "{name} twice in {location}");
    }
    assert_eq!(parameters.get("iss").map(String::as_str), Some(issuer), "{location}");
    assert_eq!(parameters.get("state").map(String::as_str), state, "{location}");
    let (code, error) = (parameters.contains_key("code"), parameters.contains_key("error"));
    assert!(code != error, "{location}");
    if let Some(description) = parameters.get("error_description") {
        description_is_plain(description);
    }
    assert_eq!(answer.header("cache-control").as_deref(), Some("no-store"), "{:?}", answer.headers);
    assert!(
        answer.header("referrer-policy").is_some_and(|policy| policy == "no-referrer" || policy == "same-origin"),
        "{:?}",
        answer.headers
    );
    assert_eq!(answer.header("access-control-allow-origin"), None);
    parameters
}

/// `J`: JSON, never stored, for scripts of others where MCP-AS-190 has it, a description in the alphabet.
#[track_caller]
fn json(outcome: &Outcome, status: u16, code: &str) {
    let answer = &outcome.answer;
    answer.expect_error(status, code);
    description_is_plain(answer.json()["error_description"].as_str().expect("a description"));
    let members: BTreeSet<String> = answer.json().as_object().unwrap().keys().cloned().collect();
    assert!(members.is_subset(&["error", "error_description", "error_uri"].map(str::to_owned).into()), "{members:?}");
    let is_public = ["/token", "/revoke", "/register", "/jwks", "/.well-known"].iter().any(|public| outcome.path.contains(public));
    assert_eq!(answer.header("access-control-allow-origin").as_deref(), is_public.then_some("*"), "{:?}", answer.headers);
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    assert_eq!(answer.header("set-cookie"), None, "OA-TK-15");
    comes_again(answer);
}

/// Who is sent away for a while hears for how long.
#[track_caller]
fn comes_again(answer: &Answer) {
    let after = answer.header("retry-after");
    if answer.status == 429 || answer.status == 503 {
        let seconds: u64 =
            after.as_deref().and_then(|after| after.parse().ok()).unwrap_or_else(|| panic!("no Retry-After: {:?}", answer.headers));
        assert!(seconds >= 1);
    } else {
        assert_eq!(after, None);
    }
}

/// OA-AZ-14.
#[track_caller]
pub(super) fn description_is_plain(description: &str) {
    assert!((1..=200).contains(&description.len()), "{description}");
    assert!(description.bytes().all(|byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E)), "{description:?}");
}

/// `W`: a challenge that re-parses and says where to learn more.
#[track_caller]
pub(super) fn resource(answer: &Answer, status: u16, code: Option<&str>) {
    assert_eq!(answer.status, status, "{:?} {}", answer.headers, answer.body);
    let challenge = challenge(answer);
    let value = |wanted: &str| challenge.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    assert_eq!(value("error"), code, "{challenge:?}");
    assert!(value("resource_metadata").is_some_and(|url| url.contains("/.well-known/oauth-protected-resource")), "{challenge:?}");
    assert_eq!(value("error_description").is_some(), code.is_some(), "{challenge:?}");
    if let Some(description) = value("error_description") {
        description_is_plain(description);
    }
    assert_eq!(value("scope").is_some(), status == 403 || code.is_none_or(|code| code == "invalid_token"), "{challenge:?}");
    assert_eq!(answer.header("cache-control").as_deref(), Some("no-store"), "OA-RS-10");
}

/// RFC 9110 §11.6.1, strictly: one scheme, then comma-separated `name="value"`, each name once.
#[track_caller]
pub(super) fn challenge(answer: &Answer) -> Vec<(String, String)> {
    let lines: Vec<_> = answer.headers.get_all("www-authenticate").iter().collect();
    assert_eq!(lines.len(), 1, "{:?}", answer.headers);
    let text = lines[0].to_str().unwrap();
    let mut rest = text.strip_prefix("Bearer").unwrap_or_else(|| panic!("not Bearer: {text}"));
    let mut found: Vec<(String, String)> = Vec::new();
    while !rest.is_empty() {
        rest = rest.strip_prefix(if found.is_empty() { " " } else { ", " }).unwrap_or_else(|| panic!("{text}"));
        let (name, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("{text}"));
        let (value, after) = after.split_once('"').unwrap_or_else(|| panic!("{text}"));
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{text}");
        assert!(value.bytes().all(|byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E)), "{text}");
        assert!(!found.iter().any(|(known, _)| known == name), "{name} twice: {text}");
        found.push((name.to_owned(), value.to_owned()));
        rest = after;
    }
    found
}

/// MCP-AS-191.
#[track_caller]
pub(super) fn preflight(answer: &Answer) {
    assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{:?}", answer.headers);
    let list = |name: &str| answer.header(name).unwrap_or_else(|| panic!("no {name}: {:?}", answer.headers)).to_lowercase();
    assert_eq!(list("access-control-allow-origin"), "*");
    for method in ["get", "post", "options"] {
        assert!(list("access-control-allow-methods").contains(method));
    }
    for header in ["authorization", "content-type", "accept", "mcp-protocol-version", "dpop"] {
        assert!(list("access-control-allow-headers").contains(header), "{header}");
    }
    for header in ["www-authenticate", "dpop-nonce", "retry-after"] {
        assert!(list("access-control-expose-headers").contains(header), "{header}");
    }
}
