//! What comes next in an authorization, given what is known (RFC 6749 §4.1).
//!
//! Pages never lead to one another: each comes back here. And a code is saved only
//! for a [`Consented`], which only this file can make.

use chrono::{DateTime, Utc};
use portcullis_verifier::vocabulary::{Issuer, Scope};

pub use super::consent::Decision;
use super::{
    authorize::{AuthorizationRequest, PageError, RedirectError, RefusedRequest, success_location},
    client::{Client, ClientOrigin},
    consent::Remembered,
    resource::{ProtectedResource, TargetError},
    vocabulary::RedirectUri,
};

/// What the server is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// Let somebody sign in, or sign in again.
    SignIn,
    /// Ask the person who is signed in.
    AskConsent,
    /// Send the browser back with a code.
    IssueCode(Box<Consented>),
    /// Send the browser back with an error.
    Refuse(RefusedRequest),
    /// Tell the person, and let them go back by a button of their own (OA-AZ-23).
    OfferReturn(RefusedRequest),
    /// Read what the client says of itself, which nobody but a person makes this server do.
    ReadDocument,
    /// Show an error page: the client is gone, or its address is no longer its own (OA-AZ-18).
    Stop(PageError),
}

/// When an error may leave for a client's address (OA-AZ-23).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorRedirects {
    /// When somebody has signed in; at once for trusted clients and `prompt=none`.
    #[default]
    AfterLogin,
    /// Likewise, but a client that registered itself and is new to the person never
    /// moves the browser: the person gets a page with a button.
    KnownClients,
    /// At once, as RFC 6749 has it; for test suites.
    Always,
}

/// The request that waits.
#[derive(Clone, Copy, Debug)]
pub enum Requested<'a> {
    /// One that will be refused.
    Refused(&'a RefusedRequest),
    /// One that a person may allow.
    Valid(&'a AuthorizationRequest),
    /// One whose client is known by a document that was not read yet (MCP-AS-119).
    Unread,
}

/// Somebody who is signed in at the browser.
#[derive(Clone, Copy, Debug)]
pub struct SessionView<'a> {
    /// The person's user id.
    pub user_id: &'a str,
    /// The person's name, by which resources admit them.
    pub user_name: &'a str,
    /// When they signed in.
    pub auth_time: DateTime<Utc>,
}

/// All that is known when a step is decided.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The request.
    pub request: Requested<'a>,
    /// The client, as it is now.
    pub client: &'a Client,
    /// The resource of the request, as it is now; `None` once it is gone.
    pub resource: Option<&'a ProtectedResource>,
    /// Who is signed in.
    pub session: Option<SessionView<'a>>,
    /// Whether that sign-in was made for this very request.
    pub signed_in_here: bool,
    /// What was answered to this request.
    pub decision: Option<&'a Decision>,
    /// What was answered before.
    pub remembered: &'a Remembered,
    /// Whether this person has allowed this client anything, at any resource.
    pub knows_client: bool,
    /// When errors may leave.
    pub error_redirects: ErrorRedirects,
}

/// A person's consent to one request: the licence to make a code.
///
/// ```compile_fail
/// # fn forge(request: portcullis::protocol::authorize::AuthorizationRequest) {
/// use portcullis::protocol::next_step::Consented;
/// let forged = Consented { request, user_id: "ada".into() };
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consented {
    request: AuthorizationRequest,
    user_id: String,
    auth_time: DateTime<Utc>,
    scope: Scope,
    remember: Option<(String, Scope)>,
}

impl Consented {
    /// The request that was allowed.
    pub fn request(&self) -> &AuthorizationRequest {
        &self.request
    }

    /// Who allowed it.
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// When that person signed in.
    pub fn auth_time(&self) -> DateTime<Utc> {
        self.auth_time
    }

    /// What was allowed: as much as was asked for, or less.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The consent that may be reused from now on and the redirect set it is for, if
    /// this one is new and changes it.
    pub fn remember(&self) -> Option<&(String, Scope)> {
        self.remember.as_ref()
    }

    /// Where the browser goes with the code.
    pub fn location(&self, code: &str, issuer: &Issuer) -> String {
        success_location(&self.request, code, issuer)
    }
}

/// Decides the next step.
pub fn next_step(situation: &Situation<'_>, now: DateTime<Utc>) -> NextStep {
    match situation.request {
        Requested::Unread if situation.session.is_none() => NextStep::SignIn,
        Requested::Unread => NextStep::ReadDocument,
        Requested::Refused(refused) => match still_bound(situation.client, &refused.redirect_uri) {
            Err(error) => NextStep::Stop(error),
            Ok(()) => tell(situation, refused),
        },
        Requested::Valid(request) => match still_bound(situation.client, &request.redirect_uri) {
            Err(error) => NextStep::Stop(error),
            Ok(()) => proceed(situation, request, now),
        },
    }
}

/// Whether an error may leave before anybody has signed in.
pub fn is_told_at_once(refused: &RefusedRequest, client: &Client, policy: ErrorRedirects) -> bool {
    let trusted = client.is_trusted_at(&refused.redirect_uri);
    match policy {
        ErrorRedirects::AfterLogin => trusted || refused.is_silent(),
        ErrorRedirects::KnownClients => trusted || (refused.is_silent() && client.origin == ClientOrigin::Operator),
        ErrorRedirects::Always => true,
    }
}

