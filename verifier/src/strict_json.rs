//! JSON objects as signatures need them: no member twice, no depths (RFC 8725 §2.4).

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

const MOST_DEPTH: usize = 8;

/// Reads an object in which nothing stands twice; `None` for anything else.
pub(crate) fn object(json: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice::<Strict>(json).ok()?.0 {
        Value::Object(members) if depth(&members) <= MOST_DEPTH => Some(members),
        Value::Object(_) | Value::Array(_) | Value::Bool(_) | Value::Null | Value::Number(_) | Value::String(_) => None,
    }
}

fn depth(members: &Map<String, Value>) -> usize {
    1 + members.values().map(value_depth).max().unwrap_or(0)
}

fn value_depth(value: &Value) -> usize {
    match value {
        Value::Array(values) => 1 + values.iter().map(value_depth).max().unwrap_or(0),
        Value::Object(members) => depth(members),
        Value::Bool(_) | Value::Null | Value::Number(_) | Value::String(_) => 0,
    }
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON in which no member stands twice")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Strict(value)) = items.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some((name, Strict(value))) = entries.next_entry::<String, Strict>()? {
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a member stands twice"));
            }
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // OA-JW-10
    #[test]
    fn what_stands_twice_or_too_deep_is_refused() {
        assert!(object(br#"{"a":1,"b":[{"c":null}]}"#).is_some());
        for json in [&br#"{"a":1,"a":2}"#[..], br#"{"a":{"b":1,"b":1}}"#, br#"{"a":[{"b":1,"b":1}]}"#, b"[]", b"1", b"", br#"{"a":1}x"#] {
            assert!(object(json).is_none(), "{}", String::from_utf8_lossy(json));
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(9), "]".repeat(9));
        assert!(object(deep.as_bytes()).is_none());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200), text in "[{}\\[\\],:\"a1 ]{0,60}") {
            for bytes in [bytes, text.into_bytes()] {
                if let Some(members) = object(&bytes) {
                    let again = object(Value::Object(members.clone()).to_string().as_bytes());
                    proptest::prop_assert_eq!(again, Some(members));
                }
            }
        }
    }
}
