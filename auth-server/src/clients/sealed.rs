//! Clients whose identifier says all there is to know of them (MCP-AS-139, OA-DR-18).
//!
//! Anybody may register, and most who do are never seen again. So a registration leaves
//! no row behind: what the client said is sealed into its identifier, its secret is a keyed
//! function of that, and both are as good after a restart and in every process. Once a
//! person has consented, the client is stored under the same identifier.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use portcullis_verifier::vocabulary::{Issuer, Scope};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    keys::{MasterKey, SealedFor, hmac},
    protocol::{
        client::{ApplicationType, Client, ClientOrigin, ClientSecret},
        registration::NewClient,
        vocabulary::{ClientId, ClientSecret as SecretKind, GrantType, RedirectUri, TaggedMember, Token, TokenEndpointAuthMethod},
    },
    secret::Secret,
};

/// A longer identifier is a burden to clients, and to every token that names it.
const MOST_BYTES: usize = 512;

/// Seals and opens such identifiers.
#[derive(Debug)]
pub struct SealedClients {
    master_key: MasterKey,
    secrets: Secret<[u8; 32]>,
    issuer: String,
    lifetime: TimeDelta,
}

/// What became of a registration.
#[derive(Debug)]
pub enum Sealed {
    /// It is in the identifier.
    Whole(NewClient),
    /// It is too long for that.
    TooLong(NewClient),
}

/// What a client said of itself, in few letters.
#[derive(Deserialize, Serialize)]
struct Written {
    #[serde(rename = "i")]
    issued_at: i64,
    #[serde(rename = "r")]
    redirect_uris: Vec<RedirectUri>,
    #[serde(rename = "g", default, skip_serializing_if = "Option::is_none")]
    grant_types: Option<BTreeSet<GrantType>>,
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    method: Option<TokenEndpointAuthMethod>,
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(rename = "l", default, skip_serializing_if = "BTreeMap::is_empty")]
    in_languages: BTreeMap<TaggedMember, String>,
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    scope: Option<Scope>,
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    application_type: Option<ApplicationType>,
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    client_uri: Option<String>,
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    logo_uri: Option<String>,
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    policy_uri: Option<String>,
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    tos_uri: Option<String>,
    #[serde(rename = "c", default, skip_serializing_if = "Vec::is_empty")]
    contacts: Vec<String>,
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    software_id: Option<String>,
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    software_version: Option<String>,
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    jwks: Option<Value>,
    #[serde(rename = "j", default, skip_serializing_if = "Option::is_none")]
    jwks_uri: Option<String>,
}

impl SealedClients {
    /// All processes with one master key agree. An identifier is good for `lifetime`,
    /// unless its client is stored by then.
    pub fn new(master_key: &MasterKey, issuer: &Issuer, lifetime: TimeDelta) -> Self {
        let secrets = master_key.derive("secret of a sealed client");
        Self { master_key: master_key.clone(), secrets, issuer: issuer.as_str().to_owned(), lifetime }
    }

    /// Gives a new client an identifier that says all about it, and the secret that goes
    /// with that.
    pub fn seal(&self, new: NewClient) -> anyhow::Result<Sealed> {
        let written = serde_json::to_vec(&Written::of(&new.client)).context("writing a client down")?;
        let id = ClientId::sealed(&self.master_key.seal(&written, self.place())?);
        if id.as_str().len() > MOST_BYTES {
            return Ok(Sealed::TooLong(new));
        }
        let secret = new.secret.is_some().then(|| self.secret_of(&id));
        Ok(Sealed::Whole(NewClient { client: self.read(id, &written)?, secret }))
    }

    /// The client that an identifier speaks of, if it is ours and its time is not over.
    pub fn open(&self, id: &ClientId, now: DateTime<Utc>) -> Option<Client> {
        let sealed = id.sealed_bytes().filter(|_| id.as_str().len() <= MOST_BYTES)?;
        let written = self.master_key.open(&sealed, self.place()).ok()?;
        let client = self.read(id.clone(), written.expose()).ok()?;
        self.is_good(&client, now).then_some(client)
    }

