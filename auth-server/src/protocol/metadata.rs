//! The authorization server's metadata document (RFC 8414 §2).
//!
//! What is listed works, what is not listed is refused. Members are in order and
//! none is `null` or empty, so that every replica serves the same bytes.

use portcullis_verifier::{
    jwk::Algorithm,
    vocabulary::{Issuer, Scope},
};
use serde::Serialize;

use super::vocabulary::{GrantType, TokenEndpointAuthMethod};

/// The scope that asks for a refresh token. It is the server's own and belongs to
/// no resource.
pub const OFFLINE_ACCESS: &str = "offline_access";

/// The metadata document, its members in alphabetical order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServerMetadata {
    authorization_endpoint: String,
    authorization_response_iss_parameter_supported: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    client_id_metadata_document_supported: bool,
    code_challenge_methods_supported: &'static [&'static str],
    grant_types_supported: &'static [GrantType],
    introspection_endpoint: String,
    introspection_endpoint_auth_methods_supported: &'static [TokenEndpointAuthMethod],
    introspection_endpoint_auth_signing_alg_values_supported: &'static [&'static str],
    issuer: String,
    jwks_uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    registration_endpoint: Option<String>,
    response_modes_supported: &'static [&'static str],
    response_types_supported: &'static [&'static str],
    revocation_endpoint: String,
    revocation_endpoint_auth_methods_supported: &'static [TokenEndpointAuthMethod],
    revocation_endpoint_auth_signing_alg_values_supported: &'static [&'static str],
    scopes_supported: Vec<String>,
    token_endpoint: String,
    token_endpoint_auth_methods_supported: &'static [TokenEndpointAuthMethod],
    token_endpoint_auth_signing_alg_values_supported: &'static [&'static str],
}

/// How clients may become known.
#[derive(Clone, Copy, Debug)]
pub struct WaysIn {
    /// By registering themselves: whether `/register` is there at all.
    pub registration: bool,
    /// By a document at their own address.
    pub client_documents: bool,
}

/// Clients that prove who they are, which are the only ones that may introspect (RFC 7662 §2.1).
const CONFIDENTIAL: &[TokenEndpointAuthMethod] =
    &[TokenEndpointAuthMethod::ClientSecretBasic, TokenEndpointAuthMethod::ClientSecretPost, TokenEndpointAuthMethod::PrivateKeyJwt];
/// What assertions of clients may be signed with.
const SIGNED_WITH: &[&str] = &[Algorithm::Es256.as_str(), Algorithm::EdDsa.as_str(), Algorithm::Ps256.as_str(), Algorithm::Rs256.as_str()];

impl ServerMetadata {
    /// The document of this issuer.
    ///
    /// Some clients ask for every scope listed here, so `scopes` is what any of them may ask for
    /// without harm; `offline_access` is always added.
    pub fn new(issuer: &Issuer, ways_in: WaysIn, scopes: &Scope) -> Self {
        let mut scopes_supported: Vec<String> = scopes.iter().map(ToString::to_string).collect();
        if !scopes.contains(OFFLINE_ACCESS) {
            scopes_supported.push(OFFLINE_ACCESS.to_owned());
        }
        scopes_supported.sort_unstable();
        Self {
            authorization_endpoint: issuer.below("/authorize"),
            authorization_response_iss_parameter_supported: true,
            client_id_metadata_document_supported: ways_in.client_documents,
            code_challenge_methods_supported: &["S256"],
            grant_types_supported: GrantType::ALL,
            introspection_endpoint: issuer.below("/introspect"),
            introspection_endpoint_auth_methods_supported: CONFIDENTIAL,
            introspection_endpoint_auth_signing_alg_values_supported: SIGNED_WITH,
            issuer: issuer.to_string(),
            jwks_uri: issuer.below("/jwks"),
            registration_endpoint: ways_in.registration.then(|| issuer.below("/register")),
            response_modes_supported: &["query"],
            response_types_supported: &["code"],
            revocation_endpoint: issuer.below("/revoke"),
            revocation_endpoint_auth_methods_supported: TokenEndpointAuthMethod::ALL,
            revocation_endpoint_auth_signing_alg_values_supported: SIGNED_WITH,
            scopes_supported,
            token_endpoint: issuer.below("/token"),
            token_endpoint_auth_methods_supported: TokenEndpointAuthMethod::ALL,
            token_endpoint_auth_signing_alg_values_supported: SIGNED_WITH,
        }
    }

