//! Consent: what a person is asked, what an answer may say, and when it need not be
//! asked again (OAuth 2.1 §7.9, RFC 6749 §10.2).
//!
//! All that is shown comes from the stored request, the client's record and the
//! resource; nothing from the form that answers.

use chrono::{DateTime, TimeDelta, Utc};
use portcullis_verifier::vocabulary::{Scope, ScopeToken};
use serde::{Deserialize, Serialize};

use super::{
    authorize::AuthorizationRequest,
    client::{Client, ClientOrigin},
    resource::ProtectedResource,
    vocabulary::{ClientId, ExternalUrl, RedirectKind, RedirectUri},
};

/// What a consent page says (MCP-AS-41).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The app's name, fit to be shown: text, never markup.
    pub client_name: String,
    /// What is known about the app.
    pub standing: Standing,
    /// Where the browser goes afterwards.
    pub returns_to: ReturnsTo,
    /// What the person should be told before the answer.
    pub warnings: Vec<Warning>,
    /// What the app will be able to do, in the resource's order.
    pub scopes: Vec<AskedScope>,
    /// What the resource is called by its operator (OA-RI-08).
    pub resource_name: String,
    /// The resource's address, as registered.
    pub resource_address: String,
    /// Who is asked.
    pub account: String,
    /// Whether a *yes* spares the question next time.
    pub remembered: bool,
}

/// What is known about an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The operator registered it and vouches for its name.
    Verified,
    /// It is what the document at its identifier says; whoever owns that host vouches
    /// for it (MCP-AS-123).
    Published {
        /// The host of the document.
        host: String,
    },
    /// It registered itself this long ago; its name is only a claim (MCP-AS-43).
    Unverified {
        /// The time since then.
        registered: TimeDelta,
    },
}

/// Where an answer goes, as a person understands it (OA-RU-13).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReturnsTo {
    /// Whichever app opens this scheme's links on this computer.
    Scheme {
        /// The scheme, without the colon.
        scheme: String,
    },
    /// A program on this computer that listens at this address.
    ThisComputer {
        /// Host and port.
        address: String,
    },
    /// A web site.
    WebSite {
        /// Its host in ASCII, with the port if there is one.
        host: String,
    },
}

/// What a person should be told before the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The answer stays on this computer, where any program can pretend to be the app
    /// (MCP-AS-42). A web address registered beside it takes nothing away from that.
    AnyProgramHere,
    /// The host has letters outside ASCII and may look like another (OA-RU-13).
    ForeignLetters,
    /// The scheme has no dot, so that nobody owns it (OA-RU-16).
    NobodysScheme,
}

/// One line of a consent page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedScope {
    /// The token, which is the value of the box.
    pub token: ScopeToken,
    /// What it allows.
    pub sentence: String,
    /// Whether it comes on top of what the person granted this app before (MCP-AS-84);
    /// at first nothing does.
    pub is_new: bool,
    /// Whether it can not be left out: it is all that is asked for.
    pub required: bool,
}

/// What the store remembers of this person, client and resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remembered {
    /// What was granted so far, and stands.
    pub granted: Scope,
    /// The consent that may be reused: the redirect set it was given for
    /// ([`Client::redirect_set_hash`]) and its scope.
    pub consent: Option<(String, Scope)>,
}

/// Names of more characters are cut.
const LONGEST_NAME: usize = 80;

/// Puts the question together.
pub fn question(
    request: &AuthorizationRequest,
    client: &Client,
    resource: &ProtectedResource,
    remembered: &Remembered,
    (account, now): (&str, DateTime<Utc>),
) -> Question {
    let standing = match client.origin {
        ClientOrigin::Operator => Standing::Verified,
        ClientOrigin::Document => Standing::Published { host: published_at(&client.id) },
        ClientOrigin::Registered => Standing::Unverified { registered: (now - client.created_at).max(TimeDelta::zero()) },
    };
    Question {
        client_name: shown_name(client, &request.redirect_uri),
        standing,
        returns_to: ReturnsTo::of(&request.redirect_uri),
        warnings: warnings(&request.redirect_uri),
        scopes: scopes(request, resource, &remembered.granted),
        resource_name: resource.name.clone(),
        resource_address: resource.identifier.as_str().to_owned(),
        account: account.to_owned(),
        remembered: is_remembered(client, &request.redirect_uri),
    }
}

