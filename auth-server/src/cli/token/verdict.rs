//! What was found out about a token.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::cli::{
    failure::{Failure, Outcome},
    output::Facts,
};

/// What a token is, what it says, and every reason to refuse it.
#[derive(Debug, Serialize)]
pub(super) struct Verdict {
    /// `access_token`, `refresh_token`, `personal_token` or `unknown`.
    pub(super) kind: &'static str,
    /// Whether it is good.
    pub(super) valid: bool,
    /// Why not, most important first.
    pub(super) reasons: Vec<Reason>,
    /// A JWT's header, unverified where a reason says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) header: Option<Map<String, Value>>,
    /// A JWT's claims, unverified where a reason says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) claims: Option<Map<String, Value>>,
    /// For people.
    #[serde(skip)]
    pub(super) facts: Facts,
}

/// A reason to refuse a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Reason {
    /// For programs.
    pub(super) code: &'static str,
    /// In words.
    pub(super) sentence: String,
}

impl Reason {
    pub(super) fn new(code: &'static str, sentence: impl Into<String>) -> Self {
        Self { code, sentence: sentence.into() }
    }
}

impl Verdict {
    /// Something that is no token of this server at all.
    pub(super) fn unknown(sentence: &str) -> Self {
        let reasons = vec![Reason::new("malformed", sentence)];
        Self { kind: "unknown", valid: false, reasons, header: None, claims: None, facts: Facts::default() }
    }

    pub(super) fn for_people(&self) -> String {
        let mut text = self.facts.render();
        if !text.is_empty() {
            text.push('\n');
        }
        if self.valid {
            text.push_str("Good: this server accepts it");
        } else {
            text.push_str("Refused:");
            for reason in &self.reasons {
                text.push_str("\n  ");
                text.push_str(&crate::cli::table::harmless(&reason.sentence));
            }
        }
        text
    }

    /// A refused token is a refusal of the command, for scripts.
    pub(super) fn outcome(&self) -> Outcome {
        if self.valid { Ok(()) } else { Err(Failure::Refused("the token is refused".to_owned())) }
    }
}
