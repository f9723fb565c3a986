//! The algorithms that access tokens are signed with (RFC 7518 §3.1, RFC 8037 §3.1).

super::text::names! {
    /// An algorithm for signing access tokens: asymmetric, never `none`.
    SigningAlgorithm, unknown
    /// The algorithm is none that this server signs with.
    UnknownAlgorithm("the algorithm is none of ES256, EdDSA, RS256, PS256"):
    /// ECDSA on P-256 with SHA-256, the default: small signatures, known to every library.
    Es256 = "ES256",
    /// Ed25519.
    EdDsa = "EdDSA",
    /// RSASSA-PKCS1-v1_5 with SHA-256, for libraries that know nothing else.
    Rs256 = "RS256",
    /// RSASSA-PSS with SHA-256.
    Ps256 = "PS256",
}

#[expect(clippy::derivable_impls, reason = "the macro that makes the enumeration knows no default")]
impl Default for SigningAlgorithm {
    fn default() -> Self {
        Self::Es256
    }
}
