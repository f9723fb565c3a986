//! Why a request is not let in.

use chrono::TimeDelta;

use crate::{credential::Malformed, rejection::Rejection, vocabulary::Scope};

/// Why a request is not let in, for logs. What the caller hears is its
/// [`Challenge`](crate::Challenge).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The credential was presented in a way that cannot be read.
    #[error("the request is malformed: {0}")]
    Malformed(#[from] Malformed),
    /// No access token came with the request.
    #[error("there is no access token")]
    NoCredential,
    /// The person signed in too long ago, or nobody knows when (RFC 9470 §3).
    #[error("the person has to have signed in during the last {} s, and {}", .max_age.num_seconds(), seen(*.age))]
    SignInTooOld {
        /// How long ago it may be.
        max_age: TimeDelta,
        /// How long ago it was; `None` if the token does not say.
        age: Option<TimeDelta>,
    },
    /// The token was refused, or could not be checked.
    #[error("{0}")]
    Token(#[from] Rejection),
    /// The token is good, and does not allow what was asked.
    #[error("the request needs the scopes \"{needed}\", the token has \"{granted}\"")]
    TooNarrow {
        /// All that the request needs.
        needed: Scope,
        /// What the token has.
        granted: Scope,
    },
}

fn seen(age: Option<TimeDelta>) -> String {
    age.map_or_else(|| "the token does not say when".to_owned(), |age| format!("did so {} s ago", age.num_seconds()))
}
