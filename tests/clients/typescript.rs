//! The official TypeScript SDK, both lines that are in use: `tests/node/connect.mjs`.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
};

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::stage::{ALL_SCOPES, FURTHER_SCOPE, SCOPED_TOOL, Stage, assert_asks_for_all, parameter, scopes};
use crate::harness::PATIENCE;

/// The script. It ends with the test.
struct Script {
    steps: mpsc::UnboundedReceiver<String>,
    input: ChildStdin,
    process: Child,
}

impl Drop for Script {
    fn drop(&mut self) {
        let _gone_already = self.process.kill();
        let _status = self.process.wait();
    }
}

impl Script {
    fn run(line: &str, sample: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/node");
        assert!(folder.join("node_modules/@modelcontextprotocol").is_dir(), "tests/prepare installs the packages of tests/node");
        let mut process = Command::new("node")
            .current_dir(folder)
            .args(["connect.mjs", line, sample, SCOPED_TOOL])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node is installed: tests/prepare");
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let (send, steps) = mpsc::unbounded_channel();
        std::thread::spawn(move || lines.map_while(Result::ok).all(|line| send.send(line).is_ok()));
        Self { steps, input: process.stdin.take().unwrap(), process }
    }

    /// The next step, which is this one.
    async fn step(&mut self, name: &str) -> Value {
        let line = tokio::time::timeout(PATIENCE, self.steps.recv()).await.unwrap_or_else(|_| panic!("no {name} in time"));
        let line = line.unwrap_or_else(|| panic!("the script ended before {name}"));
        let step: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(step["step"], name, "{step}");
        step
    }

    /// A tool that answered.
    async fn called(&mut self, name: &str) -> String {
        let step = self.step("called").await;
        assert_eq!((&step["name"], &step["error"]), (&json!(name), &json!(false)), "{step}");
        step["text"].as_str().unwrap_or_default().to_owned()
    }

    fn go_on(&mut self) {
        self.input.write_all(b"\n").unwrap();
    }
}

fn text<'a>(step: &'a Value, name: &str) -> &'a str {
    step[name].as_str().unwrap_or_else(|| panic!("no {name} in {step}"))
}

async fn goes_the_whole_way(line: &str) {
    let stage = Stage::set().await;
    let mut script = Script::run(line, &stage.sample);

    let registered = script.step("registered").await;
    assert_eq!(registered["secret"], false, "a public client has none");
    let url = text(&script.step("authorize").await, "url").to_owned();
    assert_eq!(parameter(&url, "resource").as_deref(), Some(stage.sample.as_str()));
    let read = stage.allow(&url).await.text;
    assert!(read.contains(&format!("TypeScript SDK {line}")), "{read}");
    let first = script.step("tokens").await;
    let claims = stage.claims(text(&first, "access"));
    assert_eq!(claims["client_id"], registered["client_id"]);
    let tools = script.step("tools").await;
    assert!(tools["names"].as_array().unwrap().contains(&json!(SCOPED_TOOL)), "{tools}");
    assert!(script.called("whoami").await.contains(claims["sub"].as_str().unwrap()));
    assert!(script.called("add").await.contains("42"));

    let wide = widens(&stage, &mut script, line).await;
    assert_eq!(stage.claims(text(&wide, "access"))["grant_id"], claims["grant_id"], "one person, one client, one server: one grant");

    let fresh = script.step("tokens").await;
    assert_ne!(fresh["refresh"], wide["refresh"]);
    assert_eq!(fresh["scope"], wide["scope"]);
    assert_eq!(stage.claims(text(&fresh, "access"))["grant_id"], claims["grant_id"]);
    script.called("whoami").await;
    script.step("connected").await;
    assert_eq!(stage.introspected(text(&fresh, "access")).await["active"], true);

    // The person takes it back, on the account page.
    stage.takes_back().await;
    assert_eq!(stage.introspected(text(&fresh, "access")).await, json!({ "active": false }));
    script.go_on();
    assert_eq!(script.step("invalidated").await["what"], "tokens");
    script.step("authorize").await;
    assert_eq!(script.step("over").await["result"], "REDIRECT");
}

/// A tool is refused, the person is asked for what is new, the tool works.
async fn widens(stage: &Stage, script: &mut Script, line: &str) -> Value {
    let challenged = script.step("challenged").await;
    assert_eq!(challenged["error"], "insufficient_scope");
    assert!(scopes(text(&challenged, "scope")).contains(&FURTHER_SCOPE), "{challenged}");
    if line == "1" {
        // It refreshes first and tries again.
        script.step("tokens").await;
        script.step("challenged").await;
    }
    let url = text(&script.step("authorize").await, "url").to_owned();
    assert_eq!(stage.allow(&url).await.new, [FURTHER_SCOPE], "only this is new");
    let wide = script.step("tokens").await;
    assert_asks_for_all(&url);
    assert_eq!(scopes(text(&wide, "scope")), ALL_SCOPES);
    script.called(SCOPED_TOOL).await;
    wide
}

// MCP-AS-01, MCP-AS-80, MCP-RS-13, MCP-CL-05, MCP-CL-11, OA-RT-01
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_typescript_sdk_1_goes_the_whole_way() {
    goes_the_whole_way("1").await;
}

// MCP-AS-150, MCP-CL-09: this one checks `iss`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_typescript_sdk_2_goes_the_whole_way() {
    goes_the_whole_way("2").await;
}
