//! TLS towards others: the system's root certificates, and those the operator adds.

use std::sync::Arc;

use anyhow::Context as _;
use rustls::{
    ClientConfig,
    pki_types::{CertificateDer, pem::PemObject as _},
};

/// TLS 1.2 or 1.3 and HTTP/1.1; the certificate is checked for the name.
pub(super) fn client_config(extra_roots: &[String]) -> anyhow::Result<Arc<ClientConfig>> {
    let mut roots = Vec::new();
    for text in extra_roots {
        for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
            roots.push(certificate.context("a root certificate for fetching is malformed")?);
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let platform = rustls_platform_verifier::Verifier::new_with_extra_roots(roots, Arc::clone(&provider))?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        // "Dangerous" is any check of certificates that is chosen by hand. This is the system's.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(platform))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