/// OA-AZ-19: whether a fault of ours may be told to the client. No stranger can bring
/// one about at will, so the browser may leave before anybody has signed in; but not
/// where the operator lets strangers move no browser at all.
pub fn may_tell_of_fault(refused: &RefusedRequest, client: &Client, policy: ErrorRedirects) -> bool {
    still_bound(client, &refused.redirect_uri).is_ok()
        && match policy {
            ErrorRedirects::AfterLogin | ErrorRedirects::Always => true,
            ErrorRedirects::KnownClients => is_told_at_once(refused, client, policy),
        }
}

/// OA-AZ-18: the client may have been disabled, or have lost the address, since.
pub fn still_bound(client: &Client, redirect_uri: &RedirectUri) -> Result<(), PageError> {
    if !client.is_active() {
        return Err(PageError::ClientGone);
    }
    if client.may_redirect_to(redirect_uri) { Ok(()) } else { Err(PageError::RedirectUnregistered) }
}

/// An error that was known from the beginning.
fn tell(situation: &Situation<'_>, refused: &RefusedRequest) -> NextStep {
    if is_told_at_once(refused, situation.client, situation.error_redirects) {
        return NextStep::Refuse(refused.clone());
    }
    if situation.session.is_none() && !refused.is_silent() {
        return NextStep::SignIn;
    }
    without_anybody_having_asked(situation, refused.clone())
}

/// An error that no person has caused: with a stranger, the browser stays here.
fn without_anybody_having_asked(situation: &Situation<'_>, refused: RefusedRequest) -> NextStep {
    let stranger = situation.client.origin != ClientOrigin::Operator && !situation.knows_client;
    match situation.error_redirects {
        ErrorRedirects::KnownClients if stranger => NextStep::OfferReturn(refused),
        ErrorRedirects::AfterLogin | ErrorRedirects::Always | ErrorRedirects::KnownClients => NextStep::Refuse(refused),
    }
}

fn proceed(situation: &Situation<'_>, request: &AuthorizationRequest, now: DateTime<Utc>) -> NextStep {
    let silently = |reason| without_anybody_having_asked(situation, request.refused(reason));
    let Some(session) = situation.session.filter(|session| is_recent(session, request, situation.signed_in_here, now)) else {
        return if request.prompt.none { silently(RedirectError::LoginRequired) } else { NextStep::SignIn };
    };
    let Some(resource) = situation.resource.filter(|resource| resource.identifier.as_str() == request.resource) else {
        return silently(RedirectError::Target(TargetError::Unknown));
    };
    if !resource.admits(session.user_name) {
        return silently(RedirectError::NotAdmitted);
    }
    if let Some(decision) = situation.decision.filter(|decision| decision.is_by(session.user_id)) {
        return decided(request, session, decision, situation);
    }
    if needs_no_question(situation, request) {
        return NextStep::IssueCode(Box::new(Consented {
            request: request.clone(),
            user_id: session.user_id.to_owned(),
            auth_time: session.auth_time,
            scope: request.scope.clone(),
            remember: None,
        }));
    }
    if request.prompt.none { silently(RedirectError::ConsentRequired) } else { NextStep::AskConsent }
}

/// OA-AZ-20, OA-AZ-21: a sign-in made for this request is always recent enough,
/// otherwise `max_age=0` would ask for ever.
fn is_recent(session: &SessionView<'_>, request: &AuthorizationRequest, signed_in_here: bool, now: DateTime<Utc>) -> bool {
    let young_enough = request.max_age.is_none_or(|age| now - session.auth_time <= age);
    signed_in_here || (young_enough && !request.prompt.login)
}

/// A person who left scopes out has decided: the decision counts, not whether all
/// that was asked for was granted, or the page would come back for ever.
fn decided(request: &AuthorizationRequest, session: SessionView<'_>, decision: &Decision, situation: &Situation<'_>) -> NextStep {
    let Some(scope) = decision.allowed() else {
        return NextStep::Refuse(request.refused(RedirectError::Denied));
    };
    if !scope.is_within(&request.scope) {
        return NextStep::Refuse(request.refused(RedirectError::Disagreement));
    }
    NextStep::IssueCode(Box::new(Consented {
        request: request.clone(),
        user_id: session.user_id.to_owned(),
        auth_time: session.auth_time,
        scope: scope.clone(),
        remember: situation.remembered.after(request, situation.client, scope),
    }))
}

/// MCP-AS-33, MCP-AS-40, MCP-AS-48. Whoever wants to choose an account sees the
/// page, which names the account and offers another.
fn needs_no_question(situation: &Situation<'_>, request: &AuthorizationRequest) -> bool {
    let client = situation.client;
    let answered = client.is_trusted_at(&request.redirect_uri) || situation.remembered.covers(request, client);
    answered && !request.prompt.consent && !request.prompt.select_account
}

#[cfg(test)]
mod tests;
