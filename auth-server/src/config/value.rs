//! Values as they are written, and how they become typed.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use serde_json::{Value as Json, json};

use super::origin::{Mistake, Origin};

/// A value and where it was written.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// A value as TOML has it, or the plain text of a variable or a flag.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// A TOML string.
    Text(String),
    /// Text without a type, from the environment or a flag.
    Untyped(String),
    Integer(i64),
    Boolean(bool),
    List(Vec<Given>),
    Table(Vec<Entry>),
    /// A float or a date: no setting is one.
    Other(&'static str),
}

/// A key of a table with its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) origin: Origin,
    pub(super) given: Given,
}

impl Given {
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) | Value::Untyped(text) => Some(text),
            Value::Integer(_) | Value::Boolean(_) | Value::List(_) | Value::Table(_) | Value::Other(_) => None,
        }
    }

    /// Where in it this text stands.
    pub(super) fn place_of(&self, text: &str) -> Option<&Origin> {
        match &self.value {
            Value::List(items) => items.iter().find_map(|item| item.place_of(text)),
            Value::Table(entries) => entries.iter().find_map(|entry| entry.given.place_of(text)),
            Value::Text(_) | Value::Untyped(_) | Value::Integer(_) | Value::Boolean(_) | Value::Other(_) => {
                (self.text() == Some(text)).then_some(&self.origin)
            }
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) | Self::Untyped(text) => write!(formatter, "{:?}", shortened(text)),
            Self::Integer(number) => number.fmt(formatter),
            Self::Boolean(value) => value.fmt(formatter),
            Self::List(_) => formatter.write_str("[…]"),
            Self::Table(_) => formatter.write_str("{…}"),
            Self::Other(kind) => formatter.write_str(kind),
        }
    }
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= 60 { text.to_owned() } else { text.chars().take(59).chain(['…']).collect() }
}

/// Notes mistakes about one setting.
pub(super) struct Complaints<'a> {
    pub(super) key: &'a str,
    /// Whether the value is a secret and must not be repeated.
    pub(super) secret: bool,
    pub(super) found: &'a mut Vec<Mistake>,
}

impl Complaints<'_> {
    /// Notes what is wrong with a value.
    pub(super) fn about(&mut self, given: &Given, sentence: impl Into<String>) {
        let name = shown_key(self.key);
        let subject = if self.secret { name } else { format!("{name} = {}", given.value) };
        self.found.push(Mistake { origin: given.origin.clone(), subject, sentence: sentence.into() });
    }

    /// Notes that a value is of another type than it should be.
    pub(super) fn expected<T>(&mut self, given: &Given, what: &str) -> Option<T> {
        self.about(given, format!("this should be {what}"));
        None
    }
}

/// A key as people find it in the file: `[session] idle_lifetime`.
pub(super) fn shown_key(key: &str) -> String {
    match key.split_once('.') {
        Some((section, name)) => format!("[{section}] {name}"),
        None => key.to_owned(),
    }
}

/// A type that a setting can have.
pub(super) trait Kind: Sized {
    /// Whether values must not be repeated in messages.
    const SECRET: bool = false;

    /// Reads a value; what is wrong is noted.
    fn read(given: &Given, complaints: &mut Complaints<'_>) -> Option<Self>;

    /// The JSON Schema of a value in the file.
    fn shape(bounds: Option<&(Self, Self)>) -> Json;

    /// As an operator would write it; none where there is nothing to write.
    fn written(&self) -> Option<Json>;

    /// Whether it lies between two values, both included.
    fn is_within(&self, _bounds: &(Self, Self)) -> bool {
        true
    }
}

impl Kind for bool {
    fn read(given: &Given, complaints: &mut Complaints<'_>) -> Option<Self> {
        match &given.value {
            Value::Boolean(value) => Some(*value),
            Value::Untyped(text) if text == "true" => Some(true),
            Value::Untyped(text) if text == "false" => Some(false),
            Value::Text(_) | Value::Untyped(_) | Value::Integer(_) | Value::List(_) | Value::Table(_) | Value::Other(_) => {
                complaints.expected(given, "true or false, without quotes")
            }
        }
    }

    fn shape(_: Option<&(Self, Self)>) -> Json {
        json!({"type": "boolean"})
    }

    fn written(&self) -> Option<Json> {
        Some(json!(self))
    }
}

/// Whole numbers.
macro_rules! number {
    ($type:ty) => {
        impl Kind for $type {
            fn read(given: &Given, complaints: &mut Complaints<'_>) -> Option<Self> {
                let number = match &given.value {
                    Value::Integer(number) => Self::try_from(*number).ok(),
                    Value::Untyped(text) => text.parse().ok(),
                    Value::Text(_) | Value::Boolean(_) | Value::List(_) | Value::Table(_) | Value::Other(_) => None,
                };
                number.or_else(|| complaints.expected(given, "a whole number, without quotes"))
            }

            fn shape(bounds: Option<&(Self, Self)>) -> Json {
                match bounds {
                    Some((low, high)) => json!({"type": "integer", "minimum": low, "maximum": high}),
                    None => json!({"type": "integer", "minimum": 0}),
                }
            }

            fn written(&self) -> Option<Json> {
                Some(json!(self))
            }

            fn is_within(&self, (low, high): &(Self, Self)) -> bool {
                (low..=high).contains(&self)
            }
        }
    };
}
number!(u16);
number!(u32);
number!(u64);

/// Types that are read from text by `FromStr`, with a name for what they are.
macro_rules! text {
    ($type:ty, $what:literal) => {
        impl Kind for $type {
            fn read(given: &Given, complaints: &mut Complaints<'_>) -> Option<Self> {
                let Some(text) = given.text() else { return complaints.expected(given, concat!($what, ", in quotes")) };
                text.parse().map_err(|_| complaints.about(given, concat!("this should be ", $what))).ok()
            }

            fn shape(_: Option<&(Self, Self)>) -> Json {
                json!({"type": "string"})
            }

            fn written(&self) -> Option<Json> {
                Some(json!(self.to_string()))
            }
        }
    };
}
text!(String, "text");
text!(std::net::SocketAddr, "an address with a port such as 127.0.0.1:8080 or [::]:8443");
text!(ipnet::IpNet, "a network such as 10.0.0.0/8 or 192.0.2.7/32");

impl Kind for PathBuf {
    fn read(given: &Given, complaints: &mut Complaints<'_>) -> Option<Self> {
        let Some(text) = given.text().filter(|text| !text.is_empty()) else { return complaints.expected(given, "a path, in quotes") };
        Some(beside_file(given, text))
    }

