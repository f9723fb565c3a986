//! Access tokens that no server would make.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use hmac::{Hmac, KeyInit as _, Mac as _};
use p256::ecdsa::signature::Signer as _;
use portcullis::{clock::Clock, keys::SigningKey};
use serde_json::{Map, Value, json};
use sha2::Sha256;

use super::row::Craft;

/// A good token for `audience`, spoilt as `craft` says.
pub(super) fn craft(craft: &Craft, key: &SigningKey, issuer: &str, audience: &str) -> String {
    let now = Clock::system().now().timestamp();
    let mut header = object(&json!({ "alg": "ES256", "kid": key.kid(), "typ": "at+jwt" }));
    let good = object(&json!({
        "iss": issuer,
        "sub": "u_somebody",
        "aud": audience,
        "client_id": "some-client",
        "jti": crate::harness::random_text(),
        "scope": "sample:use",
        "iat": now,
        "exp": now + 900,
        "auth_time": now,
    }));
    let mut claims = good.clone();
    header.extend(object(&serde_json::to_value(&craft.header).unwrap()));
    claims.extend(object(&serde_json::to_value(&craft.claims).unwrap()));
    claims.extend(craft.at.iter().map(|(name, seconds)| (name.clone(), json!(now + seconds))));
    header.retain(|name, _| !craft.without.contains(name));
    claims.retain(|name, _| !craft.without.contains(name));
    let mut payload = Value::Object(claims).to_string();
    payload.insert_str(payload.len() - 1, &craft.more);
    let message = format!("{}.{}", part(&Value::Object(header).to_string()), part(&payload));
    match craft.signed.as_deref().unwrap_or("key") {
        "key" => with(&message, &key.sign(message.as_bytes()).unwrap()),
        // The signature of the token as it was before it was changed.
        "before" => {
            let head = message.split_once('.').unwrap().0;
            let original = format!("{head}.{}", part(&Value::Object(good).to_string()));
            with(&message, &key.sign(original.as_bytes()).unwrap())
        }
        "by a stranger" => {
            let mut secret = [0; 32];
            getrandom::fill(&mut secret).unwrap();
            let stranger = p256::ecdsa::SigningKey::from_slice(&secret).unwrap();
            let signature: p256::ecdsa::Signature = stranger.sign(message.as_bytes());
            with(&message, &signature.to_bytes())
        }
        "in DER" => {
            let raw = key.sign(message.as_bytes()).unwrap();
            with(&message, p256::ecdsa::Signature::from_slice(&raw).unwrap().to_der().as_bytes())
        }
        "with zeros" => with(&message, &[0; 64]),
        "with 63 bytes" => with(&message, &key.sign(message.as_bytes()).unwrap()[..63]),
        "with the public key as a secret" => {
            let mut mac = Hmac::<Sha256>::new_from_slice(key.kid().as_bytes()).unwrap();
            mac.update(message.as_bytes());
            with(&message, &mac.finalize().into_bytes())
        }
        "not" => format!("{message}."),
        "in two parts" => message,
        "in five parts" => format!("{message}.AAAA.AAAA.AAAA"),
        how => panic!("nobody can sign {how}"),
    }
}

/// The same signature as JSON (RFC 7515 §7.2.2), in letters that a header may have.
pub(super) fn in_json(token: &str) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    part(&json!({ "protected": parts[0], "payload": parts[1], "signature": parts[2] }).to_string())
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn part(text: &str) -> String {
    BASE64URL.encode(text)
}

fn with(message: &str, signature: &[u8]) -> String {
    format!("{message}.{}", BASE64URL.encode(signature))
}
