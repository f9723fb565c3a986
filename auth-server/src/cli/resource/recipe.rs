//! The recipes themselves: `templates/recipes/`, filled in.

use askama::Template;
use portcullis_verifier::vocabulary::{Issuer, ScopeToken};
use serde_json::Value;
use url::Url;

use crate::{
    cli::table::harmless,
    protocol::{
        resource::ProtectedResource,
        vocabulary::{ClientId, SigningAlgorithm},
    },
};

/// Where a server listens whose address is that of a proxy in front of it.
const BEHIND_A_PROXY: u16 = 3000;

/// What the recipes say, each term a literal of Python, of TypeScript and of Rust.
#[derive(Debug)]
pub(super) struct Terms {
    issuer: String,
    jwks_uri: String,
    introspection: String,
    /// The client that asks about tokens, where they are not checked by signature.
    asker: Option<String>,
    resource: String,
    name: String,
    issuer_has_slash: bool,
    algorithm: String,
    /// Its name in the verifier crate.
    rust_algorithm: &'static str,
    /// Those without which it can't be checked there.
    verifier_features: &'static str,
    /// All its scopes.
    scopes: String,
    /// Those without which nobody gets in: what clients get that ask for none, or they would never get in.
    needs: String,
    each_need: Vec<String>,
    origin: String,
    /// The host with its port, as in the header of that name.
    authority: String,
    host: String,
    path: String,
    is_origin: bool,
    /// The path as Express reads it, where some signs have a meaning.
    route: String,
    metadata: String,
    metadata_route: String,
    /// Where it listens, on this computer.
    port: u16,
}

impl Terms {
    pub(super) fn of(resource: &ProtectedResource, issuer: &Issuer) -> Result<Self, url::ParseError> {
        let origin = resource.identifier.origin();
        let url = Url::parse(&origin)?;
        let path = resource.identifier.path();
        let metadata = resource.identifier.metadata_url();
        let metadata_path = metadata.strip_prefix(&origin).unwrap_or_default();
        Ok(Self {
            issuer: quoted(issuer.as_str()),
            jwks_uri: quoted(&issuer.below("/jwks")),
            introspection: quoted(&issuer.below("/introspect")),
            asker: None,
            resource: quoted(resource.identifier.as_str()),
            name: quoted(&harmless(&resource.name)),
            issuer_has_slash: issuer.has_trailing_slash(),
            rust_algorithm: rust_name(resource.signing_algorithm),
            verifier_features: match resource.signing_algorithm {
                SigningAlgorithm::Es256 => r#"["axum", "fetch"]"#,
                SigningAlgorithm::EdDsa | SigningAlgorithm::Rs256 | SigningAlgorithm::Ps256 => r#"["aws-lc-rs", "axum", "fetch"]"#,
            },
            algorithm: quoted(resource.signing_algorithm.as_str()),
            scopes: listed(resource.scopes.iter().map(|scope| &scope.token)),
            needs: listed(resource.default_scopes.iter()),
            each_need: resource.default_scopes.iter().map(|scope| quoted(scope.as_str())).collect(),
            authority: quoted(url.authority()),
            host: quoted(url.host_str().unwrap_or_default()),
            route: quoted(&escaped(if path.is_empty() { "/" } else { path })),
            metadata_route: quoted(&escaped(metadata_path)),
            metadata: quoted(&metadata),
            is_origin: path.is_empty(),
            path: quoted(if path.is_empty() { "/" } else { path }),
            // Plain http is this computer's, so nothing is in front of it.
            port: if url.scheme() == "http" { url.port().unwrap_or(80) } else { BEHIND_A_PROXY },
            origin: quoted(&origin),
        })
    }

    /// Has this client ask us about each token.
    pub(super) fn asked_by(mut self, client: &ClientId) -> Self {
        self.asker = Some(quoted(client.as_str()));
        self
    }
}

