//! What a handler finds in its request.

use std::ops::Deref;

use http::HeaderValue;

use super::admission;
use crate::{AccessToken, Challenge, Refusal, Verifier, vocabulary::Scope};

/// Proof that the request was let in: whose token it came with, and what it allows. The
/// layer puts it into the request's extensions, and an [`AccessToken`] beside it.
#[derive(Clone, Debug)]
pub struct Authorized {
    token: AccessToken,
    verifier: Verifier,
    request_id: Option<HeaderValue>,
}

impl Authorized {
    pub(super) fn new(token: AccessToken, verifier: Verifier, request_id: Option<HeaderValue>) -> Self {
        Self { token, verifier, request_id }
    }

    /// For what only the handler can know: whether the token allows these scopes, too
    /// (separated by spaces). Otherwise, the answer that asks the client for all of them.
    ///
    /// What is no scope is allowed to nobody, and `offline_access`, which is between the
    /// client and the issuer, is never asked for.
    pub fn require(&self, scopes: &str) -> Result<(), Challenge> {
        let refused = |refusal: Refusal| {
            let (id, client, jti) = (admission::said(self.request_id.as_ref()), self.token.client_id(), self.token.jti());
            let challenge = self.verifier.challenge(&refusal);
            let status = challenge.status().as_u16();
            tracing::info!(status, request.id = id, reason = %refusal, client.id = client, token.jti = jti, "a request was refused");
            challenge
        };
        let granted = self.token.scope();
        let Ok(needed) = Scope::parse(scopes) else {
            return Err(refused(Refusal::TooNarrow { needed: Scope::none(), granted: granted.clone() }));
        };
        let needed = needed.union(self.verifier.needs());
        self.verifier.authorize(&self.token, &needed, self.verifier.now()).map_err(refused)
    }

    /// The token, without its text.
    pub fn token(&self) -> &AccessToken {
        &self.token
    }
}

impl Deref for Authorized {
    type Target = AccessToken;

    fn deref(&self) -> &AccessToken {
        &self.token
    }
}
