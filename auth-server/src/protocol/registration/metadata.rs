//! Client metadata: checked, reduced to what works here (RFC 7591 §2).

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use portcullis_verifier::vocabulary::Scope;
use serde_json::{Map, Value};
use url::Url;

use super::{
    MOST_REDIRECT_URIS, RegistrationPolicy, keys,
    refused::{Member, RedirectFault, RegistrationError},
};
use crate::protocol::{
    client::{ApplicationType, Client, ClientOrigin},
    vocabulary::{
        ClientId, ExternalUrl, GrantType, HumanReadable, RedirectKind, RedirectUri, TaggedMember, TaggedMemberError,
        TokenEndpointAuthMethod,
    },
};

const LONGEST_NAME: usize = 200;
const LONGEST_URI: usize = 2048;
const LONGEST_TEXT: usize = 256;
const MOST_CONTACTS: usize = 10;
const LONGEST_CONTACT: usize = 320;

/// In all languages together (OA-DR-13).
const MOST_TAGGED: usize = 10;

/// What a registered client will be.
#[derive(Debug)]
pub(super) struct Metadata {
    pub(super) application_type: Option<ApplicationType>,
    pub(super) client_name: Option<String>,
    pub(super) client_uri: Option<String>,
    pub(super) contacts: Vec<String>,
    pub(super) grant_types: BTreeSet<GrantType>,
    pub(super) in_languages: BTreeMap<TaggedMember, String>,
    pub(super) jwks: Option<Value>,
    pub(super) jwks_uri: Option<String>,
    pub(super) logo_uri: Option<String>,
    pub(super) policy_uri: Option<String>,
    pub(super) redirect_uris: Vec<RedirectUri>,
    pub(super) scope: Option<Scope>,
    pub(super) software_id: Option<String>,
    pub(super) software_version: Option<String>,
    pub(super) token_endpoint_auth_method: TokenEndpointAuthMethod,
    pub(super) tos_uri: Option<String>,
}

type Members = Map<String, Value>;

impl Metadata {
    /// Reads the members this server knows and leaves the others alone. The
    /// redirect URIs come first: their errors have a code of their own.
    pub(super) fn read(
        members: &Members,
        policy: RegistrationPolicy,
        wanted: RedirectUris,
        token_endpoint_auth_method: TokenEndpointAuthMethod,
    ) -> Result<Self, RegistrationError> {
        let redirect_uris = redirect_uris(members, policy, wanted)?;
        response_types(members)?;
        let jwks = keys::jwks(member(members, "jwks"))?;
        let jwks_uri = jwks_uri(members)?;
        match (jwks.is_some(), jwks_uri.is_some()) {
            (true, true) => return Err(RegistrationError::Keys),
            (false, false) if token_endpoint_auth_method == TokenEndpointAuthMethod::PrivateKeyJwt => {
                return Err(RegistrationError::NoKeys);
            }
            (true | false, false) | (false, true) => {}
        }
        Ok(Self {
            application_type: application_type(members, &redirect_uris)?,
            client_name: client_name(members)?,
            client_uri: web_page(members, "client_uri", Member::ClientUri)?,
            contacts: contacts(members)?,
            grant_types: grant_types(members)?,
            in_languages: in_languages(members)?,
            jwks,
            jwks_uri,
            logo_uri: web_page(members, "logo_uri", Member::LogoUri)?,
            policy_uri: web_page(members, "policy_uri", Member::PolicyUri)?,
            redirect_uris,
            scope: scope(members)?,
            software_id: short_text(members, "software_id", Member::SoftwareId)?,
            software_version: short_text(members, "software_version", Member::SoftwareVersion)?,
            token_endpoint_auth_method,
            tos_uri: web_page(members, "tos_uri", Member::TosUri)?,
        })
    }

    /// The client that it describes.
    pub(super) fn client(self, id: ClientId, origin: ClientOrigin, now: DateTime<Utc>) -> Client {
        Client {
            name: self.client_name,
            in_languages: self.in_languages,
            redirect_uris: self.redirect_uris,
            grant_types: self.grant_types,
            token_endpoint_auth_method: self.token_endpoint_auth_method,
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
            ..Client::new(id, origin, now)
        }
    }
}

/// A member that is there; `null` counts as absent.
fn member<'a>(members: &'a Members, name: &str) -> Option<&'a Value> {
    members.get(name).filter(|value| !value.is_null())
}

/// A text; an empty one counts as absent.
fn text<'a>(members: &'a Members, name: &str, known_as: Member) -> Result<Option<&'a str>, RegistrationError> {
    let Some(value) = member(members, name) else { return Ok(None) };
    let text = value.as_str().ok_or(RegistrationError::Member(known_as))?.trim();
    Ok(Some(text).filter(|text| !text.is_empty()))
}

