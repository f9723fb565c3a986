//! Which tools a request calls: read from its JSON-RPC body, one message or a batch.
//!
//! The server behind reads the same bytes with a parser of its own. Wherever the two
//! could see different things — a member twice, or in another letter case — the request
//! is refused, so that no tool is called under a name that was not looked at.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

/// A body that cannot be read beyond doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body is not JSON-RPC that can be read in one way only")]
pub(super) struct Ambiguous;

/// The names of the tools that are called, with repetitions.
pub(super) fn tools_called(body: &[u8]) -> Result<Vec<String>, Ambiguous> {
    if body.is_empty() {
        return Ok(Vec::new());
    }
    let Messages(messages) = serde_json::from_slice(body).map_err(|_| Ambiguous)?;
    messages.iter().filter_map(|message| message.tool().transpose()).collect()
}

/// One message, or a batch of them.
struct Messages<'a>(Vec<Message<'a>>);

/// What is looked at in a message.
#[derive(Default)]
struct Message<'a> {
    method: Option<String>,
    params: Option<&'a RawValue>,
}

/// What is looked at in the parameters of `tools/call`.
struct Call(String);

impl Message<'_> {
    fn tool(&self) -> Result<Option<String>, Ambiguous> {
        if self.method.as_deref() != Some("tools/call") {
            return Ok(None);
        }
        let params = self.params.ok_or(Ambiguous)?;
        serde_json::from_str(params.get()).map(|Call(name)| Some(name)).map_err(|_| Ambiguous)
    }
}

impl<'de> Deserialize<'de> for Messages<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MessagesVisitor)
    }
}

struct MessagesVisitor;

impl<'de> Visitor<'de> for MessagesVisitor {
    type Value = Messages<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a message or a batch")
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Messages<'de>, A::Error> {
        MessageVisitor.visit_map(entries).map(|message| Messages(vec![message]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Messages<'de>, A::Error> {
        let mut messages = Vec::new();
        while let Some(message) = items.next_element()? {
            messages.push(message);
        }
        Ok(Messages(messages))
    }
}

impl<'de> Deserialize<'de> for Message<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MessageVisitor)
    }
}

struct MessageVisitor;

impl<'de> Visitor<'de> for MessageVisitor {
    type Value = Message<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a message")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Message<'de>, A::Error> {
        let mut message = Message::default();
        while let Some(name) = entries.next_key::<String>()? {
            match name.as_str() {
                "method" if message.method.is_none() => message.method = Some(entries.next_value()?),
                "params" if message.params.is_none() => message.params = Some(entries.next_value()?),
                other => skip(other, &["method", "params"], &mut entries)?,
            }
        }
        Ok(message)
    }
}

impl<'de> Deserialize<'de> for Call {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(CallVisitor)
    }
}

struct CallVisitor;

impl<'de> Visitor<'de> for CallVisitor {
    type Value = Call;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the parameters of tools/call")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Call, A::Error> {
        let mut tool = None;
        while let Some(name) = entries.next_key::<String>()? {
            match name.as_str() {
                "name" if tool.is_none() => tool = Some(entries.next_value()?),
                other => skip(other, &["name"], &mut entries)?,
            }
        }
        tool.map(Call).ok_or_else(|| A::Error::missing_field("name"))
    }
}

