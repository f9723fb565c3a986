//! Who may know whom: the table of the architecture guide, kept.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A folder or file of the server, and what nothing in it may name.
const RULES: &[(&str, &[&str])] = &[
    ("auth-server/src/protocol", &[HTTP, DATABASE, TEMPLATES, RUNTIME, NETWORK, CLOCK, CHANCE, OTHERS]),
    ("auth-server/src/store", &[HTTP, TEMPLATES, NETWORK, SPEAKING, "crate::config crate::limits crate::tokens crate::keys"]),
    ("auth-server/src/transient", &[HTTP, TEMPLATES, SPEAKING, "crate::config crate::store"]),
    ("auth-server/src/keys", &[HTTP, TEMPLATES, SPEAKING, "crate::config"]),
    ("auth-server/src/tokens", &[HTTP, TEMPLATES, SPEAKING, DATABASE]),
    ("auth-server/src/clients", &[HTTP, TEMPLATES, SPEAKING, DATABASE]),
    ("auth-server/src/egress", &["axum:: axum{ tower:: tower_http", TEMPLATES, SPEAKING, DATABASE, JOSE, "crate::config crate::store"]),
    ("auth-server/src/oauth", &[DATABASE, JOSE]),
    ("auth-server/src/login", &[DATABASE, JOSE]),
    ("auth-server/src/consent", &[DATABASE, JOSE]),
    ("auth-server/src/account", &[DATABASE, JOSE]),
    ("auth-server/src/setup", &[DATABASE, JOSE]),
    ("auth-server/src/http", &[DATABASE, JOSE, "crate::oauth crate::login crate::consent crate::account crate::setup crate::cli"]),
    ("verifier/src", &["portcullis:: openssl sqlx:: josekit askama"]),
];

const HTTP: &str = "axum:: axum{ tower:: tower_http hyper";
const DATABASE: &str = "sqlx:: redis::";
const TEMPLATES: &str = "askama";
const RUNTIME: &str = "tokio::";
const NETWORK: &str = "reqwest:: std::net::Tcp std::net::Udp";
const JOSE: &str = "josekit";
const CLOCK: &str = "Utc::now SystemTime Instant::now Local::now";
const CHANCE: &str = "getrandom rand:: crate::entropy";
const SPEAKING: &str =
    "crate::http crate::oauth crate::login crate::consent crate::account crate::setup crate::cli crate::router crate::app";
const OTHERS: &str = "crate::app crate::router crate::account crate::cli crate::consent crate::http crate::login crate::oauth crate::setup \
    crate::clients crate::config crate::events crate::jobs crate::keys crate::limits crate::store crate::tokens crate::transient \
    crate::clock crate::telemetry";

/// The time and the dice have one home each.
const ONE_HOME: &[(&str, &[&str])] = &[
    ("Utc::now", &["auth-server/src/clock.rs"]),
    ("SystemTime::now", &["auth-server/src/clock.rs"]),
    ("getrandom::", &["auth-server/src/entropy.rs"]),
    ("std::env::var", &["auth-server/src/config", "auth-server/src/cli", "auth-server/src/serve.rs"]),
];

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

pub(crate) fn rust_files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The code that ships: without comments, and without the tests at the bottom.
fn shipped(file: &Path) -> String {
    if file.file_name().is_some_and(|name| name == "tests.rs") {
        return String::new();
    }
    let source = fs::read_to_string(file).unwrap();
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_folder_keeps_its_dependencies() {
    for (folder, forbidden) in RULES {
        let files = rust_files(&root().join(folder));
        assert!(!files.is_empty(), "{folder} is gone: change the table");
        for file in files {
            let code = shipped(&file);
            for name in forbidden.iter().flat_map(|names| names.split_whitespace()) {
                assert!(!code.contains(name), "{} names {name}", file.display());
            }
        }
    }
}

#[test]
fn time_chance_and_environment_have_one_home() {
    let root = root();
    for file in rust_files(&root.join("auth-server/src")) {
        let (code, place) = (shipped(&file), file.strip_prefix(&root).unwrap());
        for (name, homes) in ONE_HOME {
            let is_home = homes.iter().any(|home| place.starts_with(home));
            assert!(is_home || !code.contains(name), "{} names {name}, which lives in {homes:?}", place.display());
        }
    }
}

/// What outlives a call is a part of `app.rs`; a table that never changes may be made once.
#[test]
fn nothing_is_global() {
    let root = root();
    for file in rust_files(&root.join("auth-server/src")) {
        let (code, place) = (shipped(&file), file.strip_prefix(&root).unwrap());
        let is_global = |line: &&str| line.contains("thread_local!") || line.split_whitespace().any(|word| word == "static");
        let global = code.lines().filter(is_global).find(|line| !line.contains(": LazyLock<"));
        assert_eq!(global, None, "{} has it", place.display());
    }
}

/// A transaction that left the store could be forgotten half way.
#[test]
fn no_transaction_leaves_the_store() {
    let root = root();
    for file in rust_files(&root.join("auth-server/src")) {
        let place = file.strip_prefix(&root).unwrap();
        let is_store = place.starts_with("auth-server/src/store");
        assert!(is_store || !shipped(&file).contains("begin_write"), "{} begins a transaction", place.display());
    }
    assert!(!shipped(&root.join("auth-server/src/store/mod.rs")).contains("pub use db::Db"), "the pool stays inside");
}

/// One version of Rust for both packages, said once, and where people look for it.
#[test]
fn one_version_of_rust_is_the_oldest_for_all() {
    /// The first version that knows edition 2024.
    const EDITION_2024: (u32, u32) = (1, 85);
    let read = |file: &str| fs::read_to_string(root().join(file)).unwrap();
    let workspace: toml::Table = read("Cargo.toml").parse().unwrap();
    let shared = &workspace["workspace"]["package"];
    assert_eq!(shared["edition"].as_str(), Some("2024"), "another edition needs another version here");
    let version = shared["rust-version"].as_str().unwrap();
    let (major, minor) = version.split_once('.').expect("two numbers, since the third makes no difference to a language");
    assert!((major.parse().unwrap(), minor.parse().unwrap()) >= EDITION_2024, "{version}");
    for member in workspace["workspace"]["members"].as_array().unwrap().iter().map(|member| member.as_str().unwrap()) {
        let package: toml::Table = read(&format!("{member}/Cargo.toml")).parse().unwrap();
        for field in ["rust-version", "edition"] {
            assert_eq!(package["package"][field]["workspace"].as_bool(), Some(true), "{member} has a {field} of its own");
        }
    }
    for page in ["README.md", "CONTRIBUTING.md"] {
        assert!(read(page).contains(&format!("{version} or newer")), "{page} names another version than {version}");
    }
    let image = format!("/rust:{version}-");
    assert!(read("Containerfile").contains(&image), "the Containerfile builds with another version than {version}");
}

/// Front pages: a folder opens with what it is.
#[test]
fn every_folder_opens_with_its_front_page() {
    let root = root();
    for file in ["auth-server/src", "verifier/src", "tests"].iter().flat_map(|folder| rust_files(&root.join(folder))) {
        let is_front_page = file.file_name().is_some_and(|name| name == "mod.rs");
        let source = fs::read_to_string(&file).unwrap();
        assert!(!is_front_page || source.starts_with("//!") || source.trim().is_empty(), "{} has no front page", file.display());
    }
}
