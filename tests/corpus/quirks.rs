//! `quirks.toml` against the clients' files and the tests.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde::Deserialize;

use super::card::{cards, folder};
use crate::architecture::{root, rust_files};

const QUIRKS: usize = 34;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    quirk: Vec<Quirk>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Quirk {
    id: String,
    /// What clients do.
    #[serde(rename = "quirk")]
    about: String,
    /// Why no test names it.
    unanswered: Option<String>,
}

fn quirks() -> BTreeMap<String, Quirk> {
    let text = fs::read_to_string(folder().join("../quirks.toml")).unwrap();
    let list: List = toml::from_str(&text).unwrap();
    let count = list.quirk.len();
    let quirks: BTreeMap<String, Quirk> = list.quirk.into_iter().map(|quirk| (quirk.id.clone(), quirk)).collect();
    assert_eq!(quirks.len(), count, "one is there twice");
    quirks
}

/// The quirks named in comments above a test of this source.
fn named(source: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut above = String::new();
    for line in source.lines().map(str::trim) {
        if line.starts_with("//") {
            above.push_str(line);
        } else if !line.starts_with("#[") {
            if line.starts_with("fn ") || line.starts_with("async fn ") {
                found.extend(ids(&above));
            }
            above.clear();
        }
    }
    found
}

/// Names of quirks, and not the ends of rules such as `OA-TK-05`.
fn ids(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-');
    let is_id =
        |word: &&str| word.strip_prefix("K-").is_some_and(|number| number.len() == 2 && number.bytes().all(|digit| digit.is_ascii_digit()));
    words.filter(is_id).map(str::to_owned).collect()
}

/// What is test in a file: all of it below `tests/`, else what follows the mark.
fn tests_of(file: &Path) -> String {
    let source = fs::read_to_string(file).unwrap();
    if file.starts_with(root().join("tests")) || file.ends_with("tests.rs") {
        return source;
    }
    source.split_once("#[cfg(test)]\nmod tests").map_or_else(String::new, |(_, tests)| tests.to_owned())
}

#[test]
fn every_quirk_is_named_by_a_test_or_says_why_a_server_has_no_answer() {
    let quirks = quirks();
    let wanted: Vec<String> = (1..=QUIRKS).map(|number| format!("K-{number:02}")).collect();
    assert_eq!(quirks.keys().cloned().collect::<Vec<_>>(), wanted);
    let mut tested = BTreeSet::new();
    for folder in ["tests", "auth-server/src", "verifier/src"] {
        for file in rust_files(&root().join(folder)) {
            tested.extend(named(&tests_of(&file)));
        }
    }
    for (id, quirk) in &quirks {
        match &quirk.unanswered {
            None => assert!(tested.contains(id), "no test names {id}: {}", quirk.about),
            Some(why) => assert!(!why.is_empty() && !tested.contains(id), "{id} is tested, and said to be unanswered: {why}"),
        }
    }
    let strange: Vec<_> = tested.difference(&quirks.keys().cloned().collect()).cloned().collect();
    assert!(strange.is_empty(), "{strange:?} is no quirk of the list");
}

#[test]
fn every_quirk_is_some_clients_and_every_clients_is_in_the_list() {
    let quirks = quirks();
    let mut seen = BTreeSet::new();
    for card in cards() {
        for id in card.quirks {
            assert!(quirks.contains_key(&id), "{}: {id} is not in the list", card.file);
            seen.insert(id);
        }
    }
    // K-34 is a server's own mistake, with any client.
    let nobodys: Vec<&String> = quirks.keys().filter(|id| !seen.contains(*id)).collect();
    assert_eq!(nobodys, ["K-34"]);
}

#[test]
fn only_what_stands_above_a_function_counts() {
    let source = "// K-01, OA-TK-02\n#[test]\nfn one() {}\n// K-03\nconst A: &str = \"K-04\";\n/// K-05…K-06\nasync fn two() {\n// K-07\n}";
    assert_eq!(named(source), ["K-01", "K-05", "K-06"].map(str::to_owned).into());
}
