//! The server's own certificate and its private key, out of their files. The same
//! judgement for a check, a start and a renewal.

use std::{path::Path, sync::Arc};

use anyhow::Context as _;
use rustls::{
    ServerConfig,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{Error as PemError, PemObject as _},
    },
    version::TLS13,
};

use super::private_file::refuse_open_to_others;

/// The certificate and those that vouch for it, the server's own first.
///
/// # Errors
/// The file can't be read, or has no certificate in PEM.
pub fn certificate_chain(file: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = read.map_err(|error| unreadable(file, "certificate", &error))?;
    anyhow::ensure!(!chain.is_empty(), "{} has no certificate in PEM", file.display());
    Ok(chain)
}

/// The key of the certificate, out of a file that only its owner reads (OA-JW-17).
///
/// # Errors
/// The file can't be read or others can read it, too; or it has no private key in PEM.
pub fn private_key(file: &Path) -> anyhow::Result<PrivateKeyDer<'static>> {
    refuse_open_to_others(file, "the private key")?;
    PrivateKeyDer::from_pem_file(file).map_err(|error| unreadable(file, "private key without a password", &error))
}

/// TLS 1.3 under this certificate.
///
/// # Errors
/// The key is another certificate's.
pub fn tls_config(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> anyhow::Result<ServerConfig> {
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .context("choosing TLS 1.3")?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("certificate and private key do not belong together")
}

/// Of a key nothing is said but that it is none.
fn unreadable(file: &Path, what: &str, error: &PemError) -> anyhow::Error {
    let name = file.display();
    if let PemError::Io(error) = error {
        return anyhow::anyhow!("{name} cannot be read: {error}");
    }
    anyhow::anyhow!("{name} has no {what} in PEM")
}
