//! Certificates that vouch for themselves.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

/// A certificate and its key, in files of their own.
pub(crate) struct Certificate {
    folder: TempDir,
}

impl Certificate {
    /// For this computer.
    pub(crate) fn new() -> Self {
        Self::naming("DNS:localhost,IP:127.0.0.1")
    }

    /// For these names and addresses, written as in a certificate.
    pub(crate) fn naming(names: &str) -> Self {
        let made = Self { folder: tempfile::tempdir().unwrap() };
        let openssl = Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=localhost",
            ])
            .args(["-addext", &format!("subjectAltName={names}"), "-addext", "basicConstraints=critical,CA:FALSE"])
            .arg("-keyout")
            .arg(made.key())
            .arg("-out")
            .arg(made.certificate())
            .output()
            .expect("openssl is installed: tests/prepare");
        assert!(openssl.status.success(), "{openssl:?}");
        made
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    /// Puts another pair where this one stood; this one is kept in `aside`.
    pub(crate) fn replace_with(&self, other: &Self, aside: &Path) {
        fs::copy(self.certificate(), aside).unwrap();
        fs::copy(other.certificate(), self.certificate()).unwrap();
        fs::copy(other.key(), self.key()).unwrap();
    }
}
