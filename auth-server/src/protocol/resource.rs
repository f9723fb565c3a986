//! Protected resources: what can be asked for, and how clients name it (RFC 8707).

use std::{collections::BTreeSet, sync::Arc};

use chrono::TimeDelta;
use portcullis_verifier::vocabulary::{Resource, Scope, ScopeToken};
use serde::{Deserialize, Serialize};

use super::{
    error::{ErrorCode, OAuthError, Refusal},
    vocabulary::{SigningAlgorithm, user_name_key},
};

/// A scope and the sentence that a person reads for it (RFC 6749 §3.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeDescription {
    /// The token on the wire.
    pub token: ScopeToken,
    /// What it allows, in the reader's words.
    pub sentence: String,
}

/// One protected resource, such as an MCP server (RFC 9728 §1.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtectedResource {
    /// The registered spelling, which tokens carry as `aud` (MCP-AS-72).
    #[serde(with = "as_text")]
    pub identifier: Resource,
    /// Other names under which clients may ask for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "as_texts")]
    pub aliases: Vec<Resource>,
    /// What people call it.
    pub name: String,
    /// The scopes that it knows.
    pub scopes: Vec<ScopeDescription>,
    /// What a client gets that asks for no scope this resource knows.
    #[serde(default)]
    pub default_scopes: Scope,
    /// How long an access token lives, if not as long as the server's others.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "as_seconds")]
    pub token_lifetime: Option<TimeDelta>,
    /// What its access tokens are signed with.
    #[serde(default)]
    pub signing_algorithm: SigningAlgorithm,
    /// Whether the bare origin means this resource too, as long as it is the only
    /// one there (MCP-AS-75).
    #[serde(default)]
    pub origin_alias: bool,
    /// The user names of those who may use it; everyone, if there is no list (OA-RI-06).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub people: Option<BTreeSet<String>>,
}

impl ProtectedResource {
    /// Every scope that can be asked for here.
    pub fn all_scopes(&self) -> Scope {
        self.scopes.iter().map(|scope| scope.token.clone()).collect()
    }

    /// Whether `asked` is one of this resource's names, compared as leniently as
    /// MCP-AS-72 says. The bare origin is a name where the operator said so; that
    /// another resource owns the origin is known only to [`Resources::find`].
    pub fn answers_to(&self, asked: &Resource) -> bool {
        self.is_named(asked) || self.is_meant_by_origin(asked)
    }

    /// What it is registered under, and its aliases.
    pub fn names(&self) -> impl Iterator<Item = &Resource> {
        std::iter::once(&self.identifier).chain(&self.aliases)
    }

    /// Whether this person may use the resource at all. Letter case is no difference,
    /// as where a person signs in.
    pub fn admits(&self, user_name: &str) -> bool {
        let Some(people) = &self.people else { return true };
        let key = user_name_key(user_name);
        people.contains(user_name) || people.iter().any(|name| user_name_key(name) == key)
    }

    /// What is left today of what a person once allowed; `None` when the person may
    /// not use the resource any more, or nothing is left (OA-TK-16).
    pub fn left_of(&self, allowed: &Scope, user_name: &str) -> Option<Scope> {
        if !self.admits(user_name) {
            return None;
        }
        let left = allowed.intersection(&self.all_scopes());
        if left.is_empty() && !self.scopes.is_empty() { None } else { Some(left) }
    }

    fn is_named(&self, asked: &Resource) -> bool {
        self.names().any(|name| name.matches(asked))
    }

    fn is_meant_by_origin(&self, asked: &Resource) -> bool {
        self.origin_alias && asked.canonical() == self.identifier.origin()
    }
}

