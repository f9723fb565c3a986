//! The dispatcher: from a kept request to its answer.
//!
//! Pages never lead to one another. Each comes back to `GET /authorize/{handle}`,
//! where [`next_step`] decides from what is known by then.

use std::sync::Arc;

use axum::{
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::document::{self, Found};
use crate::{
    app::App,
    entropy,
    events::{Event, Step},
    http::{PageFailure, page_form},
    login::{self, session::SignedIn},
    protocol::{
        authorize::{self, AuthorizationRequest, PageError, RefusedRequest},
        client::{Client, ClientOrigin},
        code::IssuedCode,
        consent::{self, Decision, Remembered},
        next_step::{Consented, NextStep, Requested, SessionView, Situation, may_tell_of_fault, next_step},
        parameters::Parameters,
        resource::ProtectedResource,
        vocabulary::{AuthorizationCode, BrowserId, GrantId, RedirectUri, RequestHandle, Token, TokenHash},
    },
    store::{NewCode, StoredRequest, Trimmed},
};

/// What is kept of an authorization request.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// The client is told no, once the person has signed in (OA-AZ-23).
    Refused(RefusedRequest),
    /// The person is asked.
    Valid(AuthorizationRequest),
    /// The client has a document that is read once somebody is signed in; until then
    /// nothing of the request can be judged. The parameters, as they came.
    Unread(String),
}

impl Kept {
    /// What is to be kept of a request of this client.
    pub fn of(app: &App, parameters: Parameters, client: &Client) -> Result<Self, PageFailure> {
        match authorize::bind(parameters, client) {
            Err(error) => Err(PageFailure::nobody_to_tell(error, client.id.as_str())),
            Ok(bound) => Ok(match bound.validate(client, &app.resources.load(), &app.config.issuer) {
                Ok(request) => Self::Valid(request),
                Err(refused) => Self::Refused(refused),
            }),
        }
    }

    /// Where the answer goes, if that is known.
    pub fn redirect_uri(&self) -> Option<&RedirectUri> {
        match self {
            Self::Refused(refused) => Some(&refused.redirect_uri),
            Self::Valid(request) => Some(&request.redirect_uri),
            Self::Unread(_) => None,
        }
    }

    /// Tells the client of a fault of ours, if that may leave; else the person is told.
    pub fn tell_of(&self, failure: PageFailure, app: &App, client: &Client) -> Result<Response, PageFailure> {
        let Some(fault) = failure.fault() else { return Err(failure) };
        let refused = match self {
            Self::Refused(refused) => refused.clone().because(fault),
            Self::Valid(request) => request.refused(fault),
            Self::Unread(_) => return Err(failure),
        };
        if !may_tell_of_fault(&refused, client, app.config.authorization.error_redirects.into()) {
            return Err(failure);
        }
        failure.for_client(client.id.as_str()).record();
        Ok(redirect(&authorize::error_location(&refused, &app.config.issuer)))
    }
}

/// Reads the parameters of an authorization request.
pub(super) fn parameters(encoded: &[u8]) -> Result<Parameters, PageFailure> {
    Parameters::parse_remembering_faults(encoded).map_err(|error| PageFailure::bad_request("The link is not written correctly.", error))
}

/// A kept request, in the browser it belongs to.
#[derive(Debug)]
pub struct Pending {
    /// The name in the URL.
    pub handle: Token<RequestHandle>,
    /// The browser.
    pub browser: TokenHash<BrowserId>,
    /// The client, as it is now.
    pub client: Arc<Client>,
    /// The request.
    pub kept: Kept,
    /// What has happened to it.
    pub stored: StoredRequest,
}

impl Pending {
    /// Finds the request behind a handle; another browser's is none.
    pub async fn find(app: &App, handle: &str, headers: &HeaderMap, now: DateTime<Utc>) -> Result<Self, PageFailure> {
        let handle = Token::<RequestHandle>::parse(handle).map_err(|_| PageFailure::gone())?;
        let browser = app.cookies.browser(headers).ok_or_else(PageFailure::gone)?.hash();
        let stored = app.store.request(&handle.hash(), &browser, now).await?.ok_or_else(PageFailure::gone)?;
        if stored.answered_at.is_some() {
            return Err(PageFailure::answered());
        }
        let id = stored.client_id.parse().map_err(anyhow::Error::new)?;
        let client = match document::find(app, &id, now).await? {
            Some(Found::Known(client)) => client,
            Some(Found::Unread(unread)) => stored.client.clone().map_or(unread, Arc::new),
            None => return Err(PageFailure::nobody_to_tell(PageError::ClientGone, &stored.client_id)),
        };
        let kept: Kept = serde_json::from_value(stored.request.clone()).map_err(anyhow::Error::new)?;
        Ok(Self { handle, browser, client, kept, stored })
    }

