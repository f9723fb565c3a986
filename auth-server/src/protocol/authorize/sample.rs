//! A client, two resources and a good request, for tests.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use portcullis_verifier::vocabulary::{Issuer, Resource, Scope};

use super::{AuthorizationRequest, bind};
use crate::protocol::{
    client::{Client, ClientOrigin},
    parameters::Parameters,
    resource::{ProtectedResource, Resources, ScopeDescription},
    vocabulary::SigningAlgorithm,
};

/// RFC 7636 Appendix B.
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

const GOOD: &[(&str, &str)] = &[
    ("client_id", "app"),
    ("redirect_uri", "https://app.example/cb"),
    ("response_type", "code"),
    ("code_challenge", CHALLENGE),
    ("code_challenge_method", "S256"),
    ("resource", "https://mcp.example/notes"),
];

/// When the samples begin.
pub(crate) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

/// Who signs.
pub(crate) fn issuer() -> Issuer {
    Issuer::parse("https://auth.example").unwrap()
}

/// A client that a stranger registered.
pub(crate) fn client() -> Client {
    let uris = ["https://app.example/cb", "http://127.0.0.1/cb", "cursor://app/cb"];
    Client {
        name: Some("App".to_owned()),
        redirect_uris: uris.map(|uri| uri.parse().unwrap()).to_vec(),
        ..Client::new("app".parse().unwrap(), ClientOrigin::Registered, now())
    }
}

/// A resource below `https://mcp.example/` with the scopes `…:read`, `…:write`.
pub(crate) fn resource(path: &str) -> ProtectedResource {
    let described =
        |verb: &str| ScopeDescription { token: format!("{path}:{verb}").parse().unwrap(), sentence: format!("{verb} your {path}") };
    ProtectedResource {
        identifier: Resource::parse(&format!("https://mcp.example/{path}")).unwrap(),
        aliases: Vec::new(),
        name: path.to_uppercase(),
        scopes: vec![described("read"), described("write")],
        default_scopes: Scope::parse(&format!("{path}:read")).unwrap(),
        token_lifetime: None,
        signing_algorithm: SigningAlgorithm::Es256,
        origin_alias: false,
        people: None,
    }
}

/// Notes and mail, something without scopes, and no default.
pub(crate) fn resources() -> Resources {
    let plain = ProtectedResource { scopes: Vec::new(), default_scopes: Scope::none(), ..resource("plain") };
    Resources::new(vec![Arc::new(resource("notes")), Arc::new(resource("mail")), Arc::new(plain)], None)
}

/// The parameters of a query.
pub(crate) fn parameters(query: &str) -> Parameters {
    Parameters::parse_remembering_faults(query.as_bytes()).unwrap()
}

/// A good query, in which the parameters of `with` stand instead of its own; one
/// without `=` is left out.
pub(crate) fn query(with: &str) -> String {
    let given = |name: &str| with.split('&').any(|pair| pair.split('=').next() == Some(name));
    let kept = GOOD.iter().filter(|(name, _)| !given(name)).map(|(name, value)| format!("{name}={value}"));
    let added = with.split('&').filter(|pair| pair.contains('=')).map(str::to_owned);
    kept.chain(added).collect::<Vec<_>>().join("&")
}

/// A valid request of [`client`].
pub(crate) fn request(with: &str) -> AuthorizationRequest {
    request_of(&client(), with)
}

/// A valid request of any client with the same identifier.
pub(crate) fn request_of(client: &Client, with: &str) -> AuthorizationRequest {
    bind(parameters(&query(with)), client).unwrap().validate(client, &resources(), &issuer()).unwrap()
}
