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
    #[cfg(feature = "aws-lc-rs")]
    Rsa(Vec<u8>, Vec<u8>),
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
    #[expect(clippy::unnecessary_wraps, reason = "without the feature there is no RSA; both have one shape")]
    pub(super) fn rsa(n: &[u8], e: &[u8]) -> Result<Self, JwkError> {
        Ok(Self::Rsa(n.to_vec(), e.to_vec()))
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
            Self::Rsa(n, e) => {
                use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents};
                let parameters = match algorithm {
                    Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
                    Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
                    Algorithm::Es256 | Algorithm::EdDsa => return false,
                };
                RsaPublicKeyComponents { n, e }.verify(parameters, message, signature).is_ok()
            }
        }
    }
}
