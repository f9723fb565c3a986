//! `portcullis resource export`: ready code for the server behind a resource.

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use portcullis_verifier::vocabulary::ScopeToken;
use serde::Serialize;

use super::recipe::{self, Terms};
use crate::{
    app::load_resources,
    cli::{
        desk::Desk,
        failure::{Failure, Outcome},
        find,
    },
    config::Config,
    protocol::{resource::ProtectedResource, vocabulary::ClientId},
};

/// Print ready code for a resource's server
///
/// A whole program, with the addresses, the algorithm and the scopes of this installation. It has one tool, which says who is
/// signed in: put yours in its place. With --json, the facts that it is made of.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  portcullis resource export https://mcp.example.com/mcp --for fastmcp-python > server.py\n  \
    portcullis resource export https://mcp.example.com/mcp --for fastmcp-python --introspect pc_c_abc\n  \
    portcullis resource export https://mcp.example.com/mcp --for mcp-sdk-ts --json")]
pub(in crate::cli) struct Export {
    /// Its address, in any spelling that clients may use
    #[arg(value_name = "URL")]
    resource: String,
    /// What the server is made with
    #[arg(long = "for", value_name = "WHAT")]
    recipe: Recipe,
    /// Ask about each token as this client, instead of checking signatures (`fastmcp-python`)
    #[arg(long, value_name = "CLIENT")]
    introspect: Option<String>,
}

/// What a server can be made with.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Recipe {
    /// An HTTP API in Rust with axum
    Axum,
    /// `FastMCP` for Python
    FastmcpPython,
    /// `FastMCP` for TypeScript
    FastmcpTs,
    /// The official SDK for Python
    McpSdkPython,
    /// The official SDK for TypeScript
    McpSdkTs,
    /// The official SDK for Rust
    Rmcp,
}

/// What a server has to know, for programs.
#[derive(Debug, Serialize)]
struct Facts<'a> {
    issuer: &'a str,
    jwks_uri: String,
    introspection_endpoint: String,
    audience: &'a str,
    algorithm: &'static str,
    scopes: Vec<&'a str>,
    required_scopes: Vec<&'a str>,
    resource_metadata: String,
}

impl Export {
    pub(super) async fn run(&self, desk: &Desk) -> Outcome {
        let resources = load_resources(&desk.config, &desk.store).await?;
        let resource = find::resource(&resources, &self.resource, desk)?;
        if resource.identifier.as_str().contains('?') {
            let sentence = format!("{} has a query, and no server tells its resources apart by that", resource.identifier);
            return Err(Failure::Refused(sentence));
        }
        let mut terms = Terms::of(&resource, &desk.config.issuer).context("reading the resource's address")?;
        if let Some(given) = &self.introspect {
            if !matches!(self.recipe, Recipe::FastmcpPython) {
                return Err(Failure::Usage("--introspect goes with --for fastmcp-python".to_owned()));
            }
            terms = terms.asked_by(&asker(given, &resource, desk).await?);
        }
        let code = self.recipe.written(&terms).context("writing the recipe")?;
        desk.output.show(&Facts::of(&resource, &desk.config), &code)
    }
}

impl<'a> Facts<'a> {
    fn of(resource: &'a ProtectedResource, config: &'a Config) -> Self {
        Self {
            issuer: config.issuer.as_str(),
            jwks_uri: config.issuer.below("/jwks"),
            introspection_endpoint: config.issuer.below("/introspect"),
            audience: resource.identifier.as_str(),
            algorithm: resource.signing_algorithm.as_str(),
            scopes: resource.scopes.iter().map(|scope| scope.token.as_str()).collect(),
            required_scopes: resource.default_scopes.iter().map(ScopeToken::as_str).collect(),
            resource_metadata: resource.identifier.metadata_url(),
        }
    }
}

/// The client that is meant, if it may ask about tokens for this resource.
async fn asker(given: &str, resource: &ProtectedResource, desk: &Desk) -> Result<ClientId, Failure> {
    let client = find::client(desk, given).await?;
    if client.introspects.iter().any(|known| known == resource.identifier.as_str()) {
        return Ok(client.id);
    }
    Err(Failure::Refused(format!(
        "{} may not ask about tokens for {address}; one that may is made by `portcullis client add --name … --introspect {address}`",
        client.id,
        address = resource.identifier,
    )))
}

impl Recipe {
    fn written(self, terms: &Terms) -> Result<String, askama::Error> {
        match self {
            Self::Axum => recipe::axum(terms),
            Self::FastmcpPython => recipe::fastmcp_python(terms),
            Self::FastmcpTs => recipe::fastmcp_ts(terms),
            Self::McpSdkPython => recipe::mcp_sdk_python(terms),
            Self::McpSdkTs => recipe::mcp_sdk_ts(terms),
            Self::Rmcp => recipe::rmcp(terms),
        }
    }
}
