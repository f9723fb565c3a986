//! A client's public keys (RFC 7591 §2, RFC 7517). They are judged here once and for
//! all: a key that is kept can be used.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use portcullis_verifier::{
    issuer::is_on_p384,
    jwk::{Jwk, JwkError},
};
use serde_json::{Map, Value};

use super::refused::{KeyFault, RegistrationError};

/// The most keys of one client.
pub(super) const MOST_KEYS: usize = 10;

const MOST_BYTES: usize = 16 * 1024;
const LONGEST_KID: usize = 256;

/// RFC 7518 §3.3 has the lower bound; a longer modulus only costs whoever checks.
const MODULUS_BITS: std::ops::RangeInclusive<u32> = 2048..=4096;
/// NIST SP 800-89 §5.3.3 has the lower bound, cryptographic libraries the upper one.
const EXPONENTS: std::ops::RangeInclusive<u64> = 65_537..=0x1_FFFF_FFFF;

/// What RFC 7518 §6 keeps private.
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// The set as it was written, if every key in it is public and strong.
pub(super) fn jwks(set: Option<&Value>) -> Result<Option<Value>, RegistrationError> {
    let Some(set) = set else { return Ok(None) };
    let keys = set.get("keys").and_then(Value::as_array).ok_or(RegistrationError::Keys)?;
    if keys.len() > MOST_KEYS || set.to_string().len() > MOST_BYTES || !is_plain(set) {
        return Err(RegistrationError::Keys);
    }
    for (position, key) in keys.iter().enumerate() {
        let refused = |reason| RegistrationError::Key { position, reason };
        judge(key).map_err(refused)?;
        let earlier = keys.iter().take(position).filter_map(|key| key.get("kid"));
        let kid = key.get("kid").filter(|kid| !kid.is_null());
        let is_good = |kid: &Value| kid.as_str().is_some_and(|kid| kid.len() <= LONGEST_KID) && !earlier.clone().any(|known| known == kid);
        if !kid.is_none_or(is_good) {
            return Err(refused(KeyFault::Kid));
        }
    }
    Ok(Some(set.clone()))
}

/// Whether no text in it has control characters: no name of a key needs them, and a
/// database may refuse them.
fn is_plain(value: &Value) -> bool {
    let is_plain_text = |text: &str| !text.chars().any(char::is_control);
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => is_plain_text(text),
        Value::Array(elements) => elements.iter().all(is_plain),
        Value::Object(members) => members.iter().all(|(name, value)| is_plain_text(name) && is_plain(value)),
    }
}

fn judge(key: &Value) -> Result<(), KeyFault> {
    let kind = key.get("kty").and_then(Value::as_str);
    if kind == Some("oct") || PRIVATE.into_iter().any(|name| key.get(name).is_some()) {
        return Err(KeyFault::Private);
    }
    let curve = key.get("crv").and_then(Value::as_str);
    match (kind, curve) {
        (Some("EC"), Some("P-256")) => known_to_the_verifier(key, &["x", "y"], 32),
        (Some("EC"), Some("P-384")) => {
            let (x, y) = (bytes(key, "x", 48)?, bytes(key, "y", 48)?);
            if is_on_p384(&x, &y) { Ok(()) } else { Err(KeyFault::Point) }
        }
        (Some("OKP"), Some("Ed25519")) => known_to_the_verifier(key, &["x"], 32),
        (Some("RSA"), _) => rsa(key),
        (Some("EC" | "OKP"), _) => Err(KeyFault::Curve),
        (Some(_) | None, _) => Err(KeyFault::Kind),
    }
}

/// Reads nothing but the key itself: what else it says, such as what it is for, is
/// between the client and whoever uses the key.
fn known_to_the_verifier(key: &Value, coordinates: &[&str], length: usize) -> Result<(), KeyFault> {
    for name in coordinates {
        bytes(key, name, length)?;
    }
    let is_read = |name: &&str| ["kty", "crv"].contains(name) || coordinates.contains(name);
    let plain: Map<String, Value> = key.as_object().into_iter().flatten().filter(|(name, _)| is_read(&name.as_str())).map(cloned).collect();
    match Jwk::from_json(Value::from(plain).to_string().as_bytes()) {
        Ok(_) => Ok(()),
        Err(JwkError::NotOnCurve | JwkError::Weak) => Err(KeyFault::Point),
        Err(_) => Err(KeyFault::Malformed),
    }
}

