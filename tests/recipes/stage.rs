//! The server, its tokens, and a program that was just printed.

use std::{
    fs,
    io::Read as _,
    net::{Ipv4Addr, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::json;
use tempfile::TempDir;

use crate::{
    clients::{Callback, Connection},
    harness::{Answer, Browser, FILES, MAIL, Screen, Server, Setup, Store, at, free_port, http, until},
};

/// A recipe, and what it is run with.
pub(super) struct Recipe {
    /// What `--for` is given.
    pub(super) name: &'static str,
    /// The file that it is written to.
    pub(super) file: &'static str,
    /// What runs it, and its arguments, of which the file is the last.
    pub(super) runner: fn(&Path) -> Command,
    /// How a token without the scope is answered there.
    pub(super) too_narrow: u16,
    /// How a good token is answered at another host than the resource's.
    pub(super) misdirected: u16,
}

/// A program that runs. It ends with the test.
struct Program {
    process: Child,
    _folder: TempDir,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _gone_already = self.process.kill();
        let _status = self.process.wait();
        if std::thread::panicking() {
            let mut said = String::new();
            if let Some(errors) = self.process.stderr.as_mut() {
                let _unreadable = errors.read_to_string(&mut said);
            }
            eprintln!("--- the recipe said\n{said}");
        }
    }
}

impl Recipe {
    /// Exports it, writes it down, runs it; returns when it listens. `clock` as libfaketime reads it.
    async fn run(&self, server: &Server, resource: &str, port: u16, clock: Option<&str>) -> Program {
        self.start(&self.exported(server, resource), port, clock).await
    }

    fn exported(&self, server: &Server, resource: &str) -> String {
        server.cli(&["resource", "export", resource, "--for", self.name]).expect().stdout
    }

    async fn start(&self, code: &str, port: u16, clock: Option<&str>) -> Program {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(self.file);
        fs::write(&file, code).unwrap();
        let mut command = (self.runner)(&file);
        if let Some(offset) = clock {
            at(&mut command, offset);
        }
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("tests/prepare installs it");
        let mut program = Program { process, _folder: folder };
        until("the recipe to listen", async || {
            assert_eq!(program.process.try_wait().unwrap(), None, "{} ended", self.name);
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
        })
        .await;
        program
    }

    /// Everything that is to be true of a recipe.
    pub(super) async fn protects(&self) {
        let port = free_port();
        let resource = format!("http://127.0.0.1:{port}/mcp");
        let server = server_with(&resource).await;
        let mut ada = server.person("ada");
        let client = server.client().await;
        let ask = |resource: &str, scope: &str| client.ask().with("resource", resource).with("scope", scope);
        let good = client.connect_with(&mut ada, ask(&resource, "files:read files:write")).await.access;
        let narrow = client.connect_with(&mut ada, ask(&resource, "files:write")).await.access;
        let elsewhere = client.connect_with(&mut ada, ask(FILES, "files:read")).await.access;
        let mail = client.connect_with(&mut ada, ask(MAIL, "mail:read")).await.access;
        let (signed, signature) = good.rsplit_once('.').unwrap();
        let forged = format!("{signed}.{}{}", if signature.starts_with('A') { 'B' } else { 'A' }, &signature[1..]);

        let program = self.run(&server, &resource, port, None).await;
        self.leads_to_us(&server, &resource).await;
        assert_eq!(call(&resource, Some(&good)).await.expect(200).status, 200);
        for (token, why) in [(&elsewhere, "for another server"), (&mail, "for another server"), (&forged, "forged")] {
            assert_eq!(call(&resource, Some(token)).await.status, 401, "{}: a token {why}", self.name);
        }
        let answer = call(&resource, Some(&narrow)).await;
        assert_eq!(answer.status, self.too_narrow, "{}: a token without the scope: {}", self.name, answer.body);
        is_used(&server, &resource).await;
        drop(program);

        let _later = self.run(&server, &resource, port, Some("+20m")).await;
        assert_eq!(call(&resource, Some(&good)).await.status, 401, "{}: a token that has expired", self.name);
    }

    /// With a name of its own that only the proxy knows: it answers to that.
    pub(super) async fn is_reached_through_a_proxy(&self) {
        let server = Server::start(Store::Sqlite).await;
        let token = server.client().await.connect(&mut server.person("ada")).await.access;
        let port = free_port();
        let code = self.exported(&server, FILES);
        assert!(code.contains("3000"), "it would not listen where this test can tell it to: {code}");
        let _program = self.start(&code.replace("3000", &port.to_string()), port, None).await;
        let behind = format!("http://127.0.0.1:{port}/mcp");
        let challenge = Answer::to(asked(&behind, None).header("host", "files.example.com")).await.expect(401);
        let metadata = "resource_metadata=\"https://files.example.com/.well-known/oauth-protected-resource/mcp\"";
        assert!(challenge.header("www-authenticate").unwrap().contains(metadata), "{:?}", challenge.headers);
        Answer::to(asked(&behind, Some(&token)).header("host", "files.example.com")).await.expect(200);
        let other = Answer::to(asked(&behind, Some(&token)).header("host", "evil.example")).await;
        assert_eq!(other.status, self.misdirected, "{}: {}", self.name, other.body);
    }

    /// RFC 9728: from the challenge to the metadata, and from there to this issuer, letter for letter.
    async fn leads_to_us(&self, server: &Server, resource: &str) {
        let challenge = call(resource, None).await.expect(401).header("www-authenticate").expect("a challenge");
        let (_, metadata) = challenge.split_once("resource_metadata=\"").unwrap_or_else(|| panic!("{}: {challenge}", self.name));
        let metadata = Answer::to(http().get(metadata.split('"').next().unwrap())).await.expect(200).json();
        assert_eq!((&metadata["resource"], &metadata["authorization_servers"]), (&json!(resource), &json!([server.issuer])));
        assert_eq!(metadata["scopes_supported"][0], "files:read", "{metadata}");
    }
}

async fn server_with(resource: &str) -> Server {
    let scopes = r#"{ "files:read" = "Read your files", "files:write" = "Change your files" }"#;
    let resources = format!(
        "resources = [\n\
         {{ url = \"{resource}\", name = \"Files\", scopes = {scopes} }},\n\
         {{ url = \"{FILES}\", name = \"Other files\", scopes = {scopes} }},\n\
         {{ url = \"{MAIL}\", name = \"Mail\", scopes = {{ \"mail:read\" = \"Read your mail\" }} }},\n]\n"
    );
    Setup::on(Store::Sqlite).resources(&resources).start().await
}

async fn call(resource: &str, token: Option<&str>) -> Answer {
    Answer::to(asked(resource, token)).await
}

/// The first message of every MCP client.
fn asked(resource: &str, token: Option<&str>) -> reqwest::RequestBuilder {
    let client = json!({ "name": "tests", "version": "1" });
    let parameters = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client });
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": parameters });
    let mut request = http().post(resource).header("accept", "application/json, text/event-stream").json(&message);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    request
}

/// A real client, with a person in a real browser, knowing the address alone.
async fn is_used(server: &Server, resource: &str) {
    let browser = Browser::open(Screen::Desktop).await;
    let mut callback = Callback::open().await;
    let connection = Connection::asking(resource, &["Files", resource, "Read your files"], &browser, &mut callback).await;
    let said = connection.call("whoami", json!({})).await.unwrap();
    assert!(said.starts_with("u_") && said.contains(&connection.client_id), "{said}: {}", server.issuer);
}
