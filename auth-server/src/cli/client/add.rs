//! `portcullis client add`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use clap::Args;
use portcullis_verifier::vocabulary::Scope;

use super::{Record, about, facts};
use crate::{
    app::load_resources,
    cli::{
        desk::Desk,
        failure::{Failure, Outcome},
        find,
        table::harmless,
    },
    clients::presets::{preset, presets},
    entropy,
    events::Step,
    protocol::{
        client::{Client, ClientOrigin, ClientSecret},
        registration::public_keys,
        resource::Resources,
        vocabulary::{ClientId, ExternalUrl, GrantType, RedirectUri, Subject, Token, TokenEndpointAuthMethod},
    },
};

/// Make a client
///
/// A client that runs on people's computers is public. One that can keep a secret is confidential, and its secret is shown once.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  portcullis client add --preset claude-ai\n  \
    portcullis client add --name \"Nightly report\" --machine https://mcp.example.com/mcp=files:read\n  \
    portcullis client add --name \"My app\" --confidential --redirect-uri https://app.example/cb")]
pub(in crate::cli) struct Add {
    /// What people call it
    #[arg(long, required_unless_present = "preset")]
    name: Option<String>,
    /// Start from what is known of a well-known client: see `portcullis client presets`
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,
    /// Where its answers may go, exactly; may be repeated
    #[arg(long, value_name = "URL")]
    redirect_uri: Vec<String>,
    /// Give it a secret
    #[arg(long)]
    confidential: bool,
    /// How it sends its secret, `client_secret_basic` or `client_secret_post` (either works) [default: `client_secret_basic`]
    #[arg(long, value_name = "METHOD")]
    auth_method: Option<TokenEndpointAuthMethod>,
    /// It has no secret but signs (`private_key_jwt`): a file with its public keys, a JWK set
    #[arg(long, value_name = "FILE", conflicts_with_all = ["auth_method", "jwks_uri"])]
    jwks: Option<PathBuf>,
    /// The same, with the address where it publishes them
    #[arg(long, value_name = "URL", conflicts_with = "auth_method")]
    jwks_uri: Option<String>,
    /// Let it act for itself at a resource, with all its scopes of today, or only some: RESOURCE="SCOPES"; may be repeated; needs a secret or keys
    #[arg(long, value_name = "RESOURCE[=SCOPES]")]
    machine: Vec<String>,
    /// Let it ask about tokens for a resource; may be repeated; needs a secret or keys
    #[arg(long, value_name = "RESOURCE")]
    introspect: Vec<String>,
    /// What it gets when it asks for no scope, instead of the resource's default
    #[arg(long, value_name = "SCOPES")]
    scope: Option<String>,
    /// Vouch for it: people are not asked whether it may do what it asks for (web apps only)
    #[arg(long)]
    trusted: bool,
    /// Its identifier, instead of a fresh one
    #[arg(long, value_name = "CLIENT_ID")]
    id: Option<String>,
}

/// Twice as long as anybody needs.
const LONGEST_ID: usize = 100;

impl Add {
    pub(super) async fn run(&self, desk: &Desk) -> Outcome {
        let resources = load_resources(&desk.config, &desk.store).await?;
        let mut client = self.client(desk)?;
        client.machine_scopes = machine_scopes(&self.machine, &resources, desk)?;
        client.introspects = self
            .introspect
            .iter()
            .map(|given| find::resource(&resources, given, desk).map(|found| found.identifier.to_string()))
            .collect::<Result<BTreeSet<_>, _>>()?
            .into_iter()
            .collect();
        client.grant_types = grant_types(&client);
        let secret = if client.has_secret() {
            let secret = Token::new(entropy::random()?);
            client.secrets = vec![ClientSecret::of(&secret, desk.now, None)];
            Some(secret)
        } else {
            None
        };
        client.check().map_err(|fault| Failure::Usage(format!("this client makes no sense: {fault}")))?;
        if desk.store.client(&client.id).await?.is_some() {
            return Err(Failure::Refused(format!("there is a client {} already", client.id)));
        }
        desk.store.add_client(&client).await?;
        desk.did(Step::ClientRegistered, about(&client, "added")).await?;
        let secret = secret.as_ref().map(Token::wire);
        let said = format!("Added {}\n{}", harmless(&client.display_name()), facts(&client, secret, desk).render());
        desk.output.show(&Record::of(&client).with_secret(secret), &said)
    }

    /// The public keys of a client that signs, judged as those of one that registers itself.
    fn keys(&self, client: &mut Client) -> Result<(), Failure> {
        if let Some(file) = &self.jwks {
            let name = file.display();
            let text = fs::read_to_string(file).map_err(|error| Failure::Usage(format!("--jwks {name}: {error}")))?;
            let set = serde_json::from_str(&text).map_err(|error| Failure::Usage(format!("--jwks {name}: {error}")))?;
            let judged = public_keys(&set).map_err(|error| Failure::Usage(format!("--jwks {name}: {error}")))?;
            client.jwks = Some(judged);
        }
        if let Some(text) = &self.jwks_uri {
            let url: ExternalUrl = text.parse().map_err(|error| Failure::Usage(format!("--jwks-uri {text}: {error}")))?;
            client.jwks_uri = Some(url.as_str().to_owned());
        }
        if self.jwks.is_some() || self.jwks_uri.is_some() {
            client.token_endpoint_auth_method = TokenEndpointAuthMethod::PrivateKeyJwt;
        }
        Ok(())
    }

