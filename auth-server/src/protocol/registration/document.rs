//! Client ID Metadata Documents: a document in, a client out (MCP-AS-110…116, OA-CM-15,
//! OA-CM-16).
//!
//! The document stands at the address that is the client's identifier. It is read like a
//! registration, with two differences: an address of it that is no good takes nothing from
//! the others, and there can be no shared secret.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::{
    RegistrationPolicy, json,
    metadata::{Metadata, RedirectUris},
    refused::RegistrationError,
};
use crate::protocol::{
    client::{Client, ClientOrigin},
    vocabulary::{ClientId, TokenEndpointAuthMethod},
};

/// The largest document, in bytes (MCP-AS-118).
pub const LARGEST_DOCUMENT: usize = 64 * 1024;

/// Why a document makes no client. For the log and, in part, for the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// Not one JSON object, or a member stands twice, or it is nested too deeply.
    #[error("it is not one JSON object without repeated members")]
    NotAnObject,
    /// It is about somebody else.
    #[error("its client_id is not its own address, letter for letter")]
    OfAnother,
    /// A secret in public is none.
    #[error("it has a client secret, or asks for a way to authenticate that needs one")]
    SharedSecret,
    /// People could not be told who asks.
    #[error("it has no client_name")]
    Nameless,
    /// A member is malformed.
    #[error("{0}")]
    Metadata(#[from] RegistrationError),
}

/// Reads the document that stands at `id`. `now` is when it was read.
pub fn read(id: &ClientId, body: &[u8], policy: RegistrationPolicy, now: DateTime<Utc>) -> Result<Client, DocumentError> {
    let members = json::object(body).ok_or(DocumentError::NotAnObject)?;
    if members.get("client_id").and_then(Value::as_str) != Some(id.as_str()) {
        return Err(DocumentError::OfAnother);
    }
    if ["client_secret", "client_secret_expires_at"].into_iter().any(|name| members.contains_key(name)) {
        return Err(DocumentError::SharedSecret);
    }
    let method = method(&members)?;
    let metadata = Metadata::read(&members, policy, RedirectUris::AnyGood, method.used)?;
    if metadata.client_name.is_none() {
        return Err(DocumentError::Nameless);
    }
    let may_come_without_proof = method.may_come_without_proof;
    let confirmed_at = Some(now);
    Ok(Client { may_come_without_proof, confirmed_at, ..metadata.client(id.clone(), ClientOrigin::Document, now) })
}

struct Method {
    used: TokenEndpointAuthMethod,
    may_come_without_proof: bool,
}

