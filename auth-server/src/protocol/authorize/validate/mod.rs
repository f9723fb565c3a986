//! The second step: everything else. Errors travel to the client (RFC 6749 §4.1.2.1).

use chrono::TimeDelta;
use portcullis_verifier::vocabulary::{Issuer, Resource, Scope};
use serde::{Deserialize, Serialize};

use super::{
    bind::{BoundRequest, is_state},
    refused::{RedirectError, RefusedRequest},
    second_opinion,
};
use crate::protocol::{
    client::Client,
    metadata::OFFLINE_ACCESS,
    parameters::Parameters,
    resource::{ProtectedResource, Resources, TargetError, as_seconds},
    token_size::{Speaker, TokenParts},
    vocabulary::{ClientId, CodeChallenge, GrantType, Prompt, RedirectUri},
};

/// A request that only a person's answer is missing from.
///
/// It comes from [`BoundRequest::validate`], or out of the store, where the server
/// put it before.
///
/// ```compile_fail
/// # fn forge(valid: portcullis::protocol::authorize::AuthorizationRequest) {
/// use portcullis::protocol::authorize::AuthorizationRequest;
/// let forged = AuthorizationRequest { state: None, ..valid };
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub client_id: ClientId,
    /// Where the answer goes, as asked for.
    pub redirect_uri: RedirectUri,
    /// What the answer carries back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// What the code's verifier has to answer (RFC 7636).
    pub code_challenge: CodeChallenge,
    /// The resource, in its registered spelling (RFC 8707).
    pub resource: String,
    /// What the person is asked for: nothing the resource does not know.
    pub scope: Scope,
    /// Which pages the client wants to be shown, or not.
    #[serde(default)]
    pub prompt: Prompt,
    /// How old the sign-in may be.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "as_seconds")]
    pub max_age: Option<TimeDelta>,
    /// Who the client thinks is there: a suggestion for the sign-in page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_hint: Option<String>,
    /// Whether it asks for `offline_access`, a scope of the server's own (MCP-AS-93).
    #[serde(default)]
    pub offline_access: bool,
    #[serde(skip)]
    validated: Validated,
}

impl AuthorizationRequest {
    /// What a *yes* to this much of the request allows: if it asks for
    /// `offline_access`, to stay connected as well.
    #[expect(clippy::expect_used, reason = "the constant is a scope")]
    pub fn allowing(&self, scope: &Scope) -> Scope {
        if self.offline_access { scope.union(&Scope::parse(OFFLINE_ACCESS).expect("one token")) } else { scope.clone() }
    }
}

/// Only this module can say so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Validated;

/// A `login_hint` of more bytes is not repeated to anybody.
const LONGEST_HINT: usize = 320;

/// A `max_age` beyond this many seconds, a century, is as good as none.
const LONGEST_AGE: u64 = 3_155_760_000;

impl BoundRequest {
    /// Checks the request, but for what depends on the person.
    pub fn validate(self, client: &Client, resources: &Resources, issuer: &Issuer) -> Result<AuthorizationRequest, RefusedRequest> {
        self.judge(client, resources, issuer).map_err(|reason| self.refused(reason))
    }

    fn judge(&self, client: &Client, resources: &Resources, issuer: &Issuer) -> Result<AuthorizationRequest, RedirectError> {
        let asked = &self.parameters;
        form(asked)?;
        response(asked)?;
        if client.id != self.client_id {
            return Err(RedirectError::Disagreement);
        }
        if !client.may_use(GrantType::AuthorizationCode) {
            return Err(RedirectError::ClientMayNot);
        }
        request_objects(asked)?;
        let code_challenge = code_challenge(asked)?;
        let resource = resource(asked, resources).map_err(RedirectError::Target)?;
        let scope = scope(asked, client, &resource)?;
        // Before the person is asked: nobody consents in vain.
        if (TokenParts { issuer, resource: &resource, client_id: &client.id, scope: &scope, speaker: Speaker::Person }).is_too_large() {
            return Err(RedirectError::TokenTooLarge);
        }
        let prompt = asked.get("prompt").unwrap_or_default().parse().map_err(|_| RedirectError::Prompt)?;
        let max_age = asked.get("max_age").map(max_age).transpose()?;
        let request = AuthorizationRequest {
            client_id: self.client_id.clone(),
            redirect_uri: self.redirect_uri.clone(),
            state: self.state.clone(),
            code_challenge,
            resource: resource.identifier.as_str().to_owned(),
            scope,
            prompt,
            max_age,
            login_hint: login_hint(asked),
            offline_access: asked.get("scope").is_some_and(|scope| scope.split(' ').any(|token| token == OFFLINE_ACCESS)),
            validated: Validated,
        };
        second_opinion::confirm(asked, client, &resource.all_scopes(), &request)?;
        Ok(request)
    }
}

