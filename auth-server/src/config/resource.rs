//! Protected resources as they stand in the file.

use chrono::TimeDelta;
use portcullis_verifier::vocabulary::{Issuer, Resource, Scope, ScopeToken};
use serde_json::{Value as Json, json};

use super::{
    origin::{Mistake, nearest},
    value::{Complaints, Entry, Given, Kind, Value},
};
use crate::protocol::{
    resource::{ProtectedResource, ScopeDescription},
    resource_rules::{add_scope, judged_name},
    vocabulary::SigningAlgorithm,
};

/// The issuer's address. Whether it may end in a slash is another setting's business.
#[derive(Clone, Debug)]
pub(super) struct PublicAddress(pub(super) Issuer);

impl Kind for PublicAddress {
    fn read(given: &Given, complaints: &mut Complaints<'_>) -> Option<Self> {
        let Some(text) = given.text() else { return complaints.expected(given, "an address such as \"https://auth.example.com\"") };
        let issuer = Issuer::parse_with_slash(text).map_err(|error| complaints.about(given, error.to_string())).ok()?;
        match unroutable(&issuer) {
            Some(why) => {
                complaints.about(given, why);
                None
            }
            None => Some(Self(issuer)),
        }
    }

    fn shape(_: Option<&(Self, Self)>) -> Json {
        json!({"type": "string", "format": "uri"})
    }

    fn written(&self) -> Option<Json> {
        Some(json!(self.0.as_str()))
    }
}

/// Why endpoints can not be below the path of an issuer.
fn unroutable(issuer: &Issuer) -> Option<String> {
    let behind_scheme = issuer.as_str().split_once("://").map_or("", |(_, rest)| rest);
    let written = behind_scheme.find('/').map_or("", |at| behind_scheme.split_at(at).1);
    if written.strip_suffix('/').unwrap_or(written) != issuer.path() {
        return Some("clients read its path in another way: write it without `.` and `..`".to_owned());
    }
    let mut segments = issuer.path().split('/').skip(1);
    let bad = segments.find(|segment| segment.is_empty() || segment.starts_with([':', '*', '.']) || segment.contains(['{', '}']))?;
    Some(format!("the path of an issuer can not have the part {bad:?}: choose a plain word"))
}

/// The address of a protected resource.
#[derive(Clone, Debug)]
pub(super) struct Address(pub(super) Resource);

impl Kind for Address {
    fn read(given: &Given, complaints: &mut Complaints<'_>) -> Option<Self> {
        let Some(text) = given.text() else { return complaints.expected(given, "an address such as \"https://mcp.example.com/mcp\"") };
        Resource::parse(text).map(Self).map_err(|error| complaints.about(given, error.to_string())).ok()
    }

    fn shape(_: Option<&(Self, Self)>) -> Json {
        json!({"type": "string", "format": "uri"})
    }

    fn written(&self) -> Option<Json> {
        Some(json!(self.0.as_str()))
    }
}

struct Token(ScopeToken);

impl Kind for Token {
    fn read(given: &Given, complaints: &mut Complaints<'_>) -> Option<Self> {
        let Some(text) = given.text() else { return complaints.expected(given, "a scope such as \"files:read\"") };
        text.parse().map(Self).map_err(|error| complaints.about(given, format!("{error}"))).ok()
    }

    fn shape(_: Option<&(Self, Self)>) -> Json {
        json!({"type": "string", "pattern": "^[!#-\\[\\]-~]+$"})
    }

    fn written(&self) -> Option<Json> {
        Some(json!(self.0.as_str()))
    }
}

impl Kind for SigningAlgorithm {
    fn read(given: &Given, complaints: &mut Complaints<'_>) -> Option<Self> {
        let Some(text) = given.text() else { return complaints.expected(given, "an algorithm such as \"ES256\"") };
        text.parse().ok().or_else(|| super::value::none_of(given, Some(text), &["ES256", "EdDSA", "RS256", "PS256"], complaints))
    }

    fn shape(_: Option<&(Self, Self)>) -> Json {
        json!({"enum": ["ES256", "EdDSA", "RS256", "PS256"]})
    }

    fn written(&self) -> Option<Json> {
        Some(json!(self.as_str()))
    }
}

const KEYS: [&str; 9] =
    ["url", "name", "aliases", "scopes", "default_scopes", "token_lifetime", "signing_algorithm", "origin_alias", "people"];

impl Kind for ProtectedResource {
    fn read(given: &Given, complaints: &mut Complaints<'_>) -> Option<Self> {
        let Value::Table(entries) = &given.value else {
            return Address::read(given, complaints).map(|Address(identifier)| described(identifier));
        };
        for entry in entries.iter().filter(|entry| !KEYS.contains(&entry.key.as_str())) {
            unknown_key(entry, complaints);
        }
        let Some(url) = find(entries, "url") else {
            complaints.about(given, "a resource needs its address: url = \"https://mcp.example.com/mcp\"");
            return None;
        };
        let resource = Address::read(&url.given, complaints).map(|Address(identifier)| described(identifier));
        filled_in(resource, entries, complaints)
    }

    fn shape(_: Option<&(Self, Self)>) -> Json {
        json!({"anyOf": [Address::shape(None), {
            "type": "object",
            "required": ["url"],
            "additionalProperties": false,
            "properties": {
                "url": Address::shape(None),
                "name": {"type": "string"},
                "aliases": Vec::<Address>::shape(None),
                "scopes": {"anyOf": [
                    {"type": "object", "additionalProperties": {"type": "string"}, "propertyNames": Token::shape(None)},
                    Vec::<Token>::shape(None),
                ]},
                "default_scopes": Vec::<Token>::shape(None),
                "token_lifetime": TimeDelta::shape(Some(&lifetimes())),
                "signing_algorithm": SigningAlgorithm::shape(None),
                "origin_alias": {"type": "boolean"},
                "people": Vec::<String>::shape(None),
            },
        }]})
    }

