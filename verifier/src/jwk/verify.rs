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
        if ed25519_is_weak(x) {
            return Err(JwkError::Weak);
        }
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

/// The y of the points of small order, on both sides of which lies one at most: of two
/// with one y, the sign, the highest bit, tells.
#[cfg(feature = "aws-lc-rs")]
const SMALL_ORDER: [[u8; 32]; 5] = {
    let (mut zero, mut one, mut minus_one) = ([0; 32], [0; 32], [0xFF; 32]);
    (zero[0], one[0], minus_one[0], minus_one[31]) = (0, 1, 0xEC, 0x7F);
    [
        zero,
        one,
        minus_one,
        [
            0x26, 0xE8, 0x95, 0x8F, 0xC2, 0xB2, 0x27, 0xB0, 0x45, 0xC3, 0xF4, 0x89, 0xF2, 0xEF, 0x98, 0xF0, 0xD5, 0xDF, 0xAC, 0x05, 0xD3,
            0xC6, 0x33, 0x39, 0xB1, 0x38, 0x02, 0x88, 0x6D, 0x53, 0xFC, 0x05,
        ],
        [
            0xC7, 0x17, 0x6A, 0x70, 0x3D, 0x4D, 0xD8, 0x4F, 0xBA, 0x3C, 0x0B, 0x76, 0x0D, 0x10, 0x67, 0x0F, 0x2A, 0x20, 0x53, 0xFA, 0x2C,
            0x39, 0xCC, 0xC6, 0x4E, 0xC7, 0xFD, 0x77, 0x92, 0xAC, 0x03, 0x7A,
        ],
    ]
};

/// Whether anybody could sign for this key, with no private one: the point has a small
/// order, or is written in a way that no key is (RFC 8032 §5.1.3). The library does not
/// look (OA-JW-06).
#[cfg(feature = "aws-lc-rs")]
fn ed25519_is_weak(x: &[u8; 32]) -> bool {
    let mut y = *x;
    y[31] &= 0x7F;
    let is_canonical = y[31] != 0x7F || y[1..31].iter().any(|byte| *byte != 0xFF) || y[0] < 0xED;
    !is_canonical || SMALL_ORDER.contains(&y)
}

#[cfg(all(test, feature = "aws-lc-rs"))]
mod tests {
    use aws_lc_rs::{
        rand::SystemRandom,
        rsa::KeySize,
        signature::{Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair},
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

    // OA-JW-12, RFC 8032 §5.1.7
    #[test]
    fn an_ed25519_signature_is_written_in_one_way_only() {
        // The order of the group, little end first.
        const ORDER: [u8; 32] = [
            0xED, 0xD3, 0xF5, 0x5C, 0x1A, 0x63, 0x12, 0x58, 0xD6, 0x9C, 0xF7, 0xA2, 0xDE, 0xF9, 0xDE, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            0, 0, 0, 0, 0, 0x10,
        ];
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let key = Material::ed25519(pair.public_key().as_ref().try_into().unwrap()).unwrap();
        let good = pair.sign(b"message").as_ref().to_vec();
        let verifies = |signature: &[u8]| key.verifies(Algorithm::EdDsa, b"message", signature);
        assert!(verifies(&good));
        assert!(!key.verifies(Algorithm::EdDsa, b"massage", &good));
        for algorithm in [Algorithm::Es256, Algorithm::Ps256, Algorithm::Rs256] {
            assert!(!key.verifies(algorithm, b"message", &good), "{algorithm:?}");
        }
        let mut same_but_for_the_order = good.clone();
        let mut carry = 0;
        for (byte, more) in same_but_for_the_order[32..].iter_mut().zip(ORDER) {
            let sum = u16::from(*byte) + u16::from(more) + carry;
            (*byte, carry) = (sum.to_le_bytes()[0], sum >> 8);
        }
        for (what, other) in [
            ("S plus the order", same_but_for_the_order),
            ("63 bytes", good[..63].to_vec()),
            ("65 bytes", [&good[..], &[0]].concat()),
            ("zero", vec![0; 64]),
            ("none", Vec::new()),
            ("halves swapped", [&good[32..], &good[..32]].concat()),
            ("another key's", Ed25519KeyPair::from_seed_unchecked(&[8; 32]).unwrap().sign(b"message").as_ref().to_vec()),
        ] {
            assert!(!verifies(&other), "{what}");
        }
    }

    // OA-JW-06: for these keys, anybody signs
    #[test]
    fn an_ed25519_key_of_small_order_is_none() {
        use aws_lc_rs::signature::{ED25519, ParsedPublicKey};
        // R is the identity and S is 0: good if the key's multiple is the identity, too.
        let mut forged = [0; 64];
        forged[0] = 1;
        for y in SMALL_ORDER {
            let unchecked = ParsedPublicKey::new(&ED25519, y).unwrap();
            let opens = (0_u8..=255).any(|message| unchecked.verify_sig(&[message], &forged).is_ok());
            assert!(opens, "{y:x?} is no such key: the list is wrong");
            for sign in [0, 0x80] {
                let mut x = y;
                x[31] |= sign;
                assert_eq!(Material::ed25519(&x).err(), Some(JwkError::Weak), "{x:x?}");
            }
        }
        for last in [0x7F, 0xFF] {
            for first in 0xED..=0xFF {
                let mut x = [0xFF; 32];
                (x[0], x[31]) = (first, last);
                assert_eq!(Material::ed25519(&x).err(), Some(JwkError::Weak), "{x:x?}");
            }
        }
    }
}
