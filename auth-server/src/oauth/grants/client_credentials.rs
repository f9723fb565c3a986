//! The client credentials grant (RFC 6749 §4.4): a machine for itself.

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
        client::ClientOrigin,
        client_auth::AuthenticatedClient,
        client_credentials::machine_scope,
        error::{ErrorCode, OAuthError},
        vocabulary::Subject,
    },
};

/// Gives a machine a token for one resource.
pub(crate) fn issue(app: &App, client: &AuthenticatedClient, request: &ClientRequest) -> Result<TokenResponse, ApiFailure> {
    let now = app.clock.now();
    if client.origin != ClientOrigin::Operator || !client.is_confidential() {
        let answer = OAuthError::new(ErrorCode::UnauthorizedClient, "only a confidential client made by the operator may use this grant");
        return Err(ApiFailure::refused(Step::TokenRefused, answer, "not a machine of the operator's").for_client(client.id.as_str()));
    }
    let refused =
        |error: &dyn std::fmt::Display, answer| ApiFailure::refused(Step::TokenRefused, answer, error).for_client(client.id.as_str());
    let resource = app.resources.load().find(request.form.resources()).map_err(|error| {
        use crate::protocol::error::Refusal as _;
        refused(&error, error.answer())
    })?;
    let asked = request.form.get("scope").map(Scope::parse).transpose().map_err(|error| {
        let answer = OAuthError::new(ErrorCode::InvalidScope, "scope has a character that no scope may have, or too many tokens");
        refused(&error, answer)
    })?;
    let scope = machine_scope(client, &resource, asked.as_ref(), &app.config.issuer)
        .map_err(|error| ApiFailure::of(Step::TokenRefused, &error).for_client(client.id.as_str()))?;
    let mint = Mint {
        resource: &resource,
        subject: Subject::machine(&client.id),
        client_id: &client.id,
        scope: &scope,
        id: TokenId::alone(entropy::random()?),
        person: None,
    };
    let response = mint.sign(app, now)?;
    Event::of(Step::TokenIssued).client(client.id.as_str()).resource(resource.identifier.as_str()).scope(&scope).record();
    Ok(response)
}