    /// The token endpoint's address.
    pub fn token_endpoint(&self) -> &str {
        &self.token_endpoint
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn document(issuer: &str, registration: bool) -> String {
        let ways_in = WaysIn { registration, client_documents: registration };
        let metadata = ServerMetadata::new(&Issuer::parse(issuer).unwrap(), ways_in, &Scope::parse("files:read").unwrap());
        serde_json::to_string(&metadata).unwrap()
    }

    // MCP-AS-04, MCP-AS-07, MCP-AS-12, MCP-AS-93, MCP-AS-150
    #[test]
    fn the_document_lists_what_works() {
        let read: Value = serde_json::from_str(&document("https://auth.example.com", true)).unwrap();
        assert_eq!(
            read,
            json!({
                "authorization_endpoint": "https://auth.example.com/authorize",
                "authorization_response_iss_parameter_supported": true,
                "client_id_metadata_document_supported": true,
                "code_challenge_methods_supported": ["S256"],
                "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
                "introspection_endpoint": "https://auth.example.com/introspect",
                "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
                "introspection_endpoint_auth_signing_alg_values_supported": ["ES256", "EdDSA", "PS256", "RS256"],
                "issuer": "https://auth.example.com",
                "jwks_uri": "https://auth.example.com/jwks",
                "registration_endpoint": "https://auth.example.com/register",
                "response_modes_supported": ["query"],
                "response_types_supported": ["code"],
                "revocation_endpoint": "https://auth.example.com/revoke",
                "revocation_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"],
                "revocation_endpoint_auth_signing_alg_values_supported": ["ES256", "EdDSA", "PS256", "RS256"],
                "scopes_supported": ["files:read", "offline_access"],
                "token_endpoint": "https://auth.example.com/token",
                "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"],
                "token_endpoint_auth_signing_alg_values_supported": ["ES256", "EdDSA", "PS256", "RS256"],
            })
        );
    }

    // MCP-AS-130, OA-DR-02
    #[test]
    fn registration_vanishes_when_it_is_off() {
        assert!(!document("https://auth.example.com", false).contains("registration_endpoint"));
    }

    // OA-MD-07, OA-MD-11, MCP-AS-10
    #[test]
    fn members_are_in_order_and_none_is_null_or_empty() {
        for registration in [true, false] {
            let written = document("https://auth.example.com", registration);
            let Value::Object(read) = serde_json::from_str(&written).unwrap() else { panic!("not an object: {written}") };
            assert!(read.values().all(|value| !value.is_null() && value != &json!([])), "{written}");
            let mut names: Vec<&String> = read.keys().collect();
            names.sort_by_key(|name| written.find(&format!("\"{name}\":")));
            assert!(names.is_sorted(), "{names:?}");
        }
    }

    // OA-MD-06, MCP-AS-04
    #[test]
    fn every_address_is_below_the_issuer() {
        let read: Value = serde_json::from_str(&document("https://auth.example.com/tenant", true)).unwrap();
        for (name, value) in read.as_object().unwrap() {
            if name.ends_with("_endpoint") || name.ends_with("_uri") {
                assert!(value.as_str().unwrap().starts_with("https://auth.example.com/tenant/"), "{name}: {value}");
            }
        }
        assert_eq!(read["issuer"], "https://auth.example.com/tenant");
    }
}
