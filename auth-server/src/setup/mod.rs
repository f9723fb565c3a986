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
        csrf::FormError,
        page::Page,
        page_form::{self, PageForm},
    },
    login::{account_name, password, session},
    oauth::flow::redirect,
    protocol::vocabulary::{BrowserId, SetupLink, Subject, Token, TokenHash},
    secret::Secret,
    store::NewUser,
};

use page::{Field, SetupPage};

/// No more of a wrong name is shown again.
const MOST_TYPED: usize = 100;

/// `GET /setup/{token}`.
pub async fn show(State(app): State<App>, Path(token): Path<String>, headers: HeaderMap) -> Result<Response, PageFailure> {
    good(&app, &token).await?;
    let (browser, mark) = app.cookies.mark(&headers)?;
    let mut response = page(&app, &token, &browser.hash(), "", None);
    response.headers_mut().append(header::SET_COOKIE, mark);
    Ok(response)
}

/// `POST /setup/{token}`: makes the account, signs the person in.
pub async fn create(State(app): State<App>, Path(token): Path<String>, request: Request) -> Result<Response, PageFailure> {
    let (parts, body) = request.into_parts();
    let form = page_form::read(&parts, body).await?;
    let link = good(&app, &token).await?;
    let browser = app.cookies.browser(&parts.headers).ok_or(FormError::Token)?.hash();
    app.forms.check(&parts.headers, &app.config.issuer, browser.as_bytes(), &token, form.get("csrf"))?;
    let name = form.get("username").unwrap_or_default().trim().to_owned();
    if let Err(mistake) = judge(&name, &form) {
        return Ok(page(&app, &token, &browser, &name, Some(mistake)));
    }
    let password = Secret::new(form.get("password").unwrap_or_default().to_owned());
    let hashed = app.passwords.hash(password).await?.map_err(|_| PageFailure::too_many(std::time::Duration::from_secs(5)))?;
    let now = app.clock.now();
    let user = NewUser { id: Subject::person(entropy::identifier(now)?).to_string(), name, email: None, password_hash: hashed };
    if !app.store.add_first_user(&link, &user, now).await? {
        return Err(spent());
    }
    if let Err(error) = crate::serve::remove_setup_link(&app.config) {
        // The account is there and the link is spent; the file does no harm.
        tracing::warn!(error = format!("{error:#}"), "the file with the used set-up link stays");
    }
    Event::of(Step::SetupDone).user(&user.id).record();
    let cookie = session::begin(&app, &parts.headers, &user.id, now).await?;
    let mut response = redirect(&app.frame.path("/account"));
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

fn judge(name: &str, form: &PageForm) -> Result<(), (Field, &'static str)> {
    account_name::judge(name).map_err(|_| (Field::Username, "Choose a user name of 1 to 64 characters, all of which can be seen."))?;
    let chosen = form.get("password").unwrap_or_default();
    let weak = |weak| match weak {
        password::WeakPassword::IsName => "Choose a password that is not the user name.",
        password::WeakPassword::TooLong => "Choose a password of at most 256 characters.",
        password::WeakPassword::TooShort => "Choose a password of at least 10 characters.",
    };
    password::judge(name, chosen).map_err(|fault| (Field::Password, weak(fault)))?;
    let is_same = form.get("repeat") == Some(chosen);
    if is_same { Ok(()) } else { Err((Field::Repeat, "The two passwords are not the same. Type both again.")) }
}

async fn good(app: &App, token: &str) -> Result<TokenHash<SetupLink>, PageFailure> {
    let link = Token::parse(token).map_err(|_| spent())?.hash();
    if app.store.setup_link_is_good(&link, app.clock.now()).await? { Ok(link) } else { Err(spent()) }
}

fn spent() -> PageFailure {
    let what = "It has expired, or the first account exists already.";
    let advice = "Start the server again for a fresh link, or add accounts with the command portcullis user add.";
    PageFailure::refused(StatusCode::NOT_FOUND, Step::Refused, "This link is over", what, advice, "no such set-up link")
}

fn page(app: &App, token: &str, browser: &TokenHash<BrowserId>, username: &str, mistake: Option<(Field, &'static str)>) -> Response {
    let status = if mistake.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = SetupPage {
        frame: &app.frame,
        action: app.frame.path(&format!("/setup/{token}")),
        csrf: app.forms.token(browser.as_bytes(), token),
        username: username.chars().take(MOST_TYPED).collect(),
        mistake,
    };
    Page::with_form(page).with_status(status).into_response()
}
