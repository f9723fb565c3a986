//! The sign-in form: for an authorization request, or for the account page.

use axum::{
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, Utc};

use super::{
    page::LoginPage,
    password::Busy,
    session::{self, SignedIn},
};
use crate::{
    app::App,
    entropy,
    events::{Event, Step},
    http::{
        PageFailure,
        page::Page,
        page_form::{self, PageForm},
    },
    limits::Source,
    oauth::flow::{Pending, redirect},
    protocol::vocabulary::{BrowserId, Token, TokenHash},
    secret::Secret,
};

/// What a person is told after a failed attempt; the same for an unknown name.
const WRONG: &str = "The user name or the password is not right.";

/// What the form of the account page is about, for its token.
const ACCOUNT: &str = "sign-in";

/// The page for a pending request.
pub fn page_for(app: &App, pending: &Pending, error: Option<&str>) -> Result<Response, PageFailure> {
    let hint = pending.login_hint().unwrap_or_default();
    let page = LoginPage {
        action: pending.path(app, "/sign-in"),
        csrf: app.forms.token(pending.browser.as_bytes(), pending.handle.wire()),
        client_name: Some(pending.client.display_name()),
        username: hint.to_owned(),
        error: error.map(str::to_owned),
    };
    Ok(Page::new(page).into_response())
}

/// `POST /authorize/{handle}/sign-in`.
pub async fn sign_in_for(State(app): State<App>, Path(handle): Path<String>, request: Request) -> Result<Response, PageFailure> {
    let (parts, body) = request.into_parts();
    let now = app.clock.now();
    let form = page_form::read(&parts, body).await?;
    let pending = Pending::find(&app, &handle, &parts.headers, now).await?;
    app.forms.check(&parts.headers, &app.config.issuer, pending.browser.as_bytes(), pending.handle.wire(), form.get("csrf"))?;
    let source = parts.extensions.get::<Source>().copied().unwrap_or_default();
    match attempt(&app, &parts.headers, &source, &form, now).await? {
        None => page_for(&app, &pending, Some(WRONG)),
        Some(cookie) => {
            app.store.note_sign_in(&pending.handle.hash(), Some(now)).await?;
            let mut response = redirect(&pending.path(&app, ""));
            response.headers_mut().append(header::SET_COOKIE, cookie);
            Ok(response)
        }
    }
}

/// `POST /authorize/{handle}/switch-account`: somebody else is in front of the browser.
pub async fn switch_account(State(app): State<App>, Path(handle): Path<String>, request: Request) -> Result<Response, PageFailure> {
    let (parts, body) = request.into_parts();
    let now = app.clock.now();
    let form = page_form::read(&parts, body).await?;
    let pending = Pending::find(&app, &handle, &parts.headers, now).await?;
    let signed_in = session::current(&app, &parts.headers, now).await?;
    let bound_to = signed_in.as_ref().map_or(pending.browser.as_bytes(), |signed_in| signed_in.cookie.as_bytes());
    app.forms.check(&parts.headers, &app.config.issuer, bound_to, pending.handle.wire(), form.get("csrf"))?;
    app.store.note_sign_in(&pending.handle.hash(), None).await?;
    let mut response = redirect(&pending.path(&app, ""));
    if let Some(signed_in) = signed_in {
        end(&app, &signed_in).await?;
        response.headers_mut().append(header::SET_COOKIE, app.cookies.clear_session());
    }
    Ok(response)
}

/// `GET /sign-in`: for the account page.
pub async fn show(State(app): State<App>, headers: HeaderMap) -> Result<Response, PageFailure> {
    if session::current(&app, &headers, app.clock.now()).await?.is_some() {
        return Ok(redirect(&format!("{}/account", app.config.issuer.path())));
    }
    plain_page(&app, &headers, None)
}

