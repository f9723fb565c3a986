//! The sign-in form: for an authorization request, or for the account page.

use axum::{
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, Utc};

use super::{
    account_name,
    page::{LoginPage, Purpose},
    session::{self, SignedIn},
};
use crate::{
    app::App,
    events::{Event, Step},
    http::{
        PageFailure,
        csrf::FormError,
        page::Page,
        page_form::{self, PageForm},
    },
    limits::Source,
    oauth::flow::{Pending, redirect},
    protocol::consent,
    secret::Secret,
};

/// What a person is told after a failed attempt; the same for an unknown name.
const WRONG: &str = "The user name or the password is not right.";

/// The longest e-mail address.
const MOST_TYPED: usize = 254;

/// What the form of the account page is about, for its token.
const ACCOUNT: &str = "sign-in";

/// The page for a pending request.
pub fn page_for(app: &App, pending: &Pending) -> Response {
    // A stranger may write anything there; only what could be a name is shown as one.
    let hint = pending.login_hint().filter(|hint| account_name::judge(hint).is_ok()).unwrap_or_default();
    Page::with_form(request_page(app, pending, hint.to_owned(), None)).into_response()
}

fn request_page<'a>(app: &'a App, pending: &Pending, username: String, mistake: Option<&'static str>) -> LoginPage<'a> {
    let name = match pending.kept.redirect_uri() {
        Some(redirect_uri) => consent::shown_name(&pending.client, redirect_uri),
        None => consent::published_at(&pending.client.id),
    };
    let purpose = match pending.resource(app) {
        Some(resource) => Purpose::Use { app: name, server: resource.name.clone() },
        None => Purpose::App { app: name },
    };
    LoginPage {
        frame: &app.frame,
        action: pending.path(app, "/sign-in"),
        csrf: app.forms.token(pending.browser.as_bytes(), pending.handle.wire()),
        purpose,
        username,
        mistake,
    }
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
        None => Ok(Page::with_form(request_page(&app, &pending, typed(&form), Some(WRONG))).into_response()),
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
        return Ok(redirect(&app.frame.path("/account")));
    }
    plain_page(&app, &headers, String::new(), None)
}

fn plain_page(app: &App, headers: &HeaderMap, username: String, mistake: Option<&'static str>) -> Result<Response, PageFailure> {
    let (browser, mark) = app.cookies.mark(headers)?;
    let page = LoginPage {
        frame: &app.frame,
        action: app.frame.path("/sign-in"),
        csrf: app.forms.token(browser.hash().as_bytes(), ACCOUNT),
        purpose: Purpose::Account,
        username,
        mistake,
    };
    let mut response = Page::with_form(page).into_response();
    response.headers_mut().append(header::SET_COOKIE, mark);
    Ok(response)
}

/// The name that stays in the form; no more of it than an account could have.
fn typed(form: &PageForm) -> String {
    form.get("username").unwrap_or_default().trim().chars().take(MOST_TYPED).collect()
}

/// `POST /sign-in`.
pub async fn sign_in(State(app): State<App>, request: Request) -> Result<Response, PageFailure> {
    let (parts, body) = request.into_parts();
    let now = app.clock.now();
    let form = page_form::read(&parts, body).await?;
    let browser = app.cookies.browser(&parts.headers).ok_or(FormError::Token)?.hash();
    app.forms.check(&parts.headers, &app.config.issuer, browser.as_bytes(), ACCOUNT, form.get("csrf"))?;
    let source = parts.extensions.get::<Source>().copied().unwrap_or_default();
    match attempt(&app, &parts.headers, &source, &form, now).await? {
        None => plain_page(&app, &parts.headers, typed(&form), Some(WRONG)),
        Some(cookie) => {
            let mut response = redirect(&app.frame.path("/account"));
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
    let name = typed(form);
    let password = Secret::new(form.get("password").unwrap_or_default().to_owned());
    let attempt = app.limits.sign_in(source, &name, now).await?.map_err(|too_many| PageFailure::too_many(too_many.retry_after))?;
    let user = if name.chars().any(char::is_control) { None } else { app.store.user_by_login(&name).await? };
    let usable = user.as_ref().filter(|user| user.disabled_at.is_none());
    let Ok(right) = app.passwords.is_right(password, usable.map(|user| user.password_hash.clone())).await? else {
        app.limits.not_tried(attempt).await?;
        return Err(PageFailure::busy());
    };
    let Some(user) = usable.filter(|_| right) else {
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
    app.limits.signed_in(source, &name, attempt).await?;
    let cookie = session::begin(app, headers, &user.id, now).await?;
    Event::of(Step::LoginOk).user(&user.id).record();
    Ok(Some(cookie))
}

/// The person who is signed in proves it once more: the cookie of a new session in the
/// place of the old one, or `None` for a wrong password.
pub(crate) async fn again(
    app: &App,
    headers: &HeaderMap,
    source: &Source,
    form: &PageForm,
    signed_in: &SignedIn,
) -> Result<Option<HeaderValue>, PageFailure> {
    if typed(form) != signed_in.session.user_name {
        return Err(FormError::Token.into());
    }
    attempt(app, headers, source, form, app.clock.now()).await
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
    let to = app.frame.path("/sign-in");
    let Some(signed_in) = session::current(&app, &parts.headers, now).await? else { return Ok(redirect(&to)) };
    app.forms.check(&parts.headers, &app.config.issuer, signed_in.cookie.as_bytes(), crate::account::FORMS, form.get("csrf"))?;
    end(&app, &signed_in).await?;
    let mut response = redirect(&to);
    response.headers_mut().append(header::SET_COOKIE, app.cookies.clear_session());
    Ok(response)
}
