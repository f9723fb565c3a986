//! OA-LG-07: whoever is refused hears little, the log hears why. Each why is a variant of
//! an enum, and some test gets to it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use crate::architecture::{root, rust_files};

/// Where the reasons of refusals are.
const PLACES: &[&str] =
    &["auth-server/src", "verifier/src/credential.rs", "verifier/src/refusal.rs", "verifier/src/rejection.rs", "verifier/src/jwk"];
/// Where tests are.
const TESTS: &[&str] = &["auth-server/src", "verifier/src", "tests"];

/// Why something may be refused.
struct Reason {
    of: String,
    variant: String,
    /// What the log says, where it is always the same.
    sentence: Option<String>,
}

/// The reasons in a file: variants of the enums that are errors.
fn reasons(source: &str) -> Vec<Reason> {
    let (mut found, mut of, mut is_error, mut sentence) = (Vec::new(), None, false, None);
    for line in source.lines() {
        if line.starts_with("#[derive(") {
            is_error = line.contains("thiserror::Error");
        } else if let Some((_, name)) = line.split_once("enum ").filter(|_| is_error && line.ends_with('{') && !line.starts_with(' ')) {
            of = Some(name.split([' ', '<']).next().unwrap_or_default().to_owned());
        } else if line == "}" {
            (of, is_error) = (None, false);
        }
        let Some(inside) = line.strip_prefix("    ").filter(|inside| of.is_some() && !inside.starts_with([' ', '}', '/'])) else {
            continue;
        };
        if let Some(said) = inside.strip_prefix("#[error(\"") {
            sentence = said.strip_suffix("\")]").filter(|said| !said.contains('{')).map(str::to_owned);
        } else if inside.starts_with(|first: char| first.is_ascii_uppercase()) {
            let variant = inside.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default().to_owned();
            found.push(Reason { of: of.clone().unwrap(), variant, sentence: sentence.take() });
        }
    }
    found
}

/// What is test in a file. Lists of all there is do not count: they get nowhere.
fn tested(file: &Path) -> String {
    let source = fs::read_to_string(file).unwrap();
    let is_test = file.components().any(|part| part.as_os_str() == "tests") || file.ends_with("tests.rs");
    let tests = if is_test { source.as_str() } else { source.split_once("#[cfg(test)]\nmod tests").map_or("", |(_, tests)| tests) };
    let functions = tests.split("#[test]").filter(|function| !function.lines().nth(1).is_some_and(|line| line.contains("_has_an_answer")));
    functions.collect()
}

impl Reason {
    /// Whether a test names it: by its path, by its name alone in quotes, or by its sentence.
    fn is_named_in(&self, tests: &str) -> bool {
        let other_name = format!("{} as ", self.of);
        let mut renamed =
            tests.split(&other_name).skip(1).map(|rest| rest.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default());
        let is_name = |name: &str| {
            let path = format!("{name}::{}", self.variant);
            tests.match_indices(&path).any(|(at, _)| {
                let (before, after) = (tests[..at].chars().next_back(), tests[at + path.len()..].chars().next());
                ![before, after].into_iter().flatten().any(|letter| letter.is_alphanumeric() || letter == '_')
            })
        };
        let in_quotes = format!("\"{}\"", self.variant);
        is_name(&self.of)
            || renamed.any(is_name)
            || tests.contains(&in_quotes)
            || self.sentence.as_ref().is_some_and(|sentence| tests.contains(sentence))
    }
}

// OA-LG-07
#[test]
fn every_reason_for_a_refusal_is_reached_by_a_test() {
    let files = |places: &[&str]| -> Vec<PathBuf> { places.iter().flat_map(|place| rust_files(&root().join(place))).collect() };
    let tests: Vec<String> = files(TESTS).iter().filter(|file| !file.ends_with("reasons.rs")).map(|file| tested(file)).collect();
    let mut all: Vec<Reason> = files(PLACES).iter().flat_map(|file| reasons(&fs::read_to_string(file).unwrap())).collect();
    assert!(all.len() > 150, "only {} were found", all.len());
    // What several say proves none of them.
    let mut said: BTreeMap<String, usize> = BTreeMap::new();
    all.iter().filter_map(|reason| reason.sentence.clone()).for_each(|sentence| *said.entry(sentence).or_default() += 1);
    for reason in &mut all {
        reason.sentence.take_if(|sentence| said[sentence] > 1);
    }
    let missing = all.iter().filter(|reason| !tests.iter().any(|tests| reason.is_named_in(tests)));
    let missing: Vec<String> = missing.map(|reason| format!("{}::{}", reason.of, reason.variant)).collect();
    assert!(missing.is_empty(), "no test gets to {}", missing.join(", "));
}
