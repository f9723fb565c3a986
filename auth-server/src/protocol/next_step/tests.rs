use std::collections::BTreeSet;

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;
use crate::protocol::{
    authorize::sample,
    consent::{Answer, decide},
};

/// Everything owned that a [`Situation`] borrows.
#[derive(Clone, Debug)]
struct Facts {
    refused: Option<RefusedRequest>,
    request: AuthorizationRequest,
    client: Client,
    resource: Option<ProtectedResource>,
    /// How long ago ada signed in.
    signed_in: Option<TimeDelta>,
    here: bool,
    decision: Option<Decision>,
    remembered: Remembered,
    knows_client: bool,
    policy: ErrorRedirects,
}

const BOTH: &str = "scope=notes:read+notes:write";

/// A stranger's request, nobody signed in.
fn facts(with: &str) -> Facts {
    facts_of(sample::client(), with)
}

fn facts_of(client: Client, with: &str) -> Facts {
    Facts {
        refused: None,
        request: sample::request_of(&client, with),
        client,
        resource: Some(sample::resource("notes")),
        signed_in: None,
        here: false,
        decision: None,
        remembered: Remembered::default(),
        knows_client: false,
        policy: ErrorRedirects::AfterLogin,
    }
}

fn operator() -> Client {
    Client { origin: ClientOrigin::Operator, ..sample::client() }
}

/// Known by a document of its own.
fn described() -> Client {
    Client { origin: ClientOrigin::Document, ..sample::client() }
}

fn trusted() -> Client {
    Client { trusted: true, ..operator() }
}

// OA-AZ-19, OA-AZ-23
#[test]
fn a_fault_of_ours_is_told_to_a_client_that_still_owns_the_address() {
    let fault = |client: &Client| sample::request_of(client, "").refused(RedirectError::ServerError);
    let stranger = sample::client();
    assert!(may_tell_of_fault(&fault(&stranger), &stranger, ErrorRedirects::AfterLogin));
    assert!(!may_tell_of_fault(&fault(&stranger), &stranger, ErrorRedirects::KnownClients));
    assert!(may_tell_of_fault(&fault(&trusted()), &trusted(), ErrorRedirects::KnownClients));
    let gone = Client { disabled_at: Some(sample::now()), ..stranger.clone() };
    assert!(!may_tell_of_fault(&fault(&stranger), &gone, ErrorRedirects::Always));
    let moved = Client { redirect_uris: vec!["https://elsewhere.example/cb".parse().unwrap()], ..stranger.clone() };
    assert!(!may_tell_of_fault(&fault(&stranger), &moved, ErrorRedirects::Always));
}

impl Facts {
    fn signed_in(mut self, minutes_ago: i64) -> Self {
        self.signed_in = Some(TimeDelta::minutes(minutes_ago));
        self
    }

    fn here(mut self) -> Self {
        self.here = true;
        self.signed_in(0)
    }

    fn answered(mut self, by: &str, answer: Answer<'_>) -> Self {
        self.decision = Some(decide(&self.request, by, answer).unwrap());
        self
    }

    fn allowed(self) -> Self {
        self.answered("ada", Answer::Allow { chosen: &["notes:read".to_owned()] })
    }

    fn remembering(mut self, scope: &str) -> Self {
        self.remembered.consent = Some((self.client.redirect_set_hash(), Scope::parse(scope).unwrap()));
        self
    }

    fn refused(mut self, reason: RedirectError) -> Self {
        self.refused = Some(self.request.refused(reason));
        self
    }

    fn policy(mut self, policy: ErrorRedirects) -> Self {
        self.policy = policy;
        self
    }

