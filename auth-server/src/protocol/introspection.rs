//! What may be said of a token, and to whom (RFC 7662).

use chrono::{DateTime, Utc};
use portcullis_verifier::vocabulary::{Issuer, Scope};
use serde::{Deserialize, Serialize};

use super::{
    access_token::TokenId,
    client_auth::AuthenticatedClient,
    error::{OAuthError, Refusal},
    vocabulary::{ClientId, FamilyId, GrantId},
};

/// The claims of an access token of ours whose signature was verified (RFC 9068
/// §2.2). Claims that a later version adds are left alone.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct TokenClaims {
    /// Who issued it.
    pub iss: String,
    /// The person, or for a machine the client itself.
    pub sub: String,
    /// The one resource it is for.
    pub aud: String,
    /// Who asked for it.
    pub client_id: ClientId,
    /// Its end, in seconds since 1970.
    pub exp: i64,
    /// Its beginning, in seconds since 1970.
    pub iat: i64,
    /// Its own name.
    pub jti: String,
    /// What it allows.
    #[serde(default)]
    pub scope: Scope,
    /// The grant behind it; none for a machine's token.
    #[serde(default)]
    pub grant_id: Option<GrantId>,
}

impl TokenClaims {
    /// The family of refresh tokens it came from; none for a machine's token.
    pub fn family(&self) -> Option<FamilyId> {
        self.grant_id?;
        TokenId::parse(&self.jti)?.family()
    }
}

/// A caller who may not ask at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a public client asked about a token")]
pub struct PublicCaller;

/// Answered like any failed authentication: a public client has proved nothing.
impl Refusal for PublicCaller {
    fn answer(&self) -> OAuthError {
        OAuthError::INVALID_CLIENT
    }
}

/// Somebody who may ask about tokens: a client with a secret. About which tokens
/// they get an answer is in their record.
#[derive(Clone, Copy, Debug)]
pub struct Introspector<'a>(&'a AuthenticatedClient);

impl<'a> Introspector<'a> {
    /// Only clients that proved who they are may ask (RFC 7662 §2.1, §4).
    pub fn new(caller: &'a AuthenticatedClient) -> Result<Self, PublicCaller> {
        if caller.is_confidential() { Ok(Self(caller)) } else { Err(PublicCaller) }
    }

    /// Whether tokens for this resource are the caller's business.
    pub fn is_told_about(&self, audience: &str) -> bool {
        self.0.introspects.iter().any(|resource| resource == audience)
    }
}

/// The answer (RFC 7662 §2.2). Whatever the caller may not use is inactive, and
/// nothing tells why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IntrospectionResponse {
    active: bool,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    token: Option<ActiveToken>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct ActiveToken {
    aud: String,
    client_id: ClientId,
    exp: i64,
    iat: i64,
    iss: String,
    jti: String,
    scope: Scope,
    sub: String,
    token_type: &'static str,
}

impl IntrospectionResponse {
    /// The answer for everything that is not usable by this caller.
    pub const INACTIVE: Self = Self { active: false, token: None };

    /// The answer for a token with good claims. `is_revoked` is what the store says
    /// of the token, its grant, its client and its person.
    pub fn new(caller: Introspector<'_>, claims: TokenClaims, is_revoked: bool, issuer: &Issuer, now: DateTime<Utc>) -> Self {
        let is_ours = claims.iss == issuer.as_str();
        // No look at `iat`: another replica's clock may be a little ahead of ours.
        let is_current = now.timestamp() < claims.exp;
        if !is_ours || !is_current || is_revoked || !caller.is_told_about(&claims.aud) {
            return Self::INACTIVE;
        }
        let TokenClaims { iss, sub, aud, client_id, exp, iat, jti, scope, grant_id: _ } = claims;
        Self { active: true, token: Some(ActiveToken { aud, client_id, exp, iat, iss, jti, scope, sub, token_type: "Bearer" }) }
    }