fn rust_name(algorithm: SigningAlgorithm) -> &'static str {
    match algorithm {
        SigningAlgorithm::Es256 => "Es256",
        SigningAlgorithm::EdDsa => "EdDsa",
        SigningAlgorithm::Rs256 => "Rs256",
        SigningAlgorithm::Ps256 => "Ps256",
    }
}

/// In quotes. JSON's escapes mean the same in all the languages here.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Every sign that has a meaning in the routes of Express, with a backslash before it.
fn escaped(path: &str) -> String {
    path.chars().flat_map(|sign| "(){}[]+?!:*\\".contains(sign).then_some('\\').into_iter().chain([sign])).collect()
}

fn listed<'a>(scopes: impl Iterator<Item = &'a ScopeToken>) -> String {
    let quoted: Vec<String> = scopes.map(|scope| quoted(scope.as_str())).collect();
    format!("[{}]", quoted.join(", "))
}

macro_rules! recipes {
    ($($(#[$about:meta])* $function:ident $Recipe:ident $path:literal;)*) => {$(
        $(#[$about])*
        pub(super) fn $function(terms: &Terms) -> Result<String, askama::Error> {
            #[derive(Template)]
            #[template(path = $path, escape = "none")]
            struct $Recipe<'a> {
                terms: &'a Terms,
            }
            $Recipe { terms }.render()
        }
    )*};
}

recipes! {
    /// Checked by the verifier's layer.
    axum Axum "recipes/axum.rs";
    /// Checked by `JWTVerifier`, announced by `RemoteAuthProvider`.
    fastmcp_python FastmcpPython "recipes/fastmcp_python.py";
    /// Checked by `jose`.
    fastmcp_ts FastmcpTs "recipes/fastmcp_ts.mjs";
    /// Checked by `PyJWT`, which the SDK brings.
    mcp_sdk_python McpSdkPython "recipes/mcp_sdk_python.py";
    /// Checked by `jose`.
    mcp_sdk_ts McpSdkTs "recipes/mcp_sdk_ts.mjs";
    /// Checked by the verifier's layer.
    rmcp Rmcp "recipes/rmcp.rs";
}

#[cfg(test)]
mod tests {
    use portcullis_verifier::vocabulary::{Resource, Scope};

    use super::*;
    use crate::config::described;

    fn terms(address: &str) -> Terms {
        let mut resource = described(Resource::parse(address).unwrap());
        resource.name = "\"\"\"\nimport os\\ \u{202e}".to_owned();
        resource.default_scopes = Scope::parse("a'b ${c}").unwrap();
        Terms::of(&resource, &Issuer::parse("https://auth.example.com").unwrap()).unwrap()
    }

    #[test]
    fn what_others_wrote_stays_within_its_quotes() {
        let code = fastmcp_python(&terms("https://mcp.example.com/mcp")).unwrap();
        assert!(code.contains(r#"FastMCP("\"\"\"�import os\\ �", auth=auth)"#), "{code}");
        assert!(code.contains(r#"required_scopes=["${c}", "a'b"]"#), "{code}");
    }

    #[test]
    fn a_path_is_no_pattern() {
        let code = mcp_sdk_ts(&terms("https://mcp.example.com/a:b(c)*/mcp")).unwrap();
        for route in [r#""/a\\:b\\(c\\)\\*/mcp""#, r#""/.well-known/oauth-protected-resource/a\\:b\\(c\\)\\*/mcp""#] {
            assert!(code.contains(&format!("\n  {route},\n")), "{route}: {code}");
        }
    }

    #[test]
    fn it_listens_where_its_address_says_or_behind_a_proxy() {
        let own = terms("http://127.0.0.1:4711/mcp");
        assert_eq!((own.port, own.authority.as_str()), (4711, "\"127.0.0.1:4711\""));
        let public = terms("https://mcp.example.com");
        assert_eq!((public.port, public.path.as_str(), public.authority.as_str()), (3000, "\"/\"", "\"mcp.example.com\""));
    }
}
