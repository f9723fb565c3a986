//! The authorization code grant (RFC 6749 §4.1.3).

use anyhow::Context as _;
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
        code::{self, CodeRequest, IssuedCode, RedeemError},
        error::{ErrorCode, OAuthError},
        metadata::OFFLINE_ACCESS,
        refused::Refused,
        vocabulary::{AuthorizationCode, FamilyId, Token, TokenHash},
    },
    store::NewFamily,
    tokens::RefreshToken,
};

/// Somebody who changes one code so often in no time is up to no good.
const MOST_TRIES: usize = 8;

/// Redeems a code: judges it as it was found, makes the tokens, and spends it if it
/// is still the same then. Until that moment nothing is spent (OA-TK-14).
pub(crate) async fn exchange(app: &App, client: &AuthenticatedClient, request: &ClientRequest) -> Result<TokenResponse, ApiFailure> {
    let now = app.clock.now();
    let hash = presented(request)?.ok_or_else(|| refused(client, RedeemError::Unknown))?;
    let fresh = Fresh::new(now)?;
    let mut seen_live = false;
    for _ in 0..MOST_TRIES {
        let code = app.store.find_code(&hash).await?.ok_or_else(|| refused(client, RedeemError::Unknown))?;
        seen_live |= code.redeemed.is_none();
        let scope = match judge(app, client, request, &code, seen_live, now) {
            Ok(scope) => scope,
            Err(Refused { error, effect }) => {
                app.store.refuse_code(&hash, &code, effect, now).await?;
                return Err(refused(client, error));
            }
        };
        let (family, response) = issue(app, client, &code, &scope, &fresh, now)?;
        if app.store.redeem_code(&hash, &code, &family, &app.clock).await? {
            record(client, &code, &scope);
            return Ok(response);
        }
    }
    Err(anyhow::anyhow!("a code was changed {MOST_TRIES} times while it was redeemed").into())
}

fn presented(request: &ClientRequest) -> Result<Option<TokenHash<AuthorizationCode>>, ApiFailure> {
    let code = request.form.get("code").ok_or_else(|| {
        let answer = OAuthError::new(ErrorCode::InvalidRequest, "code is missing");
        ApiFailure::refused(Step::CodeRefused, answer, "code is missing")
    })?;
    Ok(Token::parse(code).ok().map(|code| code.hash()))
}

/// What is made once for a request, however often its code is judged.
struct Fresh {
    family_id: FamilyId,
    refresh_secret: [u8; 32],
    token_random: [u8; 16],
}

impl Fresh {
    fn new(now: DateTime<Utc>) -> anyhow::Result<Self> {
        Ok(Self {
            family_id: FamilyId::new(entropy::identifier(now)?),
            refresh_secret: entropy::random()?,
            token_random: entropy::random()?,
        })
    }
}

fn judge(
    app: &App,
    client: &AuthenticatedClient,
    request: &ClientRequest,
    code: &IssuedCode,
    seen_live: bool,
    now: DateTime<Utc>,
) -> Result<Scope, Refused<RedeemError>> {
    let resources = app.resources.load();
    let resource = resources.by_identifier(&code.resource);
    let asked = CodeRequest {
        client_id: &client.id,
        redirect_uri: request.form.get("redirect_uri"),
        code_verifier: request.form.get("code_verifier"),
        resources: request.form.resources(),
        resource: resource.as_deref(),
        catalogue: &resources,
        issuer: &app.config.issuer,
        redirect_uri_stands: code.redirect_uri.parse().is_ok_and(|uri| client.may_redirect_to(&uri)),
        arrived_at: request.arrived_at,
        seen_live,
    };
    code::redeem(code, &asked, app.config.tokens.failed_exchanges, now)
}

fn issue(
    app: &App,
    client: &AuthenticatedClient,
    code: &IssuedCode,
    scope: &Scope,
    fresh: &Fresh,
    now: DateTime<Utc>,
) -> anyhow::Result<(NewFamily, TokenResponse)> {
    let resources = app.resources.load();
    let resource = resources.by_identifier(&code.resource).context("a resource vanished while a code was redeemed")?;
    let mint = Mint {
        resource: &resource,
        subject: code.user_id.parse()?,
        client_id: &client.id,
        scope,
        id: TokenId::in_family(fresh.family_id, fresh.token_random),
        person: Some((code.auth_time, code.grant_id)),
    };
    let mut response = mint.sign(app, now)?;
    let refresh_token = may_refresh(app, client, code).then(|| app.refresh_tokens.first(fresh.family_id, fresh.refresh_secret));
    response.refresh_token = refresh_token.as_ref().map(|token| token.wire().to_owned());
    let tokens = &app.config.tokens;
    let family = NewFamily {
        id: fresh.family_id,
        user_name: code.user_name.clone().context("a code of nobody was judged good")?,
        scope: code.scope.clone(),
        refresh_hash: refresh_token.as_ref().map(RefreshToken::hash),
        idle_expires_at: now + tokens.refresh_idle_lifetime,
        expires_at: now + tokens.refresh_absolute_lifetime,
    };
    Ok((family, response))
}

fn record(client: &AuthenticatedClient, code: &IssuedCode, scope: &Scope) {
    Event::of(Step::CodeRedeemed)
        .client(client.id.as_str())
        .user(&code.user_id)
        .grant(code.grant_id)
        .resource(&code.resource)
        .scope(scope)
        .record();
}

/// Whenever the client may use one (MCP-AS-92), unless the operator wants it asked for.
fn may_refresh(app: &App, client: &AuthenticatedClient, code: &IssuedCode) -> bool {
    client.stays_connected(app.config.tokens.refresh_needs_offline_access, code.scope.contains(OFFLINE_ACCESS))
}

fn refused(client: &AuthenticatedClient, error: RedeemError) -> ApiFailure {
    let step = if error == RedeemError::Replayed { Step::CodeReplay } else { Step::CodeRefused };
    ApiFailure::of(step, &error).for_client(client.id.as_str())
}
