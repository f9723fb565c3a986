//! `POST /token` (RFC 6749 §3.2).

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{client_request::ClientRequest, grants};
use crate::{
    app::App,
    events::Step,
    http::ApiFailure,
    protocol::{
        client_auth::AuthenticatedClient,
        error::{ErrorCode, OAuthError},
        vocabulary::GrantType,
    },
};

/// What a client gets (RFC 6749 §5.1).
#[derive(Debug, Serialize)]
pub struct TokenResponse {
    /// The access token.
    pub access_token: String,
    /// `Bearer`, in this very spelling.
    pub token_type: &'static str,
    /// Seconds.
    pub expires_in: i64,
    /// The refresh token, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// What was granted, always told.
    pub scope: String,
}

/// Exchanges a grant for tokens.
pub async fn token(State(app): State<App>, request: Request) -> Result<Response, ApiFailure> {
    let request = ClientRequest::read(&app, request).await?;
    let grant_type = grant_type(&request)?;
    let client = request.authenticate(&app).await?;
    allowed(&client, grant_type)?;
    let granted = match grant_type {
        GrantType::AuthorizationCode => grants::authorization_code::exchange(&app, &client, &request).await,
        GrantType::ClientCredentials => grants::client_credentials::issue(&app, &client, &request),
        GrantType::RefreshToken => grants::refresh_token::refresh(&app, &client, &request).await,
    };
    if granted.as_ref().is_err_and(ApiFailure::is_of_a_bad_grant) {
        request.count_failure(&app, Some(client.id.as_str())).await?;
    }
    let response = granted?;
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store")), (header::PRAGMA, HeaderValue::from_static("no-cache"))];
    Ok((no_store, Json(response)).into_response())
}

fn grant_type(request: &ClientRequest) -> Result<GrantType, ApiFailure> {
    let refused =
        |code, description: &'static str| ApiFailure::refused(Step::TokenRefused, OAuthError::new(code, description), description);
    let asked = request.form.get("grant_type").ok_or_else(|| refused(ErrorCode::InvalidRequest, "grant_type is missing"))?;
    asked.parse().map_err(|_| {
        let answer = "grant_type is none of authorization_code, refresh_token, client_credentials";
        refused(ErrorCode::UnsupportedGrantType, answer)
    })
}

fn allowed(client: &AuthenticatedClient, grant_type: GrantType) -> Result<(), ApiFailure> {
    if client.may_use(grant_type) {
        return Ok(());
    }
    let answer = OAuthError::new(ErrorCode::UnauthorizedClient, "this client may not use that grant");
    Err(ApiFailure::refused(Step::TokenRefused, answer, format_args!("{grant_type} is not among the client's grants"))
        .for_client(client.id.as_str()))
}
