//! Lists in the pages are complete: dependencies, stored tables, decisions.

use std::{collections::BTreeSet, fs};

use super::{root, text};

/// The names in the first column of a page's tables, where they are written as code.
fn first_column(page: &str) -> BTreeSet<String> {
    page.lines().filter_map(|line| line.strip_prefix("| `")).filter_map(|rest| rest.split('`').next()).map(str::to_owned).collect()
}

fn direct_dependencies() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for package in ["auth-server", "verifier"] {
        let manifest: toml::Table = toml::from_str(&text(&root().join(package).join("Cargo.toml"))).unwrap();
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let table = manifest.get(section).and_then(toml::Value::as_table);
            names.extend(table.into_iter().flat_map(|table| table.keys().cloned()));
        }
    }
    names.remove("portcullis-verifier");
    names
}

#[test]
fn every_direct_dependency_has_its_line() {
    assert_eq!(first_column(&text(&root().join("docs/dependencies.md"))), direct_dependencies());
}

/// The tables that the migrations make, less those they drop.
fn tables() -> BTreeSet<String> {
    let mut files: Vec<_> = fs::read_dir(root().join("migrations")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "sql"));
    files.sort();
    let mut tables = BTreeSet::new();
    for file in files {
        for line in text(&file).lines().map(str::trim) {
            let name = |rest: &str| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default().to_owned();
            if let Some(rest) = line.strip_prefix("CREATE TABLE ") {
                tables.insert(name(rest.trim_start_matches("IF NOT EXISTS ")));
            } else if let Some(rest) = line.strip_prefix("DROP TABLE ") {
                tables.remove(&name(rest));
            }
        }
    }
    tables
}

#[test]
fn every_table_says_what_it_keeps_and_for_how_long() {
    assert_eq!(first_column(&text(&root().join("migrations/README.md"))), tables());
}

#[test]
fn every_decision_is_in_the_list() {
    let folder = root().join("docs/decisions");
    let list = text(&folder.join("README.md"));
    for entry in fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name == "README.md" || list.contains(&format!("({name})")), "{name} is not in the list");
    }
}

#[test]
fn every_row_of_asvs_v10_has_a_state() {
    let page = text(&root().join("docs/asvs-v10.md"));
    let rows: Vec<Vec<&str>> =
        page.lines().filter(|line| line.starts_with("| 10.")).map(|line| line.split('|').map(str::trim).collect()).collect();
    assert_eq!(rows.len(), 36, "the rows of ASVS 5.0, chapter V10");
    for row in rows {
        let state = row.get(4).copied().unwrap_or_default();
        assert!(matches!(state, "yes" | "in part" | "deviates" | "client" | "not yet"), "{row:?}");
    }
}