    /// The path of the dispatcher, or of a form below it.
    pub fn path(&self, app: &App, form: &str) -> String {
        format!("{}/authorize/{}{form}", app.config.issuer.path(), self.handle.wire())
    }

    /// Who the client thinks is in front of the browser.
    pub fn login_hint(&self) -> Option<&str> {
        match &self.kept {
            Kept::Refused(_) | Kept::Unread(_) => None,
            Kept::Valid(request) => request.login_hint.as_deref(),
        }
    }

    /// The resource of the request, as it is now.
    pub fn resource(&self, app: &App) -> Option<Arc<ProtectedResource>> {
        match &self.kept {
            Kept::Refused(_) | Kept::Unread(_) => None,
            Kept::Valid(request) => app.resources.load().by_identifier(&request.resource),
        }
    }
}

/// `GET /authorize/{handle}`: does whatever comes next.
pub async fn dispatch(State(app): State<App>, Path(handle): Path<String>, headers: HeaderMap) -> Result<Response, PageFailure> {
    let now = app.clock.now();
    let pending = Pending::find(&app, &handle, &headers, now).await?;
    match proceed(&app, &pending, &headers, now).await {
        Err(failure) => pending.kept.tell_of(failure, &app, &pending.client),
        answered => answered,
    }
}

async fn proceed(app: &App, pending: &Pending, headers: &HeaderMap, now: DateTime<Utc>) -> Result<Response, PageFailure> {
    let here = Here::gather(app, pending, headers, now).await?;
    match (here.next_step(app, pending, now), &pending.kept, &here.signed_in, &here.resource) {
        (NextStep::SignIn, ..) => Ok(login::sign_in::page_for(app, pending)),
        (NextStep::AskConsent, Kept::Valid(request), Some(signed_in), Some(resource)) => {
            let question = consent::question(request, &pending.client, resource, &here.remembered, (&signed_in.session.user_name, now));
            Ok(crate::consent::show(app, pending, request, signed_in, question))
        }
        (NextStep::IssueCode(consented), _, Some(signed_in), _) => issue(app, pending, signed_in, &consented, now).await,
        (NextStep::Refuse(refused), ..) => refuse(app, pending, &refused, now).await,
        (NextStep::OfferReturn(refused), ..) => Ok(crate::consent::offer_return(app, pending, &refused)),
        (NextStep::ReadDocument, Kept::Unread(parameters), ..) => document::read(app, pending, parameters, now).await,
        (NextStep::Stop(error), ..) => Err(PageFailure::nobody_to_tell(error, pending.client.id.as_str())),
        (NextStep::AskConsent | NextStep::IssueCode(_) | NextStep::ReadDocument, ..) => {
            Err(anyhow::anyhow!("a step needs somebody who is signed in").into())
        }
    }
}

/// `POST /authorize/{handle}/return`: the person goes back to a stranger's app with
/// its error, by a click of their own (OA-AZ-23).
pub async fn go_back(State(app): State<App>, Path(handle): Path<String>, request: Request) -> Result<Response, PageFailure> {
    let (parts, body) = request.into_parts();
    let now = app.clock.now();
    let form = page_form::read(&parts, body).await?;
    let pending = Pending::find(&app, &handle, &parts.headers, now).await?;
    app.forms.check(&parts.headers, &app.config.issuer, pending.browser.as_bytes(), pending.handle.wire(), form.get("csrf"))?;
    let here = Here::gather(&app, &pending, &parts.headers, now).await?;
    match here.next_step(&app, &pending, now) {
        NextStep::OfferReturn(refused) => refuse(&app, &pending, &refused, now).await,
        NextStep::SignIn
        | NextStep::AskConsent
        | NextStep::IssueCode(_)
        | NextStep::Refuse(_)
        | NextStep::ReadDocument
        | NextStep::Stop(_) => Ok(redirect(&pending.path(&app, ""))),
    }
}

/// What is known by now: who is at the browser, what they decided, now and before.
struct Here {
    signed_in: Option<SignedIn>,
    resource: Option<Arc<ProtectedResource>>,
    remembered: Remembered,
    decision: Option<Decision>,
    knows_client: bool,
}

impl Here {
    async fn gather(app: &App, pending: &Pending, headers: &HeaderMap, now: DateTime<Utc>) -> anyhow::Result<Self> {
        let signed_in = login::session::current(app, headers, now).await?;
        let decision = pending.stored.decision.clone().map(serde_json::from_value).transpose()?;
        let resource = pending.resource(app);
        let mut here = Self { signed_in, resource, remembered: Remembered::default(), decision, knows_client: false };
        let Some(signed_in) = &here.signed_in else { return Ok(here) };
        let user_id = &signed_in.session.user_id;
        here.knows_client = app.store.has_grant(user_id, &pending.client.id).await?;
        if let Kept::Valid(request) = &pending.kept {
            let granted = app.store.granted_scope(user_id, &pending.client.id, &request.resource).await?;
            let consent = app.store.remembered_consent(user_id, &pending.client.id, &request.resource).await?;
            here.remembered = Remembered { granted, consent };
        }
        Ok(here)
    }