    fn step(&self) -> NextStep {
        let now = sample::now();
        let session = self.signed_in.map(|ago| SessionView { user_id: "ada", user_name: "Ada", auth_time: now - ago });
        let situation = Situation {
            request: self.refused.as_ref().map_or(Requested::Valid(&self.request), Requested::Refused),
            client: &self.client,
            resource: self.resource.as_ref(),
            session,
            signed_in_here: self.here,
            decision: self.decision.as_ref(),
            remembered: &self.remembered,
            knows_client: self.knows_client,
            error_redirects: self.policy,
        };
        next_step(&situation, now)
    }

    fn refusal(&self) -> Option<RedirectError> {
        if let NextStep::Refuse(refused) = self.step() { Some(refused.reason) } else { None }
    }

    fn consented(&self) -> Consented {
        let step = self.step();
        let NextStep::IssueCode(consented) = step else { panic!("{step:?}") };
        *consented
    }
}

#[test]
fn a_stranger_signs_in_is_asked_and_gets_a_code_for_what_was_allowed() {
    assert_eq!(facts(BOTH).step(), NextStep::SignIn);
    assert_eq!(facts(BOTH).signed_in(5).step(), NextStep::AskConsent);
    let consented = facts(BOTH).signed_in(5).allowed().consented();
    assert_eq!(consented.scope().to_string(), "notes:read");
    assert_eq!(consented.user_id(), "ada");
    assert_eq!(consented.auth_time(), sample::now() - TimeDelta::minutes(5));
    assert_eq!(consented.remember(), None);
    assert_eq!(consented.request(), &facts(BOTH).request);
}

// EA-046, OA-AZ-15
#[test]
fn a_no_is_told_to_the_client() {
    assert_eq!(facts(BOTH).signed_in(0).answered("ada", Answer::Deny).refusal(), Some(RedirectError::Denied));
    assert_eq!(facts(BOTH).signed_in(0).answered("ada", Answer::Allow { chosen: &[] }).refusal(), Some(RedirectError::Denied));
}

// OA-AZ-16, OA-AZ-26: an answer counts for the person who gave it
#[test]
fn nobody_consents_for_somebody_else() {
    let eves = facts(BOTH).signed_in(0).answered("eve", Answer::Allow { chosen: &["notes:read".to_owned()] });
    assert_eq!(eves.step(), NextStep::AskConsent);
    assert_eq!(facts(BOTH).allowed().step(), NextStep::SignIn);
}

// EA-041…EA-043, OA-AZ-20, MCP-AS-30
#[test]
fn with_prompt_none_no_page_is_shown() {
    assert_eq!(facts("prompt=none").refusal(), Some(RedirectError::LoginRequired));
    assert_eq!(facts("prompt=none").signed_in(0).refusal(), Some(RedirectError::ConsentRequired));
    assert_eq!(facts("prompt=none&max_age=60").signed_in(2).refusal(), Some(RedirectError::LoginRequired));
    assert!(matches!(facts_of(trusted(), "prompt=none").signed_in(0).step(), NextStep::IssueCode(_)));
    assert!(matches!(facts_of(operator(), "prompt=none").remembering("notes:read").signed_in(0).step(), NextStep::IssueCode(_)));
}

// OA-AZ-20
#[test]
fn prompt_login_asks_for_a_sign_in_that_belongs_to_this_request() {
    assert_eq!(facts("prompt=login").signed_in(0).step(), NextStep::SignIn);
    assert_eq!(facts("prompt=login").here().step(), NextStep::AskConsent);
    assert_eq!(facts_of(trusted(), "prompt=login").signed_in(0).step(), NextStep::SignIn);
}

// OA-AZ-21
#[test]
fn max_age_asks_for_a_younger_sign_in_but_not_for_ever() {
    assert_eq!(facts("max_age=60").signed_in(1).step(), NextStep::AskConsent);
    assert_eq!(facts("max_age=59").signed_in(1).step(), NextStep::SignIn);
    assert_eq!(facts("max_age=0").signed_in(1).step(), NextStep::SignIn);
    let mut slow = facts("max_age=0").here();
    slow.signed_in = Some(TimeDelta::minutes(2));
    assert_eq!(slow.step(), NextStep::AskConsent, "the person took two minutes to read the page");
}

