//! The cast of the stories: a server, its databases, a person, a client.

mod answer;
mod ask;
mod bare;
mod browser;
mod certificate;
mod client;
mod foreign;
mod html;
mod inside;
mod person;
mod port;
mod postgres;
mod raw;
#[expect(dead_code, reason = "waits for the story of many replicas")]
mod redis;
mod server;
mod store;
mod terminal;

pub(crate) use answer::Answer;
pub(crate) use ask::{Ask, challenge_of};
pub(crate) use bare::{Bare, Serving};
pub(crate) use browser::{Browser, Screen, Theme};
pub(crate) use certificate::Certificate;
pub(crate) use client::{Client, Tokens, basic};
pub(crate) use foreign::{Foreign, Reply};
pub(crate) use html::{Form, forms};
pub(crate) use person::{Person, Place};
pub(crate) use port::free_port;
pub(crate) use postgres::Postgres;
pub(crate) use raw::raw;
pub(crate) use server::{PASSWORD, Ran, Server, Setup, encoded};
pub(crate) use store::{Store, on_both_stores};
pub(crate) use terminal::Terminal;

use std::{
    path::Path,
    sync::Once,
    time::{Duration, Instant},
};

/// The MCP server that the stories are about, unless they name another.
pub(crate) const FILES: &str = "https://files.example.com/mcp";
/// A second one.
pub(crate) const MAIL: &str = "https://mail.example.com/mcp";
/// Where clients of the stories wait for the browser.
pub(crate) const CALLBACK: &str = "https://client.example.com/callback";

/// An HTTP client that follows no redirect, asks no proxy and waits a minute at most.
pub(crate) fn http() -> reqwest::Client {
    trusting(None).build().unwrap()
}

/// The same, not built yet; it trusts this certificate and no other.
pub(crate) fn trusting(certificate: Option<&Path>) -> reqwest::ClientBuilder {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // Another library of this process may have chosen one already; any will do.
        let _chosen_before = rustls::crypto::aws_lc_rs::default_provider().install_default();
    });
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().timeout(Duration::from_mins(1));
    match certificate {
        Some(file) => client.tls_certs_only([reqwest::Certificate::from_pem(&std::fs::read(file).unwrap()).unwrap()]),
        None => client,
    }
}

/// Longer than anything takes on any machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Asks again until it is so: for what another process does in its own time.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !is_so().await {
        assert!(started.elapsed() < PATIENCE, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What time it is for the test, whatever its server was told.
pub(crate) fn now() -> chrono::DateTime<chrono::Utc> {
    portcullis::clock::Clock::system().now()
}

/// Text nobody else has.
pub(crate) fn random_text() -> String {
    use base64::Engine as _;
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).unwrap();
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

/// Almost this secret: its last character is another.
pub(crate) fn spoiled(secret: &str) -> String {
    let (rest, last) = secret.split_at(secret.len() - 1);
    format!("{rest}{}", if last == "A" { 'B' } else { 'A' })
}
