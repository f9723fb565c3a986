//! The guide to a first connection can be followed without guessing: addresses,
//! tools, presets and messages are what the program has.

use std::{collections::BTreeSet, process::Command};

use serde_json::{Value, json};

use super::{commands::arguments, pages, root, text};
use crate::harness::{Answer, Server, Store};

fn guide() -> String {
    text(&root().join("docs/first-connection.md"))
}

/// What stands between backticks.
fn spans(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The rows of the table under this heading, cells apart.
fn table<'a>(page: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let section = page.split_once(&format!("{heading}\n")).unwrap_or_else(|| panic!("no {heading}")).1;
    let rows = section.lines().skip_while(|line| !line.starts_with("| ---")).skip(1).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

fn portcullis(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output =
        Command::new(env!("CARGO_BIN_EXE_portcullis")).env_clear().env("PORTCULLIS_DATA_DIR", folder.path()).args(arguments).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The tools that the guide says the sample has.
pub(crate) fn sample_tools() -> BTreeSet<String> {
    let guide = guide();
    let (_, tools) = guide.split_once("Tools: ").expect("the guide names the tools");
    spans(tools.lines().next().unwrap()).into_iter().map(str::to_owned).collect()
}

#[test]
fn addresses_on_this_computer_are_those_of_a_start_without_settings() {
    let help = portcullis(&["serve", "--help"]);
    for address in ["127.0.0.1:8080", "127.0.0.1:8081"] {
        assert!(help.contains(&format!("[default: {address}]")), "{address} in:\n{help}");
    }
    for page in ["README.md", "docs/first-connection.md"] {
        let page = text(&root().join(page));
        let places: BTreeSet<&str> = page
            .split("http://127.0.0.1:80")
            .skip(1)
            .map(|rest| rest.split(|c: char| "`\"' \n)".contains(c)).next().unwrap().trim_end_matches(['.', ',']))
            .collect();
        assert!(places.iter().all(|place| matches!(*place, "80" | "80/account" | "81/mcp")), "{places:?}");
        assert!(places.contains("80") && places.contains("81/mcp"), "{places:?}");
    }
}

/// The addresses that have to be reachable, `…` left out.
fn reachable(page: &str) -> Vec<String> {
    let rows = table(page, "### What has to be reachable");
    rows.iter().flat_map(|row| spans(row[0])).map(|path| path.trim_end_matches('…').to_owned()).collect()
}

#[tokio::test]
async fn every_address_that_has_to_be_reachable_is_there_and_none_is_missing() {
    let server = Server::start(Store::Sqlite).await;
    let listed = reachable(&guide());
    let front = server.get("/sign-in").await.expect(200).body;
    for path in &listed {
        if path == "/.well-known/oauth-protected-resource" {
            continue; // the MCP server's
        }
        if path.ends_with('/') {
            assert!(front.contains(&format!("\"{path}")), "the pages use {path}: {front}");
        } else {
            assert_ne!(server.get(path).await.status, 404, "{path}");
        }
    }
    let metadata = server.get("/.well-known/oauth-authorization-server").await.json();
    for (name, value) in metadata.as_object().unwrap() {
        if name.ends_with("_endpoint") || name == "jwks_uri" {
            let path = value.as_str().unwrap().strip_prefix(&server.issuer).unwrap();
            assert!(listed.iter().any(|known| known == path), "{name}, {path}, is not in the guide");
        }
    }
}

/// The addresses that clients are said to return to.
fn return_addresses(page: &str) -> Vec<String> {
    let sentences = page.split("eturns to").skip(1).map(|rest| rest.split(". ").next().unwrap().split("\n\n").next().unwrap());
    let addresses = sentences.flat_map(spans).filter(|span| span.contains("://") && !span.contains('…'));
    addresses.map(|address| address.replace("PORT", "4711")).collect()
}

// MCP-AS-21, MCP-AS-22
#[tokio::test]
async fn every_address_that_a_client_returns_to_can_be_registered() {
    let server = Server::start(Store::Sqlite).await;
    let addresses = return_addresses(&guide());
    assert!(addresses.len() >= 6, "{addresses:?}");
    for address in &addresses {
        let client = json!({ "redirect_uris": [address], "token_endpoint_auth_method": "none" });
        let answer = Answer::to(server.request("POST", "/register").json(&client)).await;
        assert_eq!(answer.status, 201, "{address}: {}", answer.body);
    }
    let presets: Value = serde_json::from_str(&portcullis(&["client", "presets", "--json"])).unwrap();
    for address in addresses.iter().filter(|address| address.starts_with("https://")) {
        assert!(presets.to_string().contains(&format!("\"{address}\"")), "{address} is no preset's");
    }
}

#[test]
fn every_preset_on_a_page_exists() {
    let known: Value = serde_json::from_str(&portcullis(&["client", "presets", "--json"])).unwrap();
    let mut tried = 0;
    for page in pages() {
        for arguments in text(&page).lines().filter_map(arguments) {
            if let Some(at) = arguments.iter().position(|argument| argument == "--preset") {
                let named = known.as_array().expect("a list").iter().any(|preset| preset["preset"] == arguments[at + 1].as_str());
                assert!(named, "{arguments:?}");
                tried += 1;
            }
        }
    }
    assert!(tried > 0, "no preset on any page");
}

#[tokio::test]
async fn messages_in_the_guide_are_the_servers_words() {
    let server = Server::start(Store::Sqlite).await;
    let guide = guide();
    let rows = table(&guide, "## When it does not work");
    let quoted = |about: &str| {
        let row = rows.iter().find(|row| row[0].contains(about)).unwrap_or_else(|| panic!("no row on {about}"));
        row[0].trim_matches('"').to_lowercase()
    };
    let gone = server.get("/authorize?client_id=pc_c_nobody&response_type=code").await;
    assert_eq!(gone.status, 400);
    assert!(gone.body.to_lowercase().contains(&quoted("registration")), "{}", gone.body);

    let client = server.client().await;
    let ask = client.ask().with("resource", "https://elsewhere.example/mcp");
    let place = server.person("ada").arrive(&ask).await;
    assert_eq!(place.parameter("error").as_deref(), Some("invalid_target"), "{}", place.url);
    assert_eq!(quoted("invalid_target"), "`invalid_target`");

    let misdirected = Answer::to(server.request("GET", "/sign-in").header("host", "elsewhere.example")).await;
    assert_eq!(misdirected.status.to_string(), quoted("421"));
}