// MCP-AS-30
#[test]
fn prompt_consent_and_select_account_show_the_page_again() {
    for with in ["prompt=consent", "prompt=select_account"] {
        assert_eq!(facts_of(trusted(), with).signed_in(0).step(), NextStep::AskConsent, "{with}");
        assert_eq!(facts_of(operator(), with).remembering("notes:read").signed_in(0).step(), NextStep::AskConsent, "{with}");
        assert!(matches!(facts_of(trusted(), with).signed_in(0).allowed().step(), NextStep::IssueCode(_)), "{with}");
    }
}

// MCP-AS-33, MCP-AS-48, OA-MX-15
#[test]
fn only_a_trusted_client_at_its_own_web_address_is_not_asked_about() {
    assert!(matches!(facts_of(trusted(), "").signed_in(0).step(), NextStep::IssueCode(_)));
    for local in ["redirect_uri=http://127.0.0.1:9/cb", "redirect_uri=cursor://app/cb"] {
        assert_eq!(facts_of(trusted(), local).signed_in(0).step(), NextStep::AskConsent, "{local}");
    }
    assert_eq!(facts_of(operator(), "").signed_in(0).step(), NextStep::AskConsent);
    let impostor = Client { trusted: true, ..sample::client() };
    assert_eq!(facts_of(impostor, "").signed_in(0).step(), NextStep::AskConsent);
}

// MCP-AS-40, MCP-AS-47, MCP-AS-84
#[test]
fn remembered_consent_spares_the_question_until_anything_grows() {
    let asked = |with: &str, scope: &str| facts_of(operator(), with).signed_in(0).remembering(scope);
    assert_eq!(asked("scope=notes:read", "notes:read").consented().remember(), None, "it is remembered already");
    assert_eq!(asked(BOTH, "notes:read").step(), NextStep::AskConsent);
    let mut moved = asked("scope=notes:read", "notes:read");
    moved.client.redirect_uris.push("https://new.example/cb".parse().unwrap());
    assert_eq!(moved.step(), NextStep::AskConsent);
    let fresh = facts_of(operator(), BOTH).signed_in(0).allowed().consented();
    let read = Scope::parse("notes:read").unwrap();
    assert_eq!(fresh.remember(), Some(&(operator().redirect_set_hash(), read)));
    let grown = asked("scope=notes:read", "notes:write").allowed().consented();
    assert_eq!(grown.remember().unwrap().1.to_string(), "notes:read notes:write");
    assert_eq!(
        facts("scope=notes:read").signed_in(0).remembering("notes:read").step(),
        NextStep::AskConsent,
        "a stranger is always asked about"
    );
}

// EA-038, OA-RI-05, OA-RI-06
#[test]
fn a_resource_admits_its_people_and_may_be_gone() {
    let mut closed = facts(BOTH).allowed();
    closed.resource.as_mut().unwrap().people = Some(BTreeSet::from(["Bob".to_owned()]));
    assert_eq!(closed.step(), NextStep::SignIn, "nothing is told before the sign-in");
    assert_eq!(closed.clone().signed_in(0).refusal(), Some(RedirectError::NotAdmitted));
    closed.resource.as_mut().unwrap().people = Some(BTreeSet::from(["Ada".to_owned()]));
    assert!(matches!(closed.signed_in(0).step(), NextStep::IssueCode(_)));
    let gone = Facts { resource: None, ..facts(BOTH).allowed().signed_in(0) };
    assert_eq!(gone.refusal(), Some(RedirectError::Target(TargetError::Unknown)));
    let other = Facts { resource: Some(sample::resource("mail")), ..facts(BOTH).allowed().signed_in(0) };
    assert_eq!(other.refusal(), Some(RedirectError::Target(TargetError::Unknown)));
}

