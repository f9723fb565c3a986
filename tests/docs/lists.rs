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
    let node: serde_json::Value = serde_json::from_str(&text(&root().join("tests/node/package.json"))).unwrap();
    names.extend(node["devDependencies"].as_object().unwrap().keys().cloned());
    let python = text(&root().join("tests/python/requirements.in"));
    names.extend(python.lines().filter_map(|line| line.split_once("==")).map(|(name, _)| name.to_owned()));
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

/// What the page says of how long a table's rows stay.
fn kept(page: &str, table: &str) -> String {
    let row = page.lines().find(|line| line.starts_with(&format!("| `{table}` |"))).unwrap_or_else(|| panic!("no row for {table}"));
    row.split('|').nth(4).unwrap().to_owned()
}

// OA-DB-06
#[test]
fn how_long_rows_stay_is_what_the_store_keeps_them_for() {
    let page = text(&root().join("migrations/README.md"));
    let store = text(&root().join("auth-server/src/store/prune.rs"));
    let sweeps: Vec<&str> = store.lines().filter_map(|line| line.trim().strip_prefix("sweep!(")).collect();
    assert!(sweeps.len() >= 10, "{sweeps:?}");
    for sweep in sweeps {
        let table = sweep.split('"').nth(3).unwrap();
        let more = match sweep.split(',').next().unwrap() {
            "ADay" => "a day more",
            "AMonth" | "OfKeys" => "30 days more",
            _ => "",
        };
        assert!(kept(&page, table).contains(more), "{table} is kept for {more}");
    }
    let configuration = text(&root().join("docs/configuration.md"));
    let defaults = [
        ("sessions", "SESSION_IDLE_LIFETIME` | `\"12h\"`", "12 hours"),
        ("sessions", "SESSION_ABSOLUTE_LIFETIME` | `\"14d\"`", "14 days"),
        ("codes", "CODE_LIFETIME` | `\"1m\"`", "60 seconds"),
        ("token_families", "REFRESH_IDLE_LIFETIME` | `\"30d\"`", "30 days"),
        ("token_families", "REFRESH_ABSOLUTE_LIFETIME` | `\"180d\"`", "180 days"),
        ("authorization_requests", "REQUEST_LIFETIME` | `\"15m\"`", "15 minutes"),
        ("clients", "NEVER_USED_LIFETIME` | `\"1d\"`", "a day if never used"),
        ("clients", "REGISTRATION_IDLE_LIFETIME` | `\"90d\"`", "90 days"),
    ];
    for (table, default, said) in defaults {
        assert!(configuration.contains(default), "the default has changed: {default}");
        assert!(kept(&page, table).contains(said), "{table}: {said}");
    }
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
