//! The requests that are measured, byte for byte the same for server and floor.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::Context as _;
use serde_json::Value;

use super::{
    load::{Script, Scripts},
    seed::{Active, CALLBACK, MACHINE, PERSONS_APP, RESOURCE, RESOURCE_SERVER, VERIFIER},
};

/// Connections that ask at once.
pub(crate) const CONNECTIONS: usize = 64;

/// The same request again and again, of some that take turns.
struct Same {
    requests: Arc<Vec<Vec<u8>>>,
    turn: Arc<AtomicUsize>,
}

impl Script for Same {
    fn ask(&mut self) -> anyhow::Result<Vec<u8>> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.requests.len();
        self.requests.get(turn).cloned().context("no request")
    }
}

/// On all connections.
pub(crate) fn same(requests: Vec<Vec<u8>>) -> Scripts {
    let (requests, turn) = (Arc::new(requests), Arc::new(AtomicUsize::new(0)));
    let script = || Box::new(Same { requests: Arc::clone(&requests), turn: Arc::clone(&turn) }) as Box<dyn Script>;
    std::iter::repeat_with(script).take(CONNECTIONS).collect()
}

/// Codes are used up.
struct Codes {
    host: SocketAddr,
    codes: Vec<String>,
}

impl Script for Codes {
    fn ask(&mut self) -> anyhow::Result<Vec<u8>> {
        let code = self.codes.pop().context("out of codes")?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("client_id", PERSONS_APP),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
            ("resource", RESOURCE),
        ];
        Ok(post(self.host, "/token", None, &form))
    }
}

pub(crate) fn codes(host: SocketAddr, codes: &[String]) -> Scripts {
    let share = codes.len().div_ceil(CONNECTIONS).max(1);
    codes.chunks(share).map(|codes| Box::new(Codes { host, codes: codes.to_vec() }) as Box<dyn Script>).collect()
}

/// Refresh tokens take turns, and each is followed by its successor.
struct Refreshes {
    host: SocketAddr,
    tokens: VecDeque<Active>,
    under_way: Option<Active>,
}

impl Script for Refreshes {
    fn ask(&mut self) -> anyhow::Result<Vec<u8>> {
        let token = self.tokens.pop_front().context("out of refresh tokens")?;
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", token.refresh_token.as_str()),
            ("client_id", &token.client_id),
            ("resource", RESOURCE),
        ];
        let request = post(self.host, "/token", None, &form);
        self.under_way = Some(token);
        Ok(request)
    }

    fn hear(&mut self, body: &[u8]) -> anyhow::Result<()> {
        let mut token = self.under_way.take().context("an answer without a question")?;
        token.refresh_token = member(body, "refresh_token")?;
        self.tokens.push_back(token);
        Ok(())
    }
}

pub(crate) fn refreshes(host: SocketAddr, tokens: &[Active]) -> Scripts {
    let script = |tokens: &[Active]| Refreshes { host, tokens: tokens.iter().cloned().collect(), under_way: None };
    tokens.chunks(tokens.len().div_ceil(CONNECTIONS).max(1)).map(|tokens| Box::new(script(tokens)) as Box<dyn Script>).collect()
}

pub(crate) fn refresh(host: SocketAddr, token: &Active) -> anyhow::Result<Vec<u8>> {
    Refreshes { host, tokens: VecDeque::from([token.clone()]), under_way: None }.ask()
}

pub(crate) fn client_credentials(host: SocketAddr, secret: &str) -> Vec<u8> {
    post(host, "/token", Some((MACHINE, secret)), &[("grant_type", "client_credentials"), ("resource", RESOURCE)])
}

pub(crate) fn introspection(host: SocketAddr, secret: &str, token: &str) -> Vec<u8> {
    post(host, "/introspect", Some((RESOURCE_SERVER, secret)), &[("token", token)])
}

pub(crate) fn get(host: SocketAddr, path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: {host}\r\naccept: application/json\r\nuser-agent: bench\r\n\r\n").into_bytes()
}

/// What a browser sends when it follows a link.
pub(crate) fn browse(host: SocketAddr, target: &str, cookies: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nhost: {host}\r\naccept: text/html\r\nuser-agent: bench\r\ncookie: {cookies}\r\n\r\n").into_bytes()
}

fn post(host: SocketAddr, path: &str, basic: Option<(&str, &str)>, form: &[(&str, &str)]) -> Vec<u8> {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let authorization = basic
        .map_or(String::new(), |(id, secret)| format!("authorization: Basic {}\r\n", BASE64_STANDARD.encode(format!("{id}:{secret}"))));
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\naccept: application/json\r\nuser-agent: bench\r\n{authorization}\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// A text member of a JSON answer.
pub(crate) fn member(body: &[u8], name: &str) -> anyhow::Result<String> {
    let answer: Value = serde_json::from_slice(body).context("an answer that is no JSON")?;
    Ok(answer.get(name).and_then(Value::as_str).with_context(|| format!("no {name} in an answer"))?.to_owned())
}