// EA-061, OA-AZ-18, OA-RU-23
#[test]
fn a_client_that_was_disabled_or_lost_the_address_is_not_answered() {
    let disabled = |mut facts: Facts| {
        facts.client.disabled_at = Some(sample::now());
        facts
    };
    let moved = |mut facts: Facts| {
        facts.client.redirect_uris = vec!["https://new.example/cb".parse().unwrap()];
        facts
    };
    for ready in [facts(BOTH).signed_in(0).allowed(), facts(BOTH), facts(BOTH).refused(RedirectError::Scope).policy(ErrorRedirects::Always)]
    {
        assert_eq!(disabled(ready.clone()).step(), NextStep::Stop(PageError::ClientGone));
        assert_eq!(moved(ready).step(), NextStep::Stop(PageError::RedirectUnregistered));
    }
}

// OA-AZ-23, MCP-AS-33: no open redirector
#[test]
fn an_error_waits_for_a_sign_in_unless_there_is_a_reason_not_to() {
    let wrong = |client: Client, with: &str| facts_of(client, with).refused(RedirectError::ResponseType);
    assert_eq!(wrong(sample::client(), "").step(), NextStep::SignIn);
    assert_eq!(wrong(operator(), "").step(), NextStep::SignIn);
    assert!(matches!(wrong(sample::client(), "").signed_in(600).step(), NextStep::Refuse(_)));
    assert!(matches!(wrong(sample::client(), "prompt=none").step(), NextStep::Refuse(_)));
    assert!(matches!(wrong(trusted(), "").step(), NextStep::Refuse(_)));
    assert!(matches!(wrong(sample::client(), "").policy(ErrorRedirects::Always).step(), NextStep::Refuse(_)));
    assert_eq!(wrong(trusted(), "redirect_uri=http://127.0.0.1:9/cb").step(), NextStep::SignIn, "anybody may listen there");
}

// OA-AZ-23, the stricter switch
#[test]
fn under_known_clients_a_stranger_never_moves_the_browser() {
    let strict = |facts: Facts| facts.policy(ErrorRedirects::KnownClients);
    let wrong = |with: &str| strict(facts(with).refused(RedirectError::ResponseType));
    assert_eq!(wrong("").step(), NextStep::SignIn);
    assert!(matches!(wrong("").signed_in(0).step(), NextStep::OfferReturn(_)));
    assert!(matches!(wrong("prompt=none").step(), NextStep::OfferReturn(_)));
    assert!(matches!(strict(facts("prompt=none")).step(), NextStep::OfferReturn(_)));
    let known = Facts { knows_client: true, ..wrong("").signed_in(0) };
    assert!(matches!(known.step(), NextStep::Refuse(_)));
    assert!(matches!(strict(facts_of(operator(), "prompt=none")).step(), NextStep::Refuse(_)));
    assert!(
        matches!(strict(facts(BOTH)).signed_in(0).answered("ada", Answer::Deny).step(), NextStep::Refuse(_)),
        "the person pressed a button"
    );
}

// MCP-AS-119, OA-CM-14: nothing is read for nobody
#[test]
fn a_document_is_read_for_somebody_who_is_signed_in() {
    let facts = facts_of(described(), "");
    let step = |signed_in: Option<SessionView<'_>>| {
        let situation = Situation {
            request: Requested::Unread,
            client: &facts.client,
            resource: None,
            session: signed_in,
            signed_in_here: false,
            decision: None,
            remembered: &facts.remembered,
            knows_client: false,
            error_redirects: ErrorRedirects::Always,
        };
        next_step(&situation, sample::now())
    };
    assert_eq!(step(None), NextStep::SignIn);
    assert_eq!(step(Some(SessionView { user_id: "ada", user_name: "ada", auth_time: sample::now() })), NextStep::ReadDocument);
}