/// OA-AZ-04, OA-AZ-05, OA-AZ-12. `client_id` and `redirect_uri` are judged already.
fn form(asked: &Parameters) -> Result<(), RedirectError> {
    if asked.first_malformed().is_some() {
        return Err(RedirectError::Malformed);
    }
    if asked.first_repeated().is_some() {
        return Err(RedirectError::Repeated);
    }
    if asked.get("state").is_some_and(|state| !is_state(state)) {
        return Err(RedirectError::State);
    }
    Ok(())
}

/// OA-AZ-08, OA-AZ-10.
fn response(asked: &Parameters) -> Result<(), RedirectError> {
    match asked.get("response_type") {
        None => return Err(RedirectError::ResponseTypeMissing),
        Some("code") => {}
        Some(_) => return Err(RedirectError::ResponseType),
    }
    match asked.get("response_mode") {
        None | Some("query") => Ok(()),
        Some(_) => Err(RedirectError::ResponseMode),
    }
}

/// OA-AZ-11: ignoring them would drop what the client believes it has signed.
fn request_objects(asked: &Parameters) -> Result<(), RedirectError> {
    if asked.get("request").is_some() {
        return Err(RedirectError::RequestObject);
    }
    if asked.get("request_uri").is_some() {
        return Err(RedirectError::RequestUri);
    }
    Ok(())
}

/// OA-PK-01…04.
fn code_challenge(asked: &Parameters) -> Result<CodeChallenge, RedirectError> {
    let challenge = asked.get("code_challenge").ok_or(RedirectError::ChallengeMissing)?;
    if asked.get("code_challenge_method") != Some("S256") {
        return Err(RedirectError::ChallengeMethod);
    }
    challenge.parse().map_err(|_| RedirectError::ChallengeMalformed)
}

/// MCP-AS-70…77. An `audience`, which older clients send, counts only where it helps.
fn resource(asked: &Parameters, resources: &Resources) -> Result<std::sync::Arc<ProtectedResource>, TargetError> {
    if asked.resources().is_empty() {
        let audience = asked.get("audience").and_then(|audience| Resource::parse(audience).ok());
        if let Some(meant) = audience.and_then(|audience| resources.named(&audience)) {
            return Ok(meant);
        }
    }
    resources.find(asked.resources())
}

/// MCP-AS-29, MCP-AS-81, MCP-AS-82: what is unknown here is dropped; if nothing is
/// left the resource's default counts. What a client registered is only what it
/// asks for when it asks for nothing.
fn scope(asked: &Parameters, client: &Client, resource: &ProtectedResource) -> Result<Scope, RedirectError> {
    let known = resource.all_scopes();
    let named = Scope::parse(asked.get("scope").unwrap_or_default()).map_err(|_| RedirectError::Scope)?;
    let wanted = if named.is_empty() { client.scope.clone().unwrap_or_default() } else { named };
    let scope = wanted.intersection(&known);
    if scope.is_empty() { Ok(resource.default_scopes.intersection(&known)) } else { Ok(scope) }
}

/// OA-AZ-21: digits and nothing else.
fn max_age(text: &str) -> Result<TimeDelta, RedirectError> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(RedirectError::MaxAge);
    }
    let seconds = text.parse::<u64>().unwrap_or(LONGEST_AGE).min(LONGEST_AGE);
    i64::try_from(seconds).ok().and_then(TimeDelta::try_seconds).ok_or(RedirectError::MaxAge)
}

fn login_hint(asked: &Parameters) -> Option<String> {
    asked.get("login_hint").filter(|hint| hint.len() <= LONGEST_HINT).map(str::to_owned)
}

#[cfg(test)]
mod tests;
