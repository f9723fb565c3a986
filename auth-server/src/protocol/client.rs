//! What is known about a client (RFC 6749 §2, RFC 7591 §2).

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use chrono::{DateTime, Utc};
use portcullis_verifier::vocabulary::Scope;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::vocabulary::{
    ClientId, ClientSecret as SecretKind, GrantType, HumanReadable, Kind as _, RedirectKind, RedirectUri, TaggedMember, Token,
    TokenEndpointAuthMethod, TokenHash, hash_of,
};

/// A client, as it is stored. Members that a later version adds are ignored when
/// an earlier one reads the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// Its identifier (RFC 6749 §2.2).
    pub id: ClientId,
    /// Who made it.
    pub origin: ClientOrigin,
    /// The name it gave itself, as it was written. Show [`Client::display_name`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it says of itself in further languages (RFC 7591 §2.2), names among it: as
    /// much a claim as the name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub in_languages: BTreeMap<TaggedMember, String>,
    /// Where its answers may go (RFC 6749 §3.1.2).
    #[serde(default)]
    pub redirect_uris: Vec<RedirectUri>,
    /// The grants it may use.
    pub grant_types: BTreeSet<GrantType>,
    /// How it proves who it is.
    pub token_endpoint_auth_method: TokenEndpointAuthMethod,
    /// Whether it may also come without proof: it publishes that it does both (MCP-AS-115).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_come_without_proof: bool,
    /// Its secrets: two while one replaces the other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<ClientSecret>,
    /// What it asks for when it names no scope: a default, never a cap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// What it may have for itself, by resource identifier (RFC 6749 §4.4).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub machine_scopes: BTreeMap<String, Scope>,
    /// The identifiers of the resources whose tokens it may introspect (RFC 7662).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub introspects: Vec<String>,
    /// Whether it runs on a person's computer or on a web server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_type: Option<ApplicationType>,
    /// Its home page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    /// Its logo. Never fetched by us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<String>,
    /// Its privacy policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<String>,
    /// Its terms of service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<String>,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
    /// Which software it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software_id: Option<String>,
    /// Which version of that software.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software_version: Option<String>,
    /// Its public keys, as it wrote them (RFC 7591 §2): judged when it registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Value>,
    /// Where its public keys are. Never fetched at registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// Whether the operator vouches for it, so that consent is not asked.
    #[serde(default)]
    pub trusted: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When the document that says this was read, or found unchanged: of those that are
    /// known by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_at: Option<DateTime<Utc>>,
    /// Since when it may do nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<DateTime<Utc>>,
}

/// Who made a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientOrigin {
    /// The operator, by the command line.
    Operator,
    /// Anybody, by dynamic registration (RFC 7591): only a claim.
    Registered,
    /// Whoever owns the address that is its identifier, by the document there (Client
    /// ID Metadata Document).
    Document,
}

/// Where a client runs (`OpenID` Connect Dynamic Client Registration §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplicationType {
    /// On a person's computer or telephone.
    Native,
    /// On a web server.
    Web,
}

/// What is kept of a client's secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientSecret {
    /// SHA-256 of the secret: enough for 256 random bits.
    #[serde(serialize_with = "write_hash", deserialize_with = "read_hash")]
    pub hash: TokenHash<SecretKind>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// From when on it is no longer accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

/// Why a client record makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientFault {
    /// Machine access for a client that cannot prove who it is, or that a stranger made.
    #[error("client_credentials is only for clients with a secret or a key that the operator made")]
    ClientCredentials,
    /// Neither the code grant nor machine access.
    #[error("it has neither the authorization_code nor the client_credentials grant")]
    NoGrant,
    /// The code grant without an address to answer to.
    #[error("the authorization_code grant needs at least one redirect URI")]
    NoRedirectUri,
    /// A secret method without a secret.
    #[error("its authentication method needs a secret, and it has none")]
    NoSecret,
    /// The method of assertions without keys to check them by.
    #[error("private_key_jwt needs the client's public keys: jwks or jwks_uri")]
    NoKeys,
    /// A secret without a secret method.
    #[error("it has a secret, but its authentication method does not use one")]
    SecretForNothing,
}

impl ClientSecret {
    /// What to keep of a fresh secret.
    pub fn of(secret: &Token<SecretKind>, created_at: DateTime<Utc>, expires_at: Option<DateTime<Utc>>) -> Self {
        Self { hash: secret.hash(), created_at, expires_at }
    }

