//! Making key pairs and taking them apart.

use std::fmt;

use anyhow::Context as _;
use josekit::{
    jwk::{
        Jwk, KeyPair,
        alg::{
            ec::{EcCurve, EcKeyPair},
            ed::{EdCurve, EdKeyPair},
            rsa::RsaKeyPair,
        },
    },
    jws::{ES256, EdDSA, JwsSigner, PS256, RS256},
};
use portcullis_verifier::jwk;
use serde_json::{Map, Value};

use crate::{protocol::vocabulary::SigningAlgorithm, secret::Secret};

/// Our own RSA keys are longer than the 2048 bits others may have.
const RSA_BITS: u32 = 3072;

/// A key pair, before it is sealed or after it was opened.
#[derive(Clone)]
pub struct KeyMaterial {
    /// RFC 7638 thumbprint of the public key.
    pub kid: String,
    /// The one algorithm it is for.
    pub algorithm: SigningAlgorithm,
    /// The public key as it stands in the JWKS.
    pub public_jwk: Map<String, Value>,
    /// PKCS#8.
    pub private_der: Secret<Vec<u8>>,
}

impl KeyMaterial {
    /// Makes a key pair. RSA takes a second or so: call it where that may block.
    pub fn generate(algorithm: SigningAlgorithm) -> anyhow::Result<Self> {
        let made = match algorithm {
            SigningAlgorithm::Es256 => Self::take_apart(algorithm, &EcKeyPair::generate(EcCurve::P256)?),
            SigningAlgorithm::EdDsa => Self::take_apart(algorithm, &EdKeyPair::generate(EdCurve::Ed25519)?),
            SigningAlgorithm::Rs256 => Self::take_apart(algorithm, &RsaKeyPair::generate(RSA_BITS)?),
            SigningAlgorithm::Ps256 => Self::take_apart(algorithm, &PS256.generate_key_pair(RSA_BITS)?),
        };
        made.with_context(|| format!("making a key for {}", algorithm.as_str()))
    }

    fn take_apart(algorithm: SigningAlgorithm, pair: &impl KeyPair) -> anyhow::Result<Self> {
        let public: Jwk = pair.to_jwk_public_key();
        let mut public_jwk: Map<String, Value> = public.as_ref().clone();
        public_jwk.retain(|member, _| matches!(member.as_str(), "kty" | "crv" | "x" | "y" | "n" | "e"));
        let kid = jwk::Jwk::from_json(&serde_json::to_vec(&public_jwk)?)?.thumbprint().to_owned();
        for (member, value) in [("kid", kid.as_str()), ("alg", algorithm.as_str()), ("use", "sig")] {
            public_jwk.insert(member.to_owned(), Value::String(value.to_owned()));
        }
        Ok(Self { kid, algorithm, public_jwk, private_der: Secret::new(pair.to_der_private_key()) })
    }

    /// A signer, built once: building one costs as much as twenty signatures.
    pub fn signer(&self) -> anyhow::Result<Box<dyn JwsSigner>> {
        let der = self.private_der.expose();
        let signer: Box<dyn JwsSigner> = match self.algorithm {
            SigningAlgorithm::Es256 => Box::new(ES256.signer_from_der(der)?),
            SigningAlgorithm::EdDsa => Box::new(EdDSA.signer_from_der(der)?),
            SigningAlgorithm::Rs256 => Box::new(RS256.signer_from_der(der)?),
            SigningAlgorithm::Ps256 => Box::new(PS256.signer_from_der(der)?),
        };
        Ok(signer)
    }
}

impl fmt::Debug for KeyMaterial {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} key {}", self.algorithm.as_str(), self.kid)
    }
}
