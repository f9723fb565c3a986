//! What I have allowed, to whom, and where I am signed in (OA-SE-10).
//!
//! `page` is the page itself; `tokens` makes and ends personal tokens, with the pages of
//! `token_page`.

mod browser_name;
pub mod page;
mod token_page;
pub mod tokens;

use axum::{
    extract::{Path, Request, State},
    http::{HeaderMap, request::Parts},
    response::{IntoResponse as _, Response},
};
use page::{AccountPage, GrantView, SessionView, TokenView};

use crate::{
    app::App,
    events::{Event, Step},
    http::{
        PageFailure,
        page::Page,
        page_form::{self, PageForm},
    },
    login::session::{self, SignedIn},
    oauth::flow::redirect,
    protocol::vocabulary::GrantId,
};

/// What the forms of this page are about, for their token.
pub const FORMS: &str = "account";

/// `GET /account`.
pub async fn show(State(app): State<App>, headers: HeaderMap) -> Result<Response, PageFailure> {
    let now = app.clock.now();
    let Some(signed_in) = session::current(&app, &headers, now).await? else { return Ok(redirect(&app.frame.path("/sign-in"))) };
    let user_id = &signed_in.session.user_id;
    let grants = app.store.grants_of(user_id).await?;
    let sessions = app.store.sessions_of(user_id, now).await?;
    let tokens = app.store.personal_tokens_of(user_id).await?;
    let resources = app.resources.load();
    let page = AccountPage {
        frame: &app.frame,
        csrf: app.forms.token(signed_in.cookie.as_bytes(), FORMS),
        username: signed_in.session.user_name.clone(),
        grants: grants.iter().map(|grant| GrantView::new(grant, &resources, now)).collect(),
        tokens: tokens.iter().map(|token| TokenView::new(token, &resources, now)).collect(),
        sessions: sessions.iter().map(|session| SessionView::new(session, &signed_in.session.id, now)).collect(),
    };
    Ok(Page::with_form(page).into_response())
}

/// `POST /account/grants/{id}/revoke`: ends a grant and all its tokens.
pub async fn revoke_grant(State(app): State<App>, Path(id): Path<String>, request: Request) -> Result<Response, PageFailure> {
    let Checked { signed_in, .. } = checked(&app, request).await?;
    let id: GrantId = id.parse().map_err(|_| PageFailure::not_found())?;
    let user_id = &signed_in.session.user_id;
    if !app.store.revoke_grant(id, Some(user_id), "by the person", app.clock.now()).await? {
        return Err(PageFailure::not_found());
    }
    Event::of(Step::Revoked).user(user_id).grant(id).because("by the person").record();
    Ok(redirect(&app.frame.path("/account")))
}

/// `POST /account/sessions/{id}/end`: signs another browser out.
pub async fn end_session(State(app): State<App>, Path(id): Path<String>, request: Request) -> Result<Response, PageFailure> {
    let Checked { signed_in, .. } = checked(&app, request).await?;
    let user_id = &signed_in.session.user_id;
    if !app.store.end_session_by_id(user_id, &id).await? {
        return Err(PageFailure::not_found());
    }
    Event::of(Step::SessionEnded).user(user_id).record();
    Ok(redirect(&app.frame.path("/account")))
}

/// A form of these pages that its person sent.
struct Checked {
    parts: Parts,
    form: PageForm,
    signed_in: SignedIn,
}

async fn checked(app: &App, request: Request) -> Result<Checked, PageFailure> {
    let (parts, body) = request.into_parts();
    let form = page_form::read(&parts, body).await?;
    let Some(signed_in) = session::current(app, &parts.headers, app.clock.now()).await? else {
        return Err(PageFailure::signed_out());
    };
    app.forms.check(&parts.headers, &app.config.issuer, signed_in.cookie.as_bytes(), FORMS, form.get("csrf"))?;
    Ok(Checked { parts, form, signed_in })
}