    fn shape(_: Option<&(Self, Self)>) -> Json {
        json!({"type": "string"})
    }

    fn written(&self) -> Option<Json> {
        Some(json!(self))
    }
}

/// A relative path that stands in the configuration file starts where that file is.
pub(super) fn beside_file(given: &Given, text: &str) -> PathBuf {
    match &given.origin {
        Origin::File { path, .. } => path.parent().map_or_else(|| PathBuf::from(text), |folder| folder.join(text)),
        Origin::Environment(_) | Origin::Flag(_) | Origin::Derived => PathBuf::from(text),
    }
}

impl<T: Kind> Kind for Option<T> {
    const SECRET: bool = T::SECRET;

    fn read(given: &Given, complaints: &mut Complaints<'_>) -> Option<Self> {
        T::read(given, complaints).map(Some)
    }

    fn shape(_: Option<&(Self, Self)>) -> Json {
        T::shape(None)
    }

    fn written(&self) -> Option<Json> {
        self.as_ref().and_then(T::written)
    }
}

/// A list; in a variable or a flag, separated by commas.
impl<T: Kind> Kind for Vec<T> {
    fn read(given: &Given, complaints: &mut Complaints<'_>) -> Option<Self> {
        let items: Vec<Given> = match &given.value {
            Value::List(items) => items.clone(),
            Value::Untyped(text) => text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| Given { value: Value::Untyped(item.to_owned()), origin: given.origin.clone() })
                .collect(),
            Value::Text(_) | Value::Integer(_) | Value::Boolean(_) | Value::Table(_) | Value::Other(_) => {
                return complaints.expected(given, "a list, in square brackets");
            }
        };
        // No short cut: each item may have a mistake of its own.
        let read: Vec<Option<T>> = items.iter().map(|item| T::read(item, complaints)).collect();
        read.into_iter().collect()
    }

    fn shape(_: Option<&(Self, Self)>) -> Json {
        json!({"type": "array", "items": T::shape(None)})
    }

    fn written(&self) -> Option<Json> {
        Some(self.iter().filter_map(T::written).collect())
    }
}

/// A table whose keys the operator chooses.
impl<T: Kind> Kind for BTreeMap<String, T> {
    fn read(given: &Given, complaints: &mut Complaints<'_>) -> Option<Self> {
        let Value::Table(entries) = &given.value else { return complaints.expected(given, "a table, in braces") };
        let read: Vec<Option<(String, T)>> =
            entries.iter().map(|entry| T::read(&entry.given, complaints).map(|value| (entry.key.clone(), value))).collect();
        read.into_iter().collect()
    }

    fn shape(_: Option<&(Self, Self)>) -> Json {
        json!({"type": "object", "additionalProperties": T::shape(None)})
    }

    fn written(&self) -> Option<Json> {
        Some(Json::Object(self.iter().filter_map(|(key, value)| Some((key.clone(), value.written()?))).collect()))
    }
}

/// Declares a setting that is one of a few words.
macro_rules! choice {
    ($(#[doc = $about:literal])+ $name:ident { $( $(#[doc = $doc:literal])+ $variant:ident = $word:literal, )+ }) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $( $(#[doc = $doc])+ $variant, )+
        }

        impl $name {
            /// As it is written.
            pub fn as_str(self) -> &'static str {
                match self {
                    $( Self::$variant => $word, )+
                }
            }
        }

        impl $crate::config::value::Kind for $name {
            fn read(
                given: &$crate::config::value::Given,
                complaints: &mut $crate::config::value::Complaints<'_>,
            ) -> Option<Self> {
                match given.text() {
                    $( Some($word) => Some(Self::$variant), )+
                    written => $crate::config::value::none_of(given, written, &[$($word),+], complaints),
                }
            }

            fn shape(_: Option<&(Self, Self)>) -> serde_json::Value {
                serde_json::json!({"enum": [$($word),+]})
            }

            fn written(&self) -> Option<serde_json::Value> {
                Some(serde_json::json!(self.as_str()))
            }
        }
    };
}
pub(super) use choice;

/// Notes that a word is none of those that may stand here.
pub(super) fn none_of<T>(given: &Given, written: Option<&str>, words: &[&str], complaints: &mut Complaints<'_>) -> Option<T> {
    let hint = written.and_then(|written| super::origin::nearest(written, words.iter().copied()));
    let sentence = match hint {
        Some(word) => format!("did you mean {word:?}? It is one of {}", words.join(", ")),
        None => format!("this should be one of {}", words.join(", ")),
    };
    complaints.about(given, sentence);
    None
}
