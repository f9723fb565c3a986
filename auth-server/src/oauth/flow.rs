//! The dispatcher: from a kept request to its answer.
//!
//! Pages never lead to one another. Each comes back to `GET /authorize/{handle}`,
//! where [`next_step`] decides from what is known by then.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    app::App,
    consent, entropy,
    events::{Event, Step},
    http::PageFailure,
    login::{self, session::SignedIn},
    protocol::{
        authorize::{self, AuthorizationRequest, RedirectError, RefusedRequest},
        client::Client,
        consent::{Decision, Remembered},
        error::{ErrorCode, Refusal as _},
        metadata::OFFLINE_ACCESS,
        next_step::{Consented, NextStep, Requested, SessionView, Situation, next_step},
        resource::ProtectedResource,
        vocabulary::{AuthorizationCode, BrowserId, RequestHandle, Token, TokenHash},
    },
    store::{NewCode, StoredRequest},
};

/// What is kept of an authorization request.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// The client is told no, once the person has signed in (OA-AZ-23).
    Refused(RefusedRequest),
    /// The person is asked.
    Valid(AuthorizationRequest),
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
        let client = app.clients.find(&app.store, &id).await?.ok_or_else(PageFailure::gone)?;
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
            Kept::Refused(_) => None,
            Kept::Valid(request) => request.login_hint.as_deref(),
        }
    }

    /// The resource of the request, as it is now.
    pub fn resource(&self, app: &App) -> Option<Arc<ProtectedResource>> {
        match &self.kept {
            Kept::Refused(_) => None,
            Kept::Valid(request) => app.resources.load().by_identifier(&request.resource),
        }
    }
}

/// `GET /authorize/{handle}`: does whatever comes next.
pub async fn dispatch(State(app): State<App>, Path(handle): Path<String>, headers: HeaderMap) -> Result<Response, PageFailure> {
    let now = app.clock.now();
    let pending = Pending::find(&app, &handle, &headers, now).await?;
    match proceed(&app, &pending, &headers, now).await {
        Ok(response) => Ok(response),
        Err(failure) => told_to_client(&app, &pending.client, &pending.kept, failure),
    }
}

/// Our own fault is told to the client, whose address has been checked by then (OA-AZ-19).
pub(super) fn told_to_client(app: &App, client: &Client, kept: &Kept, failure: PageFailure) -> Result<Response, PageFailure> {
    if !failure.is_our_fault() {
        return Err(failure);
    }
    let is_store_away = failure.code() == ErrorCode::TemporarilyUnavailable;
    let reason = if is_store_away { RedirectError::TemporarilyUnavailable } else { RedirectError::ServerError };
    let refused = match kept {
        Kept::Refused(refused) => refused.clone().because(reason),
        Kept::Valid(request) => request.refused(reason),
    };
    Event::of(Step::Broken).client(client.id.as_str()).because(failure.reason()).record();
    Ok(redirect(&authorize::error_location(&refused, &app.config.issuer)))
}

async fn proceed(app: &App, pending: &Pending, headers: &HeaderMap, now: DateTime<Utc>) -> Result<Response, PageFailure> {
    let signed_in = login::session::current(app, headers, now).await?;
    let known = Known::gather(app, pending, signed_in.as_ref()).await?;
    let resource = pending.resource(app);
    let situation = known.situation(app, pending, resource.as_deref(), signed_in.as_ref());
    match (next_step(&situation, now), &pending.kept, &signed_in, &resource) {
        (NextStep::SignIn, ..) => login::sign_in::page_for(app, pending, None),
        (NextStep::AskConsent, Kept::Valid(request), Some(signed_in), Some(resource)) => {
            Ok(consent::show(app, pending, request, resource, signed_in, &known.remembered, now))
        }
        (NextStep::IssueCode(consented), _, Some(signed_in), _) => issue(app, pending, signed_in, &consented, now).await,
        (NextStep::Refuse(refused), ..) => refuse(app, pending, &refused, now).await,
        (NextStep::OfferReturn(refused), ..) => Ok(consent::offer_return(app, pending, &refused)),
        (NextStep::Stop(error), ..) => {
            Err(PageFailure::bad_request(error.for_people(), error).with_code(error.answer().code).for_client(pending.client.id.as_str()))
        }
        (NextStep::AskConsent | NextStep::IssueCode(_), ..) => Err(anyhow::anyhow!("a step needs somebody who is signed in").into()),
    }
}

/// What the store knows of this person, client and request.
struct Known {
    remembered: Remembered,
    decision: Option<Decision>,
    knows_client: bool,
}

impl Known {
    async fn gather(app: &App, pending: &Pending, signed_in: Option<&SignedIn>) -> anyhow::Result<Self> {
        let decision = pending.stored.decision.clone().map(serde_json::from_value).transpose()?;
        let Some(user_id) = signed_in.map(|signed_in| &signed_in.session.user_id) else {
            return Ok(Self { remembered: Remembered::default(), decision, knows_client: false });
        };
        let knows_client = app.store.has_grant(user_id, &pending.client.id).await?;
        let Kept::Valid(request) = &pending.kept else {
            return Ok(Self { remembered: Remembered::default(), decision, knows_client });
        };
        let granted = app.store.granted_scope(user_id, &pending.client.id, &request.resource).await?;
        let consent = app.store.remembered_consent(user_id, &pending.client.id, &request.resource).await?;
        Ok(Self { remembered: Remembered { granted, consent }, decision, knows_client })
    }

    fn situation<'a>(
        &'a self,
        app: &App,
        pending: &'a Pending,
        resource: Option<&'a ProtectedResource>,
        signed_in: Option<&'a SignedIn>,
    ) -> Situation<'a> {
        let session = signed_in.map(|signed_in| SessionView {
            user_id: &signed_in.session.user_id,
            user_name: &signed_in.session.user_name,
            auth_time: signed_in.session.auth_time,
        });
        Situation {
            request: match &pending.kept {
                Kept::Refused(refused) => Requested::Refused(refused),
                Kept::Valid(request) => Requested::Valid(request),
            },
            client: &pending.client,
            resource,
            session,
            signed_in_here: session.is_some_and(|session| pending.stored.signed_in_at.is_some_and(|at| at <= session.auth_time)),
            decision: self.decision.as_ref(),
            remembered: &self.remembered,
            knows_client: self.knows_client,
            error_redirects: app.config.authorization.error_redirects.into(),
        }
    }
}

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
    let mut scope = consented.scope().clone();
    if request.offline_access {
        scope = scope.union(&OFFLINE_ACCESS.parse().map_err(anyhow::Error::new)?);
    }
    let new = NewCode {
        hash: code.hash(),
        client_id: pending.client.id.clone(),
        user_id: consented.user_id().to_owned(),
        session: signed_in.cookie.clone(),
        redirect_uri: request.redirect_uri.as_str().to_owned(),
        code_challenge: request.code_challenge.as_str().to_owned(),
        resource: request.resource.clone(),
        scope,
        auth_time: consented.auth_time(),
        issued_at: now,
        expires_at: now + app.config.tokens.code_lifetime,
        remember_for: consented.remember_for().map(str::to_owned),
    };
    if !app.store.issue_code(&pending.handle.hash(), &new).await? {
        return Err(PageFailure::answered());
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
