//! `portcullis doctor`: goes the way of a client, from outside, and says which step fails.
//!
//! `walk.rs` asks over the network and hands what it saw to `steps/`, which judge without
//! it; `finding.rs` is all that can be found, one section of `docs/doctor.md` each, and
//! `report.rs` tells it. It asks only what changes nothing at the servers asked.

mod client;
mod document;
mod finding;
mod outside;
mod report;
mod steps;
#[cfg(test)]
mod testing;
mod trace;
mod walk;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use url::Url;

use self::{client::Client, outside::Outside, report::Report, walk::Walk};
use super::{
    Global,
    failure::{Failure, Outcome},
};

/// Find out why a client can't connect to an MCP server
///
/// Goes the way of a client from outside: the challenge, the resource metadata wherever clients look, the issuer, the metadata of the
/// authorization server, what its token endpoint says to a stranger. It works for any MCP server and any authorization server, and asks only what changes nothing there.
/// Each finding has a code with a section in docs/doctor.md. Exit code 1 if something fails.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  portcullis doctor https://mcp.example.com/mcp\n  portcullis doctor https://mcp.example.com/mcp --as claude --strict"
)]
pub(super) struct Doctor {
    /// The MCP server, as people type its address into a client
    #[arg(value_name = "URL", value_parser = address)]
    url: Address,
    /// Go the way of this client [default: what all clients do that follow the specification]
    #[arg(long = "as", value_name = "CLIENT", value_enum)]
    client: Option<Client>,
    /// Exit with 1 for warnings, too
    #[arg(long)]
    strict: bool,
    /// Show each request and its answer on standard error, without secrets
    #[arg(long)]
    trace: bool,
    /// Trust the certificates in this PEM file as well as the system's
    #[arg(long, value_name = "FILE")]
    root_certificate: Option<PathBuf>,
}

/// An address as it was typed, and as it was understood.
#[derive(Clone, Debug)]
struct Address {
    typed: String,
    url: Url,
}

fn address(typed: &str) -> Result<Address, String> {
    let url = Url::parse(typed).map_err(|error| format!("{error}; it begins with https://"))?;
    if !matches!(url.scheme(), "https" | "http") || url.host().is_none() {
        return Err("it begins with https://".to_owned());
    }
    if url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err("no client takes a fragment, a name or a password in it".to_owned());
    }
    Ok(Address { typed: typed.to_owned(), url })
}

impl Doctor {
    pub(super) fn run(&self, global: &Global) -> Outcome {
        let client = self.client.unwrap_or_default();
        let outside = Outside::new(self.root_certificate.as_deref(), self.trace)?;
        let walk = Walk { asked: &self.url.typed, url: &self.url.url, client, outside, notes: Vec::new() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting the command")?;
        let report = Report::new(&self.url.typed, client, runtime.block_on(walk.walk()));
        global.output().show(&report, &report.for_people())?;
        if report.is_good(self.strict) {
            return Ok(());
        }
        Err(Failure::Failed(anyhow::anyhow!("{} is not well: {}", self.url.typed, report.counts())))
    }
}
