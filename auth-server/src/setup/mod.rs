//! The first account: a one-time link that the terminal shows.

pub mod page;

use axum::{
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
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
    login::{account_name, password, session},
    oauth::flow::redirect,
    protocol::vocabulary::{BrowserId, Subject, Token, TokenHash},
    secret::Secret,
    store::NewUser,
};

use page::SetupPage;

/// `GET /setup/{token}`.
pub async fn show(State(app): State<App>, Path(token): Path<String>, headers: HeaderMap) -> Result<Response, PageFailure> {
    good(&app, &token).await?;
    let (browser, cookie) = if let Some(known) = app.cookies.browser(&headers) {
        (known, None)
    } else {
        let fresh = Token::<BrowserId>::new(entropy::random()?);
        let cookie = app.cookies.set_browser(&fresh, chrono::TimeDelta::days(1));
        (fresh, Some(cookie))
    };
    let mut response = page(&app, &token, &browser.hash(), "", None);
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// `POST /setup/{token}`: makes the account, signs the person in.
pub async fn create(State(app): State<App>, Path(token): Path<String>, request: Request) -> Result<Response, PageFailure> {
    let (parts, body) = request.into_parts();
    let form = page_form::read(&parts, body).await?;
    let link = good(&app, &token).await?;
    let browser = app.cookies.browser(&parts.headers).map(|browser| browser.hash());
    let bound_to = browser.as_ref().map_or(&[][..], TokenHash::as_bytes);
    app.forms.check(&parts.headers, &app.config.issuer, bound_to, &token, form.get("csrf"))?;
    let name = form.get("username").unwrap_or_default().trim().to_owned();
    if let Err(mistake) = judge(&name, &form) {
        let Some(browser) = browser else { return Err(PageFailure::gone()) };
        return Ok(page(&app, &token, &browser, &name, Some(mistake)));
    }
    let password = Secret::new(form.get("password").unwrap_or_default().to_owned());
    let hashed = app.passwords.hash(password).await?.map_err(|_| PageFailure::too_many(std::time::Duration::from_secs(5)))?;
    let now = app.clock.now();
    let user = NewUser { id: Subject::person(entropy::identifier(now)?).to_string(), name, email: None, password_hash: hashed };
    if !app.store.add_first_user(&link, &user, now).await? {
        return Err(spent());
    }
    crate::serve::remove_setup_link(&app.config)?;
    Event::of(Step::SetupDone).user(&user.id).record();
    let cookie = session::begin(&app, &parts.headers, &user.id, now).await?;
    let mut response = redirect(&format!("{}/account", app.config.issuer.path()));
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

fn judge(name: &str, form: &PageForm) -> Result<(), &'static str> {
    account_name::judge(name).map_err(|_| "Choose a user name of 1 to 64 characters.")?;
    let chosen = form.get("password").unwrap_or_default();
    password::judge(name, chosen).map_err(|weak| match weak {
        password::WeakPassword::IsName => "Choose a password that is not the user name.",
        password::WeakPassword::TooLong => "Choose a password of at most 256 characters.",
        password::WeakPassword::TooShort => "Choose a password of at least 10 characters.",
    })?;
    if form.get("repeat").is_some_and(|repeat| repeat != chosen) { Err("The two passwords are not the same.") } else { Ok(()) }
}

async fn good(app: &App, token: &str) -> Result<TokenHash<crate::protocol::vocabulary::SetupLink>, PageFailure> {
    let link = Token::parse(token).map_err(|_| spent())?.hash();
    if app.store.setup_link_is_good(&link, app.clock.now()).await? { Ok(link) } else { Err(spent()) }
}

fn spent() -> PageFailure {
    let what = "It has expired, or the first account exists already.";
    let advice = "Start the server again for a fresh link, or add accounts with `portcullis user add`.";
    PageFailure::refused(StatusCode::NOT_FOUND, Step::Refused, "This link is over", what, advice, "no such set-up link")
}

fn page(app: &App, token: &str, browser: &TokenHash<BrowserId>, username: &str, error: Option<&str>) -> Response {
    let page = SetupPage {
        action: format!("{}/setup/{token}", app.config.issuer.path()),
        csrf: app.forms.token(browser.as_bytes(), token),
        username: username.to_owned(),
        error: error.map(str::to_owned),
    };
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Page::new(page).with_status(status).into_response()
}