fn short_text(members: &Members, name: &str, known_as: Member) -> Result<Option<String>, RegistrationError> {
    match text(members, name, known_as)? {
        Some(text) if text.len() > LONGEST_TEXT || text.chars().any(char::is_control) => Err(RegistrationError::Member(known_as)),
        text => Ok(text.map(str::to_owned)),
    }
}

fn texts<'a>(members: &'a Members, name: &str, known_as: Member) -> Result<Option<Vec<&'a str>>, RegistrationError> {
    let Some(value) = member(members, name) else { return Ok(None) };
    let texts = value.as_array().and_then(|elements| elements.iter().map(Value::as_str).collect());
    texts.map(Some).ok_or(RegistrationError::Member(known_as))
}

/// Which of the redirect URIs have to be good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RedirectUris {
    /// All: whoever registers hears of a mistake at once (OA-DR-05).
    All,
    /// One: nobody hears of the others (MCP-AS-113).
    AnyGood,
}

fn redirect_uris(members: &Members, policy: RegistrationPolicy, wanted: RedirectUris) -> Result<Vec<RedirectUri>, RegistrationError> {
    let elements = member(members, "redirect_uris").and_then(Value::as_array).ok_or(RegistrationError::RedirectUris)?;
    if elements.is_empty() || elements.len() > MOST_REDIRECT_URIS {
        return Err(RegistrationError::RedirectUris);
    }
    if wanted == RedirectUris::All && !elements.iter().all(Value::is_string) {
        return Err(RegistrationError::RedirectUris);
    }
    let (mut redirect_uris, mut first_fault) = (Vec::with_capacity(elements.len()), None);
    for (position, text) in elements.iter().enumerate() {
        match redirect_uri(position, text, policy) {
            Ok(uri) if !redirect_uris.contains(&uri) => redirect_uris.push(uri),
            Ok(_again) => {}
            Err(fault) if wanted == RedirectUris::All => return Err(fault),
            Err(fault) => first_fault = first_fault.or(Some(fault)),
        }
    }
    match first_fault {
        Some(fault) if redirect_uris.is_empty() => Err(fault),
        Some(_) | None => Ok(redirect_uris),
    }
}

fn redirect_uri(position: usize, text: &Value, policy: RegistrationPolicy) -> Result<RedirectUri, RegistrationError> {
    let refused = |reason| RegistrationError::RedirectUri { position, reason };
    let text = text.as_str().ok_or(RegistrationError::RedirectUris)?;
    let uri: RedirectUri = text.parse().map_err(|error| refused(RedirectFault::Malformed(error)))?;
    if uri.kind() == RedirectKind::PrivateUse && !policy.private_use_schemes {
        return Err(refused(RedirectFault::PrivateUse));
    }
    Ok(uri)
}

/// Who writes `web` and answers on the person's computer is native, whatever it says.
fn application_type(members: &Members, redirect_uris: &[RedirectUri]) -> Result<Option<ApplicationType>, RegistrationError> {
    let answers_locally = redirect_uris.iter().any(|uri| uri.kind() != RedirectKind::Https);
    match text(members, "application_type", Member::ApplicationType)? {
        None => Ok(None),
        Some("native") => Ok(Some(ApplicationType::Native)),
        Some("web") if answers_locally => Ok(Some(ApplicationType::Native)),
        Some("web") => Ok(Some(ApplicationType::Web)),
        Some(_) => Err(RegistrationError::Member(Member::ApplicationType)),
    }
}

fn client_name(members: &Members) -> Result<Option<String>, RegistrationError> {
    match text(members, "client_name", Member::ClientName)? {
        Some(name) if !is_name(name) => Err(RegistrationError::Member(Member::ClientName)),
        name => Ok(name.map(str::to_owned)),
    }
}

fn is_name(text: &str) -> bool {
    text.chars().count() <= LONGEST_NAME && !text.chars().any(char::is_control)
}