fn plain_page(app: &App, headers: &HeaderMap, error: Option<&str>) -> Result<Response, PageFailure> {
    let (browser, set_cookie) = if let Some(known) = app.cookies.browser(headers) {
        (known, None)
    } else {
        let fresh = Token::<BrowserId>::new(entropy::random()?);
        let cookie = app.cookies.set_browser(&fresh, chrono::TimeDelta::days(1));
        (fresh, Some(cookie))
    };
    let page = LoginPage {
        action: format!("{}/sign-in", app.config.issuer.path()),
        csrf: app.forms.token(browser.hash().as_bytes(), ACCOUNT),
        client_name: None,
        username: String::new(),
        error: error.map(str::to_owned),
    };
    let mut response = Page::new(page).into_response();
    if let Some(cookie) = set_cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// `POST /sign-in`.
pub async fn sign_in(State(app): State<App>, request: Request) -> Result<Response, PageFailure> {
    let (parts, body) = request.into_parts();
    let now = app.clock.now();
    let form = page_form::read(&parts, body).await?;
    let browser: Option<TokenHash<BrowserId>> = app.cookies.browser(&parts.headers).map(|browser| browser.hash());
    let bound_to = browser.as_ref().map_or(&[][..], TokenHash::as_bytes);
    app.forms.check(&parts.headers, &app.config.issuer, bound_to, ACCOUNT, form.get("csrf"))?;
    let source = parts.extensions.get::<Source>().copied().unwrap_or_default();
    match attempt(&app, &parts.headers, &source, &form, now).await? {
        None => plain_page(&app, &parts.headers, Some(WRONG)),
        Some(cookie) => {
            let mut response = redirect(&format!("{}/account", app.config.issuer.path()));
            response.headers_mut().append(header::SET_COOKIE, cookie);
            Ok(response)
        }
    }
}

/// One attempt: the cookie of a new session, or `None` for a wrong name or password.
async fn attempt(
    app: &App,
    headers: &HeaderMap,
    source: &Source,
    form: &PageForm,
    now: DateTime<Utc>,
) -> Result<Option<HeaderValue>, PageFailure> {
    let name = form.get("username").unwrap_or_default().trim().to_owned();
    let password = Secret::new(form.get("password").unwrap_or_default().to_owned());
    app.limits.sign_in(source, &name, now).await?.map_err(|too_many| PageFailure::too_many(too_many.retry_after))?;
    let user = if name.is_empty() { None } else { app.store.user_by_login(&name).await? };
    let usable = user.as_ref().filter(|user| user.disabled_at.is_none());
    let right = app.passwords.is_right(password, usable.map(|user| user.password_hash.clone())).await?.map_err(busy)?;
    let Some(user) = usable.filter(|_| right) else {
        app.limits.sign_in_failed(source, &name, now).await?;
        let reason = match &user {
            None => "no such account",
            Some(user) if user.disabled_at.is_some() => "the account is disabled",
            Some(_) => "wrong password",
        };
        let event = Event::of(Step::LoginFail).because(reason);
        match &user {
            Some(user) => event.user(&user.id).record(),
            None => event.record(),
        }
        return Ok(None);
    };
    app.limits.signed_in(source, &name).await?;
    let cookie = session::begin(app, headers, &user.id, now).await?;
    Event::of(Step::LoginOk).user(&user.id).record();
    Ok(Some(cookie))
}

fn busy(_: Busy) -> PageFailure {
    PageFailure::too_many(std::time::Duration::from_secs(5))
}

async fn end(app: &App, signed_in: &SignedIn) -> anyhow::Result<()> {
    app.store.end_session(&signed_in.cookie).await?;
    Event::of(Step::Logout).user(&signed_in.session.user_id).record();
    Ok(())
}

/// `POST /sign-out`.
pub async fn sign_out(State(app): State<App>, request: Request) -> Result<Response, PageFailure> {
    let (parts, body) = request.into_parts();
    let now = app.clock.now();
    let form = page_form::read(&parts, body).await?;
    let to = format!("{}/sign-in", app.config.issuer.path());
    let Some(signed_in) = session::current(&app, &parts.headers, now).await? else { return Ok(redirect(&to)) };
    app.forms.check(&parts.headers, &app.config.issuer, signed_in.cookie.as_bytes(), crate::account::FORMS, form.get("csrf"))?;
    end(&app, &signed_in).await?;
    let mut response = redirect(&to);
    response.headers_mut().append(header::SET_COOKIE, app.cookies.clear_session());
    Ok(response)
}
