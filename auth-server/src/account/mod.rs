//! What I have allowed, to whom, and where I am signed in (OA-SE-10).

pub mod page;

use axum::{
    extract::{Path, Request, State},
    http::HeaderMap,
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, Utc};
use page::{AccountPage, GrantView, SessionView};

use crate::{
    app::App,
    events::{Event, Step},
    http::{PageFailure, page::Page, page_form},
    login::session::{self, SignedIn},
    oauth::flow::redirect,
    protocol::vocabulary::GrantId,
    store::{GrantSummary, SessionSummary},
};

/// What the forms of this page are about, for their token.
pub const FORMS: &str = "account";

/// `GET /account`.
pub async fn show(State(app): State<App>, headers: HeaderMap) -> Result<Response, PageFailure> {
    let now = app.clock.now();
    let Some(signed_in) = session::current(&app, &headers, now).await? else { return Ok(redirect(&sign_in(&app))) };
    let user_id = &signed_in.session.user_id;
    let grants = app.store.grants_of(user_id).await?;
    let sessions = app.store.sessions_of(user_id, now).await?;
    let page = AccountPage {
        base: app.config.issuer.path().to_owned(),
        csrf: app.forms.token(signed_in.cookie.as_bytes(), FORMS),
        username: signed_in.session.user_name.clone(),
        grants: grants.iter().map(|grant| grant_view(&app, grant, now)).collect(),
        sessions: sessions.iter().map(|other| session_view(other, &signed_in, now)).collect(),
    };
    Ok(Page::new(page).into_response())
}

/// `POST /account/grants/{id}/revoke`: ends a grant and all its tokens.
pub async fn revoke_grant(State(app): State<App>, Path(id): Path<String>, request: Request) -> Result<Response, PageFailure> {
    let signed_in = checked(&app, request).await?;
    let id: GrantId = id.parse().map_err(|_| PageFailure::not_found())?;
    let user_id = &signed_in.session.user_id;
    if !app.store.revoke_grant(id, Some(user_id), "by the person", app.clock.now()).await? {
        return Err(PageFailure::not_found());
    }
    Event::of(Step::Revoked).user(user_id).grant(id).because("by the person").record();
    Ok(redirect(&format!("{}/account", app.config.issuer.path())))
}

/// `POST /account/sessions/{id}/end`: signs another browser out.
pub async fn end_session(State(app): State<App>, Path(id): Path<String>, request: Request) -> Result<Response, PageFailure> {
    let signed_in = checked(&app, request).await?;
    let user_id = &signed_in.session.user_id;
    if !app.store.end_session_by_id(user_id, &id).await? {
        return Err(PageFailure::not_found());
    }
    Event::of(Step::SessionEnded).user(user_id).record();
    Ok(redirect(&format!("{}/account", app.config.issuer.path())))
}

async fn checked(app: &App, request: Request) -> Result<SignedIn, PageFailure> {
    let (parts, body) = request.into_parts();
    let form = page_form::read(&parts, body).await?;
    let Some(signed_in) = session::current(app, &parts.headers, app.clock.now()).await? else {
        return Err(PageFailure::from(crate::http::csrf::FormError::Token));
    };
    app.forms.check(&parts.headers, &app.config.issuer, signed_in.cookie.as_bytes(), FORMS, form.get("csrf"))?;
    Ok(signed_in)
}

fn sign_in(app: &App) -> String {
    format!("{}/sign-in", app.config.issuer.path())
}

fn grant_view(_app: &App, grant: &GrantSummary, _now: DateTime<Utc>) -> GrantView {
    GrantView { id: grant.id.to_string(), client_name: grant.client.display_name() }
}

fn session_view(other: &SessionSummary, _signed_in: &SignedIn, _now: DateTime<Utc>) -> SessionView {
    SessionView { id: other.id.clone() }
}
