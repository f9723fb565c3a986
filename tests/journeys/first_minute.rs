//! README command 1: nothing is there, and a minute later a client calls a tool.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::{Value, json};

use crate::{
    clients::{Callback, Connection},
    harness::{Browser, PASSWORD, Screen, Server, Setup, Store, Terminal, free_port, until},
};

/// The last line of the page that `serve` prints.
const LAST: &str = "docs/first-connection.md";

/// The page's variable parts, and the page with these left out.
fn taken_apart(page: &str) -> (String, String, String) {
    let after = |word: &str| page.split_once(word).unwrap_or_else(|| panic!("no {word} in:\n{page}")).1.split_whitespace().next().unwrap();
    let (key, link) = (after("ES256, key ").to_owned(), page.split_whitespace().find(|word| word.contains("/setup/")));
    let link = link.unwrap_or_default().to_owned();
    let mut plain = page.replace(&key, "KEY");
    if !link.is_empty() {
        plain = plain.replace(&link, "LINK");
    }
    (plain, key, link)
}

/// The first account is made where the link leads.
async fn makes_the_account(browser: &Browser, link: &str) {
    browser.go(link).await;
    browser.fill("username", "ada").await;
    browser.fill("password", PASSWORD).await;
    browser.fill("repeat", PASSWORD).await;
    browser.press("form[action*='/setup/'] button:not([type=button])").await;
    assert_eq!(browser.url().await.path(), "/account", "{}", browser.source().await);
    assert!(browser.text().await.contains("ada"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_an_empty_folder_to_a_tool_call() {
    let home = tempfile::tempdir().unwrap();
    let (port, sample_port) = (free_port(), free_port());
    let (issuer, sample) = (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{sample_port}/mcp"));
    let command = format!("serve --sample --listen 127.0.0.1:{port} --sample-listen 127.0.0.1:{sample_port}");

    let mut terminal = Terminal::run(home.path(), &command);
    let (page, key, link) = taken_apart(&terminal.read_until(LAST).await);
    assert_eq!(page, first_page(&issuer, &sample));
    assert_eq!(key.len(), 6);
    assert!(link.starts_with(&format!("{issuer}/setup/")), "{link}");

    let browser = Browser::open(Screen::Desktop).await;
    makes_the_account(&browser, &link).await;
    let mut callback = Callback::open().await;
    let client = Connection::to(&sample, &browser, &mut callback).await;
    assert!(client.call("whoami", json!({})).await.unwrap().contains(&client.client_id));

    let (status, _) = terminal.interrupt().await;
    assert!(status.success(), "{status}");
    let mut terminal = Terminal::run(home.path(), &command);
    let (page, same_key, no_link) = taken_apart(&terminal.read_until(LAST).await);
    assert_eq!((same_key, no_link.as_str()), (key, ""), "the key stays, the link is gone");
    assert_eq!(page, second_page(&issuer, &sample));
    assert!(client.call("whoami", json!({})).await.unwrap().contains(&client.client_id), "what was allowed holds on");
    browser.go(&link).await;
    assert!(!browser.has("[name=password]").await, "a used link opens nothing");
    terminal.interrupt().await;
}

fn first_page(issuer: &str, sample: &str) -> String {
    format!(
        r#"Portcullis {version}

  Issuer     {issuer}
  Data       ~/.local/share/portcullis   SQLite, created just now
  Signing    ES256, key KEY

  1  Make the first account (once, within 30 minutes)
     LINK
  2  Connect a client to the sample MCP server, {sample}
     Claude Code   claude mcp add --transport http sample {sample}
     Inspector     npx @modelcontextprotocol/inspector
  3  Protect your own server
     {program} resource add https://your.server/mcp --name "My server"

  Claude.ai and ChatGPT connect from the internet: docs/first-connection.md says what has to be reachable.
"#,
        version = env!("CARGO_PKG_VERSION"),
        // as it was called, so that a newcomer can type it as it stands
        program = env!("CARGO_BIN_EXE_portcullis")
    )
}

// without the sample: what to paste for the MCP servers that are known, else where to put their address
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_start_says_what_to_paste_for_ones_own_server() {
    let home = tempfile::tempdir().unwrap();
    let port = free_port();
    let issuer = format!("http://127.0.0.1:{port}");
    let command = format!("serve --listen 127.0.0.1:{port}");
    let mut terminal = Terminal::run(home.path(), &command);
    let (page, _, link) = taken_apart(&terminal.read_until(LAST).await);
    assert!(link.starts_with(&format!("{issuer}/setup/")), "{link}");
    let (before, _) =
        first_page(&issuer, "").split_once("  2  Connect").map(|(before, after)| (before.to_owned(), after.to_owned())).unwrap();
    let (_, after) =
        first_page(&issuer, "").split_once("  3  Protect").map(|(before, after)| (before.to_owned(), after.to_owned())).unwrap();
    let steps = "  2  Connect a client to your MCP server, by the server's own address\n     \
        Claude Code   claude mcp add --transport http my-server https://your.server/mcp\n";
    assert_eq!(page, format!("{before}{steps}  3  Protect{after}"));
    terminal.interrupt().await;
    let known = "resources = [{ url = \"https://files.example.com/mcp\", name = \"My files\" }, \"https://mail.example.com/mcp\"]\n";
    fs::write(home.path().join("portcullis.toml"), known).unwrap();
    let mut terminal = Terminal::run(home.path(), &command);
    let (page, ..) = taken_apart(&terminal.read_until(LAST).await);
    for pasted in ["my-files https://files.example.com/mcp", "mail-example-com https://mail.example.com/mcp"] {
        assert!(page.contains(&format!("     Claude Code   claude mcp add --transport http {pasted}\n")), "{page}");
    }
    assert!(!page.contains("claude mcp add --transport http my-server"), "{page}");
    terminal.interrupt().await;
}

/// The second start has no link, and counts what is there.
fn second_page(issuer: &str, sample: &str) -> String {
    let first = first_page(issuer, sample);
    let without_link = first.replace("  1  Make the first account (once, within 30 minutes)\n     LINK\n", "");
    let numbered = without_link.replace("  2  Connect", "  1  Connect").replace("  3  Protect", "  2  Protect");
    numbered.replace("created just now", "1 account, 1 resource")
}

// Off a terminal the link is a secret in a log: it goes to a file, and the log names the file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_terminal_the_link_waits_in_a_file_of_its_owner() {
    let server = Setup::on(Store::Sqlite).resources("").without_accounts().start().await;
    until("the greeting", async || server.log().contains("makes the first one")).await;
    let lines: Vec<Value> = server.log().lines().map(|line| serde_json::from_str(line).expect("JSON lines")).collect();
    let file = lines.iter().find_map(|line| find(line, "file")).expect("the log names the file");
    let link = fs::read_to_string(&file).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!server.log().contains(link.trim().rsplit('/').next().unwrap()), "the link itself is in the log");

    let browser = Browser::open(Screen::Phone).await;
    makes_the_account(&browser, link.trim()).await;
    assert!(!fs::exists(&file).unwrap(), "a used link is removed");
    second_start_leaves_no_link(&server, &file).await;
}

async fn second_start_leaves_no_link(server: &Server, file: &str) {
    assert!(server.terminate().success());
    server.run();
    server.ready().await;
    assert!(!fs::exists(file).unwrap());
}

/// A member of this name, at any depth.
fn find(value: &Value, name: &str) -> Option<String> {
    let members = value.as_object()?;
    members.get(name).and_then(Value::as_str).map(str::to_owned).or_else(|| members.values().find_map(|inner| find(inner, name)))
}