    fn written(&self) -> Option<Json> {
        serde_json::to_value(self).ok()
    }
}

/// How short and how long the access tokens of a resource may live.
pub(crate) fn lifetimes() -> (TimeDelta, TimeDelta) {
    (TimeDelta::minutes(1), TimeDelta::minutes(60))
}

/// A resource of which only the address is known.
pub(crate) fn described(identifier: Resource) -> ProtectedResource {
    let name = identifier.origin().split_once("://").map(|(_, host)| host.to_owned()).unwrap_or_default();
    ProtectedResource {
        identifier,
        aliases: Vec::new(),
        name,
        scopes: Vec::new(),
        default_scopes: Scope::none(),
        token_lifetime: None,
        signing_algorithm: SigningAlgorithm::Es256,
        origin_alias: false,
        people: None,
    }
}

fn find<'a>(entries: &'a [Entry], key: &str) -> Option<&'a Entry> {
    entries.iter().find(|entry| entry.key == key)
}

fn unknown_key(entry: &Entry, complaints: &mut Complaints<'_>) {
    let sentence = match nearest(&entry.key, KEYS) {
        Some(key) => format!("a resource has no such setting; did you mean {key}?"),
        None => format!("a resource has no such setting; it has {}", KEYS.join(", ")),
    };
    complaints.found.push(Mistake { origin: entry.origin.clone(), subject: entry.key.clone(), sentence });
}

/// Reads every member even where the address is wrong, so that all mistakes are told at once.
fn filled_in(resource: Option<ProtectedResource>, entries: &[Entry], complaints: &mut Complaints<'_>) -> Option<ProtectedResource> {
    let name = find(entries, "name").and_then(|entry| read_name(&entry.given, complaints));
    let aliases: Option<Vec<Address>> = member(entries, "aliases", complaints);
    let scopes = find(entries, "scopes").and_then(|entry| read_scopes(&entry.given, complaints));
    let defaults: Option<Vec<Token>> = member(entries, "default_scopes", complaints);
    let token_lifetime: Option<TimeDelta> = member(entries, "token_lifetime", complaints);
    if let (Some(lifetime), Some(entry)) = (&token_lifetime, find(entries, "token_lifetime"))
        && !lifetime.is_within(&lifetimes())
    {
        complaints.about(&entry.given, "token_lifetime should be between 1m and 1h");
    }
    let signing_algorithm: Option<SigningAlgorithm> = member(entries, "signing_algorithm", complaints);
    let origin_alias: Option<bool> = member(entries, "origin_alias", complaints);
    let people: Option<Vec<String>> = member(entries, "people", complaints);

    let mut resource = resource?;
    resource.name = name.unwrap_or(resource.name);
    resource.aliases = aliases.unwrap_or_default().into_iter().map(|Address(alias)| alias).collect();
    resource.scopes = scopes.unwrap_or_default();
    resource.default_scopes = match defaults {
        Some(tokens) => tokens.into_iter().map(|Token(token)| token).collect(),
        None => usual_scopes(&resource.scopes),
    };
    let known: Scope = resource.scopes.iter().map(|scope| scope.token.clone()).collect();
    if let Some(entry) = find(entries, "default_scopes").filter(|_| !resource.default_scopes.is_within(&known)) {
        complaints
            .about(&entry.given, format!("default_scopes has {}, which is none of its scopes", resource.default_scopes.difference(&known)));
    }
    resource.token_lifetime = token_lifetime;
    resource.signing_algorithm = signing_algorithm.unwrap_or(resource.signing_algorithm);
    resource.origin_alias = origin_alias.unwrap_or(resource.origin_alias);
    resource.people = people.map(|names| names.into_iter().collect());
    Some(resource)
}

/// What clients get that ask for no scope: the first one, which should be the least (MCP-AS-83).
pub(crate) fn usual_scopes(scopes: &[ScopeDescription]) -> Scope {
    scopes.iter().take(1).map(|scope| scope.token.clone()).collect()
}

fn member<T: Kind>(entries: &[Entry], key: &str, complaints: &mut Complaints<'_>) -> Option<T> {
    find(entries, key).and_then(|entry| T::read(&entry.given, complaints))
}

/// `{ "files:read" = "Read your files" }`, or only the names.
fn read_scopes(given: &Given, complaints: &mut Complaints<'_>) -> Option<Vec<ScopeDescription>> {
    let mut scopes = Vec::new();
    let Value::Table(entries) = &given.value else {
        let tokens: Vec<Token> = Kind::read(given, complaints)?;
        for (at, Token(token)) in tokens.into_iter().enumerate() {
            let sentence = token.to_string();
            if let Err(error) = add_scope(&mut scopes, token, &sentence) {
                let item = if let Value::List(items) = &given.value { items.get(at) } else { None };
                complaints.about(item.unwrap_or(given), format!("{sentence}: {error}"));
            }
        }
        return Some(scopes);
    };
    for entry in entries {
        let name = Given { value: Value::Text(entry.key.clone()), origin: entry.origin.clone() };
        let (token, sentence) = (Token::read(&name, complaints), String::read(&entry.given, complaints));
        if let (Some(Token(token)), Some(sentence)) = (token, sentence)
            && let Err(error) = add_scope(&mut scopes, token, &sentence)
        {
            complaints.about(&entry.given, format!("{}: {error}", entry.key));
        }
    }
    Some(scopes)
}

fn read_name(given: &Given, complaints: &mut Complaints<'_>) -> Option<String> {
    let name = String::read(given, complaints)?;
    judged_name(&name).map_err(|error| complaints.about(given, error.to_string())).ok()
}