/// What comes with a language tag (RFC 7591 §2.2), each by the rule of its member
/// without one. A tag behind anything that is not for people is a member we do not know.
fn in_languages(members: &Members) -> Result<BTreeMap<TaggedMember, String>, RegistrationError> {
    let mut read: BTreeMap<TaggedMember, String> = BTreeMap::new();
    for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
        let key: TaggedMember = match name.parse() {
            Ok(key) => key,
            Err(TaggedMemberError::Member(_)) => continue,
            Err(TaggedMemberError::Tag) => {
                let member = name.split('#').next().and_then(|member| member.parse().ok());
                return Err(member.map_or(RegistrationError::NotAnObject, RegistrationError::LanguageTag));
            }
        };
        if read.keys().any(|earlier| earlier.is_again(&key)) {
            return Err(RegistrationError::LanguageTag(key.member()));
        }
        let malformed = RegistrationError::Tagged(key.member());
        let text = value.as_str().ok_or(malformed)?.trim();
        let is_good = match key.member() {
            HumanReadable::ClientName => is_name(text),
            HumanReadable::ClientUri | HumanReadable::LogoUri | HumanReadable::PolicyUri | HumanReadable::TosUri => is_web_page(text),
        };
        match text {
            "" => {}
            _ if !is_good => return Err(malformed),
            _ if read.len() == MOST_TAGGED => return Err(RegistrationError::ManyTagged),
            text => drop(read.insert(key, text.to_owned())),
        }
    }
    Ok(read)
}

fn contacts(members: &Members) -> Result<Vec<String>, RegistrationError> {
    let contacts = texts(members, "contacts", Member::Contacts)?.unwrap_or_default();
    let is_good = |contact: &&str| contact.len() <= LONGEST_CONTACT && !contact.chars().any(char::is_control);
    if contacts.len() > MOST_CONTACTS || !contacts.iter().all(is_good) {
        return Err(RegistrationError::Member(Member::Contacts));
    }
    Ok(contacts.into_iter().map(str::to_owned).collect())
}

/// The known grants among those asked for, machine access aside. RFC 7591 §3.2.1
/// lets us substitute: who names none gets what an app for people needs.
fn grant_types(members: &Members) -> Result<BTreeSet<GrantType>, RegistrationError> {
    let open = BTreeSet::from([GrantType::AuthorizationCode, GrantType::RefreshToken]);
    let Some(asked) = texts(members, "grant_types", Member::GrantTypes)? else { return Ok(open) };
    let asked: BTreeSet<GrantType> = asked.into_iter().filter_map(|grant| grant.parse().ok()).collect();
    let effective: BTreeSet<GrantType> = asked.intersection(&open).copied().collect();
    if effective.contains(&GrantType::AuthorizationCode) { Ok(effective) } else { Err(RegistrationError::GrantTypes) }
}

fn response_types(members: &Members) -> Result<(), RegistrationError> {
    match texts(members, "response_types", Member::ResponseTypes)? {
        Some(asked) if !asked.contains(&"code") => Err(RegistrationError::ResponseTypes),
        Some(_) | None => Ok(()),
    }
}

pub(super) fn token_endpoint_auth_method(members: &Members) -> Result<TokenEndpointAuthMethod, RegistrationError> {
    match text(members, "token_endpoint_auth_method", Member::TokenEndpointAuthMethod)? {
        Some(method) => method.parse().map_err(|_| RegistrationError::AuthMethod),
        None => Ok(TokenEndpointAuthMethod::None),
    }
}

fn scope(members: &Members) -> Result<Option<Scope>, RegistrationError> {
    let malformed = RegistrationError::Member(Member::Scope);
    let Some(text) = text(members, "scope", Member::Scope)? else { return Ok(None) };
    let scope = Scope::parse(text).map_err(|_| malformed)?;
    Ok(Some(scope).filter(|scope| !scope.is_empty()))
}

/// The address of a page or picture that people may be shown.
fn web_page(members: &Members, name: &str, known_as: Member) -> Result<Option<String>, RegistrationError> {
    match text(members, name, known_as)? {
        Some(text) if !is_web_page(text) => Err(RegistrationError::Member(known_as)),
        text => Ok(text.map(str::to_owned)),
    }
}

fn is_web_page(text: &str) -> bool {
    let has_odd_characters = text.chars().any(|letter| letter.is_control() || letter.is_whitespace() || letter == '\\');
    if text.len() > LONGEST_URI || has_odd_characters {
        return false;
    }
    Url::parse(text).is_ok_and(|url| {
        let has_user = !url.username().is_empty() || url.password().is_some();
        matches!(url.scheme(), "http" | "https") && url.has_host() && !has_user
    })
}

/// Where its keys are. They are not fetched here, so all there is to judge is the address.
fn jwks_uri(members: &Members) -> Result<Option<String>, RegistrationError> {
    let Some(value) = member(members, "jwks_uri") else { return Ok(None) };
    // One that could never be read is refused now.
    let url = value.as_str().and_then(|text| text.parse::<ExternalUrl>().ok());
    url.map(|url| Some(url.as_str().to_owned())).ok_or(RegistrationError::Keys)
}
