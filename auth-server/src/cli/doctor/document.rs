//! Metadata documents as clients get them: what an answer at a well-known address amounts to.

use http::{StatusCode, header};
use serde_json::{Map, Value};
use url::Url;

use super::{
    finding::Kind,
    outside::{Answer, NoAnswer},
    report::Notes,
};

pub(super) type Members = Map<String, Value>;

/// What there is at an address.
#[derive(Clone, Debug)]
pub(super) enum Found {
    Document(Members),
    /// Nothing, and it says so. Whether in JSON.
    Nothing {
        in_json: bool,
    },
    /// Neither the one nor the other.
    Odd(Kind, String),
}

impl Found {
    /// Reads it as clients do.
    pub(super) fn read(answer: &Result<Answer, NoAnswer>) -> Self {
        let answer = match answer {
            Ok(answer) => answer,
            Err(NoAnswer(reason)) => return Self::Odd(Kind::NoAnswer, reason.clone()),
        };
        let status = answer.status;
        let said = format!("it answers {}", status.as_u16());
        match status {
            StatusCode::OK => Self::of_body(answer),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Self::Odd(Kind::WellKnownGuarded, said),
            _ if status.is_redirection() => {
                let to = answer.header(header::LOCATION).unwrap_or("nowhere");
                Self::Odd(Kind::WellKnownRedirects, format!("{said}, to {to}"))
            }
            _ if status.is_server_error() => Self::Odd(Kind::WellKnownBroken, said),
            _ if status.is_success() => Self::Odd(Kind::NotJson, said),
            _ => Self::Nothing { in_json: answer.is_json() },
        }
    }

    fn of_body(answer: &Answer) -> Self {
        let kind = answer.header(header::CONTENT_TYPE).unwrap_or("nothing that says its type");
        if !answer.is_json() {
            return Self::Odd(Kind::NotJson, format!("it answers 200 with {kind}"));
        }
        match serde_json::from_slice(&answer.body) {
            Ok(Value::Object(members)) => Self::Document(members),
            Ok(_) => Self::Odd(Kind::NotJson, "it answers 200 with JSON that is no object".to_owned()),
            Err(error) => Self::Odd(Kind::NotJson, format!("it answers 200 with JSON that can't be read: {error}")),
        }
    }

    pub(super) fn document(&self) -> Option<&Members> {
        if let Self::Document(members) = self { Some(members) } else { None }
    }
}

/// An address and what is there.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) url: Url,
    pub(super) found: Found,
}

/// Notes what is neither document nor absence.
pub(super) fn note_odd(notes: &mut Notes, place: &Place) {
    if let Found::Odd(kind, said) = &place.found {
        notes.find(*kind, [place.url.to_string(), said.clone()]);
    }
}

/// A member that is text.
pub(super) fn text<'a>(members: &'a Members, name: &str) -> Option<&'a str> {
    members.get(name)?.as_str()
}

/// A member that is a list of texts; `None` where it is not there.
pub(super) fn list<'a>(members: &'a Members, name: &str) -> Option<Vec<&'a str>> {
    Some(members.get(name)?.as_array()?.iter().filter_map(Value::as_str).collect())
}

/// MCP-AS-10: schemas of clients know absence, and no null.
pub(super) fn note_nulls(notes: &mut Notes, members: &Members) {
    let names: Vec<&str> = members.iter().filter(|(_, value)| value.is_null()).map(|(name, _)| name.as_str()).collect();
    if !names.is_empty() {
        notes.find(Kind::NullMember, [names.join(", ")]);
    }
}

/// An address that clients accept: https, or http on this computer if the server asked is there, too.
pub(super) fn is_secure(url: &Url, is_local: bool) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_local && is_loopback(url))
}

/// Whether it is this computer, by its name.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::testing::{answer, json};

    fn odd(answer: Answer) -> Kind {
        match Found::read(&Ok(answer)) {
            Found::Odd(kind, _) => kind,
            Found::Document(_) | Found::Nothing { .. } => panic!("it is not odd"),
        }
    }

    // MCP-AS-08
    #[test]
    fn what_is_neither_document_nor_absence_has_a_name() {
        assert_eq!(odd(answer(200, &[("content-type", "text/html")], "<html>")), Kind::NotJson);
        assert_eq!(odd(answer(200, &[("content-type", "application/json")], "[]")), Kind::NotJson);
        assert_eq!(odd(answer(200, &[("content-type", "application/json")], "{")), Kind::NotJson);
        assert_eq!(odd(answer(204, &[], "")), Kind::NotJson);
        assert_eq!(odd(answer(302, &[("location", "/login")], "")), Kind::WellKnownRedirects);
        assert_eq!(odd(answer(401, &[], "")), Kind::WellKnownGuarded);
        assert_eq!(odd(answer(403, &[], "")), Kind::WellKnownGuarded);
        assert_eq!(odd(answer(503, &[], "")), Kind::WellKnownBroken);
        assert!(matches!(Found::read(&Err(NoAnswer("gone".to_owned()))), Found::Odd(Kind::NoAnswer, _)));
    }

    #[test]
    fn documents_and_absences_are_told_apart() {
        assert!(Found::read(&Ok(json(200, "{}"))).document().is_some());
        assert!(matches!(Found::read(&Ok(json(404, "{}"))), Found::Nothing { in_json: true }));
        assert!(matches!(Found::read(&Ok(answer(404, &[], "no"))), Found::Nothing { in_json: false }));
    }

    #[test]
    fn plain_http_is_for_this_computer_only() {
        let secure = |url: &str, is_local| is_secure(&url.parse().unwrap(), is_local);
        assert!(secure("https://a.example", false) && secure("http://localhost:1", true) && secure("http://[::1]", true));
        assert!(!secure("http://a.example", true) && !secure("http://127.0.0.1", false) && !secure("ftp://a.example", true));
    }
}