// OA-MX-16
#[test]
fn a_damaged_decision_widens_nothing() {
    let mut damaged = facts("scope=notes:read").signed_in(0);
    damaged.decision = Some(decide(&facts(BOTH).request, "ada", Answer::Allow { chosen: &["notes:write".to_owned()] }).unwrap());
    assert_eq!(damaged.refusal(), Some(RedirectError::Disagreement));
}

fn any_facts() -> impl Strategy<Value = Facts> {
    let client = prop_oneof![Just(sample::client()), Just(operator()), Just(trusted()), Just(described())];
    let redirect = prop_oneof![Just("https://app.example/cb"), Just("http://127.0.0.1:9/cb"), Just("cursor://app/cb")];
    let prompt = prop_oneof![Just(""), Just("none"), Just("login"), Just("consent"), Just("select_account")];
    let scope = prop_oneof![Just("notes:read"), Just("notes:read+notes:write")];
    let answer = prop_oneof![Just(None), Just(Some(("ada", true))), Just(Some(("ada", false))), Just(Some(("eve", true)))];
    let policy = prop_oneof![Just(ErrorRedirects::AfterLogin), Just(ErrorRedirects::KnownClients), Just(ErrorRedirects::Always)];
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let session = prop::option::of(0_i64..10);
    (client, redirect, prompt, scope, answer, policy, flags, session, prop::option::of(0_u32..300)).prop_map(
        |(client, redirect, prompt, scope, answer, policy, (here, known, remembered, refused, admitted), signed_in, max_age)| {
            let max_age = max_age.map(|age| age.to_string()).unwrap_or_default();
            let with = format!("redirect_uri={redirect}&prompt={prompt}&scope={scope}&max_age={max_age}");
            let mut facts = facts_of(client, &with).policy(policy);
            facts.signed_in = signed_in.map(TimeDelta::minutes);
            facts.here = here;
            facts.knows_client = known;
            if remembered {
                facts = facts.remembering("notes:read");
            }
            if refused {
                facts = facts.refused(RedirectError::ResponseType);
            }
            if !admitted {
                facts.resource.as_mut().unwrap().people = Some(BTreeSet::new());
            }
            match answer {
                Some((by, true)) => facts.answered(by, Answer::Allow { chosen: &["notes:read".to_owned()] }),
                Some((by, false)) => facts.answered(by, Answer::Deny),
                None => facts,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    // Whatever is known, these things hold.
    #[test]
    fn a_code_has_a_person_behind_it(facts in any_facts()) {
        if let NextStep::IssueCode(consented) = facts.step() {
            prop_assert!(facts.signed_in.is_some());
            prop_assert!(facts.refused.is_none());
            prop_assert!(facts.resource.as_ref().unwrap().people.is_none());
            prop_assert!(consented.scope().is_within(&facts.request.scope) && !consented.scope().is_empty());
            prop_assert_eq!(consented.user_id(), "ada");
            let said_yes = facts.decision.as_ref().is_some_and(|decision| decision.is_by("ada") && decision.allowed().is_some());
            let web = facts.request.redirect_uri.as_str() == "https://app.example/cb";
            prop_assert!(said_yes || (web && facts.client.origin != ClientOrigin::Registered));
            prop_assert!(facts.here || !facts.request.prompt.login);
        }
    }

    #[test]
    fn prompt_none_never_asks_for_anything(facts in any_facts()) {
        if facts.request.prompt.none {
            prop_assert!(!matches!(facts.step(), NextStep::SignIn | NextStep::AskConsent));
        }
    }

    #[test]
    fn nobody_is_moved_by_a_strangers_mistake(facts in any_facts()) {
        let stranger = facts.client.origin != ClientOrigin::Operator;
        if let (NextStep::Refuse(refused), true) = (facts.step(), stranger && facts.policy != ErrorRedirects::Always) {
            prop_assert!(facts.signed_in.is_some() || refused.is_silent());
            let said_no = refused.reason == RedirectError::Denied;
            prop_assert!(said_no || facts.knows_client || facts.policy == ErrorRedirects::AfterLogin);
        }
    }
}
