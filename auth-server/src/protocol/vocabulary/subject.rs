//! Whom a token speaks of (RFC 9068 §2.2, RFC 7519 §4.1.2).

use std::str::FromStr;

use uuid::Uuid;

use super::ClientId;

/// Whom a token speaks of: a person, or a client that speaks for itself.
///
/// A person's begins with `u_`, which no client identifier of ours does and which
/// operators can't choose for one, so that a client never passes for a person
/// (RFC 9700 §4.15, RFC 9068 §5).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subject(String);

/// The text is no subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a subject has 1 to 2048 printable ASCII characters")]
pub struct SubjectError;

const PERSON: &str = "u_";

impl Subject {
    /// A person.
    pub fn person(id: Uuid) -> Self {
        Self(format!("{PERSON}{}", id.simple()))
    }

    /// A client that acts on its own (RFC 6749 §4.4).
    pub fn machine(client_id: &ClientId) -> Self {
        Self(client_id.as_str().to_owned())
    }

    /// Whether a client may not have this identifier, since it would read as a person's, or
    /// as what stands for personal access tokens.
    pub fn is_reserved(client_id: &ClientId) -> bool {
        client_id.as_str().starts_with(PERSON) || *client_id == ClientId::of_personal_tokens()
    }

    /// The subject.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Subject {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, SubjectError> {
        let fits = (1..=2048).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(text.to_owned())) } else { Err(SubjectError) }
    }
}

super::text::by_text!(Subject);

#[cfg(test)]
mod tests {
    use super::*;

    // OA-CC-04, OA-AT-09: a client never passes for a person
    #[test]
    fn persons_and_machines_never_share_a_subject() {
        let person = Subject::person(Uuid::nil());
        let impostor: ClientId = person.as_str().parse().unwrap();
        assert!(Subject::is_reserved(&impostor));
        assert!(!Subject::is_reserved(&ClientId::generate([0; 16])));
        assert!(Subject::is_reserved(&ClientId::of_personal_tokens()));
    }
}