    /// Whether the time of a client that is not stored is not over.
    pub fn is_good(&self, client: &Client, now: DateTime<Utc>) -> bool {
        now < client.created_at + self.lifetime
    }

    fn read(&self, id: ClientId, written: &[u8]) -> anyhow::Result<Client> {
        let written: Written = serde_json::from_slice(written).context("reading a sealed client")?;
        let secret = ClientSecret::of(&self.secret_of(&id), written.created_at(), None);
        let mut client = written.client(id);
        client.secrets = client.has_secret().then_some(secret).into_iter().collect();
        Ok(client)
    }

    fn secret_of(&self, id: &ClientId) -> Token<SecretKind> {
        Token::new(hmac(self.secrets.expose(), &[id.as_str().as_bytes()]))
    }

    fn place(&self) -> SealedFor<'_> {
        SealedFor { table: "clients", column: "id", row: &self.issuer }
    }
}

/// What most clients say needs not be written.
fn usual_grants() -> BTreeSet<GrantType> {
    BTreeSet::from([GrantType::AuthorizationCode, GrantType::RefreshToken])
}

impl Written {
    fn of(client: &Client) -> Self {
        let client = client.clone();
        Self {
            issued_at: client.created_at.timestamp(),
            redirect_uris: client.redirect_uris,
            grant_types: Some(client.grant_types).filter(|grants| *grants != usual_grants()),
            method: Some(client.token_endpoint_auth_method).filter(|method| *method != TokenEndpointAuthMethod::None),
            name: client.name,
            in_languages: client.in_languages,
            scope: client.scope,
            application_type: client.application_type,
            client_uri: client.client_uri,
            logo_uri: client.logo_uri,
            policy_uri: client.policy_uri,
            tos_uri: client.tos_uri,
            contacts: client.contacts,
            software_id: client.software_id,
            software_version: client.software_version,
            jwks: client.jwks,
            jwks_uri: client.jwks_uri,
        }
    }

