//! The metadata of a protected resource: who guards it, and which scopes it knows
//! (RFC 9728 §2).

use serde::Serialize;

use crate::vocabulary::{Resource, Scope};

/// The document, and where it is served. Made once, from configuration alone, so that
/// a forged `Host` changes nothing (MCP-RS-22).
#[derive(Clone, Debug)]
pub struct Metadata {
    url: String,
    path: String,
    is_alone: bool,
    json: String,
}

#[derive(Serialize)]
struct Document<'a> {
    resource: &'a str,
    authorization_servers: &'a [String],
    #[serde(skip_serializing_if = "Scope::is_empty", serialize_with = "as_list")]
    scopes_supported: &'a Scope,
    bearer_methods_supported: [&'a str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_name: Option<&'a str>,
}

fn as_list<S: serde::Serializer>(scope: &Scope, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(scope.iter())
}

/// What the document is called at every resource.
pub(crate) const ROOT: &str = "/.well-known/oauth-protected-resource";

impl Metadata {
    pub(crate) fn new(
        resource: &Resource,
        issuers: &[String],
        scope: &Scope,
        name: Option<&str>,
        is_alone: bool,
    ) -> Result<Self, serde_json::Error> {
        let document = Document {
            resource: resource.as_str(),
            authorization_servers: issuers,
            scopes_supported: scope,
            bearer_methods_supported: ["header"],
            resource_name: name,
        };
        let url = resource.metadata_url();
        let path = url.strip_prefix(&resource.origin()).unwrap_or(ROOT);
        let path = path.split_once('?').map_or(path, |(path, _)| path).to_owned();
        Ok(Self { path, url, is_alone, json: serde_json::to_string(&document)? })
    }

    /// The document's address, as challenges name it: the well-known segment stands
    /// between host and path (RFC 9728 §3.1).
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The path of that address.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Every path at which the document is served: the one above, and the bare
    /// well-known path where no other resource shares the origin (MCP-RS-02).
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        let root = (self.is_alone && self.path != ROOT).then_some(ROOT);
        std::iter::once(self.path.as_str()).chain(root)
    }

    /// The document.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// Whether this resource has the origin to itself.
    #[cfg(feature = "axum")]
    pub(crate) fn is_alone(&self) -> bool {
        self.is_alone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // MCP-RS-01 to MCP-RS-04, OA-RS-11
    #[test]
    fn the_document_names_resource_issuer_and_scopes_and_no_more() {
        let resource = Resource::parse("https://mcp.example.com/mcp").unwrap();
        let issuers = ["https://auth.example.com".to_owned()];
        let scope = Scope::parse("files:read").unwrap();
        let metadata = Metadata::new(&resource, &issuers, &scope, Some("Files"), true).unwrap();
        assert_eq!(
            metadata.json(),
            r#"{"resource":"https://mcp.example.com/mcp","authorization_servers":["https://auth.example.com"],"scopes_supported":["files:read"],"bearer_methods_supported":["header"],"resource_name":"Files"}"#
        );
        assert_eq!(metadata.url(), "https://mcp.example.com/.well-known/oauth-protected-resource/mcp");
        let paths: Vec<_> = metadata.paths().collect();
        assert_eq!(paths, ["/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource"]);
        let bare = Metadata::new(&resource, &issuers, &Scope::none(), None, false).unwrap();
        assert!(!bare.json().contains("scopes_supported") && !bare.json().contains("null"), "{}", bare.json());
        assert_eq!(bare.paths().count(), 1);
    }

    // MCP-RS-02: a resource that is the whole origin has one location, once
    #[test]
    fn a_resource_without_a_path_has_the_root_form_only() {
        let resource = Resource::parse("https://mcp.example.com").unwrap();
        let metadata = Metadata::new(&resource, &[], &Scope::none(), None, true).unwrap();
        assert_eq!(metadata.paths().collect::<Vec<_>>(), [ROOT]);
    }
}
