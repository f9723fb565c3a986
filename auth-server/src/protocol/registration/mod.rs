//! Dynamic client registration (RFC 7591).
//!
//! A registered client is only a claim: it gets no trust, no machine access and no
//! silent consent, whatever it writes into its metadata.

pub mod document;
mod json;
mod keys;
mod metadata;
mod refused;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use self::metadata::{Metadata, RedirectUris};
pub use self::refused::{KeyFault, Member, RedirectFault, RegistrationError};
use super::{
    client::{Client, ClientOrigin, ClientSecret},
    vocabulary::{ClientId, ClientSecret as SecretKind, Token},
};

/// The largest body, in bytes.
pub const LARGEST_BODY: usize = 64 * 1024;

/// The most redirect URIs of one client.
pub const MOST_REDIRECT_URIS: usize = 32;

/// What the operator allows to be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegistrationPolicy {
    /// Whether redirect URIs may have a private-use scheme (RFC 8252 §7.1).
    pub private_use_schemes: bool,
}

/// What the server chooses for a new client (RFC 7591 §3.2.1).
#[derive(Debug)]
pub struct Chosen {
    /// Its identifier.
    pub id: ClientId,
    /// Its secret, dropped unless it registers for one.
    pub secret: Token<SecretKind>,
}

/// A client to be stored, and what it is told once.
#[derive(Debug)]
pub struct NewClient {
    /// The record.
    pub client: Client,
    /// The secret, if it has one; only its hash is in the record.
    pub secret: Option<Token<SecretKind>>,
}

/// Reads a registration request and makes a client of it.
pub fn register(body: &[u8], policy: RegistrationPolicy, chosen: Chosen, now: DateTime<Utc>) -> Result<NewClient, RegistrationError> {
    if body.len() > LARGEST_BODY {
        return Err(RegistrationError::BodyTooLarge);
    }
    let members = json::object(body).ok_or(RegistrationError::NotAnObject)?;
    let method = metadata::token_endpoint_auth_method(&members)?;
    let metadata = Metadata::read(&members, policy, RedirectUris::All, method)?;
    let mut client = metadata.client(chosen.id, ClientOrigin::Registered, now);
    let secret = client.has_secret().then_some(chosen.secret);
    client.secrets = secret.iter().map(|secret| ClientSecret::of(secret, now, None)).collect();
    Ok(NewClient { client, secret })
}

/// Public keys as a client or an operator wrote them, a JWK set, if each of them can be used.
pub fn public_keys(set: &Value) -> Result<Value, RegistrationError> {
    keys::jwks(Some(set))?.ok_or(RegistrationError::Keys)
}

impl NewClient {
    /// The body of the 201 answer: what was registered in fact, which may be less
    /// than was asked for (RFC 7591 §3.2.1). No member is `null`, and the method is
    /// always there.
    pub fn response(&self) -> Value {
        let client = &self.client;
        let mut body = Map::new();
        body.insert("client_id".to_owned(), json!(client.id));
        body.insert("client_id_issued_at".to_owned(), json!(client.created_at.timestamp()));
        body.insert("redirect_uris".to_owned(), json!(client.redirect_uris));
        body.insert("grant_types".to_owned(), json!(client.grant_types));
        body.insert("response_types".to_owned(), json!(["code"]));
        body.insert("token_endpoint_auth_method".to_owned(), json!(client.token_endpoint_auth_method));
        if let Some(secret) = &self.secret {
            body.insert("client_secret".to_owned(), json!(secret.wire()));
            body.insert("client_secret_expires_at".to_owned(), json!(0));
        }
        if !client.contacts.is_empty() {
            body.insert("contacts".to_owned(), json!(client.contacts));
        }
        for (name, value) in [
            ("application_type", client.application_type.map(|kind| json!(kind))),
            ("client_name", client.name.as_ref().map(|name| json!(name))),
            ("client_uri", client.client_uri.as_ref().map(|uri| json!(uri))),
            ("jwks", client.jwks.clone()),
            ("jwks_uri", client.jwks_uri.as_ref().map(|uri| json!(uri))),
            ("logo_uri", client.logo_uri.as_ref().map(|uri| json!(uri))),
            ("policy_uri", client.policy_uri.as_ref().map(|uri| json!(uri))),
            ("scope", client.scope.as_ref().map(|scope| json!(scope))),
            ("software_id", client.software_id.as_ref().map(|id| json!(id))),
            ("software_version", client.software_version.as_ref().map(|version| json!(version))),
            ("tos_uri", client.tos_uri.as_ref().map(|uri| json!(uri))),
        ] {
            body.extend(value.map(|value| (name.to_owned(), value)));
        }
        body.extend(client.in_languages.iter().map(|(name, text)| (name.to_string(), json!(text))));
        body.into()
    }
}