    /// Whether the token may be used.
    pub fn is_active(&self) -> bool {
        self.active
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::TimeDelta;
    use serde_json::json;

    use super::*;
    use crate::protocol::{
        client::{Client, ClientOrigin, ClientSecret},
        client_auth::{Presented, authenticate},
        parameters::Parameters,
        vocabulary::{Token, TokenEndpointAuthMethod},
    };

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn issuer() -> Issuer {
        Issuer::parse("https://auth.example.com").unwrap()
    }

    fn caller(introspects: &[&str]) -> AuthenticatedClient {
        let secret = Token::new([1; 32]);
        let client = Client {
            token_endpoint_auth_method: TokenEndpointAuthMethod::ClientSecretBasic,
            secrets: vec![ClientSecret::of(&secret, now(), None)],
            introspects: introspects.iter().map(ToString::to_string).collect(),
            ..Client::new("rs".parse().unwrap(), ClientOrigin::Operator, now())
        };
        let form = Parameters::parse(format!("client_id=rs&client_secret={}", secret.wire()).as_bytes()).unwrap();
        authenticate(&Presented::read([], &form).unwrap(), Some(Arc::new(client)), now()).unwrap().expect_done()
    }

    fn claims() -> TokenClaims {
        serde_json::from_value(json!({
            "iss": "https://auth.example.com",
            "sub": "u_1",
            "aud": "https://rs.example/mcp",
            "client_id": "app",
            "exp": 1_800_000_100,
            "iat": 1_799_999_900,
            "jti": "j",
            "scope": "a b",
            "auth_time": 1,
        }))
        .unwrap()
    }

    fn ask(introspects: &[&str], claims: TokenClaims, is_revoked: bool, at: DateTime<Utc>) -> IntrospectionResponse {
        let caller = caller(introspects);
        IntrospectionResponse::new(Introspector::new(&caller).unwrap(), claims, is_revoked, &issuer(), at)
    }

    // OA-IN-04, MCP-AS-176
    #[test]
    fn the_resource_of_a_token_is_told_what_the_token_says() {
        let answer = ask(&["https://rs.example/mcp"], claims(), false, now());
        assert_eq!(
            serde_json::to_value(answer).unwrap(),
            json!({
                "active": true,
                "aud": "https://rs.example/mcp",
                "client_id": "app",
                "exp": 1_800_000_100,
                "iat": 1_799_999_900,
                "iss": "https://auth.example.com",
                "jti": "j",
                "scope": "a b",
                "sub": "u_1",
                "token_type": "Bearer",
            })
        );
    }

    // OA-IN-03, EA-154, EA-155
    #[test]
    fn everything_else_is_inactive_and_nothing_more() {
        let mine = ["https://rs.example/mcp"];
        let answers = [
            ask(&["https://other.example/mcp"], claims(), false, now()),
            ask(&[], claims(), false, now()),
            ask(&["https://rs.example/mcp/"], claims(), false, now()),
            ask(&mine, claims(), true, now()),
            ask(&mine, claims(), false, now() + TimeDelta::seconds(100)),
            ask(&mine, TokenClaims { iss: "https://evil.example".to_owned(), ..claims() }, false, now()),
            IntrospectionResponse::INACTIVE,
        ];
        for answer in answers {
            assert_eq!(serde_json::to_string(&answer).unwrap(), r#"{"active":false}"#);
        }
        assert!(ask(&mine, claims(), false, now() + TimeDelta::seconds(99)).is_active());
    }

    // MCP-AS-177: ending a family ends its access tokens
    #[test]
    fn a_persons_token_names_its_family_and_a_machines_none() {
        let family = FamilyId::from_bytes([7; 16]);
        let jti = TokenId::in_family(family, [8; 16]).to_jti();
        let machines = TokenClaims { jti, ..claims() };
        assert_eq!(machines.family(), None);
        let persons = TokenClaims { grant_id: Some(GrantId::from_bytes([9; 16])), ..machines };
        assert_eq!(persons.family(), Some(family));
        assert_eq!(TokenClaims { jti: "j".to_owned(), ..persons }.family(), None);
    }

    // OA-IN-01, EA-151
    #[test]
    fn a_public_client_may_not_ask() {
        let client = Client::new("pub".parse().unwrap(), ClientOrigin::Operator, now());
        let presented = Presented::read([], &Parameters::parse(b"client_id=pub").unwrap()).unwrap();
        let caller = authenticate(&presented, Some(Arc::new(client)), now()).unwrap().expect_done();
        assert_eq!(Introspector::new(&caller).unwrap_err().answer(), OAuthError::INVALID_CLIENT);
    }
}