/// Why a request names no resource that a token could be for (RFC 8707 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum TargetError {
    /// Not an absolute URI, or one with a fragment or user information.
    #[error("a resource is an absolute https URI without fragment and user information")]
    Malformed,
    /// The server protects nothing yet.
    #[error("no protected resource is configured")]
    NoneConfigured,
    /// Several resources in one request; a token has one audience (MCP-AS-76).
    #[error("the request names several resources")]
    Several,
    /// Well-formed, but not ours.
    #[error("there is no such resource")]
    Unknown,
    /// None named, and no default to fall back on (MCP-AS-73).
    #[error("the request names no resource, and there is no default")]
    Unnamed,
}

/// OA-RI-07: how to name a resource, and nothing about which there are.
impl Refusal for TargetError {
    fn answer(&self) -> OAuthError {
        let description = match self {
            Self::Malformed => "resource must be an absolute https URI without fragment",
            Self::NoneConfigured => "this server protects no resource yet",
            Self::Several => "one resource at a time: a token is for one resource",
            Self::Unknown => "resource is not a resource of this server: use the resource of its protected resource metadata",
            Self::Unnamed => "resource is missing: use the resource of the protected resource metadata",
        };
        OAuthError::new(ErrorCode::InvalidTarget, description)
    }
}

/// Every protected resource of the server.
#[derive(Clone, Debug, Default)]
pub struct Resources {
    all: Vec<Arc<ProtectedResource>>,
    default: Option<Arc<ProtectedResource>>,
}

impl Resources {
    /// The catalogue. What `default` names is meant by requests without a
    /// `resource`; where there is only one resource, it is meant anyway.
    pub fn new(all: Vec<Arc<ProtectedResource>>, default: Option<&Resource>) -> Self {
        let only = if let [only] = all.as_slice() { Some(Arc::clone(only)) } else { None };
        let named = default.and_then(|named| all.iter().find(|resource| resource.is_named(named)).cloned());
        Self { default: named.or(only), all }
    }

    /// The one resource that the values of `resource` mean (MCP-AS-70…76). Several
    /// values are fine as long as they all mean the same one.
    pub fn find(&self, asked: &[String]) -> Result<Arc<ProtectedResource>, TargetError> {
        let mut found: Option<Arc<ProtectedResource>> = None;
        for text in asked.iter().filter(|text| !text.is_empty()) {
            let meant = self.named(&Resource::parse(text).map_err(|_| TargetError::Malformed)?).ok_or(TargetError::Unknown)?;
            match &found {
                Some(earlier) if !Arc::ptr_eq(earlier, &meant) => return Err(TargetError::Several),
                Some(_) => {}
                None => found = Some(meant),
            }
        }
        found.map_or_else(|| self.unnamed(), Ok)
    }

    /// The resource that `asked` means, compared leniently.
    pub fn named(&self, asked: &Resource) -> Option<Arc<ProtectedResource>> {
        let by_name = self.all.iter().find(|resource| resource.is_named(asked));
        by_name.or_else(|| self.by_origin(asked)).cloned()
    }

    /// Whether everything that was asked for means this resource, which was granted:
    /// a spelling that another resource has, or that could be one of several, does not
    /// (OA-RI-04).
    pub fn all_mean(&self, asked: &[String], granted: &ProtectedResource) -> bool {
        asked.iter().all(|text| {
            let meant = Resource::parse(text).ok().and_then(|asked| self.named(&asked));
            meant.is_some_and(|meant| meant.identifier == granted.identifier)
        })
    }

    /// The resource registered under exactly this spelling, as codes and grants
    /// keep it.
    pub fn by_identifier(&self, identifier: &str) -> Option<Arc<ProtectedResource>> {
        self.all.iter().find(|resource| resource.identifier.as_str() == identifier).cloned()
    }

    /// All resources, in the operator's order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<ProtectedResource>> {
        self.all.iter()
    }

    /// Whether nothing is protected.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    fn unnamed(&self) -> Result<Arc<ProtectedResource>, TargetError> {
        if self.all.is_empty() {
            return Err(TargetError::NoneConfigured);
        }
        self.default.clone().ok_or(TargetError::Unnamed)
    }

    /// A bare origin means a resource only where no other resource lives there.
    fn by_origin(&self, asked: &Resource) -> Option<&Arc<ProtectedResource>> {
        let mut there = self.all.iter().filter(|resource| resource.identifier.origin() == asked.origin());
        let only = there.next()?;
        (there.next().is_none() && only.is_meant_by_origin(asked)).then_some(only)
    }
}

