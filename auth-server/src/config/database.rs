//! Where what must survive is kept.

use serde_json::{Value as Json, json};

use super::value::{Complaints, Given, Kind, beside_file};
use crate::secret::Secret;

/// The address of a database.
pub use crate::store::Location as Database;

impl Kind for Database {
    const SECRET: bool = true;

    fn read(given: &Given, complaints: &mut Complaints<'_>) -> Option<Self> {
        const WHAT: &str = "sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME, in quotes";
        let Some(text) = given.text() else { return complaints.expected(given, WHAT) };
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Some(Self::Postgres(Secret::new(text.to_owned())));
        }
        match text.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path)) {
            Some(path) if !path.is_empty() => Some(Self::Sqlite(beside_file(given, path))),
            Some(_) | None => complaints.expected(given, WHAT),
        }
    }

    fn shape(_: Option<&(Self, Self)>) -> Json {
        json!({"type": "string", "pattern": "^(sqlite:|postgres(ql)?://)."})
    }

    fn written(&self) -> Option<Json> {
        None
    }
}