    /// The hash of what somebody presents as a secret, whatever its form.
    pub fn hash_of_presented(presented: &str) -> TokenHash<SecretKind> {
        TokenHash::from_bytes(hash_of(SecretKind::PREFIX, presented))
    }

    /// Whether it is still accepted at `now`.
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

impl Client {
    /// A public client with the grants of a person's app, and nothing else yet.
    pub fn new(id: ClientId, origin: ClientOrigin, created_at: DateTime<Utc>) -> Self {
        Self {
            id,
            origin,
            name: None,
            in_languages: BTreeMap::new(),
            redirect_uris: Vec::new(),
            grant_types: BTreeSet::from([GrantType::AuthorizationCode, GrantType::RefreshToken]),
            token_endpoint_auth_method: TokenEndpointAuthMethod::None,
            may_come_without_proof: false,
            secrets: Vec::new(),
            scope: None,
            machine_scopes: BTreeMap::new(),
            introspects: Vec::new(),
            application_type: None,
            client_uri: None,
            logo_uri: None,
            policy_uri: None,
            tos_uri: None,
            contacts: Vec::new(),
            software_id: None,
            software_version: None,
            jwks: None,
            jwks_uri: None,
            trusted: false,
            created_at,
            confirmed_at: None,
            disabled_at: None,
        }
    }

    /// Whether it must prove who it is (RFC 6749 §2.1).
    pub fn is_confidential(&self) -> bool {
        self.token_endpoint_auth_method != TokenEndpointAuthMethod::None && !self.may_come_without_proof
    }

    /// Whether it has a secret to prove itself by.
    pub fn has_secret(&self) -> bool {
        match self.token_endpoint_auth_method {
            TokenEndpointAuthMethod::None | TokenEndpointAuthMethod::PrivateKeyJwt => false,
            TokenEndpointAuthMethod::ClientSecretBasic | TokenEndpointAuthMethod::ClientSecretPost => true,
        }
    }

    /// Whether it proves itself by a signature (RFC 7523).
    pub fn signs_assertions(&self) -> bool {
        self.token_endpoint_auth_method == TokenEndpointAuthMethod::PrivateKeyJwt
    }

    /// Whether it may do anything at all.
    pub fn is_active(&self) -> bool {
        self.disabled_at.is_none()
    }

    /// Whether `asked` is one of its registered redirect URIs (RFC 6749 §3.1.2.3).
    pub fn may_redirect_to(&self, asked: &RedirectUri) -> bool {
        self.redirect_uris.iter().any(|registered| registered.matches(asked))
    }

    /// Whether it may use this grant. Machine access is only for confidential
    /// clients which the operator made, whatever the record says.
    pub fn may_use(&self, grant: GrantType) -> bool {
        let for_its_kind = match grant {
            GrantType::AuthorizationCode | GrantType::RefreshToken => true,
            GrantType::ClientCredentials => self.is_confidential() && self.origin == ClientOrigin::Operator,
        };
        for_its_kind && self.grant_types.contains(&grant)
    }

    /// Whether what a person allows outlives its first access token (MCP-AS-92), where
    /// the operator may want that to be asked for.
    pub fn stays_connected(&self, must_ask: bool, has_asked: bool) -> bool {
        self.may_use(GrantType::RefreshToken) && (has_asked || !must_ask)
    }

    /// Whether consent may be skipped for an answer to `asked`: the operator made
    /// and vouches for this client, and the answer leaves for a web server. A
    /// loopback address or a private scheme can be taken by any program.
    pub fn is_trusted_at(&self, asked: &RedirectUri) -> bool {
        let leaves_this_computer = asked.kind() == RedirectKind::Https && !is_local(&asked.display_host());
        self.trusted && self.origin == ClientOrigin::Operator && leaves_this_computer && self.may_redirect_to(asked)
    }

    /// Names the set of its redirect URIs and its keys. Remembered consent is bound to
    /// it, so that a client which answers elsewhere or is somebody else is asked about anew.
    pub fn redirect_set_hash(&self) -> String {
        let sorted: BTreeSet<&str> = self.redirect_uris.iter().map(RedirectUri::as_str).collect();
        // No redirect URI holds a line break, so the joint text names one set only.
        let mut joint: Vec<&str> = sorted.into_iter().collect();
        let keys = self.jwks.as_ref().map(|keys| format!("\n{keys}"));
        joint.extend(keys.as_deref());
        joint.extend(self.jwks_uri.as_deref());
        BASE64URL.encode(Sha256::digest(joint.join("\n")))
    }

