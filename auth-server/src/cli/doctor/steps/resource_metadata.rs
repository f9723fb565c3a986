//! The resource metadata, at each place where clients look, and whether it is of the server asked (MCP-RS-01 to 04).

use url::Url;

use crate::cli::doctor::{
    client::Client,
    document::{Members, Place, list, note_nulls, note_odd, text},
    finding::Kind,
    report::{Notes, Step},
};

/// What there is at each place, in the order in which clients look.
#[derive(Clone, Debug)]
pub(in crate::cli::doctor) struct Seen {
    /// Where the challenge says.
    pub(in crate::cli::doctor) named: Option<Place>,
    /// RFC 9728, section 3.1: inserted before the path.
    pub(in crate::cli::doctor) at_path: Place,
    /// Of servers that have a path.
    pub(in crate::cli::doctor) at_root: Option<Place>,
}

/// Where clients look without being told: before the path, and at the root.
pub(in crate::cli::doctor) fn places(url: &Url) -> (Url, Option<Url>) {
    let well_known = "/.well-known/oauth-protected-resource";
    let mut at_path = url.clone();
    let path = if url.path() == "/" { "" } else { url.path() };
    at_path.set_path(&format!("{well_known}{path}"));
    let mut at_root = url.clone();
    at_root.set_path(well_known);
    at_root.set_query(None);
    let is_other = at_root != at_path;
    (at_path, is_other.then_some(at_root))
}

/// Also the issuer, where the client gets so far.
pub(in crate::cli::doctor) fn judge(asked: &str, seen: &Seen, client: Client) -> (Notes, Option<String>) {
    let mut notes = Notes::of(Step::ResourceMetadata, client);
    let document = |place: &Option<Place>| place.as_ref().and_then(|place| place.found.document().cloned());
    let (named, at_path, at_root) = (document(&seen.named), seen.at_path.found.document().cloned(), document(&seen.at_root));
    where_it_is(seen, &mut notes);
    if let (Some(named), Some(at_path)) = (&named, &at_path)
        && ["resource", "authorization_servers"].iter().any(|member| named.get(*member) != at_path.get(*member))
    {
        notes.find(Kind::MetadataDiffers, [seen.at_path.url.as_str()]);
    }
    let Some(members) = named.or(at_path).or(at_root) else {
        notes.find(Kind::MetadataNowhere, all(seen).map(|place| place.url.to_string()));
        return (notes, None);
    };
    note_nulls(&mut notes, &members);
    if list(&members, "scopes_supported").is_some_and(|scopes| scopes.contains(&"offline_access")) {
        notes.find(Kind::OfflineAccess, ["offline_access in scopes_supported of the resource metadata"]);
    }
    let is_of_another = !is_of(asked, &members, &mut notes);
    let issuer = issuer(&members, &mut notes);
    if notes.findings.is_empty() {
        notes.pass(format!("resource metadata is of {asked}, wherever clients look"));
    }
    if let Some(issuer) = &issuer {
        notes.pass(format!("resource metadata names {issuer} as its authorization server"));
    }
    (notes, issuer.filter(|_| !is_of_another))
}

fn all(seen: &Seen) -> impl Iterator<Item = &Place> {
    seen.named.iter().chain([&seen.at_path]).chain(&seen.at_root)
}

fn where_it_is(seen: &Seen, notes: &mut Notes) {
    let mut told: Vec<&Url> = Vec::new();
    for place in all(seen).filter(|place| place.found.document().is_none()) {
        if !told.contains(&&place.url) {
            note_odd(notes, place);
            told.push(&place.url);
        }
    }
    let named_in_vain = seen.named.as_ref().filter(|place| place.found.document().is_none());
    if let Some(named) = named_in_vain {
        notes.find(Kind::NamedMetadataMissing, [named.url.as_str()]);
    }
    let is_told = |place: &Place| named_in_vain.is_some_and(|named| named.url == place.url);
    let is_anywhere = all(seen).any(|place| place.found.document().is_some());
    if is_anywhere && seen.at_path.found.document().is_none() && !is_told(&seen.at_path) {
        notes.find(Kind::NoMetadataAtPath, [seen.at_path.url.as_str()]);
    }
    let at_root = seen.at_root.as_ref().filter(|place| is_anywhere && place.found.document().is_none() && !is_told(place));
    if let Some(at_root) = at_root {
        notes.find(Kind::NoMetadataAtRoot, [at_root.url.as_str()]);
    }
}

/// Whether clients take it for the metadata of the server they asked.
fn is_of(asked: &str, members: &Members, notes: &mut Notes) -> bool {
    let Some(resource) = text(members, "resource") else {
        notes.find(Kind::ResourceMissing, Vec::<String>::new());
        return false;
    };
    let lines = [format!("asked               {asked}"), format!("resource metadata   {resource}")];
    match Relation::between(asked, resource) {
        Relation::Same => true,
        Relation::Slash => {
            notes.find(Kind::ResourceSlash, lines);
            true
        }
        Relation::Parent => {
            notes.find(Kind::ResourceIsParent, lines);
            true
        }
        Relation::Other => {
            notes.find(Kind::ResourceOther, lines);
            false
        }
    }
}

/// How `resource` stands to what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Same,
    Slash,
    Parent,
    Other,
}

impl Relation {
    fn between(asked: &str, resource: &str) -> Self {
        let (Ok(asked), Ok(resource)) = (Url::parse(asked), Url::parse(resource)) else { return Self::Other };
        if asked == resource {
            return Self::Same;
        }
        if asked.origin() != resource.origin() || resource.query().is_some() || resource.fragment().is_some() {
            return Self::Other;
        }
        let closed = |url: &Url| format!("{}/", url.path().trim_end_matches('/'));
        let (above, below) = (closed(&resource), closed(&asked));
        if above == below && asked.query().is_none() {
            Self::Slash
        } else if below.starts_with(&above) {
            Self::Parent
        } else {
            Self::Other
        }
    }
}

