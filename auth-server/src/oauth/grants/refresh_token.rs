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
    store::{RefreshOutcome, Refreshing},
    tokens::RefreshToken,
};

/// Gives new tokens for a refresh token.
pub(crate) async fn refresh(app: &App, client: &AuthenticatedClient, request: &ClientRequest) -> Result<TokenResponse, ApiFailure> {
    let now = app.clock.now();
    let presented = presented(app, client, request)?;
    let scope = scope(client, request)?;
    let token_random = entropy::random()?;
    let successor = app.refresh_tokens.successor(&presented);
    let policy = RefreshPolicy {
        grace: app.config.tokens.refresh_grace,
        rotates: !client.is_confidential() || app.config.tokens.rotate_confidential,
    };
    let refreshing = Refreshing {
        client_id: &client.id,
        presented: presented.presented(),
        successor_hash: policy.rotates.then(|| successor.hash()),
        idle_expires_at: now + app.config.tokens.refresh_idle_lifetime,
    };
    let decide = |family: Option<&TokenFamily>| {
        let resources = app.resources.load();
        let resource = family.and_then(|family| resources.by_identifier(&family.resource));
        let resource = resource.as_deref();
        let asked = RefreshRequest {
            client_id: &client.id,
            scope: scope.as_ref(),
            resources: request.form.resources(),
            resource,
            catalogue: &resources,
            issuer: &app.config.issuer,
        };
        match refresh::refresh(family, &refreshing.presented, &asked, policy, now) {
            Ok(continuation) => {
                let refresh_token = if continuation.step == RefreshStep::Keep { &presented } else { &successor };
                let tokens = tokens(app, client, &continuation, refresh_token, token_random, now)?;
                Ok(RefreshOutcome::Issue(continuation.step, tokens))
            }
            Err(refused) => Ok(RefreshOutcome::Refuse(refused.error, refused.effect)),
        }
    };
    let outcome = app.store.refresh_family(&refreshing, now, decide).await?;
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

fn tokens(
    app: &App,
    client: &AuthenticatedClient,
    continuation: &Continuation<'_>,
    refresh_token: &RefreshToken,
    token_random: [u8; 16],
    now: DateTime<Utc>,
) -> anyhow::Result<TokenResponse> {
    let Continuation { family, resource, scope, step } = continuation;
    let mint = Mint {
        resource,
        subject: family.user_id.parse()?,
        client_id: &client.id,
        scope,
        id: TokenId::in_family(family.id, token_random),
        person: Some((family.auth_time, family.grant_id)),
    };
    let mut tokens = mint.sign(app, now)?;
    tokens.refresh_token = Some(refresh_token.wire().to_owned());
    let step = if *step == RefreshStep::Repeat { Step::RefreshGrace } else { Step::RefreshRotated };
    let event = Event::of(step).client(client.id.as_str()).user(&family.user_id);
    event.grant(family.grant_id).resource(&family.resource).scope(scope).record();
    Ok(tokens)
}

fn refused(client: &AuthenticatedClient, error: RefreshError) -> ApiFailure {
    let step = match error {
        RefreshError::Reused => Step::RefreshReuse,
        RefreshError::WrongClient => Step::RefreshWrongClient,
        RefreshError::Expired
        | RefreshError::NothingLeft
        | RefreshError::ResourceGone
        | RefreshError::TokenTooLarge
        | RefreshError::Unknown
        | RefreshError::Withdrawn
        | RefreshError::WrongResource => Step::RefreshRefused,
    };
    ApiFailure::of(step, &error).for_client(client.id.as_str())
}
