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
        revocation::PresentedToken,
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
    let found = Found::of(&app, token, now);
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
    /// A token of ours that opens nothing (any more).
    Useless,
    /// We never made it: guesses are bounded (OA-IN-08).
    Guess,
}

impl Found {
    fn of(app: &App, token: PresentedToken<'_>, now: DateTime<Utc>) -> Self {
        match token {
            PresentedToken::Jwt(jwt) => match own_token(app, jwt, now) {
                Ok(claims) => Self::Ours(Box::new(claims)),
                Err(Rejection::Expired { .. }) => Self::Useless,
                Err(_) => Self::Guess,
            },
            PresentedToken::Opaque(opaque) if app.refresh_tokens.parse(opaque).is_ok() => Self::Useless,
            PresentedToken::Opaque(_) | PresentedToken::Unknown => Self::Guess,
        }
    }
}

async fn answer(app: &App, caller: Introspector<'_>, found: Found, now: DateTime<Utc>) -> anyhow::Result<IntrospectionResponse> {
    let Found::Ours(claims) = found else { return Ok(IntrospectionResponse::INACTIVE) };
    if !caller.is_told_about(&claims.aud) {
        return Ok(IntrospectionResponse::INACTIVE);
    }
    let is_revoked = is_revoked(app, &claims).await?;
    Ok(IntrospectionResponse::new(caller, *claims, is_revoked, &app.config.issuer, now))
}

/// The claims of an access token that we signed and that has not expired.
pub(super) fn own_token(app: &App, jwt: &str, now: DateTime<Utc>) -> Result<TokenClaims, Rejection> {
    let keys = app.keys.verifying();
    let ours = OwnTokens { issuer: app.config.issuer.as_str(), keys: &keys, skew: app.config.tokens.clock_skew };
    TokenClaims::deserialize(ours.read(jwt, now)?).map_err(|_| Rejection::Claims)
}

/// Whether something has ended the token before its time: itself, its family, its
/// grant, its person, its client, its resource.
async fn is_revoked(app: &App, claims: &TokenClaims) -> anyhow::Result<bool> {
    let resource_is_gone = app.resources.load().by_identifier(&claims.aud).is_none();
    if resource_is_gone || app.clients.find(&app.store, &claims.client_id).await?.is_none() {
        return Ok(true);
    }
    if claims.grant_id.is_none() {
        return app.store.access_token_is_revoked(&claims.jti).await;
    }
    let Some(family) = TokenId::parse(&claims.jti).and_then(|id| id.family()) else { return Ok(true) };
    Ok(!app.store.family_token_stands(family, &claims.jti).await?)
}
