//! The configuration file, with the place of every key and value.

use std::{path::Path, sync::Arc};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    origin::{Mistake, Origin},
    value::{Entry, Given, Value},
};

/// Turns byte offsets into lines and columns.
struct Places<'a> {
    path: Arc<Path>,
    text: &'a str,
}

impl Places<'_> {
    fn at(&self, offset: usize) -> Origin {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |end| end.saturating_add(1));
        let column = before.get(line_start..).unwrap_or_default().chars().count().saturating_add(1);
        Origin::File { path: Arc::clone(&self.path), line: before.matches('\n').count().saturating_add(1), column }
    }

    fn entries(&self, table: &DeTable<'_>) -> Vec<Entry> {
        let mut keys: Vec<_> = table.iter().collect();
        // In the order of the file, which the parser's map does not keep.
        keys.sort_by_key(|(key, _)| key.span().start);
        keys.into_iter()
            .map(|(key, value)| Entry { key: key.get_ref().to_string(), origin: self.at(key.span().start), given: self.given(value) })
            .collect()
    }

    fn given(&self, value: &Spanned<DeValue<'_>>) -> Given {
        let read = match value.get_ref() {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(number) => {
                i64::from_str_radix(number.as_str(), number.radix()).map_or(Value::Other("a number that is too large"), Value::Integer)
            }
            DeValue::Boolean(value) => Value::Boolean(*value),
            DeValue::Array(items) => Value::List(items.iter().map(|item| self.given(item)).collect()),
            DeValue::Table(table) => Value::Table(self.entries(table)),
            DeValue::Float(_) => Value::Other("a number with a point"),
            DeValue::Datetime(_) => Value::Other("a date"),
        };
        Given { value: read, origin: self.at(value.span().start) }
    }
}

/// Every key at the top of the file, and what is no TOML.
pub(super) fn parse(path: &Path, text: &str) -> (Vec<Entry>, Vec<Mistake>) {
    let places = Places { path: Arc::from(path), text };
    let (table, errors) = DeTable::parse_recoverable(text);
    let mistakes = errors
        .iter()
        .map(|error| Mistake {
            origin: places.at(error.span().map_or(0, |span| span.start)),
            subject: String::new(),
            sentence: error.message().lines().collect::<Vec<_>>().join(", "),
        })
        .collect();
    (places.entries(table.get_ref()), mistakes)
}
