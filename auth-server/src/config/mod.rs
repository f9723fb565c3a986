//! What the operator set: defaults, one TOML file, environment, flags, in rising precedence.
//!
//! The rest of the program sees only [`Config`], in which every value is valid.

mod authorization;
mod check;
mod client_documents;
mod database;
mod duration;
mod egress;
mod file;
mod limits;
mod load;
mod log;
mod master_key;
mod origin;
mod reader;
mod reference;
mod registration;
mod resource;
mod schema;
mod section;
mod server;
mod session;
#[cfg(test)]
mod tests;
mod tls;
mod tokens;
mod value;

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use ipnet::IpNet;
use portcullis_verifier::vocabulary::Issuer;
use serde_json::Value as Json;

use crate::protocol::resource::ProtectedResource;

pub use authorization::{Authorization, ErrorRedirects};
pub use client_documents::{ClientDocuments, DocumentMode};
pub use database::Database as Location;
pub(crate) use duration::{parse as parse_duration, write as write_duration};
pub use egress::Egress;
pub use limits::Limits;
pub use load::{Sources, load};
pub use log::{Level, Log, LogFormat, SourceAddress};
pub use master_key::MasterKeySource;
pub(crate) use origin::nearest;
pub use origin::{Mistake, Mistakes, Origin};
pub use reference::reference;
pub use registration::{Registration, RegistrationMode};
pub(crate) use resource::{described, lifetimes as resource_lifetimes, usual_scopes};
pub use schema::{schema, settings};
pub use section::Setting;
pub use session::Session;
pub use tls::Tls;
pub use tokens::Tokens;

/// The configuration in force. See `docs/configuration.md` for what each setting means.
#[derive(Clone, Debug)]
pub struct Config {
    /// This server's name, the `iss` of its tokens.
    pub issuer: Issuer,
    /// Where it listens.
    pub listen: SocketAddr,
    /// The folder of the database and the master key.
    pub data_dir: PathBuf,
    /// The configuration file that was read.
    pub file: Option<PathBuf>,
    /// Where what must survive is kept.
    pub database: Location,
    /// The certificate, where this server ends TLS itself.
    pub tls: Option<Tls>,
    /// Proxies whose word about the client's address counts.
    pub trusted_proxies: Vec<IpNet>,
    /// How long a person stays signed in.
    pub session: Session,
    /// Codes, access tokens and refresh tokens.
    pub tokens: Tokens,
    /// Requests that wait for a person.
    pub authorization: Authorization,
    /// Clients that register themselves.
    pub registration: Registration,
    /// Clients that are known by a document of their own.
    pub client_documents: ClientDocuments,
    /// What is read from addresses that clients name.
    pub egress: Egress,
    /// How often something may fail.
    pub limits: Limits,
    /// Protected resources that stand in the file; those of the database come on top.
    pub resources: Vec<ProtectedResource>,
    /// The resource of a request that names none, as it is registered.
    pub default_resource: Option<String>,
    /// What is written down while the server runs.
    pub log: Log,
    /// Where the key comes from that seals the signing keys.
    pub master_key: MasterKeySource,
    /// What was set to something else than the default, as it is written; no secrets.
    pub chosen: BTreeMap<&'static str, Json>,
}

impl Config {
    /// The configuration of a server that was told nothing but its data folder.
    pub fn default_in(data_dir: impl Into<PathBuf>) -> Result<Self, Mistakes> {
        let data_dir = data_dir.into().to_string_lossy().into_owned();
        load(&Sources { flags: vec![("data_dir", "--data-dir".to_owned(), data_dir)], ..Sources::default() })
    }
}
