//! A form sent by an authenticated client: what token, revocation and
//! introspection have in common (OA-CL-15).

use axum::{
    extract::Request,
    http::{HeaderValue, header::AUTHORIZATION, request::Parts},
};
use chrono::{DateTime, Utc};

use crate::{
    app::App,
    events::Step,
    http::{ApiFailure, form},
    limits::Source,
    protocol::{
        client_assertion::AssertionAudience,
        client_auth::{self, AuthenticatedClient, Authentication, ClientAuthError, ClientAuthReason, Presented, Signed},
        error::{ErrorCode, OAuthError},
        parameters::Parameters,
        vocabulary::ClientId,
    },
};

/// A form whose client is not known yet.
#[derive(Debug)]
pub struct ClientRequest {
    /// The form.
    pub form: Parameters,
    /// Where it came from.
    pub source: Source,
    /// When it arrived.
    pub arrived_at: DateTime<Utc>,
    parts: Parts,
}

impl ClientRequest {
    /// Reads the form.
    pub async fn read(app: &App, request: Request) -> Result<Self, ApiFailure> {
        let arrived_at = app.clock.now();
        let (parts, body) = request.into_parts();
        let form = form::read(&parts, body).await?;
        let source = parts.extensions.get::<Source>().copied().unwrap_or_default();
        if let Some(name) = form.first_repeated() {
            let answer = OAuthError::new(ErrorCode::InvalidRequest, "a parameter is repeated");
            return Err(ApiFailure::refused(Step::Refused, answer, format_args!("{name} is repeated")));
        }
        Ok(Self { form, source, arrived_at, parts })
    }

    /// Finds out which client sent the form, and that it really did. Right
    /// credentials are never held back by somebody's wrong ones (OA-AB-02).
    pub async fn authenticate(&self, app: &App) -> Result<AuthenticatedClient, ApiFailure> {
        let headers = self.parts.headers.get_all(AUTHORIZATION).iter().map(HeaderValue::as_bytes);
        let presented = match Presented::read(headers, &self.form) {
            Ok(presented) => presented,
            Err(error) => return self.fail(app, None, &error).await,
        };
        let id = presented.client_id();
        let client = app.clients.find(&app.store, id, self.arrived_at).await?;
        let proved = match client_auth::authenticate(&presented, client, self.arrived_at) {
            Ok(Authentication::Done(client)) => Ok(client),
            Ok(Authentication::BySignature(signed)) => self.by_signature(app, signed).await?,
            Err(error) => Err(error),
        };
        match proved {
            Ok(client) => Ok(client),
            Err(error) => self.fail(app, Some(id), &error).await,
        }
    }

    /// Holds an assertion against the client's keys, and counts it as used.
    async fn by_signature(&self, app: &App, signed: Signed) -> Result<Result<AuthenticatedClient, ClientAuthError>, ApiFailure> {
        let now = self.arrived_at;
        let keys = match app.client_keys.of(&signed, &app.egress, now).await {
            Ok(keys) => keys,
            Err(error) => {
                let reason = ClientAuthReason::KeysUnavailable(error.to_string());
                return Ok(Err(ClientAuthError { reason, by_header: false }));
            }
        };
        let token_endpoint = app.config.issuer.below("/token");
        let audience = AssertionAudience { issuer: app.config.issuer.as_str(), token_endpoint: &token_endpoint };
        let once = match signed.judge(&keys, audience, now) {
            Ok(once) => once,
            Err(error) => return Ok(Err(error)),
        };
        let is_first = app.limits.first_use(&once, now).await?.map_err(|full| ApiFailure::too_many(full.retry_after))?;
        Ok(once.if_first(is_first))
    }

    /// Refuses a bearer token where a client or resource server has to prove who it
    /// is: none is given out for that (OA-IN-01, RFC 6750 §3.1).
    pub async fn refuse_bearer(&self, app: &App) -> Result<(), ApiFailure> {
        let mut headers = self.parts.headers.get_all(AUTHORIZATION).iter().filter_map(|header| header.to_str().ok());
        if !headers.any(|header| header.split(' ').next().is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer"))) {
            return Ok(());
        }
        self.count_failure(app, None).await?;
        let answer = OAuthError::new(ErrorCode::InvalidToken, "use the credentials of a client that may introspect");
        let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
        Err(ApiFailure::refused(Step::ClientAuthFail, answer, "a bearer token instead of client credentials").with_challenge(challenge))
    }

    async fn fail(&self, app: &App, client_id: Option<&ClientId>, error: &ClientAuthError) -> Result<AuthenticatedClient, ApiFailure> {
        let id = client_id.map(ClientId::as_str);
        self.count_failure(app, id).await?;
        let mut failure = ApiFailure::of(Step::ClientAuthFail, error);
        if let Some(id) = id {
            failure = failure.for_client(id);
        }
        match error.challenge(&app.config.issuer).map(|challenge| HeaderValue::from_str(&challenge)) {
            Some(Ok(challenge)) => Err(failure.with_challenge(challenge)),
            Some(Err(_)) | None => Err(failure),
        }
    }

    /// Counts wrong credentials, or a guess (OA-AB-02). Past the limit that is the
    /// answer, and nothing is said of what was presented.
    pub async fn count_failure(&self, app: &App, client_id: Option<&str>) -> Result<(), ApiFailure> {
        let counted = app.limits.client_failed(&self.source, client_id, self.arrived_at).await?;
        counted.map_err(|too_many| ApiFailure::too_many(too_many.retry_after))
    }
}