/// `token_endpoint_auth_methods_supported` is no member of client metadata, but `ChatGPT`
/// publishes by it that it does both (MCP-AS-115).
fn method(members: &Map<String, Value>) -> Result<Method, DocumentError> {
    let parse = |name: &str| name.parse::<TokenEndpointAuthMethod>().map_err(|_| DocumentError::Metadata(RegistrationError::AuthMethod));
    let named = match members.get("token_endpoint_auth_method") {
        None | Some(Value::Null) => TokenEndpointAuthMethod::None,
        Some(Value::String(name)) if name.starts_with("client_secret_") => return Err(DocumentError::SharedSecret),
        Some(Value::String(name)) => parse(name)?,
        Some(_) => return Err(DocumentError::Metadata(RegistrationError::AuthMethod)),
    };
    let also = members.get("token_endpoint_auth_methods_supported").and_then(Value::as_array);
    let does = |method: TokenEndpointAuthMethod| {
        named == method || also.is_some_and(|names| names.iter().any(|name| name.as_str() == Some(method.as_str())))
    };
    let has_keys = ["jwks", "jwks_uri"].into_iter().any(|name| members.get(name).is_some_and(|value| !value.is_null()));
    let signs = does(TokenEndpointAuthMethod::PrivateKeyJwt) && (has_keys || named == TokenEndpointAuthMethod::PrivateKeyJwt);
    Ok(if signs {
        Method { used: TokenEndpointAuthMethod::PrivateKeyJwt, may_come_without_proof: does(TokenEndpointAuthMethod::None) }
    } else {
        Method { used: named, may_come_without_proof: false }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{DocumentError as E, *};
    use crate::protocol::{
        registration::RedirectFault,
        vocabulary::{GrantType, RedirectUriError},
    };

    const ID: &str = "https://app.example/client.json";
    const OPEN: RegistrationPolicy = RegistrationPolicy { private_use_schemes: true };

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    /// A good document with some members more, or others.
    fn with(members: &Value) -> Result<Client, E> {
        let mut document = json!({ "client_id": ID, "client_name": "App", "redirect_uris": ["https://app.example/cb"] });
        document.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        document.as_object_mut().unwrap().retain(|_, value| *value != json!("absent"));
        read(&ID.parse().unwrap(), document.to_string().as_bytes(), OPEN, now())
    }

    // MCP-AS-112, MCP-AS-114, MCP-AS-116: as VS Code's, Claude's and Zed's
    #[test]
    fn a_document_as_clients_publish_it_makes_a_client() {
        let client = with(&json!({
            "client_uri": "https://app.example",
            "grant_types": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code",
                "urn:ietf:params:oauth:grant-type:jwt-bearer"],
            "response_types": ["code"],
            "redirect_uris": ["http://127.0.0.1:33418/", "https://vscode.dev/redirect"],
            "application_type": "native",
            "token_endpoint_auth_method": "none",
            "unheard_of": {"a": [1]},
        }))
        .unwrap();
        assert_eq!(client.origin, ClientOrigin::Document);
        assert_eq!(client.id.as_str(), ID);
        assert_eq!(client.grant_types.iter().copied().collect::<Vec<_>>(), [GrantType::AuthorizationCode, GrantType::RefreshToken]);
        assert!(client.may_redirect_to(&"http://127.0.0.1:50000/".parse().unwrap()));
        assert!(!client.is_confidential());
        assert_eq!(client.check(), Ok(()));
    }

    // MCP-AS-115, K-13: ChatGPT's
    #[test]
    fn a_client_that_signs_or_not_does_both_only_if_it_says_so() {
        let keys = json!("https://app.example/jwks.json");
        let both = with(&json!({
            "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "RS256", "jwks_uri": keys,
            "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
        }))
        .unwrap();
        assert!(both.signs_assertions() && both.may_come_without_proof && !both.is_confidential());
        let signs = with(&json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": keys })).unwrap();
        assert!(signs.signs_assertions() && signs.is_confidential());
        let may_sign = with(&json!({ "jwks_uri": keys, "token_endpoint_auth_methods_supported": ["private_key_jwt"] })).unwrap();
        assert!(may_sign.signs_assertions() && may_sign.may_come_without_proof);
        let cannot = with(&json!({ "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"] })).unwrap();
        assert!(!cannot.signs_assertions(), "it has no keys");
        assert_eq!(with(&json!({ "token_endpoint_auth_method": "private_key_jwt" })), Err(E::Metadata(RegistrationError::NoKeys)));
        assert!([both, signs, may_sign, cannot].iter().all(|client| client.check() == Ok(())));
    }

    // MCP-AS-112, OA-CM-15
    #[test]
    fn a_document_is_about_its_own_address() {
        for other in ["https://app.example/client.json/", "https://APP.example/client.json", "https://app.example:443/client.json", ""] {
            assert_eq!(with(&json!({ "client_id": other })), Err(E::OfAnother), "{other}");
        }
        for no_text in [json!("absent"), json!(null), json!([ID])] {
            assert_eq!(with(&json!({ "client_id": no_text })), Err(E::OfAnother), "{no_text}");
        }
    }

    // MCP-AS-114, OA-CM-16
    #[test]
    fn a_secret_in_public_is_refused() {
        for members in [
            json!({ "client_secret": "x" }),
            json!({ "client_secret": null }),
            json!({ "client_secret_expires_at": 0 }),
            json!({ "token_endpoint_auth_method": "client_secret_basic" }),
            json!({ "token_endpoint_auth_method": "client_secret_jwt" }),
        ] {
            assert_eq!(with(&members), Err(E::SharedSecret), "{members}");
        }
        for method in [json!("tls_client_auth"), json!(1), json!(["none"])] {
            let refused = with(&json!({ "token_endpoint_auth_method": method }));
            assert_eq!(refused, Err(E::Metadata(RegistrationError::AuthMethod)), "{method}");
        }
        let private = json!({ "jwks": { "keys": [{ "kty": "oct", "k": "AA" }] } });
        assert!(matches!(with(&private), Err(E::Metadata(RegistrationError::Key { position: 0, .. }))));
    }

    // MCP-AS-113
    #[test]
    fn a_bad_address_takes_nothing_from_the_good_ones() {
        let client = with(&json!({ "redirect_uris": ["http://app.example/cb", 5, "https://app.example/cb", "javascript:x"] })).unwrap();
        assert_eq!(client.redirect_uris.iter().map(ToString::to_string).collect::<Vec<_>>(), ["https://app.example/cb"]);
        let only_bad = with(&json!({ "redirect_uris": ["http://app.example/cb"] }));
        let reason = RedirectFault::Malformed(RedirectUriError::PlainHttp);
        assert_eq!(only_bad, Err(E::Metadata(RegistrationError::RedirectUri { position: 0, reason })));
        for none in [json!([]), json!("absent"), json!("https://app.example/cb"), json!([1])] {
            assert_eq!(with(&json!({ "redirect_uris": none })), Err(E::Metadata(RegistrationError::RedirectUris)), "{none}");
        }
    }

    // MCP-AS-112, OA-CM-15
    #[test]
    fn it_has_a_name_and_is_one_plain_object() {
        for nameless in [json!("absent"), json!(""), json!(null)] {
            assert_eq!(with(&json!({ "client_name": nameless })), Err(E::Nameless), "{nameless}");
        }
        let deep = format!(r#"{{"client_id":"{ID}","x":{}{}}}"#, "[".repeat(9), "]".repeat(9));
        let twice = format!(r#"{{"client_id":"{ID}","client_id":"{ID}"}}"#);
        for body in ["", "[]", "<html>", &deep, &twice] {
            assert_eq!(read(&ID.parse().unwrap(), body.as_bytes(), OPEN, now()), Err(E::NotAnObject), "{body}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            proptest::prop_assert!(read(&ID.parse().unwrap(), &bytes, OPEN, now()).is_err());
        }
    }
}
