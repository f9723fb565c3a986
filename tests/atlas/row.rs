//! How a row of the atlas is written down.

use std::{collections::BTreeMap, fs, path::Path};

use serde::Deserialize;

/// One data file: the requests it starts from, the servers it needs, its rows.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sheet {
    #[serde(default)]
    pub(super) request: BTreeMap<String, Template>,
    #[serde(default)]
    pub(super) server: BTreeMap<String, Wish>,
    #[serde(default)]
    pub(super) row: Vec<Row>,
}

/// A good request, which rows spoil.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Template {
    /// Method and path.
    pub(super) to: String,
    /// The server that is asked, if it is not ours: `sample`.
    pub(super) at: String,
    /// Sent as the form of a page: `consent` or `sign-in`. Its fields are the page's own and those of `form`.
    pub(super) page: String,
    /// Followed by a person's browser.
    pub(super) browser: bool,
    /// Parameters: in the query of a GET, in the body of anything else.
    pub(super) form: BTreeMap<String, String>,
    /// A JSON body instead.
    pub(super) json: Option<toml::Table>,
    pub(super) headers: BTreeMap<String, Lines>,
    /// The event that a good answer leaves.
    pub(super) event: String,
}

/// A server other than the usual one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Wish {
    pub(super) settings: String,
    /// Instead of the usual resources.
    pub(super) resources: Option<String>,
    /// Tables of the configuration, by name.
    pub(super) tables: BTreeMap<String, String>,
    /// With the sample MCP server beside it.
    pub(super) sample: bool,
    /// Each input gets a server of its own.
    pub(super) fresh: bool,
}

/// One row of the atlas: `bad` and `answer` as the requirements have them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) bad: String,
    pub(super) answer: String,
    pub(super) rules: Vec<String>,
    /// Told in code: the name of the story.
    pub(super) story: Option<String>,
    pub(super) server: Option<String>,
    /// What all inputs have in common.
    #[serde(default)]
    pub(super) all: Input,
    #[serde(default)]
    pub(super) inputs: Vec<Input>,
}

/// How a request differs from its template, and what is expected. Also a step before or after.
#[expect(clippy::struct_excessive_bools, reason = "each is a word in a data file")]
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Input {
    pub(super) request: Option<String>,
    pub(super) to: Option<String>,
    /// Another server than the row's.
    pub(super) server: Option<String>,
    pub(super) client: Option<String>,
    /// `ada`, who is signed in; `stranger`, who is not; `own`, with an account of this input.
    pub(super) person: Option<String>,
    pub(super) set: BTreeMap<String, String>,
    /// Added, even where the name is there already.
    pub(super) and: BTreeMap<String, String>,
    /// `*` for all.
    pub(super) without: Vec<String>,
    /// Put behind the encoded form as it is.
    pub(super) more: String,
    pub(super) headers: BTreeMap<String, Lines>,
    /// Instead of the form.
    pub(super) body: Option<String>,
    /// What `{token}` is.
    pub(super) token: Craft,
    pub(super) json: Option<toml::Table>,
    /// The plain client instead of the browser.
    pub(super) plain: bool,
    pub(super) answer: Option<String>,
    /// Sent from another person's browser.
    pub(super) elsewhere: bool,
    /// The event that is expected, if one is: `none` for no event at all.
    pub(super) event: Option<String>,
    /// Members of the JSON answer.
    pub(super) expect: BTreeMap<String, toml::Value>,
    /// Members of the JSON answer that are anything but this.
    pub(super) not: BTreeMap<String, toml::Value>,
    pub(super) absent: Vec<String>,
    /// Headers of the answer.
    pub(super) heads: BTreeMap<String, String>,
    /// What the body has to have in it.
    pub(super) shows: Vec<String>,
    /// How often the keys were fetched since the server began, at most.
    pub(super) most_key_fetches: Option<usize>,
    pub(super) before: Vec<Input>,
    pub(super) after: Vec<Input>,
    /// Steps only: the server starts again at this distance from now.
    pub(super) clock: Option<String>,
    /// Steps only: opens the page of this template and keeps its form.
    pub(super) open: Option<String>,
    /// Steps only: what the operator does.
    pub(super) operator: Option<String>,
    /// Steps only: makes this value now.
    pub(super) hold: Option<String>,
    /// Steps only: the next `{code}` is a new one.
    pub(super) again: bool,
    /// Steps only: the person revokes what they allowed (`grant`), or signs out (`session`).
    pub(super) end: Option<String>,
    /// Steps only: so often.
    pub(super) times: Option<u32>,
    /// Steps only: again and again until the answer is this one.
    pub(super) until: bool,
}

