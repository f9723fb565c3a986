//! `POST /introspect` (RFC 7662): a resource server asks about a token.
//!
//! The caller hears only of tokens for the resources it was given to ask about
//! (MCP-AS-176); everything else is `{"active":false}` and nothing more.

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, Utc};
use portcullis_verifier::{Rejection, issuer::OwnTokens};
use serde::Deserialize as _;

use super::client_request::ClientRequest;
use crate::{
    app::App,
    events::{Event, Step},
    http::ApiFailure,
    protocol::{
        access_token::TokenId,
        introspection::{IntrospectionResponse, Introspector, TokenClaims},
        personal_token::PersonalToken,
        revocation::PresentedToken,
        vocabulary::{PersonalAccessToken, Token, TokenHash},
    },
};

/// Says whether a token is good, and what it may do.
pub async fn introspect(State(app): State<App>, request: Request) -> Result<Response, ApiFailure> {
    let request = ClientRequest::read(&app, request).await?;
    let token = PresentedToken::read(&request.form).map_err(|error| ApiFailure::of(Step::Refused, &error))?;
    request.refuse_bearer(&app).await?;
    let client = request.authenticate(&app).await?;
    let caller = Introspector::new(&client).map_err(|error| ApiFailure::of(Step::ClientAuthFail, &error).for_client(client.id.as_str()))?;
    let now = app.clock.now();
    let found = Found::of(&app, token, now).await?;
    if matches!(found, Found::Guess) {
        request.count_failure(&app, Some(client.id.as_str())).await?;
    }
    let answer = answer(&app, caller, found, now).await?;
    let outcome = if answer.is_active() { "active" } else { "inactive" };
    Event::of(Step::Introspected).client(client.id.as_str()).because(outcome).record();
    Ok(([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(answer)).into_response())
}

/// What a presented token turns out to be.
enum Found {
    /// An access token that we signed and that has not expired.
    Ours(Box<TokenClaims>),
    /// What a person made for themselves.
    Personal(TokenHash<PersonalAccessToken>, Box<PersonalToken>),
    /// A token of ours that opens nothing (any more).
    Useless,
    /// We never made it: guesses are bounded (OA-IN-08).
    Guess,
}

impl Found {
    async fn of(app: &App, token: PresentedToken<'_>, now: DateTime<Utc>) -> anyhow::Result<Self> {
        match token {
            PresentedToken::Jwt(jwt) => Ok(match own_token(app, jwt, now) {
                Ok(claims) => Self::Ours(Box::new(claims)),
                Err(Rejection::Expired { .. }) => Self::Useless,
                Err(_) => Self::Guess,
            }),
            PresentedToken::Opaque(opaque) if app.refresh_tokens.parse(opaque).is_ok() => Ok(Self::Useless),
            PresentedToken::Opaque(opaque) => {
                let Ok(token) = Token::<PersonalAccessToken>::parse(opaque) else { return Ok(Self::Guess) };
                let known = app.store.personal_token(&token.hash()).await?;
                Ok(known.map_or(Self::Guess, |known| Self::Personal(token.hash(), Box::new(known))))
            }
            PresentedToken::Unknown => Ok(Self::Guess),
        }
    }
}

async fn answer(app: &App, caller: Introspector<'_>, found: Found, now: DateTime<Utc>) -> anyhow::Result<IntrospectionResponse> {
    let issuer = &app.config.issuer;
    match found {
        Found::Ours(claims) if caller.is_told_about(&claims.aud) => {
            let is_revoked = is_revoked(app, &claims, now).await?;
            Ok(IntrospectionResponse::new(caller, *claims, is_revoked, issuer, now))
        }
        Found::Personal(hash, token) if caller.is_told_about(&token.resource) => {
            let resource = app.resources.load().by_identifier(&token.resource);
            let Ok(claims) = token.claims(resource.as_deref(), issuer, now) else { return Ok(IntrospectionResponse::INACTIVE) };
            if app.store.use_personal_token(&hash, &token, now).await? {
                let event = Event::of(Step::PersonalTokenUsed).user(&token.user_id).resource(&token.resource);
                event.scope(&claims.scope).because(&token.id).record();
            }
            Ok(IntrospectionResponse::new(caller, claims, false, issuer, now))
        }
        Found::Ours(_) | Found::Personal(..) | Found::Useless | Found::Guess => Ok(IntrospectionResponse::INACTIVE),
    }
}

/// The claims of an access token that we signed and that has not expired.
pub(super) fn own_token(app: &App, jwt: &str, now: DateTime<Utc>) -> Result<TokenClaims, Rejection> {
    let keys = app.keys.verifying();
    let ours = OwnTokens { issuer: app.config.issuer.as_str(), keys: &keys, skew: app.config.tokens.clock_skew };
    TokenClaims::deserialize(ours.read(jwt, now)?).map_err(|_| Rejection::Claims)
}

/// Whether something has ended the token before its time: itself, its family, its
/// grant, its person, its client, its resource.
async fn is_revoked(app: &App, claims: &TokenClaims, now: DateTime<Utc>) -> anyhow::Result<bool> {
    let resource_is_gone = app.resources.load().by_identifier(&claims.aud).is_none();
    if resource_is_gone || app.clients.find(&app.store, &claims.client_id, now).await?.is_none() {
        return Ok(true);
    }
    if claims.grant_id.is_none() {
        return app.store.access_token_is_revoked(&claims.jti).await;
    }
    let Some(family) = TokenId::parse(&claims.jti).and_then(|id| id.family()) else { return Ok(true) };
    Ok(!app.store.family_token_stands(family, &claims.jti).await?)
}
