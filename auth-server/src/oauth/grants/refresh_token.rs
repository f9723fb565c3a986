//! The refresh token grant (RFC 6749 §6, RFC 9700 §4.14).

use chrono::{DateTime, Utc};
use portcullis_verifier::vocabulary::Scope;

use super::mint::Mint;
use crate::{
    app::App,
    entropy,
    events::{Event, Step},
    http::ApiFailure,
    oauth::{client_request::ClientRequest, token::TokenResponse},
    protocol::{
        access_token::TokenId,
        client_auth::AuthenticatedClient,
        error::{ErrorCode, OAuthError},
        refresh::{self, Continuation, RefreshError, RefreshPolicy, RefreshRequest, RefreshStep, TokenFamily},
    },
    store::RefreshOutcome,
    tokens::RefreshToken,
};

/// Gives new tokens for a refresh token.
pub(crate) async fn refresh(app: &App, client: &AuthenticatedClient, request: &ClientRequest) -> Result<TokenResponse, ApiFailure> {
    let now = app.clock.now();
    let presented = presented(app, client, request)?;
    let scope = scope(client, request)?;
    let token_random = entropy::random()?;
    let ours = presented.presented();
    let outcome = app
        .store
        .refresh_family(ours.family_id, now, |family| {
            let verdict = judge(app, client, request, scope.as_ref(), &presented, family, now);
            match verdict {
                Ok(continuation) => continued(app, client, &continuation, &presented, token_random, now),
                Err(refused) => Ok(RefreshOutcome::Refuse(refused.error, refused.effect)),
            }
        })
        .await?;
    outcome.map_err(|error| refused(client, error))
}

fn presented(app: &App, client: &AuthenticatedClient, request: &ClientRequest) -> Result<RefreshToken, ApiFailure> {
    let text = request.form.get("refresh_token").ok_or_else(|| {
        let answer = OAuthError::new(ErrorCode::InvalidRequest, "refresh_token is missing");
        ApiFailure::refused(Step::RefreshRefused, answer, "refresh_token is missing")
    })?;
    app.refresh_tokens.parse(text).map_err(|_| refused(client, RefreshError::Unknown))
}

/// What the client asks for; `None` where it does not ask.
fn scope(client: &AuthenticatedClient, request: &ClientRequest) -> Result<Option<Scope>, ApiFailure> {
    let Some(text) = request.form.get("scope") else { return Ok(None) };
    Scope::parse(text).map(Some).map_err(|error| {
        let answer = OAuthError::new(ErrorCode::InvalidScope, "scope has a character that no scope may have, or too many tokens");
        ApiFailure::refused(Step::RefreshRefused, answer, error).for_client(client.id.as_str())
    })
}

fn judge<'f>(
    app: &App,
    client: &AuthenticatedClient,
    request: &ClientRequest,
    scope: Option<&Scope>,
    presented: &RefreshToken,
    family: Option<&'f TokenFamily>,
    now: DateTime<Utc>,
) -> Result<Continuation<'f>, crate::protocol::refused::Refused<RefreshError>> {
    let resources = app.resources.load();
    let resource = family.and_then(|family| resources.by_identifier(&family.resource));
    let asked = RefreshRequest { client_id: &client.id, scope, resources: request.form.resources(), resource: resource.as_deref() };
    let policy = RefreshPolicy {
        grace: app.config.tokens.refresh_grace,
        rotates: !client.is_confidential() || app.config.tokens.rotate_confidential,
    };
    refresh::refresh(family, &presented.presented(), &asked, policy, now)
}

fn continued(
    app: &App,
    client: &AuthenticatedClient,
    continuation: &Continuation<'_>,
    presented: &RefreshToken,
    token_random: [u8; 16],
    now: DateTime<Utc>,
) -> anyhow::Result<RefreshOutcome<TokenResponse>> {
    let family = continuation.family;
    let resources = app.resources.load();
    let resource = resources.by_identifier(&family.resource).ok_or_else(|| anyhow::anyhow!("a resource vanished during a refresh"))?;
    let mint = Mint {
        resource: &resource,
        subject: family.user_id.parse()?,
        client_id: &client.id,
        scope: &continuation.scope,
        id: TokenId::in_family(family.id, token_random),
        person: Some((family.auth_time, family.grant_id)),
    };
    let mut tokens = mint.sign(app, now)?;
    let (step, successor) = match continuation.step {
        RefreshStep::Keep => (Step::RefreshRotated, None),
        RefreshStep::Repeat => (Step::RefreshGrace, Some(app.refresh_tokens.successor(presented))),
        RefreshStep::Rotate => (Step::RefreshRotated, Some(app.refresh_tokens.successor(presented))),
    };
    tokens.refresh_token = Some(successor.as_ref().unwrap_or(presented).wire().to_owned());
    Event::of(step)
        .client(client.id.as_str())
        .user(&family.user_id)
        .grant(family.grant_id)
        .resource(&family.resource)
        .scope(&continuation.scope)
        .record();
    Ok(RefreshOutcome::Issue {
        step: continuation.step,
        successor_hash: successor.as_ref().map(RefreshToken::hash),
        idle_expires_at: (now + app.config.tokens.refresh_idle_lifetime).min(family.expires_at),
        tokens,
    })
}

fn refused(client: &AuthenticatedClient, error: RefreshError) -> ApiFailure {
    let step = match error {
        RefreshError::Reused => Step::RefreshReuse,
        RefreshError::WrongClient => Step::RefreshWrongClient,
        RefreshError::Expired
        | RefreshError::NothingLeft
        | RefreshError::ResourceGone
        | RefreshError::Unknown
        | RefreshError::Withdrawn
        | RefreshError::WrongResource => Step::RefreshRefused,
    };
    ApiFailure::of(step, &error).for_client(client.id.as_str())
}
