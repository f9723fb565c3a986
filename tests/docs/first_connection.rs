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
pub(super) fn spans(text: &str) -> Vec<&str> {
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

/// The addresses that have to be reachable from there, `…` at the end where more follows.
fn reachable<'a>(page: &'a str, from: &str) -> Vec<&'a str> {
    let rows = table(page, "### What has to be reachable");
    rows.iter().filter(|row| row[1] == from && !row[0].starts_with("the MCP server")).flat_map(|row| spans(row[0])).collect()
}

/// Whether a route is one of these.
fn is_among(listed: &[&str], route: &str) -> bool {
    listed.iter().any(|known| known.strip_suffix('…').map_or(route == *known, |start| route.starts_with(start)))
}

/// The addresses in one function of the router, which has every route of the server on one page.
fn routes(function: &str) -> Vec<String> {
    let router = text(&root().join("auth-server/src/router.rs"));
    let body = router.split_once(&format!("\nfn {function}(")).unwrap().1.split_once("\n}").unwrap().0;
    let written: Vec<String> = body.split(".route(").skip(1).map(|rest| rest.split(',').next().unwrap().trim().to_owned()).collect();
    assert!(written.len() >= 4, "{written:?}");
    written.iter().map(|place| if place == "discovery::JWKS" { "/jwks".to_owned() } else { place.trim_matches('"').to_owned() }).collect()
}

#[tokio::test]
async fn every_address_that_has_to_be_reachable_is_there_and_none_is_missing() {
    let server = Server::start(Store::Sqlite).await;
    let guide = guide();
    let [vendor, browsers, mcp_server] = ["the vendor", "people's browsers", "your MCP server"].map(|from| reachable(&guide, from));
    for page in routes("pages") {
        assert!(is_among(&browsers, &page), "{page} is not in the guide, for browsers");
    }
    for endpoint in routes("api") {
        assert!(endpoint.starts_with('/'), "a route this test can not read: {endpoint}");
        assert!(is_among(&vendor, &endpoint) || is_among(&mcp_server, &endpoint), "{endpoint} is not in the guide");
    }
    let existing: Vec<String> = routes("pages").into_iter().chain(routes("api")).collect();
    for path in vendor.iter().chain(&browsers).chain(&mcp_server) {
        let start = path.trim_end_matches('…');
        let is_route = existing.iter().any(|route| route == path || (start != *path && route.starts_with(start)));
        assert!(is_route || server.get(start).await.status == 200, "{path} is nowhere");
    }
    let metadata = server.get("/.well-known/oauth-authorization-server").await.json();
    for (name, value) in metadata.as_object().unwrap() {
        if name.ends_with("_endpoint") || name == "jwks_uri" {
            let path = value.as_str().unwrap().strip_prefix(&server.issuer).unwrap();
            assert!(
                is_among(&vendor, path) || is_among(&browsers, path) || is_among(&mcp_server, path),
                "{name}, {path}, is not in the guide"
            );
        }
    }
    // What the verifier asks for: the metadata, and what that names.
    for path in ["/.well-known/oauth-authorization-server", "/jwks", "/introspect"] {
        assert!(is_among(&mcp_server, path), "{path} is not in the guide, for the MCP server");
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
