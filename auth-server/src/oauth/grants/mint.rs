//! Making an access token out of what was decided.

use chrono::{DateTime, TimeDelta, Utc};
use portcullis_verifier::vocabulary::Scope;

use crate::{
    app::App,
    oauth::token::TokenResponse,
    protocol::{
        access_token::{AccessTokenClaims, TokenId, validity},
        resource::ProtectedResource,
        vocabulary::{ClientId, GrantId, Subject},
    },
    tokens,
};

/// What an access token is made of.
pub(crate) struct Mint<'a> {
    /// What it is for.
    pub(crate) resource: &'a ProtectedResource,
    /// Whom it speaks of.
    pub(crate) subject: Subject,
    /// Who asked.
    pub(crate) client_id: &'a ClientId,
    /// What it may do.
    pub(crate) scope: &'a Scope,
    /// Its name.
    pub(crate) id: TokenId,
    /// When the person signed in, and what they allowed; nothing for machines.
    pub(crate) person: Option<(DateTime<Utc>, GrantId)>,
}

impl Mint<'_> {
    /// Signs the token. Nothing may be spent if that fails (OA-TK-14).
    pub(crate) fn sign(&self, app: &App, now: DateTime<Utc>) -> anyhow::Result<TokenResponse> {
        let lifetime = self.resource.token_lifetime.unwrap_or(app.config.tokens.access_token_lifetime);
        let (iat, exp) = validity(now, self.capped(lifetime));
        let claims = AccessTokenClaims {
            iss: app.config.issuer.as_str(),
            sub: &self.subject,
            aud: self.resource.identifier.as_str(),
            client_id: self.client_id,
            exp,
            iat,
            jti: self.id.to_jti(),
            scope: self.scope,
            auth_time: self.person.map(|(auth_time, _)| auth_time.timestamp()),
            grant_id: self.person.map(|(_, grant_id)| grant_id),
        };
        let key = app.keys.signing(self.resource.signing_algorithm)?;
        Ok(TokenResponse {
            access_token: tokens::sign(&claims, &key)?,
            token_type: "Bearer",
            expires_in: exp - iat,
            refresh_token: None,
            scope: self.scope.to_string(),
        })
    }

    /// A machine's token lives for 15 minutes at most (OA-CC-05).
    fn capped(&self, lifetime: TimeDelta) -> TimeDelta {
        if self.person.is_none() { lifetime.min(TimeDelta::minutes(15)) } else { lifetime }
    }
}
