//! `POST /revoke` (RFC 7009): a client ends a token that it needs no more.

use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, Utc};

use super::{client_request::ClientRequest, introspect::own_token};
use crate::{
    app::App,
    events::{Event, Step},
    http::ApiFailure,
    protocol::{
        client_auth::AuthenticatedClient,
        revocation::{self, FoundToken, PresentedToken, Revocation},
    },
};

/// Ends a refresh token with its family, or an access token. An unknown token is no
/// error (RFC 7009 §2.2).
pub async fn revoke(State(app): State<App>, request: Request) -> Result<Response, ApiFailure> {
    let request = ClientRequest::read(&app, request).await?;
    let token = PresentedToken::read(&request.form).map_err(|error| ApiFailure::of(Step::RevocationRefused, &error))?;
    let client = request.authenticate(&app).await?;
    let now = app.clock.now();
    let found = find(&app, token, now).await?;
    let ends = revocation::revoke(&client.id, found, now)
        .map_err(|error| ApiFailure::of(Step::RevocationRefused, &error).for_client(client.id.as_str()))?;
    end(&app, &client, ends, now).await?;
    Ok((StatusCode::OK, [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))]).into_response())
}

async fn find(app: &App, token: PresentedToken<'_>, now: DateTime<Utc>) -> anyhow::Result<FoundToken> {
    match token {
        PresentedToken::Jwt(jwt) => Ok(own_token(app, jwt, now).map_or(FoundToken::Nothing, FoundToken::AccessToken)),
        PresentedToken::Opaque(opaque) => {
            let Ok(refresh_token) = app.refresh_tokens.parse(opaque) else { return Ok(FoundToken::Nothing) };
            let family = refresh_token.presented().family_id;
            let owner = app.store.family_owner(family).await?;
            Ok(owner.map_or(FoundToken::Nothing, |client_id| FoundToken::RefreshToken { client_id, family }))
        }
        PresentedToken::Unknown => Ok(FoundToken::Nothing),
    }
}

async fn end(app: &App, client: &AuthenticatedClient, ends: Revocation, now: DateTime<Utc>) -> anyhow::Result<()> {
    match ends {
        Revocation::AccessToken { jti, until } => app.store.revoke_access_token(&jti, until).await?,
        Revocation::Family(family) => app.store.revoke_family(family, "revoked by the client", now).await?,
        Revocation::Nothing => return Ok(()),
    }
    Event::of(Step::Revoked).client(client.id.as_str()).because("by the client").record();
    Ok(())
}