    fn next_step(&self, app: &App, pending: &Pending, now: DateTime<Utc>) -> NextStep {
        let session = self.signed_in.as_ref().map(|signed_in| SessionView {
            user_id: &signed_in.session.user_id,
            user_name: &signed_in.session.user_name,
            auth_time: signed_in.session.auth_time,
        });
        let situation = Situation {
            request: match &pending.kept {
                Kept::Refused(refused) => Requested::Refused(refused),
                Kept::Valid(request) => Requested::Valid(request),
                Kept::Unread(_) => Requested::Unread,
            },
            client: &pending.client,
            resource: self.resource.as_deref(),
            session,
            signed_in_here: session.is_some_and(|session| pending.stored.signed_in_at.is_some_and(|at| at <= session.auth_time)),
            decision: self.decision.as_ref(),
            remembered: &self.remembered,
            knows_client: self.knows_client,
            error_redirects: app.config.authorization.error_redirects.into(),
        };
        next_step(&situation, now)
    }
}

/// Whether the store may not have a client, and takes it in when somebody consents.
pub(super) fn is_newcomer(client: &Client) -> bool {
    client.origin == ClientOrigin::Document || client.id.is_sealed()
}

/// Of one person: more apps and servers than anybody looks after (OA-AB-08).
const MOST_GRANTS: i64 = 500;

/// Stores a code and sends the browser back with it.
async fn issue(
    app: &App,
    pending: &Pending,
    signed_in: &SignedIn,
    consented: &Consented,
    now: DateTime<Utc>,
) -> Result<Response, PageFailure> {
    let code = Token::<AuthorizationCode>::new(entropy::random()?);
    let request = consented.request();
    let issued = IssuedCode {
        client_id: pending.client.id.clone(),
        user_id: consented.user_id().to_owned(),
        user_name: Some(signed_in.session.user_name.clone()),
        redirect_uri: request.redirect_uri.as_str().to_owned(),
        code_challenge: request.code_challenge.clone(),
        resource: request.resource.clone(),
        scope: request.allowing(consented.scope()),
        auth_time: consented.auth_time(),
        expires_at: now + app.config.tokens.code_lifetime,
        failures: 0,
        stands: true,
        grant_id: GrantId::new(entropy::identifier(now)?),
        redeemed: None,
    };
    let remember = consented.remember().cloned();
    let new = NewCode {
        hash: code.hash(),
        code: issued,
        newcomer: is_newcomer(&pending.client).then(|| Arc::clone(&pending.client)),
        session: signed_in.cookie.clone(),
        issued_at: now,
        most_families: i64::from(app.config.tokens.families_per_client),
        most_grants: MOST_GRANTS,
        remember,
    };
    let Some(trimmed) = app.store.issue_code(&pending.handle.hash(), &new).await? else {
        return Err(PageFailure::answered());
    };
    if trimmed != Trimmed::default() {
        let Trimmed { codes, families, grants } = trimmed;
        let reason = format!("too many: codes that ended: {codes}, token families: {families}, grants: {grants}");
        Event::of(Step::CapReached).client(pending.client.id.as_str()).user(consented.user_id()).because(reason).record();
    }
    Event::of(Step::CodeIssued)
        .client(pending.client.id.as_str())
        .user(consented.user_id())
        .resource(&request.resource)
        .scope(consented.scope())
        .record();
    Ok(redirect(&consented.location(code.wire(), &app.config.issuer)))
}

async fn refuse(app: &App, pending: &Pending, refused: &RefusedRequest, now: DateTime<Utc>) -> Result<Response, PageFailure> {
    if !app.store.refuse_request(&pending.handle.hash(), now).await? {
        return Err(PageFailure::answered());
    }
    Event::of(Step::AuthorizeRefused).client(pending.client.id.as_str()).because(refused.reason).record();
    Ok(redirect(&authorize::error_location(refused, &app.config.issuer)))
}

/// 303: the browser comes with GET, whatever it sent (OA-SE-07, RFC 9700 §4.12).
pub fn redirect(location: &str) -> Response {
    let Ok(location) = HeaderValue::from_str(location) else {
        return PageFailure::from(anyhow::anyhow!("a location is no header value")).into_response();
    };
    let headers = [
        (header::LOCATION, location),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (StatusCode::SEE_OTHER, headers).into_response()
}
