//! EA-164: an issuer that clients would not find, or not believe.

use crate::harness::{Setup, Store};

/// OA-MD-01, MCP-AS-05: refused with the key and what to do.
pub(super) fn such_an_issuer_is_refused() {
    for (issuer, says) in [
        ("https://auth.example.com/", "slash"),
        ("https://auth.example.com/tenant/", "slash"),
        ("https://auth.example.com?x=1", "query"),
        ("https://auth.example.com#x", "fragment"),
        ("https://u:p@auth.example.com", "user"),
        ("http://auth.example.com", "https"),
        ("http://192.168.0.5:8080", "https"),
        ("ftp://auth.example.com", "https"),
        ("auth.example.com", "https"),
    ] {
        let setup = Setup::on(Store::Sqlite).settings(&format!("issuer = \"{issuer}\"\ntrusted_proxies = [\"10.0.0.0/8\"]"));
        let ran = setup.refused();
        assert_eq!(ran.status.code(), Some(2), "{issuer}: {ran:?}");
        assert!(ran.stderr.contains("issuer") && ran.stderr.to_lowercase().contains(says), "{issuer}: {}", ran.stderr);
    }
}