/// The host that vouches for a client which is known by a document.
pub fn published_at(id: &ClientId) -> String {
    id.as_str().parse::<ExternalUrl>().map_or_else(|_| id.to_string(), |url| url.authority().to_ascii_lowercase())
}

/// The app's name, cut. Without one it is called after the host it answers to *now*:
/// a stranger may have registered a famous host as well, only to be called after it.
pub fn shown_name(client: &Client, redirect_uri: &RedirectUri) -> String {
    shortened(Client { redirect_uris: vec![redirect_uri.clone()], ..client.clone() }.display_name())
}

/// A stranger's name for itself, cut.
pub fn shortened(name: String) -> String {
    match name.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => format!("{}…", name.get(..end).unwrap_or_default()),
        None => name,
    }
}

impl ReturnsTo {
    /// How to speak of this address.
    pub fn of(redirect_uri: &RedirectUri) -> Self {
        match redirect_uri.kind() {
            RedirectKind::Https => Self::WebSite { host: redirect_uri.display_host() },
            RedirectKind::Loopback => Self::ThisComputer { address: redirect_uri.display_host() },
            RedirectKind::PrivateUse => Self::Scheme { scheme: redirect_uri.scheme().to_owned() },
        }
    }
}

fn warnings(asked: &RedirectUri) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if asked.kind() != RedirectKind::Https {
        warnings.push(Warning::AnyProgramHere);
    }
    if asked.is_internationalized() {
        warnings.push(Warning::ForeignLetters);
    }
    if asked.kind() == RedirectKind::PrivateUse && !asked.scheme().contains('.') {
        warnings.push(Warning::NobodysScheme);
    }
    warnings
}

fn scopes(request: &AuthorizationRequest, resource: &ProtectedResource, granted: &Scope) -> Vec<AskedScope> {
    let asked = resource.scopes.iter().filter(|scope| request.scope.contains(scope.token.as_str()));
    asked
        .map(|scope| AskedScope {
            token: scope.token.clone(),
            sentence: scope.sentence.clone(),
            is_new: !granted.is_empty() && !granted.contains(scope.token.as_str()),
            required: request.scope.len() == 1,
        })
        .collect()
}

/// Whether consent for answers to this address is remembered at all. A client that
/// registered itself is only a claim (OA-DR-17), and an address on this computer is
/// anybody's (OA-MX-15): both are asked about every time.
fn is_remembered(client: &Client, redirect_uri: &RedirectUri) -> bool {
    client.origin != ClientOrigin::Registered && redirect_uri.kind() == RedirectKind::Https
}

impl Remembered {
    /// The consent that may be reused once this much of a request was allowed, if any
    /// may (MCP-AS-47): what was not in question stays as it was.
    pub(super) fn after(&self, request: &AuthorizationRequest, client: &Client, allowed: &Scope) -> Option<(String, Scope)> {
        if !is_remembered(client, &request.redirect_uri) {
            return None;
        }
        let redirect_set = client.redirect_set_hash();
        let before = self.consent.as_ref().filter(|(known, _)| *known == redirect_set);
        let untouched = before.map_or_else(Scope::none, |(_, scope)| scope.difference(&request.scope));
        Some((redirect_set, request.allowing(allowed).union(&untouched)))
    }

    /// Whether this request was consented to before, all of it, with the client
    /// answering where it answered then (MCP-AS-40, MCP-AS-47).
    pub fn covers(&self, request: &AuthorizationRequest, client: &Client) -> bool {
        is_remembered(client, &request.redirect_uri)
            && self.consent.as_ref().is_some_and(|(redirect_set, scope)| {
                *redirect_set == client.redirect_set_hash() && request.allowing(&request.scope).is_within(scope)
            })
    }
}

/// What the form of a consent page may say. Who, where and which resource are not
/// its business (OA-AZ-17).
#[derive(Clone, Copy, Debug)]
pub enum Answer<'a> {
    /// Yes, to the scopes whose boxes were ticked.
    Allow {
        /// The ticked boxes, as the form has them.
        chosen: &'a [String],
    },
    /// No.
    Deny,
}

/// Why an answer is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The form holds a scope that the request does not: it was tampered with.
    #[error("a scope was chosen that was not asked for")]
    NotAsked,
}

/// A person's answer to one request, kept with the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The user id of the person who decided: nobody else's request is answered by it.
    user_id: String,
    outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Allowed(Scope),
    Denied,
}