/// K-25: some clients know the first only.
fn issuer(members: &Members, notes: &mut Notes) -> Option<String> {
    let servers = list(members, "authorization_servers").unwrap_or_default();
    let Some(first) = servers.first() else {
        notes.find(Kind::NoAuthorizationServer, Vec::<String>::new());
        return None;
    };
    if servers.len() > 1 {
        notes.find(Kind::SeveralAuthorizationServers, servers.clone());
    }
    Some((*first).to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cli::doctor::{
        document::Found,
        testing::{MCP, answer, nothing, place, url},
    };

    const AT_PATH: &str = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp";
    const AT_ROOT: &str = "https://mcp.example.com/.well-known/oauth-protected-resource";

    fn good() -> Value {
        json!({"resource": MCP, "authorization_servers": ["https://auth.example.com"]})
    }

    fn everywhere(document: &Value) -> Seen {
        Seen { named: Some(place(AT_PATH, document)), at_path: place(AT_PATH, document), at_root: Some(place(AT_ROOT, document)) }
    }

    /// What is found, and whether the client gets to the issuer.
    fn judged(seen: &Seen) -> (Vec<Kind>, bool) {
        let (notes, issuer) = judge(MCP, seen, Client::Any);
        assert!(issuer.as_ref().is_none_or(|issuer| issuer == "https://auth.example.com" || issuer == "https://b.example"), "{issuer:?}");
        (notes.kinds(), issuer.is_some())
    }

    /// The good document with a member changed.
    fn with(name: &str, value: Value) -> (Vec<Kind>, bool) {
        let mut document = good();
        document[name] = value;
        judged(&everywhere(&document))
    }

    // MCP-RS-02, MCP-CL-01
    #[test]
    fn clients_look_before_the_path_and_at_the_root() {
        assert_eq!(places(&url(MCP)), (url(AT_PATH), Some(url(AT_ROOT))));
        assert_eq!(places(&url("https://mcp.example.com")), (url(AT_ROOT), None));
    }

    #[test]
    fn a_good_document_leads_to_the_issuer() {
        assert_eq!(judged(&everywhere(&good())), (vec![], true));
    }

    // F-10, K-02
    #[test]
    fn each_place_without_the_document_is_named() {
        let seen = |named, at_path, at_root| Seen { named, at_path, at_root: Some(at_root) };
        let (there, root) = (place(AT_PATH, &good()), place(AT_ROOT, &good()));
        assert_eq!(judged(&seen(Some(there.clone()), there.clone(), nothing(AT_ROOT))), (vec![Kind::NoMetadataAtRoot], true));
        assert_eq!(judged(&seen(None, nothing(AT_PATH), root.clone())), (vec![Kind::NoMetadataAtPath], true));
        assert_eq!(judged(&seen(Some(nothing(AT_PATH)), nothing(AT_PATH), root)), (vec![Kind::NamedMetadataMissing], true));
        assert_eq!(judged(&seen(None, nothing(AT_PATH), nothing(AT_ROOT))), (vec![Kind::MetadataNowhere], false));
    }

    // MCP-AS-08
    #[test]
    fn a_page_for_every_path_is_told_once_for_each_address() {
        let page = |at: &str| Place { url: url(at), found: Found::read(&Ok(answer(200, &[("content-type", "text/html")], "<html>"))) };
        let seen = Seen { named: Some(page(AT_PATH)), at_path: page(AT_PATH), at_root: Some(page(AT_ROOT)) };
        assert_eq!(judged(&seen).0, [Kind::NotJson, Kind::NotJson, Kind::NamedMetadataMissing, Kind::MetadataNowhere]);
    }

    // MCP-RS-03
    #[test]
    fn the_document_must_be_of_the_server_asked() {
        assert_eq!(with("resource", json!("https://mcp.example.com/mcp/")), (vec![Kind::ResourceSlash], true));
        assert_eq!(with("resource", json!("https://mcp.example.com")), (vec![Kind::ResourceIsParent], true));
        for other in ["https://other.example/mcp", "http://mcp.example.com/mcp", "https://mcp.example.com/mc", "mcp"] {
            assert_eq!(with("resource", json!(other)), (vec![Kind::ResourceOther], false), "{other}");
        }
        assert_eq!(with("resource", json!(7)), (vec![Kind::ResourceMissing], false));
        assert_eq!(with("resource", json!("HTTPS://MCP.example.com:443/mcp")), (vec![], true), "a different spelling of the same");
    }

    // K-20, K-25, MCP-RS-01, MCP-RS-15
    #[test]
    fn what_else_is_wrong_with_it_has_a_name() {
        assert_eq!(with("authorization_servers", json!([])), (vec![Kind::NoAuthorizationServer], false));
        let two = json!(["https://auth.example.com", "https://b.example"]);
        assert_eq!(with("authorization_servers", two), (vec![Kind::SeveralAuthorizationServers], true));
        assert_eq!(with("resource_name", Value::Null), (vec![Kind::NullMember], true));
        assert_eq!(with("scopes_supported", json!(["offline_access"])), (vec![Kind::OfflineAccess], true));
        let mut other = good();
        other["authorization_servers"] = json!(["https://b.example"]);
        let seen = Seen { named: Some(place(AT_PATH, &other)), ..everywhere(&good()) };
        assert_eq!(judged(&seen).0, [Kind::MetadataDiffers]);
    }
}
