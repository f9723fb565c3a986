//! The corpus of clients: what real MCP clients are known to send, replayed against
//! the real server.
//!
//! One client is one file of `clients/`, in the words that `card.rs` explains; adding
//! a client is adding a file. A file holds what somebody vouches for, with grade and
//! source, and leaves out what nobody knows. `replay.rs` makes each client connect the
//! way it does: it registers, sends a person, redeems the code, refreshes. `quirks.toml`
//! lists the oddities (`K-01` to `K-34`) that broke other servers; what needs more
//! than one client's own way of connecting is told in `stories.rs`.
//! `CLIENT=vscode ./tests/run --test blackbox corpus::` replays one client.

mod card;
mod quirks;
mod replay;
mod stories;
mod vendors;

use std::{collections::BTreeSet, fs};

use card::{Card, cards};
use replay::{Mode, replay};

use crate::harness::on_both_stores;

on_both_stores! {
    // MCP-AS-29, MCP-AS-56, MCP-AS-57, MCP-AS-72, MCP-AS-74, MCP-AS-92, MCP-AS-94, MCP-AS-110…116, MCP-AS-125, MCP-AS-131…138, MCP-AS-150
    // K-01, K-02, K-03, K-04, K-10, K-12, K-13, K-14, K-15, K-16, K-17, K-18, K-20, K-24, K-32, K-33
    async fn every_client_connects_where_anybody_may_register(store: Store) { replay(store, Mode::Open).await; }

    // MCP-AS-130, OA-DR-03: those that register are told the token, the others are the operator's
    async fn every_client_connects_where_registration_needs_a_token(store: Store) { replay(store, Mode::InitialAccessToken).await; }

    // MCP-AS-100, OA-DR-02, K-27
    async fn every_client_connects_where_the_operator_adds_it(store: Store) { replay(store, Mode::Off).await; }
}

/// What the list of known clients names, one for one.
const KNOWN: &[&str] = &[
    "Claude.ai web, Desktop, mobile, Cowork",
    "Claude Code",
    "ChatGPT connectors and apps",
    "Codex CLI and app",
    "Cursor",
    "VS Code",
    "MCP Inspector",
    "mcp-remote",
    "FastMCP Python client",
    "Make.com (MCP Client module)",
    "Gemini CLI",
    "Gemini Spark and custom apps",
    "Goose",
    "Windsurf",
    "Zed",
    "OpenCode",
    "Mistral Le Chat",
    "Copilot Studio",
    "Microsoft 365 Copilot",
    "Grok",
    "Perplexity",
    "Devin",
    "Google Antigravity",
    "n8n",
    "LibreChat",
    "MCP TypeScript SDK",
    "MCP Python SDK",
    "FastMCP OAuthProxy",
];

#[test]
fn every_known_client_has_its_file() {
    let titles: Vec<String> = cards().into_iter().map(|card| card.title).collect();
    let missing: Vec<_> = KNOWN.iter().filter(|known| !titles.iter().any(|title| title == *known)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert_eq!(titles.iter().collect::<BTreeSet<_>>().len(), titles.len(), "two files for one client");
}

/// Nobody keeps a list of the files: what lies in the folder is replayed.
#[test]
fn adding_a_client_is_adding_a_file() {
    let files = fs::read_dir(card::folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let files: BTreeSet<String> = files.collect();
    let read: BTreeSet<String> = cards().iter().map(|card| format!("{}.toml", card.file)).collect();
    assert_eq!(read, files);
}

#[test]
fn every_file_says_who_vouches_for_what() {
    for card in cards() {
        let Card { file, evidence, visits, not_replayed, .. } = &card;
        assert!(!evidence.is_empty(), "{file}: no evidence");
        for piece in evidence {
            assert!(!piece.fact.is_empty() && !piece.source.is_empty(), "{file}: {piece:?}");
        }
        assert_eq!(visits.is_empty(), not_replayed.is_some(), "{file}: a client connects, or the file says why that can not be replayed");
        let ways = card.ways();
        for visit in visits {
            let is_made = visit.ways.is_empty() || visit.ways.iter().any(|way| ways.contains(way));
            assert!(is_made && !ways.is_empty(), "{file}: {} is never replayed", visit.about);
            assert!(visit.refused.iter().all(|way| ways.contains(way)), "{file}: {}", visit.about);
        }
    }
}