#[cfg(test)]
mod tests {
    use super::{RegistrationError as E, *};
    use crate::protocol::{
        client::ApplicationType,
        error::{ErrorCode, Refusal},
        vocabulary::{GrantType, RedirectUriError},
    };

    const OPEN: RegistrationPolicy = RegistrationPolicy { private_use_schemes: true };

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn chosen() -> Chosen {
        Chosen { id: ClientId::generate([3; 16]), secret: Token::new([4; 32]) }
    }

    fn body(body: &Value) -> Result<NewClient, E> {
        register(body.to_string().as_bytes(), OPEN, chosen(), now())
    }

    /// A good request with some members more, or others.
    fn with(members: &Value) -> Result<NewClient, E> {
        let mut request = json!({ "redirect_uris": ["https://a.example/cb"] });
        request.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        body(&request)
    }

    #[track_caller]
    fn refused(members: &Value, error: E) {
        assert_eq!(with(members).unwrap_err(), error, "{members}");
    }

    // MCP-AS-131, MCP-AS-132, MCP-AS-133, OA-DR-08, OA-DR-15: as Make.com asks, and FastMCP
    #[test]
    fn the_smallest_request_makes_a_public_client() {
        let new = with(&json!({ "client_name": "Make MCP Client" })).unwrap();
        assert_eq!(
            new.response(),
            json!({
                "client_id": ClientId::generate([3; 16]),
                "client_id_issued_at": 1_800_000_000,
                "client_name": "Make MCP Client",
                "grant_types": ["authorization_code", "refresh_token"],
                "redirect_uris": ["https://a.example/cb"],
                "response_types": ["code"],
                "token_endpoint_auth_method": "none",
            })
        );
        assert_eq!(new.client.check(), Ok(()));
        assert_eq!(new.client.origin, ClientOrigin::Registered);
        assert!(new.secret.is_none() && !new.client.trusted);
    }

    // MCP-AS-132: Le Chat asks for a secret; the secret is only in the answer
    #[test]
    fn a_secret_goes_to_those_who_register_for_one() {
        for method in ["client_secret_basic", "client_secret_post"] {
            let new = with(&json!({ "token_endpoint_auth_method": method })).unwrap();
            let answer = new.response();
            assert_eq!(answer["client_secret"], json!(chosen().secret.wire()));
            assert_eq!(answer["client_secret_expires_at"], json!(0));
            assert_eq!(answer["token_endpoint_auth_method"], json!(method));
            assert_eq!(new.client.check(), Ok(()));
            assert!(!serde_json::to_string(&new.client).unwrap().contains(chosen().secret.wire()));
        }
    }

    // MCP-AS-135, MCP-AS-136, OA-DR-05: Cursor's and VS Code's requests
    #[test]
    fn mixed_redirect_uris_are_kept_as_they_are_written() {
        let uris = json!([
            "cursor://anysphere.cursor-mcp/oauth/callback",
            "https://www.cursor.com/agents/mcp/oauth/callback",
            "http://localhost:8787/callback",
            "http://127.0.0.1/",
            "http://127.0.0.1/",
        ]);
        let new = with(&json!({ "redirect_uris": uris, "application_type": "web" })).unwrap();
        assert_eq!(new.client.redirect_uris.len(), 4);
        assert_eq!(new.client.application_type, Some(ApplicationType::Native));
        assert_eq!(new.response()["redirect_uris"][3], json!("http://127.0.0.1/"));
    }

