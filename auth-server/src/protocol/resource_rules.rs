//! What a resource may be called, wherever it is registered: in the configuration
//! or by command.

use std::sync::Arc;

use portcullis_verifier::vocabulary::{Issuer, Resource, ScopeToken};

use super::{
    resource::{ProtectedResource, Resources, ScopeDescription},
    token_size::{LIMIT, Speaker, TokenParts},
    vocabulary::ClientId,
};

/// Whether some spelling would mean both: two resources can not have both names
/// (MCP-AS-72).
pub fn are_one_name(one: &Resource, other: &Resource) -> bool {
    one.matches(other) || other.matches(one)
}

/// What is exactly there below the issuer, for programs.
const ENDPOINTS: [&str; 5] = ["/token", "/revoke", "/introspect", "/register", "/jwks"];
/// What is there below the issuer with whatever is below it, for people and for discovery.
const TREES: [&str; 7] = ["/authorize", "/sign-in", "/sign-out", "/account", "/setup", "/assets", "/.well-known"];

/// Whether the server itself answers at this address. A token for it would be one for
/// the server, and open what only the server may (OA-RI-09).
pub fn is_of_the_server(name: &Resource, issuer: &Issuer) -> bool {
    if name.origin() != issuer.origin() {
        return false;
    }
    let path = name.path().trim_end_matches('/');
    let is_in = |path: &str, tree: &str| path.strip_prefix(tree).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let is_below = path
        .strip_prefix(issuer.path())
        .is_some_and(|below| below.is_empty() || ENDPOINTS.contains(&below) || TREES.iter().any(|tree| is_in(below, tree)));
    is_below || matches!(path, "/livez" | "/readyz") || is_in(path, "/.well-known")
}

/// The name of a resource, of those it would have, that belongs to the server itself.
pub fn name_of_the_server(resource: &ProtectedResource, issuer: &Issuer) -> Option<String> {
    let named = resource.names().find(|name| is_of_the_server(name, issuer)).map(|name| name.as_str().to_owned());
    let origin = || {
        Some(issuer.origin()).filter(|origin| resource.origin_alias && issuer.path().is_empty() && *origin == resource.identifier.origin())
    };
    named.or_else(origin)
}

/// Why a resource is not called that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to {MOST_CHARACTERS} characters, all of which can be seen")]
pub struct UnfitName;

const MOST_CHARACTERS: usize = 100;

/// What people call a resource, without blanks around it.
pub fn judged_name(name: &str) -> Result<String, UnfitName> {
    let name = name.trim();
    let fits = (1..=MOST_CHARACTERS).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if fits { Ok(name.to_owned()) } else { Err(UnfitName) }
}

/// Why a scope is not one of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeFault {
    /// Nothing that people could read before they consent.
    #[error("write a sentence for people, such as \"Read your files\"")]
    Sentence,
    /// There is one of that name.
    #[error("it is given twice")]
    Twice,
}

/// Adds a scope to those of a resource.
pub fn add_scope(scopes: &mut Vec<ScopeDescription>, token: ScopeToken, sentence: &str) -> Result<(), ScopeFault> {
    let sentence = sentence.trim();
    if sentence.is_empty() || sentence.chars().any(char::is_control) {
        return Err(ScopeFault::Sentence);
    }
    if scopes.iter().any(|known| known.token == token) {
        return Err(ScopeFault::Twice);
    }
    scopes.push(ScopeDescription { token, sentence: sentence.to_owned() });
    Ok(())
}

/// Why a resource has too much that its tokens would have to name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an access token with all its scopes would have {bytes} bytes, and has to stay below {LIMIT}: \
     give it fewer scopes or shorter names for them, or make several resources of it"
)]
pub struct TooLarge {
    bytes: usize,
}

/// Whether a client whose identifier we made can be given all scopes of a resource at
/// once, as most ask for (OA-AT-02).
pub fn judged_size(resource: &ProtectedResource, issuer: &Issuer) -> Result<(), TooLarge> {
    let (client_id, scope) = (ClientId::generate([0; 16]), resource.all_scopes());
    let parts = TokenParts { issuer, resource, client_id: &client_id, scope: &scope, speaker: Speaker::Person };
    if parts.is_too_large() { Err(TooLarge { bytes: parts.size() }) } else { Ok(()) }
}