    fn created_at(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.issued_at, 0).unwrap_or_default()
    }

    fn client(self, id: ClientId) -> Client {
        let created_at = self.created_at();
        Client {
            redirect_uris: self.redirect_uris,
            grant_types: self.grant_types.unwrap_or_else(usual_grants),
            token_endpoint_auth_method: self.method.unwrap_or(TokenEndpointAuthMethod::None),
            name: self.name,
            in_languages: self.in_languages,
            scope: self.scope,
            application_type: self.application_type,
            client_uri: self.client_uri,
            logo_uri: self.logo_uri,
            policy_uri: self.policy_uri,
            tos_uri: self.tos_uri,
            contacts: self.contacts,
            software_id: self.software_id,
            software_version: self.software_version,
            jwks: self.jwks,
            jwks_uri: self.jwks_uri,
            ..Client::new(id, ClientOrigin::Registered, created_at)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::registration::{Chosen, RegistrationPolicy, register};

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn seals(master: u8, issuer: &str) -> SealedClients {
        SealedClients::new(&MasterKey::new([master; 32]), &Issuer::parse(issuer).unwrap(), TimeDelta::days(1))
    }

    fn here() -> SealedClients {
        seals(1, "https://auth.example.com")
    }

    fn registered(body: &Value) -> NewClient {
        let chosen = Chosen { id: ClientId::generate([3; 16]), secret: Token::new([4; 32]) };
        register(body.to_string().as_bytes(), RegistrationPolicy { private_use_schemes: true }, chosen, at(0)).unwrap()
    }

    fn whole(body: &Value) -> NewClient {
        match here().seal(registered(body)).unwrap() {
            Sealed::Whole(new) => new,
            Sealed::TooLong(new) => panic!("{new:?}"),
        }
    }

    fn vscode() -> Value {
        json!({
            "client_name": "Visual Studio Code", "client_uri": "https://code.visualstudio.com", "application_type": "native",
            "grant_types": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
            "redirect_uris": ["https://insiders.vscode.dev/redirect", "https://vscode.dev/redirect", "http://127.0.0.1/", "http://127.0.0.1:33418/"],
            "token_endpoint_auth_method": "none",
        })
    }

    // MCP-AS-139, OA-DR-11: real clients' registrations fit
    #[test]
    fn an_identifier_says_all_that_the_client_said() {
        for body in [
            vscode(),
            json!({ "redirect_uris": ["https://www.make.com/oauth/cb/mcp"], "client_name": "Make MCP Client" }),
            json!({ "redirect_uris": ["https://a.example/cb"], "grant_types": ["authorization_code"], "scope": "b a", "client_name#fr": "Appli" }),
            json!({
                "client_name": "MCP CLI Client", "redirect_uris": ["http://localhost:3334/oauth/callback"], "client_uri": "https://github.com/modelcontextprotocol/mcp-cli",
                "software_id": "2e6dc280-f3c3-4e01-99a7-8181dbd1d23d", "software_version": "0.1.38", "token_endpoint_auth_method": "client_secret_post",
            }),
        ] {
            let new = whole(&body);
            let id = new.client.id.as_str();
            assert!(id.len() <= MOST_BYTES && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{id}");
            assert_eq!(here().open(&new.client.id, at(0)), Some(new.client.clone()));
            let said = registered(&body).client;
            assert_eq!(Client { id: said.id.clone(), secrets: said.secrets.clone(), ..new.client.clone() }, said);
            assert_eq!(new.client.check(), Ok(()));
        }
    }

    // OA-DR-16, MCP-AS-132
    #[test]
    fn equal_registrations_have_different_identifiers_and_secrets() {
        let body = json!({ "redirect_uris": ["https://a.example/cb"], "token_endpoint_auth_method": "client_secret_basic" });
        let (one, other) = (whole(&body), whole(&body));
        assert_ne!(one.client.id, other.client.id);
        let (secret, others) = (one.secret.unwrap(), other.secret.unwrap());
        assert_ne!(secret.wire(), others.wire());
        let opened = here().open(&one.client.id, at(0)).unwrap();
        assert_eq!(opened.secrets[0].hash, secret.hash());
        assert!(whole(&vscode()).secret.is_none());
    }

    // OA-DR-18, OA-CL-16, MCP-AS-143
    #[test]
    fn nobody_else_makes_one_and_it_ends() {
        let id = whole(&vscode()).client.id;
        assert!(here().open(&id, at(86_399)).is_some());
        assert!(here().open(&id, at(86_400)).is_none());
        assert!(seals(2, "https://auth.example.com").open(&id, at(0)).is_none());
        assert!(seals(1, "https://other.example.com").open(&id, at(0)).is_none());
        let changed = |at: usize| {
            let mut text = id.as_str().to_owned().into_bytes();
            text[at] = if text[at] == b'A' { b'B' } else { b'A' };
            String::from_utf8(text).unwrap().parse::<ClientId>().unwrap()
        };
        for at_byte in "pc_r_".len()..id.as_str().len() {
            assert!(here().open(&changed(at_byte), at(0)).is_none(), "{at_byte}");
        }
        for other in ["pc_r_", "pc_r_AAAA", "pc_c_AAAA", "x"] {
            assert!(here().open(&other.parse().unwrap(), at(0)).is_none());
        }
    }

    #[test]
    fn a_long_registration_is_given_back() {
        let uris: Vec<String> = (0..32).map(|number| format!("https://a.example/callback/{number}")).collect();
        let body = json!({ "redirect_uris": uris });
        assert!(matches!(here().seal(registered(&body)).unwrap(), Sealed::TooLong(new) if new.client == registered(&body).client));
    }
}
