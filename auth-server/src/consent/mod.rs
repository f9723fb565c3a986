//! The consent page and its answer.
//!
//! What is asked and what an answer may say is decided in `protocol/consent.rs`;
//! all that is shown comes from the stored request (OA-AZ-17).

pub mod page;

use axum::{
    extract::{Path, Request, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use portcullis_verifier::vocabulary::Scope;

use crate::{
    app::App,
    events::{Event, Step},
    http::{PageFailure, page::Page, page_form},
    login::session::{self, SignedIn},
    oauth::flow::{Kept, Pending, redirect},
    protocol::{
        authorize::{AuthorizationRequest, RefusedRequest},
        consent::{self, Answer, Decision, Question},
        next_step::still_bound,
    },
};

/// Asks the person.
pub fn show(app: &App, pending: &Pending, request: &AuthorizationRequest, signed_in: &SignedIn, question: Question) -> Response {
    Event::of(Step::ConsentShown)
        .client(pending.client.id.as_str())
        .user(&signed_in.session.user_id)
        .resource(&request.resource)
        .scope(&request.scope)
        .record();
    let csrf = app.forms.token(signed_in.cookie.as_bytes(), pending.handle.wire());
    Page::with_form(page::of(app, pending, request, question, csrf)).into_response()
}

/// `POST /authorize/{handle}/decision`: keeps the answer and goes back to the dispatcher.
pub async fn decide(State(app): State<App>, Path(handle): Path<String>, request: Request) -> Result<Response, PageFailure> {
    let (parts, body) = request.into_parts();
    let now = app.clock.now();
    let form = page_form::read(&parts, body).await?;
    let pending = Pending::find(&app, &handle, &parts.headers, now).await?;
    let Some(signed_in) = session::current(&app, &parts.headers, now).await? else { return Ok(redirect(&pending.path(&app, ""))) };
    app.forms.check(&parts.headers, &app.config.issuer, signed_in.cookie.as_bytes(), pending.handle.wire(), form.get("csrf"))?;
    let Kept::Valid(asked) = &pending.kept else { return Err(PageFailure::gone()) };
    let client_id = pending.client.id.as_str();
    still_bound(&pending.client, &asked.redirect_uri).map_err(|error| PageFailure::nobody_to_tell(error, client_id))?;
    let chosen: Vec<String> = form.all("scope").map(str::to_owned).collect();
    let answer = match form.get("decision") {
        Some("allow") => Answer::Allow { chosen: &chosen },
        Some("deny" | "not_me") => Answer::Deny,
        Some(_) | None => return Err(unclear("the form has no decision")),
    };
    let decision = consent::decide(asked, &signed_in.session.user_id, answer).map_err(|error| unclear(&error.to_string()))?;
    let reason = match decision.allowed() {
        Some(scope) => {
            let granted = app.store.granted_scope(&signed_in.session.user_id, &pending.client.id, &asked.resource).await?;
            elevation(&granted, scope)
        }
        None => (form.get("decision") == Some("not_me")).then(|| "the person did not start this".to_owned()),
    };
    if !app.store.decide_request(&pending.handle.hash(), &serde_json::to_value(&decision).map_err(anyhow::Error::new)?).await? {
        return Err(PageFailure::decided(pending.path(&app, "")));
    }
    record(&pending, asked, &signed_in, &decision, reason);
    Ok(redirect(&pending.path(&app, "")))
}

/// What comes on top of what this client was granted before (MCP-AS-83); at first
/// nothing does.
fn elevation(granted: &Scope, allowed: &Scope) -> Option<String> {
    let added = allowed.difference(granted);
    (!granted.is_empty() && !added.is_empty()).then(|| format!("on top of what was granted: {added}"))
}

fn record(pending: &Pending, asked: &AuthorizationRequest, signed_in: &SignedIn, decision: &Decision, reason: Option<String>) {
    let step = if decision.allowed().is_some() { Step::ConsentGranted } else { Step::ConsentDenied };
    let mut event = Event::of(step).client(pending.client.id.as_str()).user(&signed_in.session.user_id).resource(&asked.resource);
    if let Some(scope) = decision.allowed() {
        event = event.scope(scope);
    }
    if let Some(reason) = reason {
        event = event.because(reason);
    }
    event.record();
}

fn unclear(reason: &str) -> PageFailure {
    let (what, advice) = ("The answer can not be read. Nothing was allowed.", "Go back, load the page again and answer once more.");
    PageFailure::refused(StatusCode::BAD_REQUEST, Step::FormRefused, "This answer was not accepted", what, advice, reason)
}

/// Tells the person what is wrong, and lets them go back by themselves (OA-AZ-23).
pub fn offer_return(app: &App, pending: &Pending, refused: &RefusedRequest) -> Response {
    Event::of(Step::AuthorizeRefused).client(pending.client.id.as_str()).because(refused.reason).record();
    Page::with_form(page::return_to(app, pending, refused)).into_response()
}
