//! Who is calling, and what they may do.

use std::{fmt, sync::Arc};

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{VerifiedToken, claims::seconds};
use crate::{rejection::Rejection, vocabulary::Scope};

/// A token that was checked in full, for this server: who calls, for whom, and what
/// they may do. Cheap to clone.
///
/// Nothing but a [`Verifier`](crate::Verifier) makes one, so a value that exists is
/// proof. Who has one may copy it:
///
/// ```
/// # use portcullis_verifier::AccessToken;
/// fn copy(genuine: &AccessToken) -> AccessToken {
///     genuine.clone()
/// }
/// ```
///
/// And not even from the parts of a genuine one can another be put together:
///
/// ```compile_fail,E0451
/// # use portcullis_verifier::AccessToken;
/// fn forge(genuine: &AccessToken) -> AccessToken {
///     AccessToken { ..genuine.clone() }
/// }
/// ```
///
/// The token itself is not in it, so it cannot be passed on by mistake (RFC 9700 §4.9).
#[derive(Clone)]
pub struct AccessToken {
    principal: Arc<Principal>,
}

struct Principal {
    token: VerifiedToken,
    auth_time: Option<DateTime<Utc>>,
}

impl AccessToken {
    /// The last step of a check: the audience was found to be us.
    pub(crate) fn of(token: VerifiedToken) -> Result<Self, Rejection> {
        let auth_time = seconds(token.claims(), "auth_time")?;
        let auth_time = auth_time.map(|seconds| DateTime::from_timestamp(seconds, 0).ok_or(Rejection::Claim("auth_time"))).transpose()?;
        Ok(Self { principal: Arc::new(Principal { token, auth_time }) })
    }

    /// Who issued it. Subjects of different issuers have nothing in common.
    pub fn issuer(&self) -> &str {
        self.text("iss").unwrap_or_default()
    }

    /// The person on whose behalf the client calls, or for a machine the client
    /// itself: stable, and unique per issuer.
    pub fn subject(&self) -> &str {
        self.principal.token.subject()
    }

    /// The client that calls (RFC 8693 §4.3).
    pub fn client_id(&self) -> &str {
        self.principal.token.client_id()
    }

    /// Whether a client acts for itself, with no person behind it (RFC 6749 §4.4,
    /// RFC 9068 §5).
    pub fn is_machine(&self) -> bool {
        self.subject() == self.client_id()
    }

    /// What the token allows, as the issuer wrote it. Scopes that a
    /// [hierarchy](crate::Builder::scope_implies) adds are not in it.
    pub fn scope(&self) -> &Scope {
        self.principal.token.scope()
    }

    /// The token's own name (RFC 7519 §4.1.7); empty for an opaque token that its
    /// issuer gave no name.
    pub fn jti(&self) -> &str {
        self.principal.token.jti()
    }

    /// What the person once allowed: the same for all tokens that came of it. Other
    /// issuers than Portcullis do not have it.
    pub fn grant_id(&self) -> Option<&str> {
        self.text("grant_id")
    }

    /// When the person signed in (RFC 9068 §2.2.1).
    pub fn auth_time(&self) -> Option<DateTime<Utc>> {
        self.principal.auth_time
    }

    /// When the token ends.
    pub fn expires_at(&self) -> DateTime<Utc> {
        self.principal.token.expires_at()
    }

    /// Any other claim.
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.principal.token.claims().get(name)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.claim(name).and_then(Value::as_str)
    }
}

/// The same token, by its issuer and name.
#[cfg(test)]
impl PartialEq for AccessToken {
    fn eq(&self, other: &Self) -> bool {
        (self.issuer(), self.jti()) == (other.issuer(), other.jti())
    }
}

/// Names the token, and says nothing of the person.
impl fmt::Debug for AccessToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AccessToken")
            .field("client_id", &self.client_id())
            .field("jti", &self.jti())
            .field("scope", &self.scope().to_string())
            .finish_non_exhaustive()
    }
}
