//! `POST /register` (RFC 7591): a client introduces itself.

use std::time::Duration;

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, Utc};

use crate::{
    app::App,
    clients::Sealed,
    config::RegistrationMode,
    entropy,
    events::{Event, Step},
    http::{
        ApiFailure,
        form::{self, BodyError},
    },
    limits::Source,
    protocol::{
        error::{ErrorCode, OAuthError, Refusal},
        registration::{self, Chosen, LARGEST_BODY, NewClient},
        vocabulary::{ClientId, ClientSecret, InitialAccessToken, Token, TokenHash},
    },
};

const WHEN_FULL: Duration = Duration::from_hours(1);

/// Registers a client.
pub async fn register(State(app): State<App>, request: Request) -> Result<Response, ApiFailure> {
    let (parts, body) = request.into_parts();
    let now = app.clock.now();
    let token = admit(&app, &parts, now).await?;
    let body = form::bytes(&parts.headers, body, LARGEST_BODY).await.map_err(|error| unreadable(&error))?;
    if !is_json(&parts.headers) {
        let answer = OAuthError::new(ErrorCode::InvalidClientMetadata, "send Content-Type: application/json");
        return Err(ApiFailure::refused(Step::RegistrationRefused, answer, "the content type is not JSON"));
    }
    let chosen = Chosen { id: ClientId::generate(entropy::random()?), secret: Token::<ClientSecret>::new(entropy::random()?) };
    let new = registration::register(&body, app.registration_policy(), chosen, now)
        .map_err(|error| ApiFailure::of(Step::RegistrationRefused, &error))?;
    let new = keep(&app, new, token.as_ref(), now).await?;
    Event::of(Step::ClientRegistered).client(new.client.id.as_str()).because("by itself").record();
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::CREATED, no_store, Json(new.response())).into_response())
}

/// Nothing is stored of a client that anybody may register and nobody has allowed anything
/// yet, but for those that say too much to be put into their identifier.
async fn keep(
    app: &App,
    new: NewClient,
    token: Option<&TokenHash<InitialAccessToken>>,
    now: DateTime<Utc>,
) -> Result<NewClient, ApiFailure> {
    if let Some(token) = token {
        make_room(app, Waiting::AndOthers).await?;
        // Last of all: a registration that fails does not use up the token.
        return if app.store.add_client_with(token, &new.client, now).await? { Ok(new) } else { Err(bad_token()) };
    }
    match app.clients.sealed.seal(new)? {
        Sealed::Whole(new) => Ok(new),
        Sealed::TooLong(new) => {
            make_room(app, Waiting::Only).await?;
            app.store.add_client(&new.client).await?;
            Ok(new)
        }
    }
}

/// Which clients there may be too many of.
enum Waiting {
    /// Those that nobody has allowed anything.
    Only,
    /// All.
    AndOthers,
}

async fn make_room(app: &App, waiting: Waiting) -> Result<(), ApiFailure> {
    let counts = app.store.count_clients().await?;
    let bound = |most: u64| i64::try_from(most).unwrap_or(i64::MAX);
    let is_full = counts.registered >= bound(app.config.registration.most_clients)
        || (matches!(waiting, Waiting::Only) && counts.waiting >= bound(app.config.registration.most_waiting));
    if !is_full {
        return Ok(());
    }
    let answer = OAuthError::new(ErrorCode::TemporarilyUnavailable, "this server has as many clients as it takes; try again later");
    Err(ApiFailure::refused(Step::LimitHit, answer, "the number of registered clients is at its limit").with_retry_after(WHEN_FULL))
}

/// Mode and initial access token, then rate, in this order. The token is yet to be used.
async fn admit(app: &App, parts: &Parts, now: DateTime<Utc>) -> Result<Option<TokenHash<InitialAccessToken>>, ApiFailure> {
    let token = match app.config.registration.mode {
        RegistrationMode::Off => return Err(ApiFailure::not_found()),
        RegistrationMode::InitialAccessToken => Some(initial_access(app, &parts.headers, now).await?),
        RegistrationMode::Open => None,
    };
    let source = parts.extensions.get::<Source>().copied().unwrap_or_default();
    app.limits.registration(&source, now).await?.map_err(|too_many| ApiFailure::too_many(too_many.retry_after))?;
    Ok(token)
}

/// OA-DR-03, RFC 6750 §3: without a credential the challenge names no error.
async fn initial_access(app: &App, headers: &HeaderMap, now: DateTime<Utc>) -> Result<TokenHash<InitialAccessToken>, ApiFailure> {
    let credentials = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = credentials.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let Some((_, token)) = bearer else { return Err(challenged("Bearer", "no initial access token")) };
    let token = Token::<InitialAccessToken>::parse(token.trim()).map_err(|_| bad_token())?.hash();
    if app.store.is_initial_access_token(&token, now).await? { Ok(token) } else { Err(bad_token()) }
}

fn bad_token() -> ApiFailure {
    challenged("Bearer error=\"invalid_token\"", "the initial access token is unknown, expired or spent")
}

fn challenged(challenge: &'static str, reason: &'static str) -> ApiFailure {
    let answer = OAuthError::new(ErrorCode::InvalidToken, "registration needs an initial access token of this server");
    ApiFailure::refused(Step::RegistrationRefused, answer, reason).with_challenge(HeaderValue::from_static(challenge))
}

fn unreadable(error: &BodyError) -> ApiFailure {
    let description = error.answer().description;
    ApiFailure::refused(Step::RegistrationRefused, OAuthError::new(ErrorCode::InvalidClientMetadata, description), error)
        .with_status(error.status())
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}