fn cloned((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}

fn rsa(key: &Value) -> Result<(), KeyFault> {
    let (modulus, exponent) = (number(key, "n")?, number(key, "e")?);
    let bits =
        |number: &[u8]| u32::try_from(number.len() * 8).unwrap_or(u32::MAX) - number.first().map_or(0, |first| first.leading_zeros());
    let is_odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
    if !MODULUS_BITS.contains(&bits(&modulus)) || !is_odd(&modulus) {
        return Err(KeyFault::Modulus);
    }
    let value = (exponent.len() <= 8).then(|| exponent.iter().fold(0, |value: u64, byte| value << 8 | u64::from(*byte)));
    if !value.is_some_and(|value| EXPONENTS.contains(&value)) || !is_odd(&exponent) {
        return Err(KeyFault::Exponent);
    }
    Ok(())
}

fn member(key: &Value, name: &str) -> Result<Vec<u8>, KeyFault> {
    key.get(name).and_then(Value::as_str).and_then(|text| BASE64URL.decode(text).ok()).ok_or(KeyFault::Malformed)
}

/// A coordinate, which has all its bytes (RFC 7518 §6.2.1.2).
fn bytes(key: &Value, name: &str, length: usize) -> Result<Vec<u8>, KeyFault> {
    member(key, name).and_then(|bytes| if bytes.len() == length { Ok(bytes) } else { Err(KeyFault::Malformed) })
}

/// A number, which has no byte too many (RFC 7518 §2).
fn number(key: &Value, name: &str) -> Result<Vec<u8>, KeyFault> {
    member(key, name).and_then(|bytes| if bytes.first().is_some_and(|first| *first != 0) { Ok(bytes) } else { Err(KeyFault::Malformed) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// RFC 7517 A.1.
    fn p256() -> Value {
        json!({ "kty": "EC", "crv": "P-256", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM" })
    }

    /// The generator of the curve (SEC 2 §2.5.1).
    fn p384() -> Value {
        json!({
            "kty": "EC", "crv": "P-384",
            "x": "qofKIr6LBTeOscce8yCtdG4dO2KLp5uYWfdB4IJUKjhVAvJdv1UpbDpUXjhydgq3",
            "y": "NhfeSpYmLG9dnpi_kpLcKfj0Hb0omhR86doxE7XwuMAKYLHOHX6BnXpDHXyQ6g5f",
        })
    }

    /// RFC 8037 A.2.
    fn ed25519() -> Value {
        json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" })
    }

    fn rsa_of(bits: usize, last: u8, exponent: &[u8]) -> Value {
        let mut modulus = vec![0xC3; bits.div_ceil(8)];
        modulus[0] = if bits.is_multiple_of(8) { 0x80 } else { 1 << (bits % 8 - 1) };
        *modulus.last_mut().unwrap() = last;
        json!({ "kty": "RSA", "n": BASE64URL.encode(modulus), "e": BASE64URL.encode(exponent) })
    }

    fn with(mut key: Value, name: &str, value: impl Into<Value>) -> Value {
        key[name] = value.into();
        key
    }

    fn without(mut key: Value, name: &str) -> Value {
        key.as_object_mut().unwrap().remove(name);
        key
    }

    // OA-DR-09
    #[test]
    fn strong_public_keys_of_every_known_kind_are_kept_as_they_are_written() {
        let keys = [
            p256(),
            p384(),
            ed25519(),
            rsa_of(2048, 1, &[1, 0, 1]),
            rsa_of(4096, 1, &[1, 0, 1]),
            rsa_of(3071, 1, &[1, 0, 0, 0, 1]),
            with(with(p256(), "use", "enc"), "alg", "ECDH-ES"),
            with(p256(), "x5t#S256", json!({ "of": "ours to keep" })),
        ];
        for key in keys {
            assert_eq!(judge(&key), Ok(()), "{key}");
            let set = json!({ "keys": [key], "more": true });
            assert_eq!(jwks(Some(&set)), Ok(Some(set)));
        }
        assert_eq!(jwks(None), Ok(None));
    }

    // OA-DR-09, RFC 8725 §3.4 and §3.5
    #[test]
    fn a_key_is_judged_by_what_it_is_and_not_by_its_length() {
        let (x, y) = (p256()["x"].clone(), p384()["y"].clone());
        for (key, fault) in [
            (json!({ "kty": "EC", "crv": "P-256", "x": "a", "y": "b" }), KeyFault::Malformed),
            (without(p256(), "y"), KeyFault::Malformed),
            (with(p256(), "x", 5), KeyFault::Malformed),
            (with(p256(), "y", x.clone()), KeyFault::Point),
            (with(p256(), "y", y.clone()), KeyFault::Malformed),
            (with(p256(), "y", format!("{}=", p256()["y"].as_str().unwrap())), KeyFault::Malformed),
            (with(p384(), "x", y), KeyFault::Point),
            (with(p384(), "x", x), KeyFault::Malformed),
            (with(p256(), "crv", "P-384"), KeyFault::Malformed),
            (with(p256(), "crv", "P-521"), KeyFault::Curve),
            (with(p256(), "crv", "secp256k1"), KeyFault::Curve),
            (without(p256(), "crv"), KeyFault::Curve),
            (with(ed25519(), "crv", "X25519"), KeyFault::Curve),
            (with(ed25519(), "x", BASE64URL.encode([0; 32])), KeyFault::Point),
            (with(ed25519(), "x", BASE64URL.encode([7; 31])), KeyFault::Malformed),
            (rsa_of(1024, 1, &[1, 0, 1]), KeyFault::Modulus),
            (rsa_of(2047, 1, &[1, 0, 1]), KeyFault::Modulus),
            (rsa_of(4097, 1, &[1, 0, 1]), KeyFault::Modulus),
            (rsa_of(2048, 2, &[1, 0, 1]), KeyFault::Modulus),
            (with(rsa_of(2048, 1, &[1, 0, 1]), "n", BASE64URL.encode([&[0][..], &[0xC3; 256]].concat())), KeyFault::Malformed),
            (rsa_of(2048, 1, &[3]), KeyFault::Exponent),
            (rsa_of(2048, 1, &[1, 0, 0]), KeyFault::Exponent),
            (rsa_of(2048, 1, &[1, 0, 2]), KeyFault::Exponent),
            (rsa_of(2048, 1, &[2, 0, 0, 0, 1]), KeyFault::Exponent),
            (rsa_of(2048, 1, &[1; 9]), KeyFault::Exponent),
            (rsa_of(2048, 1, &[]), KeyFault::Malformed),
            (without(rsa_of(2048, 1, &[1, 0, 1]), "e"), KeyFault::Malformed),
            (with(p256(), "d", "AAAA"), KeyFault::Private),
            (with(p256(), "d", Value::Null), KeyFault::Private),
            (with(rsa_of(2048, 1, &[1, 0, 1]), "qi", "AAAA"), KeyFault::Private),
            (json!({ "kty": "oct", "k": "AAAA" }), KeyFault::Private),
            (json!({ "kty": "oct" }), KeyFault::Private),
            (json!({ "kty": "ec" }), KeyFault::Kind),
            (json!({}), KeyFault::Kind),
            (json!("EC"), KeyFault::Kind),
        ] {
            assert_eq!(jwks(Some(&json!({ "keys": [p384(), key] }))), Err(RegistrationError::Key { position: 1, reason: fault }), "{key}");
        }
    }

    // OA-DR-09
    #[test]
    fn a_set_has_bounds_and_each_name_once() {
        let set = |keys: Vec<Value>| jwks(Some(&json!({ "keys": keys }))).map(|_| ());
        let named = |kid: &str| with(ed25519(), "kid", kid);
        assert_eq!(set((0..10).map(|number| named(&number.to_string())).collect()), Ok(()));
        assert_eq!(set(vec![ed25519(), ed25519()]), Ok(()), "without a name");
        assert_eq!(set(vec![ed25519(); 11]), Err(RegistrationError::Keys));
        assert_eq!(set(vec![with(ed25519(), "more", "x".repeat(16 * 1024))]), Err(RegistrationError::Keys));
        assert_eq!(set(vec![with(ed25519(), "more", json!([{ "a\0": 1 }]))]), Err(RegistrationError::Keys));
        assert_eq!(set(vec![with(ed25519(), "more", json!(["\0"]))]), Err(RegistrationError::Keys));
        for kid in [json!("a"), json!(5), json!("x".repeat(257))] {
            let fault = RegistrationError::Key { position: 1, reason: KeyFault::Kid };
            assert_eq!(set(vec![named("a"), with(ed25519(), "kid", kid)]), Err(fault));
        }
        for no_set in [json!([]), json!({}), json!({ "keys": {} }), json!("keys"), p256()] {
            assert_eq!(jwks(Some(&no_set)), Err(RegistrationError::Keys), "{no_set}");
        }
    }

    proptest! {
        // OA-DR-09
        #[test]
        fn any_key_is_judged(kty in "(EC|OKP|RSA|oct|.{0,4})", crv in "(P-256|P-384|Ed25519|.{0,4})", x in "[-_A-Za-z0-9]{0,90}", n in "[-_A-Za-z0-9]{0,700}") {
            let _ = judge(&json!({ "kty": kty, "crv": crv, "x": x, "y": x, "n": n, "e": x }));
        }

        // Curves have cofactor one, but hardly any pair of numbers is a point.
        #[test]
        fn coordinates_by_chance_are_no_point(x in any::<[u8; 32]>(), y in any::<[u8; 32]>()) {
            let key = json!({ "kty": "EC", "crv": "P-256", "x": BASE64URL.encode(x), "y": BASE64URL.encode(y) });
            prop_assert_eq!(judge(&key), Err(KeyFault::Point));
        }
    }
}
