//! Lengths of time as people write them: `45s`, `15m`, `12h`, `30d`, `1h30m`.

use std::fmt::Write as _;

use chrono::TimeDelta;
use serde_json::{Value as Json, json};

use super::value::{Complaints, Given, Kind, Value};

const UNITS: [(char, i64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Reads `1h30m`; none where the text is no length of time or is too long for anything.
pub(crate) fn parse(text: &str) -> Option<TimeDelta> {
    let mut seconds: i64 = 0;
    let mut digits = String::new();
    for character in text.trim().chars() {
        if character.is_ascii_digit() {
            digits.push(character);
            continue;
        }
        let (_, unit) = UNITS.iter().find(|(letter, _)| *letter == character)?;
        seconds = digits.parse::<i64>().ok()?.checked_mul(*unit)?.checked_add(seconds)?;
        digits.clear();
    }
    let is_whole = digits.is_empty() && text.ends_with(|last: char| last.is_ascii_lowercase());
    if is_whole { TimeDelta::try_seconds(seconds) } else { None }
}

/// Writes it in the fewest units that are exact.
pub(crate) fn write(duration: TimeDelta) -> String {
    let mut rest = duration.num_seconds();
    let mut text = String::new();
    for (letter, unit) in UNITS {
        if rest >= unit {
            // Writing to a String cannot fail.
            let _ = write!(text, "{}{letter}", rest / unit);
            rest %= unit;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

impl Kind for TimeDelta {
    fn read(given: &Given, complaints: &mut Complaints<'_>) -> Option<Self> {
        let duration = match &given.value {
            Value::Integer(seconds) => Self::try_seconds(*seconds).filter(|_| *seconds >= 0),
            Value::Text(text) | Value::Untyped(text) => parse(text),
            Value::Boolean(_) | Value::List(_) | Value::Table(_) | Value::Other(_) => None,
        };
        duration.or_else(|| complaints.expected(given, "a length of time such as \"45s\", \"15m\", \"12h\", \"30d\" or \"1h30m\""))
    }

    fn shape(bounds: Option<&(Self, Self)>) -> Json {
        let mut shape = json!({"type": ["string", "integer"], "pattern": "^([0-9]+[dhms])+$"});
        if let (Some((low, high)), Some(members)) = (bounds, shape.as_object_mut()) {
            members.insert("minimum".to_owned(), json!(low.num_seconds()));
            members.insert("maximum".to_owned(), json!(high.num_seconds()));
        }
        shape
    }

    fn written(&self) -> Option<Json> {
        Some(json!(write(*self)))
    }

    fn is_within(&self, (low, high): &(Self, Self)) -> bool {
        (low..=high).contains(&self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_of_time_read_as_people_write_them() {
        for (text, seconds) in [("45s", 45), ("15m", 900), ("12h", 43_200), ("30d", 2_592_000), ("1h30m", 5_400), ("0s", 0)] {
            assert_eq!(parse(text), Some(TimeDelta::seconds(seconds)), "{text}");
        }
        for bad in ["", "s", "15", "15 m", "15min", "-1s", "1.5h", "99999999999999999999d", "9223372036854775807d", "1y"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_can_be_read(seconds in 0_i64..100_000_000) {
            prop_assert_eq!(parse(&write(TimeDelta::seconds(seconds))), Some(TimeDelta::seconds(seconds)));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}") {
            let _ = parse(&text);
        }
    }
}