    fn client(&self, desk: &Desk) -> Result<Client, Failure> {
        let id = self.client_id()?;
        let mut client = match &self.preset {
            None => Client::new(id, ClientOrigin::Operator, desk.now),
            Some(name) => {
                let known = presets().iter().map(|preset| preset.name);
                let found = preset(name).ok_or_else(|| find::missing("preset", name, known, "in this version"))?;
                found.client(id, desk.now).map_err(|error| Failure::Failed(anyhow::Error::new(error).context("reading the preset")))?
            }
        };
        if let Some(name) = &self.name {
            client.name = Some(name.trim().to_owned());
        }
        for text in &self.redirect_uri {
            let uri: RedirectUri = text.parse().map_err(|error| Failure::Usage(format!("--redirect-uri {text}: {error}")))?;
            if !client.redirect_uris.contains(&uri) {
                client.redirect_uris.push(uri);
            }
        }
        self.keys(&mut client)?;
        let needs_secret = self.confidential || !self.machine.is_empty() || !self.introspect.is_empty();
        match self.auth_method {
            Some(method) => client.token_endpoint_auth_method = method,
            None if needs_secret && !client.is_confidential() => {
                client.token_endpoint_auth_method = TokenEndpointAuthMethod::ClientSecretBasic;
            }
            None => {}
        }
        let scope = self.scope.as_deref().map(Scope::parse).transpose();
        client.scope = scope.map_err(|error| Failure::Usage(format!("--scope: {error}")))?;
        client.trusted = self.trusted;
        Ok(client)
    }

    /// None that reads as a person's subject or as the address of a metadata document, and none
    /// that takes the room of scopes: a token names it, a machine's twice.
    fn client_id(&self) -> Result<ClientId, Failure> {
        let Some(text) = &self.id else { return Ok(ClientId::generate(entropy::random()?)) };
        let id: ClientId = text.parse().map_err(|error| Failure::Usage(format!("--id {text}: {error}")))?;
        if Subject::is_reserved(&id) || text.contains("://") {
            return Err(Failure::Usage(
                "--id: a client's identifier does not begin with u_, is no address, and not the name of personal tokens".to_owned(),
            ));
        }
        if text.len() > LONGEST_ID {
            return Err(Failure::Usage(format!(
                "--id: a client's identifier has at most {LONGEST_ID} characters, since every token names it"
            )));
        }
        Ok(id)
    }
}

/// The code grant for those who can be answered, machine access for those who have some.
fn grant_types(client: &Client) -> BTreeSet<GrantType> {
    let mut grants = BTreeSet::new();
    if !client.redirect_uris.is_empty() || (client.machine_scopes.is_empty() && client.introspects.is_empty()) {
        grants.extend([GrantType::AuthorizationCode, GrantType::RefreshToken]);
    }
    if !client.machine_scopes.is_empty() {
        grants.insert(GrantType::ClientCredentials);
    }
    grants
}

/// `RESOURCE`, or `RESOURCE=SCOPES`: the address may hold an equals sign itself.
fn machine_scopes(given: &[String], resources: &Resources, desk: &Desk) -> Result<BTreeMap<String, Scope>, Failure> {
    let mut ceilings = BTreeMap::new();
    for text in given {
        let split = text.match_indices('=').find_map(|(at, _)| {
            let (address, scopes) = (text.get(..at)?, text.get(at + 1..)?);
            find::resource(resources, address, desk).ok().map(|resource| (resource, scopes))
        });
        let (resource, scope) = match split {
            None => {
                let address = text.split('=').next().unwrap_or_default();
                let resource = find::resource(resources, address, desk)?;
                let scope = resource.all_scopes();
                (resource, scope)
            }
            Some((resource, scopes)) => {
                let scope = Scope::parse(scopes).map_err(|error| Failure::Usage(format!("--machine {text}: {error}")))?;
                (resource, scope)
            }
        };
        let unknown = scope.difference(&resource.all_scopes());
        if !unknown.is_empty() {
            return Err(Failure::Usage(format!(
                "--machine {text}: {} has no scope {unknown}; it has {}",
                resource.name,
                resource.all_scopes()
            )));
        }
        if scope.is_empty() {
            return Err(Failure::Usage(format!("--machine {text}: {} has no scopes, so a machine can have none", resource.name)));
        }
        ceilings.insert(resource.identifier.to_string(), scope);
    }
    Ok(ceilings)
}
