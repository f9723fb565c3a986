//! The library of the feature `aws-lc-rs`.

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, ParsedPublicKey,
        RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, VerificationAlgorithm,
    },
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use portcullis_verifier::jwk::Algorithm;
use serde_json::json;

use super::{Check, Key};
use crate::Result;

pub(crate) const LIBRARY: &str = "aws-lc-rs";

pub(crate) fn all() -> Result<Vec<Key>> {
    Ok(vec![es256()?, eddsa()?, rs256()?])
}

fn es256() -> Result<Key> {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
    let point = pair.public_key().as_ref();
    // One byte that says "uncompressed", then x and y.
    let (x, y) = point.get(1..).ok_or("an empty point")?.split_at(32);
    Ok(Key {
        algorithm: Algorithm::Es256,
        public: json!({ "kty": "EC", "crv": "P-256", "x": BASE64URL.encode(x), "y": BASE64URL.encode(y) }),
        check: check(&ECDSA_P256_SHA256_FIXED, point)?,
        sign: Box::new(move |message| Ok(pair.sign(&SystemRandom::new(), message)?.as_ref().to_vec())),
    })
}

fn eddsa() -> Result<Key> {
    let pair = Ed25519KeyPair::generate()?;
    let x = pair.public_key().as_ref();
    Ok(Key {
        algorithm: Algorithm::EdDsa,
        public: json!({ "kty": "OKP", "crv": "Ed25519", "x": BASE64URL.encode(x) }),
        check: check(&ED25519, x)?,
        sign: Box::new(move |message| Ok(pair.sign(message).as_ref().to_vec())),
    })
}

fn rs256() -> Result<Key> {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048)?;
    let der = pair.public_key().as_ref();
    // RFC 8017 A.1.1: lengths and a zero, then the modulus, then 65537.
    let modulus = der.get(9..9 + 256).ok_or("a short key")?;
    Ok(Key {
        algorithm: Algorithm::Rs256,
        public: json!({ "kty": "RSA", "n": BASE64URL.encode(modulus), "e": "AQAB" }),
        check: check(&RSA_PKCS1_2048_8192_SHA256, der)?,
        sign: Box::new(move |message| {
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)?;
            Ok(signature)
        }),
    })
}

fn check(algorithm: &'static dyn VerificationAlgorithm, public: &[u8]) -> Result<Box<Check>> {
    let parsed = ParsedPublicKey::new(algorithm, public)?;
    Ok(Box::new(move |message, signature| Ok(parsed.verify_sig(message, signature)?)))
}
