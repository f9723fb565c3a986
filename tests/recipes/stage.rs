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
    harness::{Answer, Browser, Client, FILES, Screen, Server, Setup, Store, free_port, http, until},
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
pub(super) struct Program {
    process: Child,
    _folder: Option<TempDir>,
}

impl Program {
    pub(super) fn start(mut command: Command, folder: Option<TempDir>) -> Self {
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("tests/prepare installs it");
        Self { process, _folder: folder }
    }

    pub(super) async fn listens(&mut self, port: u16) {
        until("the program to listen", async || {
            assert_eq!(self.process.try_wait().unwrap(), None, "the program ended");
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
        })
        .await;
    }
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
    fn exported(&self, server: &Server, resource: &str, more: &[&str]) -> String {
        server.cli(&[&["resource", "export", resource, "--for", self.name], more].concat()).expect().stdout
    }

    /// Writes it down and runs it; returns when it listens.
    async fn start(&self, code: &str, port: u16, secret: Option<&str>) -> Program {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(self.file);
        fs::write(&file, code).unwrap();
        let mut command = (self.runner)(&file);
        command.envs(secret.map(|secret| ("PORTCULLIS_CLIENT_SECRET", secret)));
        let mut program = Program::start(command, Some(folder));
        program.listens(port).await;
        program
    }

    /// Run exactly as it is printed, it is protected.
    pub(super) async fn protects(&self) {
        let port = free_port();
        let stage = Stage::at(port).await;
        let _program = self.start(&self.exported(&stage.server, &stage.resource, &[]), port, None).await;
        stage.is_protected(self.too_narrow).await;
        stage.is_used().await;
    }

    /// The same where the program asks us about each token: it hears of revocation at once.
    pub(super) async fn asks_about_each(&self) {
        let port = free_port();
        let stage = Stage::at(port).await;
        let asker = Client::operator(&stage.server, "Files, the server", "", &["--introspect", &stage.resource]);
        let code = self.exported(&stage.server, &stage.resource, &["--introspect", &asker.id]);
        let _program = self.start(&code, port, asker.secret.as_deref()).await;
        stage.is_protected(self.too_narrow).await;
        stage.is_used().await;
        stage.server.cli(&["grant", "revoke", "--user", "ada", "--yes"]).expect();
        call(&stage.resource, Some(&stage.good)).await.expect(401);
    }

    /// With a name of its own that only the proxy knows: it answers to that.
    pub(super) async fn is_reached_through_a_proxy(&self) {
        let server = Server::start(Store::Sqlite).await;
        let token = server.client().await.connect(&mut server.person("ada")).await.access;
        let port = free_port();
        let code = self.exported(&server, FILES, &[]);
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
}

/// A server that knows a resource, and the tokens that people might bring there.
pub(super) struct Stage {
    pub(super) server: Server,
    /// Where nobody listens yet.
    pub(super) resource: String,
    good: String,
    narrow: String,
    bad: Vec<(&'static str, String)>,
}

impl Stage {
    pub(super) async fn at(port: u16) -> Self {
        let resource = format!("http://127.0.0.1:{port}/mcp");
        let mut server = server_with(&resource).await;
        let mut ada = server.person("ada");
        let client = server.client().await;
        let ask = |resource: &str, scope: &str| client.ask().with("resource", resource).with("scope", scope);
        let expired = client.connect_with(&mut ada, ask(&resource, "files:read")).await.access;
        server.restart_at(None).await;
        let good = client.connect_with(&mut ada, ask(&resource, "files:read files:write")).await.access;
        let narrow = client.connect_with(&mut ada, ask(&resource, "files:write")).await.access;
        let elsewhere = client.connect_with(&mut ada, ask(FILES, "files:read")).await.access;
        let (signed, signature) = good.rsplit_once('.').unwrap();
        let forged = format!("{signed}.{}{}", if signature.starts_with('A') { 'B' } else { 'A' }, &signature[1..]);
        let bad = vec![("expired", expired), ("for another server", elsewhere), ("forged", forged), ("no token", "x.y.z".to_owned())];
        Self { server, resource, good, narrow, bad }
    }

    /// Whoever listens there now lets in whom it should, and sends all others to us.
    pub(super) async fn is_protected(&self, too_narrow: u16) {
        self.leads_to_us().await;
        call(&self.resource, Some(&self.good)).await.expect(200);
        for (what, token) in &self.bad {
            let answer = call(&self.resource, Some(token)).await;
            assert_eq!(answer.status, 401, "{what}: {}", answer.body);
        }
        let answer = call(&self.resource, Some(&self.narrow)).await;
        assert_eq!(answer.status, too_narrow, "without the scope: {}", answer.body);
    }

    /// RFC 9728: from the challenge to the metadata, and from there to this issuer, letter for letter.
    async fn leads_to_us(&self) {
        let challenge = call(&self.resource, None).await.expect(401).header("www-authenticate").expect("a challenge");
        let (_, metadata) = challenge.split_once("resource_metadata=\"").unwrap_or_else(|| panic!("{challenge}"));
        let metadata = Answer::to(http().get(metadata.split('"').next().unwrap())).await.expect(200).json();
        assert_eq!((&metadata["resource"], &metadata["authorization_servers"]), (&json!(self.resource), &json!([self.server.issuer])));
        assert_eq!(metadata["scopes_supported"][0], "files:read", "{metadata}");
    }

    /// A real client, with a person in a real browser, knowing the address alone.
    pub(super) async fn is_used(&self) {
        let browser = Browser::open(Screen::Desktop).await;
        let mut callback = Callback::open().await;
        let words = ["Files", &self.resource, "Read your files"];
        let connection = Connection::asking(&self.resource, &words, &browser, &mut callback).await;
        let said = connection.call("whoami", json!({})).await.unwrap();
        assert!(said.starts_with("u_") && said.ends_with(&format!(", by {}", connection.client_id)), "{said}");
    }
}

/// It begins in the past, so that a token of then has expired.
async fn server_with(resource: &str) -> Server {
    let scopes = r#"{ "files:read" = "Read your files", "files:write" = "Change your files" }"#;
    let resources = format!(
        "resources = [\n\
         {{ url = \"{resource}\", name = \"Files\", scopes = {scopes} }},\n\
         {{ url = \"{FILES}\", name = \"Other files\", scopes = {scopes} }},\n\
         ]\n"
    );
    Setup::on(Store::Sqlite).resources(&resources).clock("-20m").start().await
}

pub(super) async fn call(resource: &str, token: Option<&str>) -> Answer {
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
