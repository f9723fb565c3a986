//! `portcullis resource add`.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use clap::Args;
use portcullis_verifier::vocabulary::{Resource, Scope};

use super::{Record, about, facts, refuse_configured, titled};
use crate::{
    app::load_resources,
    cli::{
        desk::Desk,
        failure::{Failure, Outcome},
        find,
    },
    config::{described, parse_duration, resource_lifetimes, usual_scopes},
    events::Step,
    keys,
    protocol::{
        resource::{ProtectedResource, Resources, ScopeDescription},
        resource_rules::{add_scope, are_one_name, judged_name, judged_size, name_of_the_server},
        vocabulary::SigningAlgorithm,
    },
};

/// Protect an MCP server
///
/// Clients can ask for tokens for it within a second; nothing has to be started again. People read the sentences of the scopes
/// when they are asked for their consent.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  portcullis resource add https://mcp.example.com/mcp --name \"Files\" \\\n      \
    --scope files:read=\"Read your files\" --scope files:write=\"Change your files\"\n  \
    portcullis resource add https://mcp.example.com/mcp --token-lifetime 5m --algorithm RS256")]
pub(in crate::cli) struct Add {
    /// Its address as clients are told it: the `resource` of its own metadata, the `aud` of its tokens
    #[arg(value_name = "URL")]
    address: String,
    /// What people call it [default: its host]
    #[arg(long)]
    name: Option<String>,
    /// A scope it knows, and what it allows, in a sentence for people; may be repeated
    #[arg(long, value_name = "SCOPE[=SENTENCE]")]
    scope: Vec<String>,
    /// What clients get that ask for no scope; may be repeated [default: the first scope]
    #[arg(long, value_name = "SCOPE")]
    default_scope: Vec<String>,
    /// Another address under which clients may ask for it; may be repeated
    #[arg(long, value_name = "URL")]
    alias: Vec<String>,
    /// How long its access tokens live, from 1m to 1h [default: as `tokens.access_token_lifetime` says]
    #[arg(long, value_name = "DURATION")]
    token_lifetime: Option<String>,
    /// What its access tokens are signed with: ES256, `EdDSA`, RS256 or PS256 [default: ES256]
    #[arg(long)]
    algorithm: Option<SigningAlgorithm>,
    /// The bare origin means it too, while no other resource is there
    #[arg(long)]
    origin_alias: bool,
    /// Only this person may use it; may be repeated
    #[arg(long, value_name = "USER")]
    person: Vec<String>,
    /// Replace what is known of it
    #[arg(long)]
    replace: bool,
}

impl Add {
    pub(super) async fn run(&self, desk: &Desk) -> Outcome {
        let identifier = address(&self.address)?;
        let resources = load_resources(&desk.config, &desk.store).await?;
        let resource = self.resource(identifier, desk).await?;
        self.refuse_taken(&resource, &resources, desk)?;
        if resource.signing_algorithm != SigningAlgorithm::default() {
            // The server would make them too, but RSA keys take their time.
            let master_key = desk.master_key().await?;
            for key in keys::ensure_keys(&desk.store, &master_key, &[resource.signing_algorithm], desk.now).await? {
                desk.made_key(&key).await?;
            }
        }
        desk.store.put_resource(&resource, desk.now).await?;
        let done = if self.replace { "the resource was added or replaced" } else { "the resource was added" };
        desk.did(Step::ConfigChange, about(&resource, done)).await?;
        let said = format!(
            "Added {}\n{}\nNext   portcullis resource export {} --for fastmcp-python\n       \
             prints code for its server; docs/protect-a-server.md says what else there is",
            titled(&resource),
            facts(&resource, desk).render(),
            resource.identifier,
        );
        desk.output.show(&Record::of(&resource, desk), &said)
    }

