//! The words around the program stay true: commands that are shown exist, links
//! lead somewhere, lists are complete.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests: a panic is the report")]

mod commands;
mod first_connection;
mod followed;
mod links;
mod lists;
mod proof;

pub(crate) use commands::arguments;
pub(crate) use first_connection::sample_tools;

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap()
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every page for people: those at the root, and those of the folders that have some.
fn pages() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in [".", "docs", "docs/decisions", "k8s", "migrations", "verifier"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    assert!(found.len() > 10, "{found:?}");
    found
}

/// The fenced blocks of a page, each with its language, without indentation.
fn all_blocks(page: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open: Option<(&str, Vec<&str>)> = None;
    for line in page.lines().map(str::trim) {
        match (line.strip_prefix("```"), &mut open) {
            (Some(language), None) => open = Some((language, Vec::new())),
            (Some(_), Some((language, lines))) => {
                found.push(((*language).to_owned(), lines.join("\n")));
                open = None;
            }
            (None, Some((_, lines))) => lines.push(line),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    found
}

/// Those that are in `language`.
pub(crate) fn blocks(page: &str, language: &str) -> Vec<String> {
    all_blocks(page).into_iter().filter(|(of_block, _)| of_block == language).map(|(_, block)| block).collect()
}

#[test]
fn a_block_is_found_by_its_language() {
    let page = "words\n```sh\nportcullis serve\n```\n   ```toml\n   a = 1\n   ```\n";
    assert_eq!(blocks(page, "sh"), ["portcullis serve"]);
    assert_eq!(blocks(page, "toml"), ["a = 1"]);
}
