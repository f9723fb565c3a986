//! The library by default: ES256 in pure Rust.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use p256::{
    FieldBytes,
    ecdsa::{
        Signature, SigningKey,
        signature::{Signer as _, Verifier as _},
    },
};
use portcullis_verifier::jwk::Algorithm;
use serde_json::json;

use super::Key;
use crate::Result;

pub(crate) const LIBRARY: &str = "p256";

pub(crate) fn all() -> Result<Vec<Key>> {
    let pair = SigningKey::from_slice(&[1; 32])?;
    let public = *pair.verifying_key();
    let point = public.to_sec1_point(false);
    let coordinate = |bytes: Option<&FieldBytes>| BASE64URL.encode(bytes.copied().unwrap_or_default());
    Ok(vec![Key {
        algorithm: Algorithm::Es256,
        public: json!({ "kty": "EC", "crv": "P-256", "x": coordinate(point.x()), "y": coordinate(point.y()) }),
        sign: Box::new(move |message| {
            let signature: Signature = pair.sign(message);
            Ok(signature.to_bytes().to_vec())
        }),
        check: Box::new(move |message, signature| Ok(public.verify(message, &Signature::from_slice(signature)?)?)),
    }])
}