    // MCP-AS-138, OA-DR-06, OA-DR-07, OA-DR-10, OA-DR-14, OA-DR-19, EA-133, EA-134
    #[test]
    fn what_is_unknown_or_ours_to_choose_is_ignored() {
        let new = with(&json!({
            "client_id": "admin",
            "client_secret": "mine",
            "client_id_issued_at": 1,
            "grant_types": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code", "client_credentials"],
            "response_types": ["code", "token"],
            "scope": "",
            "software_id": "2e6dc280-f3c3-4e01-99a7-8181dbd1d23d",
            "software_version": "0.1.38",
            "software_statement": "a.b.c",
            "logo_uri": null,
            "tos_uri": "",
            "x": {"y": [1]},
        }))
        .unwrap();
        let answer = new.response();
        assert_eq!(new.client.id, ClientId::generate([3; 16]));
        assert_eq!(answer["grant_types"], json!(["authorization_code", "refresh_token"]));
        assert_eq!(answer["response_types"], json!(["code"]));
        assert_eq!(answer["software_version"], json!("0.1.38"));
        for absent in ["client_secret", "scope", "software_statement", "logo_uri", "tos_uri", "x"] {
            assert!(answer.get(absent).is_none(), "{absent}");
        }
        assert!(!new.client.may_use(GrantType::ClientCredentials));
    }

    // MCP-AS-131, MCP-AS-134
    #[test]
    fn what_a_client_says_of_itself_is_echoed() {
        let said = json!({
            "application_type": "web",
            "client_name": "Ünï",
            "client_uri": "https://a.example/",
            "contacts": ["me@a.example"],
            "logo_uri": "http://a.example/logo.png",
            "policy_uri": "https://a.example/policy",
            "scope": "b a",
            "tos_uri": "https://a.example/tos",
        });
        let answer = with(&said).unwrap().response();
        for (name, value) in said.as_object().unwrap() {
            let expected = if name == "scope" { &json!("a b") } else { value };
            assert_eq!(&answer[name], expected, "{name}");
        }
    }

    // OA-DR-05, EA-125
    #[test]
    fn redirect_uris_are_a_list_of_one_to_thirty_two() {
        for bad in [json!([]), json!(null), json!("https://a.example/cb"), json!(1), json!([1]), json!([["https://a.example/cb"]])] {
            refused(&json!({ "redirect_uris": bad }), E::RedirectUris);
        }
        assert_eq!(body(&json!({})).unwrap_err(), E::RedirectUris);
        let many = |number: usize| json!({ "redirect_uris": (0..number).map(|n| format!("https://a.example/{n}")).collect::<Vec<_>>() });
        assert!(with(&many(32)).is_ok());
        refused(&many(33), E::RedirectUris);
        assert_eq!(E::RedirectUris.answer().code, ErrorCode::InvalidRedirectUri);
    }

    // MCP-AS-137, OA-DR-05, EA-126, EA-127, EA-128, EA-129
    #[test]
    fn one_bad_redirect_uri_refuses_the_request_and_is_named() {
        for (uri, reason) in [
            ("javascript:alert(1)", RedirectUriError::Scheme),
            ("http://a.example/cb", RedirectUriError::PlainHttp),
            ("https://a.example/cb#", RedirectUriError::Fragment),
            ("https://*.example/cb", RedirectUriError::Wildcard),
            ("https://a.example/cb?code=1", RedirectUriError::ReservedParameter),
        ] {
            let reason = RedirectFault::Malformed(reason);
            refused(&json!({ "redirect_uris": ["https://a.example/cb", uri] }), E::RedirectUri { position: 1, reason });
        }
        let answer = E::RedirectUri { position: 1, reason: RedirectFault::Malformed(RedirectUriError::Fragment) }.answer();
        assert_eq!(answer.description, "redirect_uris[1] has a fragment");
    }

    // MCP-AS-21
    #[test]
    fn the_operator_can_switch_private_use_schemes_off() {
        let request = json!({ "redirect_uris": ["cursor://x/y"] }).to_string();
        let policy = RegistrationPolicy { private_use_schemes: false };
        let error = register(request.as_bytes(), policy, chosen(), now()).unwrap_err();
        assert_eq!(error, E::RedirectUri { position: 0, reason: RedirectFault::PrivateUse });
    }

    // OA-DR-01, EA-123, EA-124
    #[test]
    fn the_body_is_one_object_of_at_most_64_kilobytes() {
        let try_body = |text: &str| register(text.as_bytes(), OPEN, chosen(), now()).map(|_| ());
        assert_eq!(try_body("[]"), Err(E::NotAnObject));
        assert_eq!(try_body("redirect_uris=x"), Err(E::NotAnObject));
        let request = r#"{"redirect_uris":["https://a.example/cb"]}"#;
        let padded = |size: usize| format!("{request}{}", " ".repeat(size - request.len()));
        assert_eq!(try_body(&padded(LARGEST_BODY)), Ok(()));
        assert_eq!(try_body(&padded(LARGEST_BODY + 1)), Err(E::BodyTooLarge));
        // The order of checks: redirect URIs are judged before the rest.
        refused(&json!({ "redirect_uris": [], "client_name": 5 }), E::RedirectUris);
    }