/// What does not fit together among resources from two places; an operator should
/// hear of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Oddity {
    /// The configuration has taken the identifier of a resource that was added by command.
    #[error("{added}, added by command, can't be reached: its name means {keeper}, which comes first; take the name from one of the two")]
    Hidden { added: String, keeper: String },
    /// The configuration has taken an alias of a resource that was added by command.
    #[error("{alias} does not mean {added}, added by command, but {keeper}, which comes first; take the name from one of the two")]
    LostAlias { alias: String, added: String, keeper: String },
    /// The default is none of the resources.
    #[error("default_resource {0} is none of the resources, and counts for nothing until it is one")]
    NoDefault(String),
}

/// Puts the resources of the configuration and those added by command together. One
/// name means one resource: the configuration comes first, then what was added first.
/// A resource of the configuration quietly takes the place of the same one added by
/// command.
pub fn gather(configured: Vec<ProtectedResource>, added: Vec<ProtectedResource>, default: Option<&Resource>) -> (Resources, Vec<Oddity>) {
    let (mut all, mut oddities) = (configured, Vec::new());
    for mut resource in added {
        let of = resource.identifier.to_string();
        if let Some(keeper) = keeper(&all, &resource.identifier) {
            if keeper.identifier.canonical() != resource.identifier.canonical() {
                oddities.push(Oddity::Hidden { added: of, keeper: keeper.identifier.to_string() });
            }
            continue;
        }
        resource.aliases.retain(|alias| {
            let taken = keeper(&all, alias).map(|keeper| keeper.identifier.to_string());
            let lost = |keeper| Oddity::LostAlias { alias: alias.to_string(), added: of.clone(), keeper };
            let is_free = taken.is_none();
            oddities.extend(taken.map(lost));
            is_free
        });
        all.push(resource);
    }
    let is_known = |default: &&Resource| all.iter().flat_map(ProtectedResource::names).any(|name| name.matches(default));
    oddities.extend(default.filter(|default| !is_known(default)).map(|default| Oddity::NoDefault(default.to_string())));
    (Resources::new(all.into_iter().map(Arc::new).collect(), default), oddities)
}

