//! Personal tokens: a person makes one, sees it once, and takes it back.

use std::sync::Arc;

use axum::{
    extract::{Path, RawQuery, Request, State},
    http::{HeaderMap, header},
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, TimeDelta, Utc};
use portcullis_verifier::vocabulary::Scope;

use super::{
    Checked, FORMS, checked,
    token_page::{ChoicePage, ConfirmPage, Draft, Field, FormPage, Made, MadePage, ServerView},
};
use crate::{
    app::App,
    entropy,
    events::{Event, Step},
    http::{PageFailure, page::Page, page_form::PageForm},
    limits::Source,
    login::{
        session::{self, SignedIn},
        sign_in,
    },
    oauth::flow::redirect,
    protocol::{
        personal_token::{DEFAULT_LIFETIME, Terms, Wish, WishError, is_recent},
        resource::ProtectedResource,
        vocabulary::{PersonalAccessToken, Token},
    },
    store::{NewPersonalToken, NotStored},
};

const HERE: &str = "/account/tokens/new";
const SERVER: &str = "server";
const WRONG: &str = "The password is not right.";

/// `GET /account/tokens/new`: for which server, and what it may do there.
pub async fn ask(State(app): State<App>, RawQuery(query): RawQuery, headers: HeaderMap) -> Result<Response, PageFailure> {
    let now = app.clock.now();
    let Some(signed_in) = session::current(&app, &headers, now).await? else { return Ok(redirect(&app.frame.path("/sign-in"))) };
    let query = query.unwrap_or_default();
    let server = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == SERVER).map(|(_, value)| value.into_owned());
    let server = server.unwrap_or_default();
    if !is_recent(signed_in.session.auth_time, now) {
        return Ok(confirm_page(&app, &signed_in, server, None));
    }
    let servers = servers(&app, &signed_in);
    let named = servers.iter().find(|resource| resource.identifier.as_str() == server);
    let only = if let [only] = servers.as_slice() { Some(only) } else { None };
    match named.or(only) {
        Some(resource) => form_page(&app, &signed_in, resource, Draft::fresh(resource, DEFAULT_LIFETIME)).await,
        None => Ok(choice_page(&app, &signed_in, &servers)),
    }
}

