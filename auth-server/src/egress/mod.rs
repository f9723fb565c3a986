//! The one way out to addresses that strangers name: metadata documents, their keys
//! and logos (MCP-AS-117, OA-CM-24).
//!
//! Whoever can make a server fetch an address can look around in its network. So every
//! address of the name has to be on the internet, the connection is made to the very
//! address that was checked, nothing is followed, nothing is sent along, and time, size
//! and number are bounded.

mod budget;
mod error;
mod exchange;
mod freshness;
mod network;
mod routable;
mod tls;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

pub use error::EgressError;
pub use network::{Internet, Network};

use self::budget::Budget;
use crate::protocol::vocabulary::{ExternalUrl, HostKind};

/// Fetches what strangers name.
#[derive(Debug)]
pub struct Egress<N = Internet> {
    network: N,
    reach: Reach,
    tls: Arc<ClientConfig>,
    budget: Budget,
}

/// What may be fetched from at all.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// Ports beside 443.
    pub ports: Vec<u16>,
    /// Whether this computer is within reach, on any port: for development.
    pub loopback: bool,
    /// Hosts of this server, in lower case.
    pub own_hosts: Vec<String>,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Where it stands.
    pub url: &'a ExternalUrl,
    /// What it has to be.
    pub kind: MediaKind,
    /// The version that is known already.
    pub etag: Option<&'a str>,
    /// More is not read, in bytes.
    pub most_bytes: usize,
}

/// What an answer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaKind {
    /// `application/json`, or a kind of it.
    Json,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The document.
    Document(Document),
    /// The version that is known is the latest.
    NotModified {
        /// How much longer it is.
        fresh_for: Option<TimeDelta>,
    },
}

/// A document, as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its bytes.
    pub body: Vec<u8>,
    /// The name of this version.
    pub etag: Option<String>,
    /// How long the sender lets it be kept.
    pub fresh_for: Option<TimeDelta>,
}

/// Until there is a connection, and until the last byte (OA-CM-11).
const PATIENCE_FOR_CONNECTION: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(5);
/// Some names have dozens of addresses. Nobody waits for that many.
const MOST_ADDRESSES_TRIED: usize = 3;

impl<N: Network> Egress<N> {
    /// A way out over this network. It trusts the system's root certificates, and these (PEM).
    pub fn new(network: N, reach: Reach, extra_roots: &[String]) -> anyhow::Result<Self> {
        Ok(Self { network, reach, tls: tls::client_config(extra_roots)?, budget: Budget::default() })
    }

    /// What can be said of an address without looking its host up.
    pub fn permits(&self, url: &ExternalUrl) -> Result<(), EgressError> {
        self.reach.permits(url)
    }

    /// Reads an address.
    pub async fn get(&self, ask: Ask<'_>, now: DateTime<Utc>) -> Result<Answer, EgressError> {
        self.reach.permits(ask.url)?;
        let _permit = self.budget.spend(ask.url.host(), now)?;
        timeout(PATIENCE, self.fetch(ask)).await.map_err(|_| EgressError::TimedOut)?
    }

    async fn fetch(&self, ask: Ask<'_>) -> Result<Answer, EgressError> {
        let addresses = self.addresses(ask.url).await?;
        let connection = timeout(PATIENCE_FOR_CONNECTION, self.dial(&addresses)).await.map_err(|_| EgressError::TimedOut)??;
        let name = ask.url.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(name).map_err(|error| unreachable(&error))?;
        let secured = TlsConnector::from(Arc::clone(&self.tls)).connect(name, connection).await.map_err(|error| unreachable(&error))?;
        exchange::exchange(secured, &ask).await
    }

    /// The addresses of the host, asked for once: good all of them, or none is used.
    async fn addresses(&self, url: &ExternalUrl) -> Result<Vec<SocketAddr>, EgressError> {
        let addresses = self.network.resolve(url.host()).await.map_err(|_| EgressError::Unresolved)?;
        let is_good = |address: std::net::IpAddr| match url.kind() {
            HostKind::Public => routable::is_routable(address),
            HostKind::Loopback => address.is_loopback(),
        };
        if let Some(bad) = addresses.iter().find(|address| !is_good(**address)) {
            return Err(EgressError::NotRoutable(*bad));
        }
        if addresses.is_empty() {
            return Err(EgressError::Unresolved);
        }
        Ok(addresses.into_iter().take(MOST_ADDRESSES_TRIED).map(|address| SocketAddr::new(address, url.port())).collect())
    }

    /// A connection to the first address that answers, and to no other than was asked for.
    async fn dial(&self, addresses: &[SocketAddr]) -> Result<N::Connection, EgressError> {
        let mut failure = EgressError::Unresolved;
        for address in addresses {
            match self.network.connect(*address).await {
                Ok((connection, peer)) if peer.ip().to_canonical() == address.ip().to_canonical() => return Ok(connection),
                Ok((_, peer)) => failure = EgressError::NotRoutable(peer.ip()),
                Err(error) => failure = unreachable(&error),
            }
        }
        Err(failure)
    }
}

impl Reach {
    /// What can be said of an address before its name is looked up (OA-CM-03, OA-CM-07).
    fn permits(&self, url: &ExternalUrl) -> Result<(), EgressError> {
        match url.kind() {
            HostKind::Loopback if self.loopback => return Ok(()),
            HostKind::Loopback => return Err(EgressError::Loopback),
            HostKind::Public => {}
        }
        if self.own_hosts.iter().any(|own| own == url.host()) {
            return Err(EgressError::OwnHost);
        }
        if url.port() == 443 || self.ports.contains(&url.port()) { Ok(()) } else { Err(EgressError::Port(url.port())) }
    }
}

impl MediaKind {
    fn accept(self) -> &'static str {
        match self {
            Self::Json => "application/json",
        }
    }

    fn is(self, essence: &str) -> bool {
        match self {
            Self::Json => essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json")),
        }
    }
}

fn unreachable(error: &dyn std::error::Error) -> EgressError {
    EgressError::Unreachable(error.to_string())
}
