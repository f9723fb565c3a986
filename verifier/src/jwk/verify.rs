//! Checking signatures, with whichever library this build has.

#[cfg(not(feature = "aws-lc-rs"))]
use p256::ecdsa::{Signature, signature::Verifier as _};
use p256::{Sec1Point, ecdsa::VerifyingKey};

use super::{Algorithm, JwkError};

/// A key, parsed once.
#[derive(Debug)]
pub(super) enum Material {
    #[cfg(feature = "aws-lc-rs")]
    Ed25519(aws_lc_rs::signature::ParsedPublicKey),
    #[cfg(feature = "aws-lc-rs")]
    P256(aws_lc_rs::signature::ParsedPublicKey),
    #[cfg(not(feature = "aws-lc-rs"))]
    P256(VerifyingKey),
    /// For PKCS#1 v1.5, and for PSS.
    #[cfg(feature = "aws-lc-rs")]
    Rsa(aws_lc_rs::signature::ParsedPublicKey, aws_lc_rs::signature::ParsedPublicKey),
}

impl Material {
    pub(super) fn p256(x: &[u8; 32], y: &[u8; 32]) -> Result<Self, JwkError> {
        let point = Sec1Point::from_affine_coordinates(&(*x).into(), &(*y).into(), false);
        let checked = VerifyingKey::from_sec1_point(&point).map_err(|_| JwkError::NotOnCurve)?;
        #[cfg(feature = "aws-lc-rs")]
        {
            let parsed = aws_lc_rs::signature::ParsedPublicKey::new(
                &aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED,
                checked.to_sec1_point(false).as_bytes(),
            );
            parsed.map(Self::P256).map_err(|_| JwkError::NotOnCurve)
        }
        #[cfg(not(feature = "aws-lc-rs"))]
        Ok(Self::P256(checked))
    }

    #[cfg(feature = "aws-lc-rs")]
    pub(super) fn ed25519(x: &[u8; 32]) -> Result<Self, JwkError> {
        let parsed = aws_lc_rs::signature::ParsedPublicKey::new(&aws_lc_rs::signature::ED25519, x);
        parsed.map(Self::Ed25519).map_err(|_| JwkError::NotOnCurve)
    }

    #[cfg(not(feature = "aws-lc-rs"))]
    pub(super) fn ed25519(_: &[u8; 32]) -> Result<Self, JwkError> {
        Err(JwkError::Unsupported)
    }

    #[cfg(feature = "aws-lc-rs")]
    pub(super) fn rsa(n: &[u8], e: &[u8]) -> Result<Self, JwkError> {
        use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents};
        let parsed = |parameters| RsaPublicKeyComponents { n, e }.to_parsed_public_key(parameters).map_err(|_| JwkError::Malformed);
        Ok(Self::Rsa(parsed(&RSA_PKCS1_2048_8192_SHA256)?, parsed(&RSA_PSS_2048_8192_SHA256)?))
    }

    #[cfg(not(feature = "aws-lc-rs"))]
    pub(super) fn rsa(_: &[u8], _: &[u8]) -> Result<Self, JwkError> {
        Err(JwkError::Unsupported)
    }

    pub(super) fn fits(&self, algorithm: Algorithm) -> bool {
        match self {
            #[cfg(feature = "aws-lc-rs")]
            Self::Ed25519(_) => algorithm == Algorithm::EdDsa,
            Self::P256(_) => algorithm == Algorithm::Es256,
            #[cfg(feature = "aws-lc-rs")]
            Self::Rsa(..) => matches!(algorithm, Algorithm::Rs256 | Algorithm::Ps256),
        }
    }

    /// Whether `signature` is this key's over `message`. The form is strict: for
    /// ECDSA r and s, 32 bytes each, not zero and below the order (RFC 7518 §3.4).
    pub(super) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match self {
            #[cfg(feature = "aws-lc-rs")]
            Self::Ed25519(key) => algorithm == Algorithm::EdDsa && key.verify_sig(message, signature).is_ok(),
            #[cfg(feature = "aws-lc-rs")]
            Self::P256(key) => algorithm == Algorithm::Es256 && signature.len() == 64 && key.verify_sig(message, signature).is_ok(),
            #[cfg(not(feature = "aws-lc-rs"))]
            Self::P256(key) => {
                algorithm == Algorithm::Es256
                    && Signature::from_slice(signature).is_ok_and(|signature| key.verify(message, &signature).is_ok())
            }
            #[cfg(feature = "aws-lc-rs")]
            Self::Rsa(pkcs1, pss) => match algorithm {
                Algorithm::Rs256 => pkcs1.verify_sig(message, signature).is_ok(),
                Algorithm::Ps256 => pss.verify_sig(message, signature).is_ok(),
                Algorithm::Es256 | Algorithm::EdDsa => false,
            },
        }
    }
}

#[cfg(all(test, feature = "aws-lc-rs"))]
mod tests {
    use aws_lc_rs::{
        rand::SystemRandom,
        rsa::KeySize,
        signature::{KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair},
    };

    use super::*;

    // OA-JW-07, RFC 7518 §3.3 and §3.5
    #[test]
    fn an_rsa_key_checks_each_algorithm_by_its_own_padding() {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let key = Material::rsa(&pair.public_key().as_ref()[9..9 + 256], &[1, 0, 1]).unwrap();
        let sign = |padding: &'static dyn RsaEncoding| {
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(padding, &SystemRandom::new(), b"message", &mut signature).unwrap();
            signature
        };
        let (pkcs1, pss) = (sign(&RSA_PKCS1_SHA256), sign(&RSA_PSS_SHA256));
        for (algorithm, own, other) in [(Algorithm::Rs256, &pkcs1, &pss), (Algorithm::Ps256, &pss, &pkcs1)] {
            assert!(key.verifies(algorithm, b"message", own), "{algorithm:?}");
            assert!(!key.verifies(algorithm, b"massage", own), "{algorithm:?}");
            assert!(!key.verifies(algorithm, b"message", other), "{algorithm:?}");
        }
        assert!(!key.verifies(Algorithm::Es256, b"message", &pkcs1));
    }
}