    /// What people are shown: its name without characters that are invisible or
    /// turn the direction of writing, else where it answers to, else its identifier.
    pub fn display_name(&self) -> String {
        self.display_names().into_iter().next().unwrap_or_else(|| match self.redirect_uris.first() {
            Some(redirect_uri) => redirect_uri.display_host(),
            None => self.id.to_string(),
        })
    }

    /// All that it calls itself, each as it may be shown and once. First comes what an
    /// English page takes: its English name, else the one in no language, else the
    /// first by tag.
    pub fn display_names(&self) -> Vec<String> {
        let tagged = || self.in_languages.iter().filter(|(key, _)| key.member() == HumanReadable::ClientName);
        let plainly_english = tagged().filter(|(key, _)| key.tag().eq_ignore_ascii_case(LANGUAGE_OF_PAGES));
        let english = plainly_english.chain(tagged().filter(|(key, _)| key.is_in(LANGUAGE_OF_PAGES))).map(|(_, name)| name);
        let in_order = english.chain(&self.name).chain(tagged().map(|(_, name)| name));
        let mut names: Vec<String> = Vec::new();
        for name in in_order.map(|name| as_shown(name)).filter(|name| !name.is_empty()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Whether the parts of the record fit together.
    pub fn check(&self) -> Result<(), ClientFault> {
        let asks_people = self.grant_types.contains(&GrantType::AuthorizationCode);
        let acts_for_itself = self.grant_types.contains(&GrantType::ClientCredentials);
        if acts_for_itself && !self.may_use(GrantType::ClientCredentials) {
            return Err(ClientFault::ClientCredentials);
        }
        if !asks_people && !acts_for_itself && self.introspects.is_empty() {
            return Err(ClientFault::NoGrant);
        }
        if asks_people && self.redirect_uris.is_empty() {
            return Err(ClientFault::NoRedirectUri);
        }
        if self.signs_assertions() && self.jwks.is_none() && self.jwks_uri.is_none() {
            return Err(ClientFault::NoKeys);
        }
        match (self.has_secret(), self.secrets.is_empty()) {
            (true, true) => Err(ClientFault::NoSecret),
            (false, false) => Err(ClientFault::SecretForNothing),
            (true, false) | (false, true) => Ok(()),
        }
    }
}

/// Pages are in English.
const LANGUAGE_OF_PAGES: &str = "en";

/// Whether a host, with its port, is this computer.
fn is_local(host: &str) -> bool {
    let name = host.strip_prefix('[').map_or_else(|| host.split(':').next().unwrap_or_default(), |_| host);
    name == "localhost" || name.ends_with(".localhost") || name.starts_with("127.") || name.starts_with("[::1]")
}

/// A name as people may see it.
fn as_shown(name: &str) -> String {
    let shown: String = name.chars().filter(|&letter| is_shown(letter)).collect();
    shown.trim().to_owned()
}

/// No control characters, nothing invisible, nothing that turns the direction of
/// writing (Unicode Standard Annex 9; Technical Standard 39 §3).
fn is_shown(letter: char) -> bool {
    let hidden = matches!(letter,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFC}' | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0000}'..='\u{E0FFF}' | '\u{E000}'..='\u{F8FF}');
    !letter.is_control() && !hidden
}

fn write_hash<S: Serializer>(hash: &TokenHash<SecretKind>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&BASE64URL.encode(hash.as_bytes()))
}

fn read_hash<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TokenHash<SecretKind>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let bytes = BASE64URL.decode(text).map_err(de::Error::custom)?;
    let bytes = bytes.try_into().map_err(|_| de::Error::custom("a secret's hash has 32 bytes"))?;
    Ok(TokenHash::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn client(redirect_uris: &[&str]) -> Client {
        let redirect_uris = redirect_uris.iter().map(|uri| uri.parse().unwrap()).collect();
        Client { redirect_uris, ..Client::new("c".parse().unwrap(), ClientOrigin::Operator, now()) }
    }

    fn with_secret(secret: &Token<SecretKind>) -> Client {
        let method = TokenEndpointAuthMethod::ClientSecretBasic;
        Client {
            token_endpoint_auth_method: method,
            secrets: vec![ClientSecret::of(secret, now(), None)],
            ..client(&["https://a.example/cb"])
        }
    }

    #[test]
    fn a_record_comes_back_as_it_was_stored() {
        let full = Client {
            name: Some("Ünïcode".to_owned()),
            in_languages: BTreeMap::from([("client_name#pt-BR".parse().unwrap(), "Únicode".to_owned())]),
            jwks: Some(serde_json::json!({ "keys": [] })),
            jwks_uri: Some("https://a.example/jwks".to_owned()),
            scope: Some(Scope::parse("a b").unwrap()),
            machine_scopes: BTreeMap::from([("https://rs.example/mcp".to_owned(), Scope::parse("a").unwrap())]),
            application_type: Some(ApplicationType::Native),
            disabled_at: Some(now()),
            ..with_secret(&Token::new([7; 32]))
        };
        let stored = serde_json::to_string(&full).unwrap();
        assert_eq!(serde_json::from_str::<Client>(&stored).unwrap(), full);
        assert!(!stored.contains("pc_secret_"), "{stored}");
    }

    #[test]
    fn a_record_of_a_later_version_is_read() {
        let mut stored = serde_json::to_value(client(&["https://a.example/cb"])).unwrap();
        stored["member_of_tomorrow"] = serde_json::json!({ "a": 1 });
        assert_eq!(serde_json::from_value::<Client>(stored).unwrap(), client(&["https://a.example/cb"]));
    }

    #[test]
    fn a_stored_redirect_uri_is_checked_again_when_it_is_read() {
        let mut stored = serde_json::to_value(client(&[])).unwrap();
        stored["redirect_uris"] = serde_json::json!(["javascript:alert(1)"]);
        assert!(serde_json::from_value::<Client>(stored).is_err());
    }

    // OA-RU-01, OA-RU-21
    #[test]
    fn a_client_is_answered_at_its_own_addresses_only() {
        let registered = client(&["https://a.example/cb", "http://127.0.0.1/cb"]);
        for (asked, expected) in [
            ("https://a.example/cb", true),
            ("http://127.0.0.1:50123/cb", true),
            ("https://a.example/cb/", false),
            ("https://b.example/cb", false),
            ("http://localhost:50123/cb", false),
        ] {
            assert_eq!(registered.may_redirect_to(&asked.parse().unwrap()), expected, "{asked}");
        }
    }

    // MCP-AS-47, OA-RU-23
    #[test]
    fn the_set_of_redirect_uris_has_one_name_whatever_the_order() {
        let one = client(&["https://a.example/cb", "https://b.example/cb"]);
        assert_eq!(one.redirect_set_hash(), client(&["https://b.example/cb", "https://a.example/cb"]).redirect_set_hash());
        assert_ne!(one.redirect_set_hash(), client(&["https://a.example/cb"]).redirect_set_hash());
        assert_ne!(client(&[]).redirect_set_hash(), client(&["https://a.example/cb"]).redirect_set_hash());
    }

    // MCP-AS-48
    #[test]
    fn only_an_operators_client_on_a_web_server_skips_consent() {
        let addresses = ["https://a.example/cb", "https://localhost/cb", "http://127.0.0.1/cb", "https://127.0.0.1:8443/cb", "app:/cb"];
        let trusted = Client { trusted: true, ..client(&addresses) };
        for (at, expected) in addresses.into_iter().zip([true, false, false, false, false]) {
            assert_eq!(trusted.is_trusted_at(&at.parse().unwrap()), expected, "{at}");
        }
        let address = "https://a.example/cb".parse().unwrap();
        assert!(!client(&addresses).is_trusted_at(&address));
        assert!(!Client { origin: ClientOrigin::Registered, ..trusted.clone() }.is_trusted_at(&address));
        assert!(!trusted.is_trusted_at(&"https://a.example/other".parse().unwrap()));
    }

    // MCP-AS-141, MCP-AS-200, OA-CC-01
    #[test]
    fn machine_access_is_for_confidential_clients_of_the_operator() {
        let grant_types = BTreeSet::from([GrantType::ClientCredentials]);
        let machine = Client { grant_types: grant_types.clone(), ..with_secret(&Token::new([1; 32])) };
        assert!(machine.may_use(GrantType::ClientCredentials));
        assert_eq!(machine.check(), Ok(()));
        for other in [Client { origin: ClientOrigin::Registered, ..machine }, Client { grant_types, ..client(&[]) }] {
            assert!(!other.may_use(GrantType::ClientCredentials));
            assert_eq!(other.check(), Err(ClientFault::ClientCredentials));
        }
    }

    // OA-RU-21
    #[test]
    fn a_record_whose_parts_do_not_fit_is_told_apart() {
        let secret = Token::new([1; 32]);
        assert_eq!(client(&["https://a.example/cb"]).check(), Ok(()));
        assert_eq!(client(&[]).check(), Err(ClientFault::NoRedirectUri));
        assert_eq!(Client { grant_types: BTreeSet::from([GrantType::RefreshToken]), ..client(&[]) }.check(), Err(ClientFault::NoGrant));
        assert_eq!(Client { secrets: Vec::new(), ..with_secret(&secret) }.check(), Err(ClientFault::NoSecret));
        let public = Client { token_endpoint_auth_method: TokenEndpointAuthMethod::None, ..with_secret(&secret) };
        assert_eq!(public.check(), Err(ClientFault::SecretForNothing));
        let signs = Client { token_endpoint_auth_method: TokenEndpointAuthMethod::PrivateKeyJwt, ..client(&["https://a.example/cb"]) };
        assert_eq!(signs.check(), Err(ClientFault::NoKeys));
        assert_eq!(Client { jwks_uri: Some("https://a.example/jwks".to_owned()), ..signs }.check(), Ok(()));
    }

    // OA-DR-13
    #[test]
    fn people_see_a_name_without_hidden_characters() {
        let named = |name: &str| Client { name: Some(name.to_owned()), ..client(&["https://a.example/cb"]) }.display_name();
        assert_eq!(named(" Cl\u{200B}au\u{202E}de\u{0007} "), "Claude");
        assert_eq!(named("\u{202E}\u{2066}"), "a.example");
        assert_eq!(named("日本語 العربية"), "日本語 العربية");
        assert_eq!(client(&[]).display_name(), "c");
    }

    // OA-DR-13: pages are in English
    #[test]
    fn people_see_the_english_name_else_the_plain_one_else_the_first_by_tag() {
        let named = |name: Option<&str>, tagged: &[(&str, &str)]| {
            let in_languages =
                tagged.iter().map(|(tag, name)| (format!("client_name#{tag}").parse().unwrap(), (*name).to_owned())).collect();
            Client { name: name.map(str::to_owned), in_languages, ..client(&["https://a.example/cb"]) }.display_name()
        };
        assert_eq!(named(Some("Plain"), &[("de", "Deutsch"), ("en", "English"), ("en-AU", "Australian")]), "English");
        assert_eq!(named(Some("Plain"), &[("EN-gb", "British"), ("de", "Deutsch")]), "British");
        assert_eq!(named(Some("Plain"), &[("de", "Deutsch"), ("enm", "Middle English")]), "Plain");
        assert_eq!(named(None, &[("fr", "Français"), ("de", "Deutsch")]), "Deutsch");
        assert_eq!(named(None, &[("fr", "Français"), ("en", "English")]), "English");
        assert_eq!(named(None, &[]), "a.example");
        // as little to be trusted as the name itself
        assert_eq!(named(Some("Plain"), &[("en", " Cl\u{200B}au\u{202E}de ")]), "Claude");
        assert_eq!(named(Some("Plain"), &[("en", "\u{200B}")]), "Plain", "nothing to be seen");
    }

    // OA-DR-13: an operator sees all of them, not only what a page would show
    #[test]
    fn every_name_is_told_once() {
        let in_languages = [("client_name#de", "Claude\u{200B}"), ("client_name#fr", "Klaus"), ("tos_uri#fr", "https://a.example/")];
        let in_languages = in_languages.map(|(key, text)| (key.parse().unwrap(), text.to_owned())).into();
        let several = Client { name: Some("Claude".to_owned()), in_languages, ..client(&["https://a.example/cb"]) };
        assert_eq!(several.display_names(), ["Claude", "Klaus"]);
    }

    // OA-CL-09
    #[test]
    fn a_secret_lives_until_its_end() {
        let secret = ClientSecret::of(&Token::new([1; 32]), now(), Some(now() + chrono::TimeDelta::seconds(1)));
        assert!(secret.is_live(now()));
        assert!(!secret.is_live(now() + chrono::TimeDelta::seconds(1)));
    }
}