/// A member that is not looked at, and could not be taken for one that is.
fn skip<'de, A: MapAccess<'de>>(name: &str, known: &[&str], entries: &mut A) -> Result<(), A::Error> {
    if known.iter().any(|known| known.eq_ignore_ascii_case(name)) {
        return Err(A::Error::custom("a member stands twice, or in another letter case"));
    }
    entries.next_value::<IgnoredAny>().map(drop)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// How much longer four times as much takes, at best: 4 where a parser is linear, 16
    /// where it looks back at all it has read.
    fn ratio(of: impl Fn(usize) -> String) -> f64 {
        let [little, much] = [of(4 * 1024), of(16 * 1024)];
        let time = |body: &str, times: u32| {
            let began = std::time::Instant::now();
            for _ in 0..times {
                let _ = std::hint::black_box(tools_called(std::hint::black_box(body).as_bytes()));
            }
            began.elapsed()
        };
        let mut times = 1;
        while time(&little, times).as_micros() < 1000 {
            times *= 2;
        }
        let shortest = |body: &str| (0..15).map(|_| time(body, times)).min().unwrap();
        shortest(&much).as_secs_f64() / shortest(&little).as_secs_f64()
    }

    // OA-AB-06, CWE-407
    #[test]
    fn a_body_is_read_in_one_go() {
        for (begin, piece, end) in [
            ("[", "{},", "{}]"),
            ("[", r#"{"method":"tools/call","params":{"name":"a"}},"#, "{}]"),
            ("{", r#""a":1,"#, r#""b":1}"#),
            (r#"{"method":""#, r"\u0061", r#""}"#),
            (r#"{"params":"#, "[", ""),
            (r#"{"method":"tools/call","params":{"name":"#, r#"{"a":"#, ""),
            ("", "[", ""),
            ("", " ", ""),
        ] {
            let of = |bytes: usize| format!("{begin}{}{end}", piece.repeat(bytes / piece.len()));
            let best = (0..4).map(|_| ratio(of)).find(|ratio| *ratio <= 8.0);
            assert!(best.is_some(), "{begin}{piece}…{end}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(tools_called(deep.as_bytes()), Err(Ambiguous), "and the stack has an end");
    }

    fn call(name: &str) -> serde_json::Value {
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": {"name": "other", "method": 1}}})
    }

    // MCP-RS-13
    #[test]
    fn tools_are_found_in_messages_and_batches() {
        let read = |value: serde_json::Value| tools_called(value.to_string().as_bytes()).unwrap();
        assert_eq!(read(call("a")), ["a"]);
        assert_eq!(read(json!([call("a"), {"jsonrpc": "2.0", "method": "ping", "id": 2}, call("b")])), ["a", "b"]);
        assert_eq!(read(json!({"jsonrpc": "2.0", "id": 1, "result": {"name": "a"}})), Vec::<String>::new());
        assert_eq!(read(json!({"method": "tools/list", "params": [1]})), Vec::<String>::new());
        assert_eq!(tools_called(b"").unwrap(), Vec::<String>::new());
        assert_eq!(tools_called(br#"{"m\u0065thod":"tools\/call","params":{"n\u0061me":"\u0061"}}"#).unwrap(), ["a"]);
    }

    #[test]
    fn what_two_parsers_could_read_differently_is_refused() {
        for body in [
            r#"{"method":"ping","method":"tools/call","params":{"name":"a"}}"#,
            r#"{"method":"tools/call","params":{"name":"a"},"params":{"name":"b"}}"#,
            r#"{"method":"tools/call","params":{"name":"a","name":"b"}}"#,
            r#"{"method":"tools/call","params":{"name":"a","NAME":"b"}}"#,
            r#"{"Method":"tools/call","params":{"name":"a"}}"#,
            r#"{"method":"tools/call","params":{"name":1}}"#,
            r#"{"method":"tools/call","params":["a"]}"#,
            r#"{"method":"tools/call"}"#,
            r#"{"method":null,"method":"tools/call","params":{"name":"a"}}"#,
            r#"[{"method":"ping"},[{"method":"tools/call","params":{"name":"a"}}]]"#,
            r#"{"method":"ping"}{"method":"tools/call","params":{"name":"a"}}"#,
            "\u{feff}{\"method\":\"ping\"}",
            "method=tools/call",
            "5",
            "\"x\"",
        ] {
            assert_eq!(tools_called(body.as_bytes()), Err(Ambiguous), "{body}");
        }
    }

    proptest! {
        /// Whatever is read, a plain reading finds the same tools.
        #[test]
        fn another_reading_agrees(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = tools_called(&body);
        }

        #[test]
        fn every_tool_of_a_batch_is_found(names in prop::collection::vec(".{1,12}", 1..6)) {
            let batch: Vec<_> = names.iter().map(|name| call(name)).collect();
            prop_assert_eq!(tools_called(json!(batch).to_string().as_bytes()).unwrap(), names);
        }
    }
}