/// A resource is written as its text.
mod as_text {
    use portcullis_verifier::vocabulary::Resource;
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(resource: &Resource, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(resource.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Resource, D::Error> {
        Resource::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// Several resources are written as a list of texts.
mod as_texts {
    use portcullis_verifier::vocabulary::Resource;
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(resources: &[Resource], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(resources.iter().map(Resource::as_str))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Resource>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        texts.iter().map(|text| Resource::parse(text).map_err(de::Error::custom)).collect()
    }
}

/// A length of time is written as whole seconds.
pub(super) mod as_seconds {
    use chrono::TimeDelta;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de};

    #[expect(clippy::ref_option, reason = "serde's `with` hands over the field by reference")]
    pub(in crate::protocol) fn serialize<S: Serializer>(lifetime: &Option<TimeDelta>, serializer: S) -> Result<S::Ok, S::Error> {
        lifetime.map(|lifetime| lifetime.num_seconds()).serialize(serializer)
    }

    pub(in crate::protocol) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<TimeDelta>, D::Error> {
        let seconds = Option::<i64>::deserialize(deserializer)?;
        seconds.map(|seconds| TimeDelta::try_seconds(seconds).ok_or_else(|| de::Error::custom("that is too long"))).transpose()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn resource(identifier: &str) -> ProtectedResource {
        ProtectedResource {
            identifier: Resource::parse(identifier).unwrap(),
            aliases: Vec::new(),
            name: "Notes".to_owned(),
            scopes: ["notes:read", "notes:write"]
                .map(|token| ScopeDescription { token: token.parse().unwrap(), sentence: format!("Use {token}") })
                .to_vec(),
            default_scopes: Scope::parse("notes:read").unwrap(),
            token_lifetime: None,
            signing_algorithm: SigningAlgorithm::Es256,
            origin_alias: false,
            people: None,
        }
    }

    fn catalogue(identifiers: &[&str]) -> Resources {
        Resources::new(identifiers.iter().map(|identifier| Arc::new(resource(identifier))).collect(), None)
    }

    fn find(resources: &Resources, asked: &[&str]) -> Result<String, TargetError> {
        let asked: Vec<String> = asked.iter().map(|&text| text.to_owned()).collect();
        resources.find(&asked).map(|found| found.identifier.as_str().to_owned())
    }

    // MCP-AS-72: matched leniently, emitted strictly
    #[test]
    fn every_lenient_spelling_gives_the_registered_one() {
        let resources = catalogue(&["https://mcp.example/notes", "https://mcp.example/mail"]);
        for asked in [
            "https://mcp.example/notes",
            "https://mcp.example/notes/",
            "HTTPS://MCP.example:443/notes",
            "https://mcp.example/notes?session=1",
        ] {
            assert_eq!(find(&resources, &[asked]), Ok("https://mcp.example/notes".to_owned()), "{asked}");
        }
    }

    // MCP-AS-71, OA-RI-01, OA-RI-02, EA-034, EA-035
    #[test]
    fn malformed_and_unknown_resources_are_refused() {
        let resources = catalogue(&["https://mcp.example/notes"]);
        for malformed in
            ["notes", "/notes", "https://mcp.example/notes#", "https://me@mcp.example/notes", "urn:x", "https://mcp.example/n\u{f6}tes"]
        {
            assert_eq!(find(&resources, &[malformed]), Err(TargetError::Malformed), "{malformed}");
        }
        for unknown in [
            "https://mcp.example",
            "https://mcp.example/",
            "https://mcp.example/notes/../mail",
            "https://mcp.example/notes/x",
            "https://mcp.example/%6eotes",
            "https://mcp.example/NOTES",
            "https://mcp.example.evil.example/notes",
        ] {
            assert_eq!(find(&resources, &[unknown]), Err(TargetError::Unknown), "{unknown}");
        }
    }

    // MCP-AS-73, EA-037
    #[test]
    fn without_a_resource_the_default_or_the_only_one_is_meant() {
        let one = catalogue(&["https://mcp.example/notes"]);
        assert_eq!(find(&one, &[]), Ok("https://mcp.example/notes".to_owned()));
        assert_eq!(find(&one, &[""]), Ok("https://mcp.example/notes".to_owned()));
        let two = catalogue(&["https://mcp.example/notes", "https://mcp.example/mail"]);
        assert_eq!(find(&two, &[]), Err(TargetError::Unnamed));
        let default = Resource::parse("https://mcp.example/mail/").unwrap();
        let chosen = Resources::new(two.all, Some(&default));
        assert_eq!(find(&chosen, &[]), Ok("https://mcp.example/mail".to_owned()));
        let stale = Resource::parse("https://mcp.example/removed").unwrap();
        assert_eq!(find(&Resources::new(one.all, Some(&stale)), &[]), Ok("https://mcp.example/notes".to_owned()));
        assert_eq!(find(&Resources::new(chosen.all, Some(&stale)), &[]), Err(TargetError::Unnamed));
        assert_eq!(find(&Resources::default(), &[]), Err(TargetError::NoneConfigured));
    }

    // MCP-AS-76, OA-RI-03, EA-036
    #[test]
    fn several_values_are_refused_unless_they_mean_one_resource() {
        let resources = catalogue(&["https://mcp.example/notes", "https://mcp.example/mail"]);
        assert_eq!(find(&resources, &["https://mcp.example/notes", "https://mcp.example/mail"]), Err(TargetError::Several));
        assert_eq!(find(&resources, &["https://mcp.example/notes", "https://other.example"]), Err(TargetError::Unknown));
        assert_eq!(
            find(&resources, &["https://mcp.example/notes", "https://mcp.example/notes/"]),
            Ok("https://mcp.example/notes".to_owned())
        );
    }

    // MCP-AS-75
    #[test]
    fn the_origin_means_a_resource_only_by_consent_and_only_if_it_is_alone_there() {
        let willing = |path: &str| {
            let identifier = format!("https://mcp.example/{path}");
            Arc::new(ProtectedResource { origin_alias: true, ..resource(&identifier) })
        };
        let alone = Resources::new(vec![willing("notes"), Arc::new(resource("https://other.example/x"))], None);
        assert_eq!(find(&alone, &["https://mcp.example/"]), Ok("https://mcp.example/notes".to_owned()));
        assert_eq!(find(&alone, &["https://mcp.example"]), Ok("https://mcp.example/notes".to_owned()));
        assert_eq!(find(&alone, &["https://mcp.example/?x=1"]), Err(TargetError::Unknown));
        assert_eq!(find(&alone, &["https://other.example/"]), Err(TargetError::Unknown));
        let crowded = Resources::new(vec![willing("notes"), Arc::new(resource("https://mcp.example/mail"))], None);
        assert_eq!(find(&crowded, &["https://mcp.example/"]), Err(TargetError::Unknown));
        let owned = Resources::new(vec![willing("notes"), Arc::new(resource("https://mcp.example"))], None);
        assert_eq!(find(&owned, &["https://mcp.example/"]), Ok("https://mcp.example".to_owned()));
    }

    // OA-RI-04: what was granted by its origin is not what lives at the origin
    #[test]
    fn a_spelling_of_another_resource_never_means_what_was_granted() {
        let willing = ProtectedResource { origin_alias: true, ..resource("https://mcp.example/notes") };
        let all_mean = |others: &[&str], asked: &str| {
            let others = others.iter().map(|other| Arc::new(resource(other)));
            let all = Resources::new(std::iter::once(Arc::new(willing.clone())).chain(others).collect(), None);
            all.all_mean(&["https://mcp.example/notes".to_owned(), asked.to_owned()], &willing)
        };
        for same in ["https://mcp.example", "https://MCP.example/notes/", "https://mcp.example/notes?session=1"] {
            assert!(all_mean(&[], same), "{same}");
        }
        assert!(!all_mean(&["https://mcp.example"], "https://mcp.example/"), "another resource is the origin");
        assert!(!all_mean(&["https://mcp.example/mail"], "https://mcp.example"), "it could be either");
        assert!(!all_mean(&["https://mcp.example/mail"], "https://mcp.example/mail"));
        for other in ["https://mcp.example/none", "notes", ""] {
            assert!(!all_mean(&[], other), "{other}");
        }
    }

    #[test]
    fn an_alias_is_another_name_and_never_what_tokens_carry() {
        let aliased = ProtectedResource {
            aliases: vec![Resource::parse("https://old.example/mcp").unwrap()],
            ..resource("https://mcp.example/notes")
        };
        assert!(aliased.answers_to(&Resource::parse("https://old.example/mcp/").unwrap()));
        assert!(!aliased.answers_to(&Resource::parse("https://old.example/").unwrap()));
        let resources = Resources::new(vec![Arc::new(aliased)], None);
        assert_eq!(find(&resources, &["https://OLD.example/mcp"]), Ok("https://mcp.example/notes".to_owned()));
        assert!(resources.by_identifier("https://old.example/mcp").is_none());
    }

    // OA-RI-06
    #[test]
    fn only_the_people_on_the_list_are_admitted() {
        let open = resource("https://mcp.example/notes");
        let closed = ProtectedResource { people: Some(BTreeSet::from(["ada".to_owned()])), ..open.clone() };
        let nobody = ProtectedResource { people: Some(BTreeSet::new()), ..open.clone() };
        assert!(open.admits("ada") && open.admits("eve"));
        assert!(closed.admits("ada") && closed.admits("ADA") && !closed.admits("eve"));
        let shouted = ProtectedResource { people: Some(BTreeSet::from(["Ada".to_owned()])), ..open.clone() };
        assert!(shouted.admits("ada") && !shouted.admits("eve"), "the name of an account, in whatever letter case");
        assert!(!nobody.admits("ada"));
    }

    #[test]
    fn it_is_stored_and_read_back_unchanged() {
        let full = ProtectedResource {
            aliases: vec![Resource::parse("https://old.example/").unwrap()],
            token_lifetime: Some(TimeDelta::seconds(300)),
            people: Some(BTreeSet::from(["ada".to_owned()])),
            ..resource("HTTPS://mcp.example/notes")
        };
        for original in [full, resource("https://mcp.example/mail")] {
            let text = serde_json::to_string(&original).unwrap();
            assert_eq!(serde_json::from_str::<ProtectedResource>(&text).unwrap(), original);
        }
    }

    proptest! {
        // OA-RI-02: what is found has the path that was asked for, but for one slash
        #[test]
        fn no_path_trick_reaches_another_resource(path in "(/(notes|mail|\\.\\.|\\.|%2e|admin|)){0,4}(\\?[a-z]{0,3})?") {
            let resources = catalogue(&["https://mcp.example/notes", "https://mcp.example/mail"]);
            if path.is_empty() {
                return Ok(());
            }
            let asked = format!("https://mcp.example{path}");
            if let Ok(found) = find(&resources, &[&asked]) {
                let plain = asked.split('?').next().unwrap();
                prop_assert_eq!(plain.strip_suffix('/').unwrap_or(plain), found);
            }
        }

        #[test]
        fn any_values_are_answered(values in prop::collection::vec(".{0,40}", 0..4)) {
            let _ = catalogue(&["https://mcp.example/notes"]).find(&values);
        }
    }
}
