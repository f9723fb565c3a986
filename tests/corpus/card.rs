//! What a file of the corpus says of its client.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

/// One client.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Card {
    /// The file's name without its ending.
    #[serde(skip)]
    pub(super) file: String,
    pub(super) title: String,
    /// What the operator types to add it: `client add --preset NAME`.
    pub(super) preset: Option<String>,
    /// Its oddities, as `quirks.toml` has them.
    #[serde(default)]
    pub(super) quirks: Vec<String>,
    /// Why nobody can replay it yet.
    pub(super) not_replayed: Option<String>,
    pub(super) evidence: Vec<Evidence>,
    /// How long it waits.
    pub(super) patience: Option<Patience>,
    /// What it has been seen to register (RFC 7591), one body for each way.
    #[serde(default, rename = "registration")]
    pub(super) registrations: Vec<toml::Table>,
    /// What it is known to publish of itself (Client ID Metadata Document).
    #[serde(default, rename = "document")]
    pub(super) documents: Vec<Document>,
    /// What the operator adds to the preset, or registers without one.
    #[serde(default)]
    pub(super) operator: Operator,
    #[serde(default, rename = "visit")]
    pub(super) visits: Vec<Visit>,
}

/// Something about it that somebody vouches for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Evidence {
    pub(super) fact: String,
    #[serde(rename = "grade")]
    pub(super) _grade: Grade,
    pub(super) source: String,
}

/// How sure that is.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) enum Grade {
    /// The vendor documents or publishes it.
    D,
    /// It is in the client's source.
    S,
    /// The vendor's staff say so.
    M,
    /// Other people report it.
    R,
}

/// Seconds.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Patience {
    /// For metadata, registration and the first tokens.
    pub(super) answers: u64,
    /// For further ones.
    pub(super) refresh: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Operator {
    pub(super) redirect_uris: Vec<String>,
    /// It is also given a secret, where the preset has none.
    pub(super) secret: bool,
}

/// What stands at the address that is its identifier: what is known of it, and a name, since a
/// document without one is none. In a test the vendor's host is this computer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub(super) url: String,
    pub(super) metadata: toml::Table,
}

/// How the server comes to know a client.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Way {
    Registration,
    Operator,
    Document,
}

/// How it sends its secret, if it has one.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Style {
    /// RFC 7617: as it is.
    BasicRaw,
    /// RFC 6749 §2.3.1: form-encoded first.
    BasicEncoded,
    Post,
    /// Not the secret, but proof of a key (RFC 7523): what a document's client does by itself.
    #[serde(skip)]
    Assertion,
}

/// One way in which it has been seen to connect. In values `{mcp}` is the address of
/// the MCP server, `{origin}` its origin, `{needed}` the scopes that the MCP server
/// names, `{listed}` those that the authorization server's metadata lists.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Visit {
    pub(super) about: String,
    /// Where it listens this time.
    pub(super) redirect_uri: String,
    #[serde(default)]
    pub(super) mcp: Mcp,
    /// Parameters of the authorization request besides those that every client sends.
    #[serde(default)]
    pub(super) ask: BTreeMap<String, String>,
    /// Its PKCE verifier, where that is worth a look.
    pub(super) verifier: Option<String>,
    /// Parameters of the token request, likewise.
    #[serde(default)]
    pub(super) redeem: BTreeMap<String, String>,
    /// Parameters of the refresh request, likewise.
    #[serde(default)]
    pub(super) refresh: BTreeMap<String, String>,
    /// How it sends a secret; the visit is made once for each.
    #[serde(default = "both_basics")]
    pub(super) secret: Vec<Style>,
    /// What it gets.
    #[serde(default = "only_read")]
    pub(super) granted: String,
    /// Only these ways lead here; all, if none is named.
    #[serde(default)]
    pub(super) ways: Vec<Way>,
    /// On these ways its own mistake is refused, with a page.
    #[serde(default)]
    pub(super) refused: Vec<Way>,
}

/// The MCP server that it connects to.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mcp {
    /// Has a path, as most.
    #[default]
    Files,
    /// Is known to its operator by its bare origin as well (`origin_alias`).
    Aliased,
    /// Is its origin.
    Origin,
}

fn both_basics() -> Vec<Style> {
    vec![Style::BasicRaw, Style::BasicEncoded]
}

fn only_read() -> String {
    "files:read".to_owned()
}

impl Mcp {
    /// As it is registered, and as `aud` has it.
    pub(super) fn url(self) -> &'static str {
        match self {
            Self::Files => crate::harness::FILES,
            Self::Aliased => "https://aliased.example.com/mcp",
            Self::Origin => "https://origin.example.com/",
        }
    }

    pub(super) fn origin(self) -> &'static str {
        self.url().trim_end_matches("/mcp").trim_end_matches('/')
    }
}

impl Card {
    /// How the server may come to know it.
    pub(super) fn ways(&self) -> Vec<Way> {
        let known = [
            (!self.registrations.is_empty(), Way::Registration),
            (self.can_be_added(), Way::Operator),
            (!self.documents.is_empty(), Way::Document),
        ];
        known.into_iter().filter_map(|(is_known, way)| is_known.then_some(way)).collect()
    }

    /// Whether anything is known that an operator could type.
    pub(super) fn can_be_added(&self) -> bool {
        self.preset.is_some() || !self.operator.redirect_uris.is_empty() || !self.registrations.is_empty()
    }

    /// What the operator has to type besides the preset.
    pub(super) fn operators_uris(&self) -> Vec<String> {
        if self.preset.is_some() || !self.operator.redirect_uris.is_empty() {
            return self.operator.redirect_uris.clone();
        }
        let uris = self.registrations[0]["redirect_uris"].as_array().expect("redirect_uris");
        uris.iter().map(|uri| uri.as_str().expect("a text").to_owned()).collect()
    }
}

pub(super) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus/clients")
}

/// Every client of the folder, by the name of its file.
pub(super) fn cards() -> Vec<Card> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().filter(|file| file.extension().is_some_and(|ending| ending == "toml")).map(|file| read(file)).collect()
}

fn read(file: &Path) -> Card {
    let text = fs::read_to_string(file).unwrap();
    let card: Card = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    Card { file: file.file_stem().unwrap().to_str().unwrap().to_owned(), ..card }
}