    // OA-DR-07, MCP-AS-141, EA-132
    #[test]
    fn a_request_without_a_usable_grant_is_refused() {
        for grants in [json!(["client_credentials"]), json!(["refresh_token"]), json!([]), json!(["implicit", "password"])] {
            refused(&json!({ "grant_types": grants }), E::GrantTypes);
        }
        refused(&json!({ "response_types": ["token"] }), E::ResponseTypes);
        let code_only = with(&json!({ "grant_types": ["authorization_code"] })).unwrap();
        assert!(!code_only.client.may_use(GrantType::RefreshToken));
    }

    // OA-DR-08, EA-130
    #[test]
    fn an_authentication_method_that_does_not_work_here_is_refused() {
        for method in ["client_secret_jwt", "tls_client_auth", "foo", "NONE"] {
            refused(&json!({ "token_endpoint_auth_method": method }), E::AuthMethod);
        }
        assert_eq!(E::AuthMethod.answer().code, ErrorCode::InvalidClientMetadata);
    }

    // OA-DR-09, EA-131: which keys are good is judged in keys.rs
    #[test]
    fn keys_come_one_way_and_are_kept() {
        let set = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "a" }] });
        let new = with(&json!({ "jwks": set })).unwrap();
        assert_eq!((&new.response()["jwks"], new.client.jwks.as_ref()), (&set, Some(&set)));
        let uri = "https://a.example/jwks";
        let new = with(&json!({ "jwks_uri": uri, "jwks": null })).unwrap();
        assert_eq!((&new.response()["jwks_uri"], new.client.jwks_uri.as_deref()), (&json!(uri), Some(uri)));
        assert!(new.response().get("jwks").is_none());
        let weak = json!({ "keys": [{ "kty": "EC", "crv": "P-256", "x": "a", "y": "b" }] });
        refused(&json!({ "jwks": weak }), E::Key { position: 0, reason: KeyFault::Malformed });
        refused(&json!({ "jwks": [] }), E::Keys);
        refused(&json!({ "jwks": { "keys": [] }, "jwks_uri": uri }), E::Keys);
        for bad in
            [json!("http://a.example/jwks"), json!("https://me@a.example/jwks"), json!(5), json!(format!("{uri}/{}", "x".repeat(2048)))]
        {
            refused(&json!({ "jwks_uri": bad }), E::Keys);
        }
    }

    // OA-DR-13, RFC 7591 §2.2
    #[test]
    fn what_is_said_in_further_languages_is_kept_and_echoed_as_it_is_written() {
        let said = json!({
            "client_name": "App",
            "client_name#de": "Anwendung",
            "client_name#pt-BR": "Aplicativo",
            "client_uri#DE": "https://a.example/de",
            "logo_uri#de": "https://a.example/de.png",
            "policy_uri#de": "https://a.example/de/policy",
            "tos_uri#de": "https://a.example/de/tos",
        });
        let new = with(&said).unwrap();
        let answer = new.response();
        for (name, value) in said.as_object().unwrap() {
            assert_eq!(&answer[name], value, "{name}");
        }
        assert_eq!(new.client.in_languages.len(), 6);
        let stored = serde_json::to_string(&new.client).unwrap();
        assert_eq!(serde_json::from_str::<Client>(&stored).unwrap(), new.client);
        let dropped =
            with(&json!({ "software_id#de": "x", "client_name#fr": null, "client_name#es": "  ", "redirect_uris#x": 5, "#": 1 })).unwrap();
        assert!(dropped.client.in_languages.is_empty() && dropped.response().as_object().unwrap().len() == 6, "{}", dropped.response());
    }

    // OA-DR-13: what holds for a member holds for it in every language
    #[test]
    fn what_is_said_in_further_languages_keeps_the_rules() {
        use crate::protocol::vocabulary::HumanReadable as H;
        for value in [json!(5), json!("a\nb"), json!("a\0"), json!("x".repeat(201))] {
            refused(&json!({ "client_name#de": value }), E::Tagged(H::ClientName));
        }
        for (member, known_as) in
            [("client_uri", H::ClientUri), ("logo_uri", H::LogoUri), ("policy_uri", H::PolicyUri), ("tos_uri", H::TosUri)]
        {
            for value in [json!("javascript:alert(1)"), json!("https://me@a.example/"), json!({})] {
                refused(&json!({ format!("{member}#de"): value }), E::Tagged(known_as));
            }
        }
        for tag in ["", "de_DE", "a b", "<b>", "\u{202E}"] {
            refused(&json!({ format!("client_name#{tag}"): "x" }), E::LanguageTag(H::ClientName));
        }
        refused(&json!({ "client_name#de": "a", "client_name#DE": "b" }), E::LanguageTag(H::ClientName));
        let many =
            |count: usize| (0..count).map(|at| (format!("client_name#de-{at}"), json!("é".repeat(200)))).collect::<Map<_, _>>().into();
        assert_eq!(with(&many(10)).unwrap().client.in_languages.len(), 10);
        refused(&many(11), E::ManyTagged);
        let mut mixed: Value = many(10);
        mixed["tos_uri#fr"] = json!("https://a.example/");
        refused(&mixed, E::ManyTagged);
    }

    // OA-DR-06, OA-DR-12, OA-DR-13, OA-DR-19, EA-135, EA-136
    #[test]
    fn a_malformed_member_is_named() {
        for (members, member) in [
            (json!({ "client_name": 5 }), Member::ClientName),
            (json!({ "client_name": "a\nb" }), Member::ClientName),
            (json!({ "client_name": "x".repeat(201) }), Member::ClientName),
            (json!({ "client_name": "x".repeat(10_000) }), Member::ClientName),
            (json!({ "grant_types": "x" }), Member::GrantTypes),
            (json!({ "grant_types": [1] }), Member::GrantTypes),
            (json!({ "response_types": "code" }), Member::ResponseTypes),
            (json!({ "scope": "a\"b" }), Member::Scope),
            (json!({ "scope": ["a"] }), Member::Scope),
            (json!({ "application_type": 1 }), Member::ApplicationType),
            (json!({ "application_type": "desktop" }), Member::ApplicationType),
            (json!({ "token_endpoint_auth_method": 1 }), Member::TokenEndpointAuthMethod),
            (json!({ "logo_uri": "javascript:alert(1)" }), Member::LogoUri),
            (json!({ "logo_uri": "data:image/png,x" }), Member::LogoUri),
            (json!({ "client_uri": "https://me@a.example/" }), Member::ClientUri),
            (json!({ "policy_uri": "/policy" }), Member::PolicyUri),
            (json!({ "tos_uri": format!("https://a.example/{}", "x".repeat(2048)) }), Member::TosUri),
            (json!({ "contacts": "me" }), Member::Contacts),
            (json!({ "contacts": vec!["me"; 11] }), Member::Contacts),
            (json!({ "software_id": 1 }), Member::SoftwareId),
            (json!({ "software_version": "x".repeat(257) }), Member::SoftwareVersion),
        ] {
            refused(&members, E::Member(member));
        }
    }

    // OA-DR-13
    #[test]
    fn a_name_is_trimmed_and_a_blank_one_is_none() {
        assert_eq!(with(&json!({ "client_name": "  a b " })).unwrap().client.name.as_deref(), Some("a b"));
        assert_eq!(with(&json!({ "client_name": "  " })).unwrap().client.name, None);
        assert!(with(&json!({ "client_name": "é".repeat(200) })).is_ok());
    }

    proptest::proptest! {
        #[test]
        fn any_body_is_read_or_refused_with_an_answer(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = register(&bytes, OPEN, chosen(), now()).map_err(|error| error.answer());
        }

        // Whatever is registered can be stored and makes sense.
        #[test]
        fn any_client_that_comes_out_is_whole(name in "\\PC{0,30}", tag in "[ -~]{0,12}", scope in "[a-c ]{0,9}", uri in "(https|http|x)://(localhost|a\\.example)(:[0-9]{1,3})?/[a-z#?*]{0,4}") {
            if let Ok(new) = with(&json!({ "client_name": name, format!("client_name#{tag}"): name, "scope": scope, "redirect_uris": [uri] })) {
                proptest::prop_assert_eq!(new.client.check(), Ok(()));
                let stored = serde_json::to_string(&new.client).unwrap();
                proptest::prop_assert_eq!(serde_json::from_str::<Client>(&stored).unwrap(), new.client);
            }
        }
    }
}
