//! The walk: asks what a client asks, in its order, and stops where it would.

use std::net::SocketAddr;

use http::Method;
use url::Url;

use super::{
    client::Client,
    document::{Found, Place, is_loopback, is_secure, text},
    finding::Kind,
    outside::{Answer, Ask, NoAnswer, Outside},
    report::Notes,
    steps::{
        address,
        challenge::{self, Next},
        connection, cors, issuer, latency, resource_metadata, server_members, server_metadata, token_endpoint,
    },
};

/// What a client sends first, without a token.
const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"portcullis-doctor","version":"1"}}}"#;
const VERSION: (&str, &str) = ("mcp-protocol-version", "2025-11-25");

/// Whom it asks, as whom, and what it has seen so far.
pub(super) struct Walk<'a> {
    pub(super) asked: &'a str,
    pub(super) url: &'a Url,
    pub(super) client: Client,
    pub(super) outside: Outside,
    pub(super) notes: Vec<Notes>,
}

impl Walk<'_> {
    /// Every step that the client gets to.
    pub(super) async fn walk(mut self) -> Vec<Notes> {
        if self.is_reached() {
            self.discover().await;
            self.notes.push(latency::judge(&self.outside.took, self.client));
        }
        self.notes
    }

    fn is_reached(&mut self) -> bool {
        // The system's resolver says no more than this.
        let addresses: Result<Vec<SocketAddr>, String> = self.url.socket_addrs(|| None).map_err(|error| error.to_string());
        let notes = address::judge(self.url, &addresses, self.client);
        let is_known = !notes.findings.iter().any(|finding| finding.kind == Kind::NameUnknown);
        self.notes.push(notes);
        if !is_known {
            return false;
        }
        let seen = self.outside.connect(self.url, &addresses.unwrap_or_default());
        self.notes.push(connection::judge(&seen, self.client));
        seen.is_ok()
    }

    /// `None` where the client stops.
    async fn discover(&mut self) -> Option<()> {
        let (is_local, client) = (is_loopback(self.url), self.client);
        let post = self.outside.ask(first(self.url, None)).await;
        let get = self.outside.ask(Ask::new(Method::GET, self.url).with("accept", "text/event-stream")).await;
        let (notes, next) = challenge::judge(self.url, &challenge::Seen { post, get }, client);
        self.notes.push(notes);
        let named = match next {
            Next::Stops => return None,
            Next::Guesses => None,
            Next::Reads(at) => Some(at),
        };

        let at = named.clone();
        let seen = self.resource_metadata(named).await;
        let (notes, named) = resource_metadata::judge(self.asked, &seen, client);
        self.notes.push(notes);
        let named = named?;

        let (notes, issuer) = issuer::judge(&named, is_local, client);
        self.notes.push(notes);
        let issuer = issuer?;

        let mut seen = Vec::new();
        for url in server_metadata::places(&issuer) {
            seen.push(self.place(url).await);
        }
        let (notes, chosen) = server_metadata::judge(&named, &seen, client);
        self.notes.push(notes);
        let chosen = chosen?;
        self.notes.push(server_members::judge(&chosen.members, is_local, client));
        self.token_endpoint(&chosen, is_local).await;

        if client.asks_from_a_page() {
            let metadata = at.unwrap_or_else(|| resource_metadata::places(self.url).0);
            let seen = self.ask_from_a_page(metadata, &chosen, is_local).await;
            self.notes.push(cors::judge(&seen, client));
        }
        Some(())
    }

    async fn place(&mut self, url: Url) -> Place {
        let found = Found::read(&self.document(&url, None).await);
        Place { url, found }
    }

    async fn document(&mut self, url: &Url, origin: Option<&str>) -> Result<Answer, NoAnswer> {
        let ask = Ask::new(Method::GET, url).with("accept", "application/json").with(VERSION.0, VERSION.1);
        self.outside.ask(if let Some(origin) = origin { ask.with("origin", origin) } else { ask }).await
    }

    async fn resource_metadata(&mut self, named: Option<Url>) -> resource_metadata::Seen {
        let (at_path, at_root) = resource_metadata::places(self.url);
        let at_path = self.place(at_path).await;
        let named = match named {
            Some(url) if url == at_path.url => Some(at_path.clone()),
            Some(url) => Some(self.place(url).await),
            None => None,
        };
        let at_root = match at_root {
            Some(url) => Some(self.place(url).await),
            None => None,
        };
        resource_metadata::Seen { named, at_path, at_root }
    }

    /// What a page asks for. The endpoints are asked only whether they may be asked.
    async fn ask_from_a_page(&mut self, metadata: Url, chosen: &server_metadata::Chosen, is_local: bool) -> Vec<cors::Seen> {
        let get = |url: Url| cors::Wish { method: "GET", url, headers: &["mcp-protocol-version"] };
        let mut seen = Vec::new();
        let wish =
            cors::Wish { method: "POST", url: self.url.clone(), headers: &["authorization", "content-type", "mcp-protocol-version"] };
        let preflight = self.preflight(&wish).await;
        let answer = self.outside.ask(first(&wish.url, Some(cors::ORIGIN))).await;
        seen.push(cors::Seen { wish, preflight, answer: Some(answer), is_challenge: true });
        for wish in [get(metadata), get(chosen.url.clone())] {
            let preflight = self.preflight(&wish).await;
            let answer = self.document(&wish.url, Some(cors::ORIGIN)).await;
            seen.push(cors::Seen { wish, preflight, answer: Some(answer), is_challenge: false });
        }
        for name in ["token_endpoint", "registration_endpoint"] {
            let Some(url) = endpoint(chosen, name, is_local) else { continue };
            let wish = cors::Wish { method: "POST", url, headers: &["content-type"] };
            let preflight = self.preflight(&wish).await;
            seen.push(cors::Seen { wish, preflight, answer: None, is_challenge: false });
        }
        seen
    }

    /// Nothing changes there: it can't but refuse.
    async fn token_endpoint(&mut self, chosen: &server_metadata::Chosen, is_local: bool) {
        let Some(url) = endpoint(chosen, "token_endpoint", is_local) else { return };
        let ask = Ask::new(Method::POST, &url).with("accept", "application/json").form(token_endpoint::WRONG_REQUEST);
        let answer = self.outside.ask(ask).await;
        self.notes.push(token_endpoint::judge(&url, &answer, self.client));
    }

    async fn preflight(&mut self, wish: &cors::Wish) -> Result<Answer, NoAnswer> {
        let ask = Ask::new(Method::OPTIONS, &wish.url)
            .with("origin", cors::ORIGIN)
            .with("access-control-request-method", wish.method)
            .with("access-control-request-headers", wish.headers.join(","));
        self.outside.ask(ask).await
    }
}

fn endpoint(chosen: &server_metadata::Chosen, name: &str, is_local: bool) -> Option<Url> {
    Url::parse(text(&chosen.members, name)?).ok().filter(|url| is_secure(url, is_local))
}

fn first<'a>(url: &'a Url, origin: Option<&str>) -> Ask<'a> {
    let ask = Ask::new(Method::POST, url).with("accept", "application/json, text/event-stream").json(INITIALIZE);
    if let Some(origin) = origin { ask.with("origin", origin) } else { ask }
}
