//! The keys of one issuer (RFC 7517 §5).

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Algorithm, Jwk, JwkError};
use crate::rejection::shown;

/// The keys of one issuer, found by name.
#[derive(Debug)]
pub struct Set {
    by_kid: HashMap<String, Jwk>,
    /// Keys without a name, which only [`Set::only_for`] looks at.
    unnamed: Vec<Jwk>,
}

/// Why a document is not used as a key set. What is in it, key by key, is no reason:
/// keys that are not understood are skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetError {
    /// Two keys of one name.
    #[error("two keys have the same kid")]
    DuplicateKid,
    /// Not JSON, or without `keys`.
    #[error("the key set is malformed")]
    Malformed,
    /// No key that could check a signature.
    #[error("the key set has no usable key")]
    NoneUsable,
    /// Over 128 KiB or 64 keys.
    #[error("the key set is too large")]
    TooLarge,
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

const MOST_BYTES: usize = 128 * 1024;
const MOST_KEYS: usize = 64;

impl Set {
    /// Reads a key set.
    pub fn from_json(json: &[u8]) -> Result<Self, SetError> {
        Self::read(json, |_, _| ())
    }

    /// Reads a key set, and tells of each key in it that is not used.
    pub(crate) fn read(json: &[u8], mut skipped: impl FnMut(&str, JwkError)) -> Result<Self, SetError> {
        if json.len() > MOST_BYTES {
            return Err(SetError::TooLarge);
        }
        let document: Document<'_> = serde_json::from_slice(json).map_err(|_| SetError::Malformed)?;
        if document.keys.len() > MOST_KEYS {
            return Err(SetError::TooLarge);
        }
        let mut set = Self { by_kid: HashMap::new(), unnamed: Vec::new() };
        for raw in document.keys {
            let key = match Jwk::from_json(raw.get().as_bytes()) {
                Ok(key) => key,
                Err(reason) => {
                    skipped(&name(raw), reason);
                    continue;
                }
            };
            let Some(kid) = key.kid().map(str::to_owned) else {
                set.unnamed.push(key);
                continue;
            };
            if set.by_kid.insert(kid, key).is_some() {
                return Err(SetError::DuplicateKid);
            }
        }
        if set.by_kid.is_empty() && set.unnamed.is_empty() { Err(SetError::NoneUsable) } else { Ok(set) }
    }

    /// The key of this name.
    pub fn find(&self, kid: &str) -> Option<&Jwk> {
        self.by_kid.get(kid)
    }

    /// All keys that fit, named or not.
    pub(crate) fn fitting(&self, algorithm: Algorithm) -> impl Iterator<Item = &Jwk> {
        self.by_kid.values().chain(&self.unnamed).filter(move |key| key.fits(algorithm))
    }

    /// The one key that fits; `None` where none or several do.
    pub(crate) fn only_for(&self, algorithm: Algorithm) -> Option<&Jwk> {
        let mut fitting = self.fitting(algorithm);
        let first = fitting.next()?;
        fitting.next().is_none().then_some(first)
    }
}

/// What a key that could not be read calls itself, for a log.
fn name(key: &RawValue) -> String {
    #[derive(Deserialize)]
    struct Named {
        kid: String,
    }
    serde_json::from_str::<Named>(key.get()).map_or_else(|_| "without kid".to_owned(), |named| shown(&named.kid))
}

impl Jwk {
    /// Whether `signature` is this key's over `message`, under this algorithm.
    pub fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        self.fits(algorithm) && self.material.verifies(algorithm, message, signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = r#"{"kid":"a","kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}"#;

    // OA-JW-15
    #[test]
    fn what_is_not_understood_is_skipped_and_nothing_usable_is_no_set() {
        let read = |keys: &str| Set::from_json(format!(r#"{{"keys":[{keys}]}}"#).as_bytes());
        assert!(read(&format!(r#"{{"kty":"new"}},5,{KEY}"#)).unwrap().find("a").is_some());
        assert_eq!(read(r#"{"kty":"oct","k":"AA","kid":"a"}"#).err(), Some(SetError::NoneUsable));
        assert_eq!(read("").err(), Some(SetError::NoneUsable));
        assert_eq!(read(&format!("{KEY},{KEY}")).err(), Some(SetError::DuplicateKid));
        assert_eq!(Set::from_json(b"[]").err(), Some(SetError::Malformed));
        assert_eq!(read(&vec!["5"; 65].join(",")).err(), Some(SetError::TooLarge));
    }

    // OA-JW-06
    #[test]
    fn each_key_that_is_not_used_is_told_of() {
        let off_curve = KEY.replace("4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM", "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4");
        let weak = r#"{"kid":"b\n","kty":"RSA","n":"wA","e":"AQAB"}"#;
        let mut told = Vec::new();
        let read = Set::read(format!(r#"{{"keys":[{off_curve},5,{weak}]}}"#).as_bytes(), |kid, reason| told.push((kid.to_owned(), reason)));
        assert_eq!(read.err(), Some(SetError::NoneUsable), "told of all the same");
        let expected = [("a", JwkError::NotOnCurve), ("without kid", JwkError::Malformed), ("b\\n", JwkError::Weak)];
        assert_eq!(told, expected.map(|(kid, reason)| (kid.to_owned(), reason)));
    }

    proptest::proptest! {
        // OA-JW-01, OA-JW-15
        #[test]
        fn any_document_is_read_or_refused(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200), member in "[a-z_]{1,3}", value in "[ -~]{0,20}") {
            let _whatever = Set::from_json(&bytes);
            let spoilt = KEY.replacen('{', &format!("{{{}:{},", serde_json::json!(member), serde_json::json!(value)), 1);
            let _whatever = Set::from_json(format!(r#"{{"keys":[{spoilt}]}}"#).as_bytes());
        }
    }
}
