//! `[tls]`: the certificate, where this server ends TLS itself.

use std::path::PathBuf;

use super::section::section;

section! {
    /// The certificate, where this server ends TLS itself. Only TLS 1.3 is spoken.
    pub(super) TlsFiles at "tls" {
        /// The certificate and those that vouch for it, in PEM, the server's own first.
        certificate: Option<PathBuf> = None;
        /// The private key, in PEM.
        key: Option<PathBuf> = None;
    }
}

/// The files of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The chain, in PEM.
    pub certificate: PathBuf,
    /// The private key, in PEM.
    pub key: PathBuf,
}
