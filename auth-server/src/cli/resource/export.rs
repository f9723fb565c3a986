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
    protocol::resource::ProtectedResource,
};

/// Print ready code for a resource's server
///
/// A whole program, with the addresses, the algorithm and the scopes of this installation. It has one tool, which says who is
/// signed in: put yours in its place. With --json, the facts that it is made of.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  portcullis resource export https://mcp.example.com/mcp --for fastmcp-python > server.py\n  \
    portcullis resource export https://mcp.example.com/mcp --for mcp-sdk-python --json")]
pub(in crate::cli) struct Export {
    /// Its address, in any spelling that clients may use
    #[arg(value_name = "URL")]
    resource: String,
    /// What the server is made with
    #[arg(long = "for", value_name = "WHAT")]
    recipe: Recipe,
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
        let code = self.recipe.written(&resource, desk)?;
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

impl Recipe {
    fn written(self, resource: &ProtectedResource, desk: &Desk) -> Result<String, Failure> {
        let address = &resource.identifier;
        if address.as_str().contains('?') {
            return Err(Failure::Refused(format!("{address} has a query, and no server tells its resources apart by that")));
        }
        let terms = Terms::of(resource, &desk.config.issuer).context("reading the resource's address")?;
        let code = match self {
            Self::Axum => recipe::axum(&terms),
            Self::FastmcpPython => recipe::fastmcp_python(&terms),
            Self::FastmcpTs => recipe::fastmcp_ts(&terms),
            Self::McpSdkTs => recipe::mcp_sdk_ts(&terms),
            Self::Rmcp => recipe::rmcp(&terms),
            Self::McpSdkPython => recipe::mcp_sdk_python(&terms),
        };
        Ok(code.context("writing the recipe")?)
    }
}
