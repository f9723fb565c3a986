//! `portcullis doctor` against servers that are good, and servers that are broken in one way each.

mod broken;
mod unreachable;
mod world;

use std::{
    collections::BTreeSet,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use self::world::{OAUTH, Reply, World};
use crate::harness::{Ran, Setup, Store, free_port};

fn doctor(arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.env_clear().arg("doctor").args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Ran::of(command.spawn().unwrap())
}

/// The codes of what is found, in order.
fn codes(report: &Value) -> Vec<&str> {
    let steps = report["steps"].as_array().unwrap();
    steps.iter().flat_map(|step| step["findings"].as_array().unwrap()).map(|finding| finding["code"].as_str().unwrap()).collect()
}

// MCP-AS-231
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_own_sample_is_as_it_should_be() {
    let address = format!("127.0.0.1:{}", free_port());
    let setup = Setup::on(Store::Sqlite).argument("--sample").argument("--sample-listen").argument(&address);
    let _server = setup.start().await;
    let mcp = format!("http://{address}/mcp");
    for client in [&[][..], &["--as", "vscode"], &["--as", "cursor"], &["--as", "inspector"], &["--as", "fastmcp"]] {
        let ran = doctor(&[&[mcp.as_str(), "--strict"], client].concat()).expect();
        assert!(ran.stdout.ends_with("everything is as it should be\n") && ran.stderr.is_empty(), "{ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_reads_as_sentences_and_as_json() {
    let mut world = World::good().await;
    let slash = format!("{}/", world.origin);
    world.server_with("issuer", json!(slash));
    let origin = world.origin.clone();
    let url = world.serve();
    let ran = doctor(&[&url]);
    assert_eq!(ran.status.code(), Some(1));
    let expected = format!(
        "  FAIL  the authorization server names itself differently   PC-D061\n        \
         resource metadata   {origin}\n        server metadata     {slash}\n        \
         They differ by a slash at the end, at {origin}/.well-known/oauth-authorization-server\n        \
         A client compares the two character by character, and stops.\n        \
         Fix: write the issuer in the resource metadata as the authorization server has it in its own.\n"
    );
    assert!(ran.stdout.contains(&expected), "{}", ran.stdout);
    assert!(ran.stdout.ends_with("  skip  3 later steps need this one\n1 failure\n"), "{}", ran.stdout);
    assert_eq!(ran.stderr, format!("portcullis: {url} is not well: 1 failure\n"));

    let report = doctor(&[&url, "--json", "--as", "fastmcp"]).json();
    let members = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(members(&report), set(&["as", "failures", "result", "skipped", "steps", "url", "warnings"]));
    assert_eq!((&report["as"], &report["result"], &report["failures"]), (&json!("fastmcp"), &json!("fail"), &json!(1)));
    let steps: Vec<&str> = report["steps"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!(
        steps,
        [
            "address",
            "connection",
            "challenge",
            "resource_metadata",
            "issuer",
            "server_metadata",
            "server_members",
            "token_endpoint",
            "latency"
        ]
    );
    let step = &report["steps"][5];
    assert_eq!(members(step), set(&["findings", "result", "seen", "step"]));
    let finding = &step["findings"][0];
    assert_eq!(members(finding), set(&["client", "code", "fix", "page", "seen", "severity", "title"]));
    assert_eq!((&finding["code"], &finding["page"]), (&json!("PC-D061"), &json!("docs/doctor.md#pc-d061")));
    assert_eq!(report["steps"][6]["result"], "skip");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warning_is_too_much_only_where_it_should_be() {
    let mut world = World::good().await;
    world.server_with("grant_types_supported", json!(["authorization_code"]));
    let url = world.serve();
    let ran = doctor(&[&url]).expect();
    assert!(ran.stdout.contains("warn  refresh_token is not among") && ran.stdout.ends_with("\n1 warning\n"), "{ran:?}");
    assert_eq!(doctor(&[&url, "--strict"]).status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_shows_every_exchange_without_secrets() {
    let mut world = World::good().await;
    let refusal = world.refusal().with("set-cookie", "session=hidden");
    world.set("POST /mcp", refusal);
    let url = world.serve();
    let ran = doctor(&[&url, "--trace", "--json", "--as", "vscode"]).expect();
    assert_eq!(codes(&ran.json()), Vec::<&str>::new(), "the trace is beside the report");
    let shown =
        [format!("> POST {url}\n"), "< set-cookie: [redacted]\n".to_owned(), "code=[redacted]&client_id=portcullis-doctor".to_owned()];
    for part in shown {
        assert!(ran.stderr.contains(&part), "{part}: {}", ran.stderr);
    }
    assert!(!ran.stderr.contains("hidden"), "{}", ran.stderr);
    assert!(doctor(&[&url]).expect().stderr.is_empty());
}

#[test]
fn what_is_no_address_is_used_wrongly() {
    for url in ["mcp.example.com/mcp", "ftp://mcp.example.com", "https://mcp.example.com/#x", "https://me:secret@mcp.example.com/mcp"] {
        let ran = doctor(&[url]);
        assert_eq!((ran.status.code(), ran.stdout.as_str()), (Some(2), ""), "{ran:?}");
    }
    let ran = doctor(&["https://mcp.example.com", "--as", "somebody"]);
    assert!(ran.status.code() == Some(2) && ran.stderr.contains("chatgpt"), "{ran:?}");
    let ran = doctor(&["https://mcp.example.com", "--root-certificate", "nowhere.pem"]);
    assert!(ran.status.code() == Some(1) && ran.stderr.contains("reading nowhere.pem"), "{ran:?}");
}

/// What a stranger answers is shown, and does nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_server_says_does_not_write_elsewhere_on_the_terminal() {
    let mut world = World::good().await;
    world.server_with("issuer", json!("https://a.example/\u{1b}[2J\u{202e}"));
    let ran = doctor(&[&world.serve()]);
    assert!(ran.stdout.contains("https://a.example/") && !ran.stdout.contains(['\u{1b}', '\u{202e}']), "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_is_read_without_end() {
    let mut world = World::good().await;
    let server = world.server().to_string();
    world.set(OAUTH, Reply { body: format!("{}{server}", " ".repeat(10_000_000)), ..Reply::json(200, &Value::Null) });
    let report = doctor(&[&world.serve(), "--json"]).json();
    assert_eq!(codes(&report), ["PC-D034", "PC-D060"]);
}