/// Reads the answer to `request`. Nothing ticked, where there was a choice, means no.
pub fn decide(request: &AuthorizationRequest, user_id: &str, answer: Answer<'_>) -> Result<Decision, AnswerError> {
    let outcome = match answer {
        Answer::Allow { chosen } => allowed(request, chosen)?,
        Answer::Deny => Outcome::Denied,
    };
    Ok(Decision { user_id: user_id.to_owned(), outcome })
}

fn allowed(request: &AuthorizationRequest, chosen: &[String]) -> Result<Outcome, AnswerError> {
    if chosen.iter().any(|token| !request.scope.contains(token)) {
        return Err(AnswerError::NotAsked);
    }
    // one scope has no box to untick, and so has none at all
    if request.scope.len() < 2 {
        return Ok(Outcome::Allowed(request.scope.clone()));
    }
    let scope: Scope = request.scope.iter().filter(|token| chosen.iter().any(|chosen| chosen == token.as_str())).cloned().collect();
    Ok(if scope.is_empty() { Outcome::Denied } else { Outcome::Allowed(scope) })
}

impl Decision {
    /// Whether this person made it.
    pub fn is_by(&self, user_id: &str) -> bool {
        self.user_id == user_id
    }

    /// What was allowed; `None` is a no.
    pub fn allowed(&self) -> Option<&Scope> {
        match &self.outcome {
            Outcome::Allowed(scope) => Some(scope),
            Outcome::Denied => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::authorize::sample;

    const BOTH: &str = "scope=notes:read+notes:write";

    fn scope(text: &str) -> Scope {
        Scope::parse(text).unwrap()
    }

    fn verified() -> Client {
        Client { origin: ClientOrigin::Operator, ..sample::client() }
    }

    fn asked(client: &Client, with: &str, granted: &str) -> Question {
        let remembered = Remembered { granted: scope(granted), consent: None };
        let now = sample::now() + TimeDelta::minutes(3);
        question(&sample::request_of(client, with), client, &sample::resource("notes"), &remembered, ("ada", now))
    }

    fn chosen(tokens: &[&str]) -> Vec<String> {
        tokens.iter().map(|&token| token.to_owned()).collect()
    }

    // MCP-AS-41, MCP-AS-43, MCP-AS-123, OA-RI-08
    #[test]
    fn the_page_says_who_asks_for_what_and_where_it_goes() {
        let question = asked(&sample::client(), "scope=notes:write+notes:read&resource=https://MCP.example/notes/", "notes:read");
        assert_eq!(question.client_name, "App");
        assert_eq!(question.standing, Standing::Unverified { registered: TimeDelta::minutes(3) });
        assert_eq!(question.returns_to, ReturnsTo::WebSite { host: "app.example".to_owned() });
        assert_eq!((question.resource_name.as_str(), question.resource_address.as_str()), ("NOTES", "https://mcp.example/notes"));
        assert_eq!(question.account, "ada");
        let lines: Vec<_> = question.scopes.iter().map(|line| (line.sentence.as_str(), line.is_new, line.required)).collect();
        assert_eq!(lines, [("read your notes", false, false), ("write your notes", true, false)]);
        assert!(question.warnings.is_empty() && !question.remembered);
        assert_eq!(asked(&verified(), "", "").standing, Standing::Verified);
    }

    // MCP-AS-43: a name that plays with invisible characters is shown without them
    #[test]
    fn a_name_cannot_turn_the_page_around() {
        let client = Client { name: Some("\u{202E}edualC\u{200B}\n".to_owned()), ..sample::client() };
        assert_eq!(asked(&client, "", "").client_name, "edualC");
        let nameless = Client { name: None, ..sample::client() };
        assert_eq!(asked(&nameless, "", "").client_name, "app.example");
        let long = Client { name: Some("ä".repeat(200)), ..sample::client() };
        assert_eq!(asked(&long, "", "").client_name, format!("{}…", "ä".repeat(80)));
    }

    // OA-MX-10: a famous host in the registration does not lend its name
    #[test]
    fn a_nameless_app_is_called_after_the_host_it_answers_to() {
        let uris = ["https://famous.example/cb", "https://app.example/cb"].map(|uri| uri.parse().unwrap());
        for name in [None, Some("\u{200B} \u{202E}".to_owned())] {
            let client = Client { name, redirect_uris: uris.to_vec(), ..sample::client() };
            assert_eq!(asked(&client, "", "").client_name, "app.example");
        }
    }

    // MCP-AS-42, OA-RU-13, OA-RU-16
    #[test]
    fn addresses_that_others_could_take_are_warned_about() {
        let only = |uri: &str| Client { redirect_uris: vec![uri.parse().unwrap()], ..sample::client() };
        let of = |uri: &str| asked(&only(uri), &format!("redirect_uri={uri}"), "");
        let loopback = of("http://127.0.0.1:4/cb");
        assert_eq!(loopback.returns_to, ReturnsTo::ThisComputer { address: "127.0.0.1:4".to_owned() });
        assert_eq!(loopback.warnings, [Warning::AnyProgramHere]);
        let scheme = of("cursor://app/cb");
        assert_eq!(scheme.returns_to, ReturnsTo::Scheme { scheme: "cursor".to_owned() });
        assert_eq!(scheme.warnings, [Warning::AnyProgramHere, Warning::NobodysScheme]);
        assert_eq!(of("com.example.app:/cb").warnings, [Warning::AnyProgramHere]);
        assert_eq!(of("https://xn--pple-43d.com/cb").warnings, [Warning::ForeignLetters]);
        let mixed = asked(&sample::client(), "redirect_uri=http://127.0.0.1:4/cb", "");
        assert_eq!(mixed.warnings, [Warning::AnyProgramHere], "its web address helps nobody here");
    }

    // MCP-AS-46, MCP-AS-85
    #[test]
    fn a_person_may_leave_scopes_out_but_not_all_and_not_the_only_one() {
        let request = sample::request(BOTH);
        let allow = |tokens: &[&str]| decide(&request, "u", Answer::Allow { chosen: &chosen(tokens) }).unwrap();
        assert_eq!(allow(&["notes:read"]).allowed(), Some(&scope("notes:read")));
        assert_eq!(allow(&["notes:write", "notes:read", "notes:read"]).allowed(), Some(&request.scope));
        assert_eq!(allow(&[]).allowed(), None);
        let single = sample::request("scope=notes:read");
        assert_eq!(decide(&single, "u", Answer::Allow { chosen: &[] }).unwrap().allowed(), Some(&scope("notes:read")));
        assert!(asked(&sample::client(), "scope=notes:read", "").scopes[0].required);
        assert_eq!(decide(&request, "u", Answer::Deny).unwrap().allowed(), None);
    }

    #[test]
    fn a_resource_without_scopes_is_allowed_or_denied_as_a_whole() {
        let request = sample::request("resource=https://mcp.example/plain");
        assert!(request.scope.is_empty());
        assert_eq!(decide(&request, "u", Answer::Allow { chosen: &[] }).unwrap().allowed(), Some(&Scope::none()));
        assert_eq!(decide(&request, "u", Answer::Allow { chosen: &chosen(&["notes:read"]) }), Err(AnswerError::NotAsked));
        let client = verified();
        let known = Remembered { granted: Scope::none(), consent: Some((client.redirect_set_hash(), Scope::none())) };
        assert!(known.covers(&request, &client) && !Remembered::default().covers(&request, &client));
    }

    // OA-AZ-17, EA-060
    #[test]
    fn a_scope_that_was_not_asked_for_spoils_the_answer() {
        for smuggled in ["notes:write", "mail:send", "", "notes:read notes:write", "NOTES:READ"] {
            let answer = decide(&sample::request("scope=notes:read"), "u", Answer::Allow { chosen: &chosen(&["notes:read", smuggled]) });
            assert_eq!(answer, Err(AnswerError::NotAsked), "{smuggled:?}");
        }
    }

    // MCP-AS-40, MCP-AS-47, OA-RU-23, OA-DR-17, OA-MX-10, OA-MX-15
    #[test]
    fn consent_is_reused_only_for_the_same_redirect_set_and_no_more_scope() {
        let client = verified();
        let both = Remembered { granted: Scope::none(), consent: Some((client.redirect_set_hash(), scope("notes:read notes:write"))) };
        let one = Remembered { consent: Some((client.redirect_set_hash(), scope("notes:read"))), ..both.clone() };
        let request = sample::request_of(&client, BOTH);
        assert!(both.covers(&request, &client));
        assert!(!one.covers(&request, &client), "more is asked for");
        assert!(one.covers(&sample::request_of(&client, "scope=notes:read"), &client));
        assert!(!Remembered { granted: scope("notes:read notes:write"), consent: None }.covers(&request, &client), "a grant is no consent");
        let mut moved = client.clone();
        moved.redirect_uris.push("https://new.example/cb".parse().unwrap());
        assert!(!both.covers(&request, &moved), "the client may answer elsewhere now");
        assert!(!both.covers(&request, &sample::client()), "a client that registered itself is only a claim");
        for local in ["redirect_uri=http://127.0.0.1:5/cb", "redirect_uri=cursor://app/cb"] {
            assert!(!both.covers(&sample::request_of(&client, local), &client), "{local}");
            let request = sample::request_of(&client, local);
            assert_eq!(both.after(&request, &client, &request.scope), None);
        }
        assert_eq!(both.after(&sample::request(BOTH), &sample::client(), &scope("notes:read")), None);
    }

    // MCP-AS-40, MCP-AS-46, MCP-AS-84: only what stood on the page is decided anew
    #[test]
    fn consent_grows_by_what_is_allowed_and_loses_what_is_left_out() {
        let client = verified();
        let before = |text| Remembered { granted: Scope::none(), consent: Some((client.redirect_set_hash(), scope(text))) };
        let after = |remembered: &Remembered, asked, allowed| {
            let (redirect_set, kept) = remembered.after(&sample::request_of(&client, asked), &client, &scope(allowed)).unwrap();
            assert_eq!(redirect_set, client.redirect_set_hash());
            kept.to_string()
        };
        assert_eq!(after(&Remembered::default(), BOTH, "notes:read"), "notes:read");
        assert_eq!(after(&before("notes:read"), BOTH, "notes:read notes:write"), "notes:read notes:write");
        assert_eq!(after(&before("notes:read"), "scope=notes:write", "notes:write"), "notes:read notes:write");
        assert_eq!(after(&before("notes:read notes:write"), "scope=notes:read", "notes:read"), "notes:read notes:write");
        assert_eq!(after(&before("notes:read notes:write"), BOTH, "notes:write"), "notes:write");
        let elsewhere = Remembered { consent: Some(("another set".to_owned(), scope("notes:read"))), ..Remembered::default() };
        assert_eq!(after(&elsewhere, "scope=notes:write", "notes:write"), "notes:write", "given for other addresses");
    }

    // MCP-AS-40, MCP-AS-93: to stay connected is more than to read once
    #[test]
    fn a_client_that_now_wants_to_stay_connected_is_asked_about_again() {
        let client = verified();
        let [once, staying] = ["scope=notes:read", "scope=notes:read offline_access"].map(|with| sample::request_of(&client, with));
        let remembering = |request: &AuthorizationRequest| {
            let consent = Remembered::default().after(request, &client, &scope("notes:read"));
            Remembered { granted: Scope::none(), consent }
        };
        assert!(remembering(&once).covers(&once, &client) && !remembering(&once).covers(&staying, &client));
        assert!(remembering(&staying).covers(&staying, &client) && remembering(&staying).covers(&once, &client));
    }

    // MCP-AS-84
    #[test]
    fn what_is_new_is_what_comes_on_top() {
        let new = |with, granted| asked(&sample::client(), with, granted).scopes.iter().map(|line| line.is_new).collect::<Vec<_>>();
        assert_eq!(new(BOTH, ""), [false, false], "at first nothing is");
        assert_eq!(new(BOTH, "notes:read"), [false, true]);
        assert_eq!(new("scope=notes:write", "notes:read"), [true], "also where it is asked for alone");
        assert_eq!(new(BOTH, "notes:read notes:write"), [false, false]);
    }

    #[test]
    fn a_decision_is_stored_and_read_back_and_belongs_to_one_person() {
        for answer in [Answer::Deny, Answer::Allow { chosen: &chosen(&["notes:read"]) }] {
            let decision = decide(&sample::request(BOTH), "ada", answer).unwrap();
            assert_eq!(serde_json::from_value::<Decision>(serde_json::to_value(&decision).unwrap()).unwrap(), decision);
            assert!(decision.is_by("ada") && !decision.is_by("eve"));
        }
    }

    proptest! {
        // OA-MX-16: an answer narrows, it never widens
        #[test]
        fn nobody_allows_more_than_was_asked(boxes in prop::collection::vec("(notes:read|notes:write|mail:send|[ -~]{0,6})", 0..5)) {
            for with in ["scope=notes:read", "scope=notes:write", BOTH] {
                let request = sample::request(with);
                if let Ok(decision) = decide(&request, "u", Answer::Allow { chosen: &boxes })
                    && let Some(scope) = decision.allowed()
                {
                    prop_assert!(!scope.is_empty() && scope.is_within(&request.scope));
                }
            }
        }
    }
}
