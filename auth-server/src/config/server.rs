//! The settings at the top of the file.

use std::{net::SocketAddr, path::PathBuf};

use ipnet::IpNet;

use super::{
    database::Database,
    master_key::MasterKey,
    resource::{Address, PublicAddress},
    section::section,
};
use crate::protocol::resource::ProtectedResource;

section! {
    /// The server and its place in the network.
    pub(super) Server at "" {
        /// The address by which people and clients reach this server, without a trailing slash: `https://auth.example.com`.
        /// It is the `iss` of every token and the name that clients remember, so choose it for years.
        /// Without it, the server is named after the loopback address on which it listens.
        issuer: Option<PublicAddress> = None;
        /// Take an issuer that ends in a slash, which is refused otherwise: the slash is then part of the name, letter for letter, in
        /// every token and document. It is for a name that is in use already; clients and servers lose or add a slash on the way and then
        /// find another issuer (`docs/protect-a-server.md`, "The slash").
        issuer_trailing_slash: bool = false;
        /// Where the server listens. On anything but loopback it wants TLS (`[tls]`) or a proxy that ends it (`trusted_proxies`).
        listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8080));
        /// The folder of the database and the master key. Without it: the service manager's state folder (`STATE_DIRECTORY`),
        /// else `portcullis` in the XDG data folder, which is `~/.local/share/portcullis`.
        data_dir: Option<PathBuf> = None;
        /// Where what must survive is kept: `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/NAME`. Without it, SQLite in the data folder.
        database: Option<Database> = None;
        /// A file that has the database's address in it, where that must not stand here because of its password.
        database_file: Option<PathBuf> = None;
        /// The key that seals the signing keys: 32 bytes in base64. Better is a file, since variables and files of settings are read by many.
        master_key: Option<MasterKey> = None;
        /// A file that has the master key in it. Without it, `master.key` in the data folder, made at the first start.
        master_key_file: Option<PathBuf> = None;
        /// The addresses of proxies in front of this server, as networks: `["10.0.0.0/8"]`. Their word about a client's address
        /// (`X-Forwarded-For`) counts, and they are what ends TLS where `[tls]` is not set.
        trusted_proxies: Vec<IpNet> = Vec::new();
        /// MCP servers that get tokens from here. An address is enough: `resources = ["https://mcp.example.com/mcp"]`.
        /// In full: `{ url = "https://mcp.example.com/mcp", name = "Files", scopes = { "files:read" = "Read your files" } }`, with
        /// `aliases`, `default_scopes` (else the first scope), `token_lifetime`, `signing_algorithm`, `origin_alias` (the bare origin means it
        /// too) and `people` (the user names of those who may use it) if need be.
        /// An access token with all scopes of one has fewer than 2048 bytes, which leaves room for some 1000 bytes of names.
        /// More can be added while the server runs: `portcullis resource add`.
        resources: Vec<ProtectedResource> = Vec::new();
        /// The resource of clients that name none. Without it, the only one there is; with several, such clients are refused.
        /// It may be one that is added by command later; as long as there is none of that name, it counts for nothing, and the log warns
        /// at every start.
        default_resource: Option<Address> = None;
    }
}
