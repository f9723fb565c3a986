//! `[egress]`: what this server reads from addresses that clients name.

use std::path::PathBuf;

use super::section::section;

section! {
    /// What this server reads from addresses that clients name: metadata documents and keys. Only addresses of the public internet
    /// are read, over https, without a proxy, and no redirect is followed.
    pub(super) EgressFiles at "egress" {
        /// Ports that are read from, besides 443.
        ports: Vec<u16> = Vec::new();
        /// For developing a client: also read from this computer (`https://localhost:8443/client.json`), on any port. It has an effect
        /// only while this server's own address is one of this computer.
        loopback: bool = false;
        /// Certificates in PEM that may vouch for others, besides those that the system trusts.
        root_certificates: Vec<PathBuf> = Vec::new();
    }
}

/// What may be read, and whom to believe.
#[derive(Clone, Debug, Default)]
pub struct Egress {
    /// Ports besides 443.
    pub ports: Vec<u16>,
    /// Whether this computer may be read from.
    pub loopback: bool,
    /// Root certificates besides the system's, in PEM.
    pub root_certificates: Vec<String>,
}