/// `POST /account/tokens/confirm`: the same person, once more.
pub async fn confirm(State(app): State<App>, request: Request) -> Result<Response, PageFailure> {
    let Checked { parts, form, signed_in } = checked(&app, request).await?;
    let source = parts.extensions.get::<Source>().copied().unwrap_or_default();
    let server = form.get(SERVER).unwrap_or_default();
    let Some(cookie) = sign_in::again(&app, &parts.headers, &source, &form, &signed_in).await? else {
        return Ok(confirm_page(&app, &signed_in, server.to_owned(), Some(WRONG)));
    };
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair(SERVER, server).finish();
    let mut response = redirect(&app.frame.path(&format!("{HERE}?{query}")));
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

/// `POST /account/tokens/new`: makes it, and shows it this once.
pub async fn make(State(app): State<App>, request: Request) -> Result<Response, PageFailure> {
    let Checked { form, signed_in, .. } = checked(&app, request).await?;
    let now = app.clock.now();
    let server = form.get(SERVER).unwrap_or_default();
    if !is_recent(signed_in.session.auth_time, now) {
        return Ok(confirm_page(&app, &signed_in, server.to_owned(), None));
    }
    let servers = servers(&app, &signed_in);
    let Some(resource) = servers.iter().find(|resource| resource.identifier.as_str() == server) else {
        return Ok(redirect(&app.frame.path(HERE)));
    };
    let again = async |field, mistake| form_page(&app, &signed_in, resource, Draft::sent(resource, &form, (field, mistake))).await;
    let terms = match terms(&form, resource, &signed_in, now) {
        Ok(terms) => terms,
        Err(error) => return again(Field::of(error), error.to_string()).await,
    };
    let token = Token::<PersonalAccessToken>::new(entropy::random()?);
    let user_id = signed_in.session.user_id.clone();
    let new = NewPersonalToken { hash: token.hash(), id: entropy::identifier(now)?.to_string(), user_id, terms };
    match app.store.add_personal_token(&new, now).await? {
        Ok(ended) => tell(&new, ended),
        Err(error @ NotStored::NameTaken) => return again(Field::Name, error.to_string()).await,
        Err(NotStored::NoPerson) => return Err(PageFailure::signed_out()),
    }
    let csrf = app.forms.token(signed_in.cookie.as_bytes(), FORMS);
    let made = Made { token: &token, terms: &new.terms, resource };
    Ok(Page::with_form(MadePage::of(&app.frame, csrf, &signed_in.session.user_name, made)).into_response())
}

/// `POST /account/tokens/{id}/revoke`.
pub async fn revoke(State(app): State<App>, Path(id): Path<String>, request: Request) -> Result<Response, PageFailure> {
    let Checked { signed_in, .. } = checked(&app, request).await?;
    let user_id = &signed_in.session.user_id;
    if !app.store.revoke_personal_token(&id, user_id, "by the person", app.clock.now()).await? {
        return Err(PageFailure::not_found());
    }
    Event::of(Step::PersonalTokenRevoked).user(user_id).because(&id).record();
    Ok(redirect(&app.frame.path("/account")))
}

/// The servers that the person may use, in the operator's order.
fn servers(app: &App, signed_in: &SignedIn) -> Vec<Arc<ProtectedResource>> {
    app.resources.load().iter().filter(|resource| resource.admits(&signed_in.session.user_name)).cloned().collect()
}

fn terms(form: &PageForm, resource: &ProtectedResource, signed_in: &SignedIn, now: DateTime<Utc>) -> Result<Terms, WishError> {
    let days = form.get("days").and_then(|days| days.trim().parse::<u16>().ok()).ok_or(WishError::Lifetime)?;
    let scopes: Vec<&str> = form.all("scope").collect();
    let scope = Scope::parse(&scopes.join(" ")).map_err(|_| WishError::UnknownScope)?;
    let name = form.get("name").unwrap_or_default();
    let lifetime = TimeDelta::days(i64::from(days));
    Terms::of(Wish { name, person: &signed_in.session.user_name, resource, scope, lifetime }, now)
}

fn tell(made: &NewPersonalToken, ended: u64) {
    let event = Event::of(Step::PersonalTokenMade).user(&made.user_id).resource(made.terms.resource());
    event.scope(made.terms.scope()).because(&made.id).record();
    if ended > 0 {
        let reason = format_args!("{ended} of too many personal tokens ended, the longest unused");
        Event::of(Step::CapReached).user(&made.user_id).because(reason).record();
    }
}

fn confirm_page(app: &App, signed_in: &SignedIn, server: String, mistake: Option<&'static str>) -> Response {
    let csrf = app.forms.token(signed_in.cookie.as_bytes(), FORMS);
    let username = signed_in.session.user_name.clone();
    Page::with_form(ConfirmPage { frame: &app.frame, csrf, username, server, mistake }).into_response()
}

fn choice_page(app: &App, signed_in: &SignedIn, servers: &[Arc<ProtectedResource>]) -> Response {
    let csrf = app.forms.token(signed_in.cookie.as_bytes(), FORMS);
    let servers = servers.iter().map(|resource| ServerView::of(resource)).collect();
    Page::with_form(ChoicePage { frame: &app.frame, csrf, username: signed_in.session.user_name.clone(), servers }).into_response()
}

async fn form_page(app: &App, signed_in: &SignedIn, resource: &ProtectedResource, draft: Draft) -> Result<Response, PageFailure> {
    let csrf = app.forms.token(signed_in.cookie.as_bytes(), FORMS);
    let username = signed_in.session.user_name.clone();
    let is_asked_about = app.store.is_asked_about(resource.identifier.as_str()).await?;
    let page = FormPage { frame: &app.frame, csrf, username, server: ServerView::of(resource), is_asked_about, draft };
    Ok(Page::with_form(page).into_response())
}