/// An access token as the server would never make it, signed with the server's key.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Craft {
    pub(super) header: toml::Table,
    pub(super) claims: toml::Table,
    /// Claims that are times, in seconds from now.
    pub(super) at: BTreeMap<String, i64>,
    /// Header members and claims that are missing.
    pub(super) without: Vec<String>,
    /// More text in the payload, before its last brace.
    pub(super) more: String,
    /// `key` unless said otherwise: see `craft.rs`.
    pub(super) signed: Option<String>,
}

/// One header line or several of one name.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Lines {
    One(String),
    Several(Vec<String>),
}

impl Craft {
    fn over(self, all: Self) -> Self {
        let mut both = all;
        both.header.extend(self.header);
        both.claims.extend(self.claims);
        both.at.extend(self.at);
        both.without.extend(self.without);
        both.more.push_str(&self.more);
        both.signed = self.signed.or(both.signed);
        both
    }
}

impl Lines {
    pub(super) fn all(&self) -> &[String] {
        match self {
            Self::One(line) => std::slice::from_ref(line),
            Self::Several(lines) => lines,
        }
    }
}

impl Input {
    /// What is common to all inputs, and what this one says instead.
    pub(super) fn over(&self, all: &Self) -> Self {
        let mut both = all.clone();
        let mine = self.clone();
        for (ours, theirs) in [
            (&mut both.request, mine.request),
            (&mut both.to, mine.to),
            (&mut both.server, mine.server),
            (&mut both.client, mine.client),
            (&mut both.person, mine.person),
            (&mut both.body, mine.body),
            (&mut both.answer, mine.answer),
            (&mut both.event, mine.event),
        ] {
            if theirs.is_some() {
                *ours = theirs;
            }
        }
        both.set.extend(mine.set);
        both.and.extend(mine.and);
        both.without.extend(mine.without);
        both.more.push_str(&mine.more);
        both.headers.extend(mine.headers);
        both.json = mine.json.or(both.json);
        both.token = mine.token.over(both.token);
        both.most_key_fetches = mine.most_key_fetches.or(both.most_key_fetches);
        both.plain |= mine.plain;
        both.elsewhere |= mine.elsewhere;
        both.expect.extend(mine.expect);
        both.not.extend(mine.not);
        both.absent.extend(mine.absent);
        both.heads.extend(mine.heads);
        both.shows.extend(mine.shows);
        both.before.extend(mine.before);
        both.after.extend(mine.after);
        both
    }
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/atlas/rows")
}

/// The rows of one file.
pub(super) fn sheet(name: &str) -> Sheet {
    let file = folder().join(name).with_extension("toml");
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    toml::from_str(&text).unwrap_or_else(|error| panic!("{name}.toml: {error}"))
}

/// The files, by name.
pub(super) fn sheets() -> Vec<String> {
    let names = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<String> = names.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.retain(|name| name != "not-yet-due");
    names.sort();
    names
}

/// The ids of rows that belong to a later issue, by what that issue is about.
pub(super) fn not_yet_due() -> BTreeMap<String, Vec<String>> {
    let text = fs::read_to_string(folder().join("not-yet-due.toml")).unwrap();
    toml::from_str(&text).unwrap()
}
