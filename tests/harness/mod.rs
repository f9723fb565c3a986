//! The cast of the stories: a server, its databases, a person, a client.

mod answer;
mod ask;
mod client;
mod html;
mod person;
mod port;
mod postgres;
mod redis;
mod server;
mod store;

pub(crate) use answer::Answer;
pub(crate) use ask::Ask;
pub(crate) use client::{Client, Tokens};
pub(crate) use html::Form;
pub(crate) use person::{Person, Place};
pub(crate) use port::free_port;
pub(crate) use redis::Redis;
pub(crate) use server::{Ran, Server, Setup};
pub(crate) use store::{Store, on_both_stores};

use std::sync::Once;

/// The MCP server that the stories are about, unless they name another.
pub(crate) const FILES: &str = "https://files.example.com/mcp";
/// A second one.
pub(crate) const MAIL: &str = "https://mail.example.com/mcp";
/// Where clients of the stories wait for the browser.
pub(crate) const CALLBACK: &str = "https://client.example.com/callback";

/// An HTTP client that follows no redirect, asks no proxy and waits a minute at most.
pub(crate) fn http() -> reqwest::Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // Another library of this process may have chosen one already; any will do.
        let _chosen_before = rustls::crypto::aws_lc_rs::default_provider().install_default();
    });
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(std::time::Duration::from_mins(1))
        .build()
        .unwrap()
}

/// Text nobody else has.
pub(crate) fn random_text() -> String {
    use base64::Engine as _;
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).unwrap();
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}