fn keeper<'a>(all: &'a [ProtectedResource], name: &Resource) -> Option<&'a ProtectedResource> {
    all.iter().find(|known| known.names().any(|known| are_one_name(known, name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{authorize::sample, metadata::ServerMetadata};

    fn named(text: &str) -> Resource {
        Resource::parse(text).unwrap()
    }

    fn resource(identifier: &str, aliases: &[&str]) -> ProtectedResource {
        ProtectedResource {
            identifier: named(identifier),
            aliases: aliases.iter().map(|alias| named(alias)).collect(),
            ..sample::resource("notes")
        }
    }

    // OA-RI-09
    #[test]
    fn what_the_server_answers_itself_is_no_resource() {
        for (issuer, ours, free) in [
            (
                "https://auth.example",
                [
                    "",
                    "/",
                    "?x=1",
                    "/token",
                    "/token/",
                    "/token?tenant=7",
                    "/x/../jwks",
                    "/authorize/x",
                    "/account",
                    "/livez",
                    "/.well-known/x",
                ],
                ["/mcp", "/tokens", "/token/mcp", "/accounting", "/mcp/token", "/mcp?resource=/token"],
            ),
            (
                "https://auth.example/tenant",
                [
                    "/tenant",
                    "/tenant/",
                    "/tenant?x",
                    "/tenant/token",
                    "/tenant/register",
                    "/tenant/sign-in",
                    "/tenant/assets/x.css",
                    "/tenant/.well-known/x",
                    "/readyz",
                    "/.well-known/oauth-authorization-server/tenant",
                    "/tenant/authorize",
                ],
                ["", "/token", "/tenant/mcp", "/tenants", "/tenanttoken", "/mcp"],
            ),
        ] {
            let issuer = Issuer::parse(issuer).unwrap();
            for path in ours {
                assert!(is_of_the_server(&named(&format!("HTTPS://AUTH.example:443{path}")), &issuer), "{issuer}: {path}");
                assert!(!is_of_the_server(&named(&format!("https://mcp.example{path}")), &issuer), "{issuer}: {path}");
            }
            for path in free {
                assert!(!is_of_the_server(&named(&format!("https://auth.example{path}")), &issuer), "{issuer}: {path}");
            }
            let document = serde_json::to_value(ServerMetadata::new(
                &issuer,
                crate::protocol::metadata::WaysIn { registration: true, client_documents: true },
                &"a".parse().unwrap(),
            ))
            .unwrap();
            for (member, address) in
                document.as_object().unwrap().iter().filter(|(name, _)| name.ends_with("_endpoint") || *name == "jwks_uri")
            {
                assert!(is_of_the_server(&named(address.as_str().unwrap()), &issuer), "{member}");
            }
        }
    }

    // OA-RI-09
    #[test]
    fn neither_an_alias_nor_the_origin_makes_the_server_a_resource() {
        let issuer = Issuer::parse("https://auth.example").unwrap();
        let told = |resource: &ProtectedResource| name_of_the_server(resource, &issuer);
        assert_eq!(told(&resource("https://auth.example/mcp", &["https://auth.example/token"])).unwrap(), "https://auth.example/token");
        let mut below = resource("https://auth.example/mcp", &["https://auth.example/notes"]);
        assert_eq!(told(&below), None);
        below.origin_alias = true;
        assert_eq!(told(&below).unwrap(), "https://auth.example");
        assert_eq!(name_of_the_server(&below, &Issuer::parse("https://auth.example/tenant").unwrap()), None);
    }

    #[test]
    fn a_query_makes_two_names_only_where_both_have_one() {
        let are_one = |one: &str, other: &str| are_one_name(&named(one), &named(other)) && are_one_name(&named(other), &named(one));
        assert!(are_one("https://mcp.example/mcp", "https://MCP.example/mcp/"));
        assert!(are_one("https://mcp.example/mcp", "https://mcp.example/mcp?tenant=7"));
        assert!(!are_one("https://mcp.example/mcp?tenant=8", "https://mcp.example/mcp?tenant=7"));
    }

    #[test]
    fn names_and_sentences_can_be_read() {
        assert_eq!(judged_name(" Files "), Ok("Files".to_owned()));
        for bad in ["", " ", "a\nb", &"x".repeat(101)] {
            assert_eq!(judged_name(bad), Err(UnfitName), "{bad:?}");
        }
        let mut scopes = Vec::new();
        assert_eq!(add_scope(&mut scopes, "a".parse().unwrap(), " Read "), Ok(()));
        assert_eq!(add_scope(&mut scopes, "a".parse().unwrap(), "Again"), Err(ScopeFault::Twice));
        for bad in ["", " ", "a\u{7}b"] {
            assert_eq!(add_scope(&mut scopes, "b".parse().unwrap(), bad), Err(ScopeFault::Sentence), "{bad:?}");
        }
        assert_eq!((scopes.len(), scopes[0].sentence.as_str()), (1, "Read"));
    }

    #[test]
    fn what_stands_in_the_configuration_comes_first_and_the_rest_is_told() {
        let (one, two) = ("https://one.example/mcp", "https://two.example/mcp");
        let find = |resources: &Resources, name: &str| resources.named(&named(name)).map(|found| found.identifier.to_string());
        let file = || vec![resource(one, &[two])];
        let (resources, oddities) = gather(file(), vec![resource(two, &[])], None);
        assert_eq!(find(&resources, two).unwrap(), one);
        assert!(resources.by_identifier(two).is_none(), "it is not half there");
        assert_eq!(oddities, [Oddity::Hidden { added: two.to_owned(), keeper: one.to_owned() }]);

        let three = "https://three.example/mcp";
        let (resources, oddities) = gather(file(), vec![resource(three, &[one, "https://3.example/mcp"])], None);
        assert_eq!(
            (find(&resources, one).unwrap(), find(&resources, "https://3.example/mcp").unwrap()),
            (one.to_owned(), three.to_owned())
        );
        assert_eq!(oddities, [Oddity::LostAlias { alias: one.to_owned(), added: three.to_owned(), keeper: one.to_owned() }]);

        let (resources, oddities) = gather(file(), vec![resource("https://ONE.example/mcp/", &[])], Some(&named(three)));
        assert_eq!((resources.iter().count(), oddities), (1, vec![Oddity::NoDefault(three.to_owned())]));
        assert_eq!(gather(file(), vec![resource(three, &[])], Some(&named("https://THREE.example/mcp/"))).1, []);
    }
}