    async fn resource(&self, identifier: Resource, desk: &Desk) -> Result<ProtectedResource, Failure> {
        let mut resource = described(identifier);
        if let Some(name) = &self.name {
            resource.name = judged_name(name).map_err(|error| Failure::Usage(format!("--name: {error}")))?;
        }
        resource.scopes = scopes(&self.scope)?;
        let known = resource.all_scopes();
        resource.default_scopes = if self.default_scope.is_empty() {
            usual_scopes(&resource.scopes)
        } else {
            Scope::parse(&self.default_scope.join(" ")).map_err(|error| Failure::Usage(format!("--default-scope: {error}")))?
        };
        let unknown = resource.default_scopes.difference(&known);
        if !unknown.is_empty() {
            return Err(Failure::Usage(format!("--default-scope {unknown}: none of its scopes; they are {known}")));
        }
        resource.aliases = self.alias.iter().map(|alias| address(alias)).collect::<Result<_, _>>()?;
        resource.token_lifetime = self.token_lifetime.as_deref().map(lifetime).transpose()?;
        resource.signing_algorithm = self.algorithm.unwrap_or_default();
        resource.origin_alias = self.origin_alias;
        if !self.person.is_empty() {
            let mut people = BTreeSet::new();
            for name in &self.person {
                // In the spelling of the account, as the list shows it.
                people.insert(find::user(desk, name).await?.name);
            }
            resource.people = Some(people);
        }
        judged_size(&resource, &desk.config.issuer).map_err(|error| Failure::Usage(format!("{}: {error}", resource.identifier)))?;
        Ok(resource)
    }

    /// One address means one resource.
    fn refuse_taken(&self, resource: &ProtectedResource, resources: &Resources, desk: &Desk) -> Result<(), Failure> {
        refuse_configured(resource, desk)?;
        if let Some(name) = name_of_the_server(resource, &desk.config.issuer) {
            return Err(Failure::Refused(format!("{name} is an address of this server itself; a resource has one of its own")));
        }
        let mut own: Vec<&Resource> = Vec::new();
        for name in resource.names() {
            if own.iter().any(|known| are_one_name(known, name)) {
                return Err(Failure::Usage(format!("{name} is one of its names already")));
            }
            own.push(name);
            let others = resources.iter().filter(|other| other.names().any(|known| are_one_name(known, name)));
            for other in others {
                let is_itself = other.identifier.canonical() == resource.identifier.canonical();
                match (is_itself, self.replace) {
                    (true, true) => {}
                    (true, false) => {
                        return Err(Failure::Refused(format!("there is a resource {} already; --replace replaces it", other.identifier)));
                    }
                    (false, _) => return Err(Failure::Refused(format!("{name} means {}, {}, already", other.name, other.identifier))),
                }
            }
        }
        Ok(())
    }
}

fn address(text: &str) -> Result<Resource, Failure> {
    Resource::parse(text).map_err(|error| Failure::Usage(format!("{text} cannot be a resource: {error}")))
}

/// `files:read=Read your files`; a scope may hold an equals sign, a sentence begins behind the first.
fn scopes(given: &[String]) -> Result<Vec<ScopeDescription>, Failure> {
    let mut scopes: Vec<ScopeDescription> = Vec::new();
    for text in given {
        let (token, sentence) = text.split_once('=').unwrap_or((text.as_str(), text.as_str()));
        let token = token.parse().map_err(|error| Failure::Usage(format!("--scope {token}: {error}")))?;
        add_scope(&mut scopes, token, sentence).map_err(|error| Failure::Usage(format!("--scope {text}: {error}")))?;
    }
    Ok(scopes)
}

fn lifetime(text: &str) -> Result<TimeDelta, Failure> {
    let (shortest, longest) = resource_lifetimes();
    parse_duration(text)
        .filter(|lifetime| (shortest..=longest).contains(lifetime))
        .ok_or_else(|| Failure::Usage(format!("--token-lifetime {text}: this should be a length of time from 1m to 1h, such as 15m")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(given: &[&str]) -> Result<Vec<(String, String)>, String> {
        let given: Vec<String> = given.iter().map(|&text| text.to_owned()).collect();
        let read = scopes(&given).map_err(|failure| failure.to_string())?;
        Ok(read.into_iter().map(|scope| (scope.token.to_string(), scope.sentence)).collect())
    }

    #[test]
    fn a_scope_comes_with_a_sentence_or_stands_for_itself() {
        let pair = |token: &str, sentence: &str| (token.to_owned(), sentence.to_owned());
        assert_eq!(read(&["files:read=Read your files, a=b"]), Ok(vec![pair("files:read", "Read your files, a=b")]));
        assert_eq!(read(&["a", "b"]), Ok(vec![pair("a", "a"), pair("b", "b")]));
        for wrong in [&["a b=x"][..], &["=x"], &["a="], &["a", "a=x"], &["a=x\ny"]] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_token_lives_from_a_minute_to_an_hour() {
        assert_eq!(lifetime("5m").unwrap(), TimeDelta::minutes(5));
        for wrong in ["30s", "2h", "5", "x"] {
            assert!(lifetime(wrong).is_err(), "{wrong}");
        }
    }
}
