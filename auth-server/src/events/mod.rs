//! What happened, one event for each step of a flow (OA-LG-01).
//!
//! Outwards a refusal is vague; here its reason is precise. An event names ids,
//! never secrets: nothing in it has a field for a token, a code or a password.
//! Text from strangers is written escaped, so that no line can be forged.

mod step;

use std::fmt::Display;

use portcullis_verifier::vocabulary::Scope;

pub use step::Step;

use crate::{ago::timestamp, protocol::vocabulary::looks_secret, store::OperatorAction, telemetry::Writer};

/// One event, to be filled with what is known and then recorded.
#[derive(Clone, Debug)]
#[must_use = "an event is written by `record`"]
pub struct Event<'a> {
    step: Step,
    client_id: Option<&'a str>,
    user_id: Option<&'a str>,
    grant_id: Option<String>,
    resource: Option<&'a str>,
    scope: Option<String>,
    reason: Option<String>,
}

/// Reasons may quote what strangers sent; nobody needs more of it.
const MOST_CHARACTERS: usize = 300;

/// Writes down what an operator did by command: who, what and when (OA-LG-01). It may have
/// been while no server ran, so the time of the line is not enough.
pub fn record_operator_action(action: &OperatorAction) {
    let OperatorAction { event, operator, about, .. } = action;
    let (client_id, user_id, grant_id) = (about.client_id.as_deref(), about.user_id.as_deref(), about.grant_id.as_deref());
    let (resource, reason) = (about.resource.as_deref(), about.reason.as_deref());
    let (writer, done_at) = (Writer::current(), timestamp(action.done_at));
    let (issuer, event, operator, done_at) = (writer.issuer(), event.as_str(), operator.as_str(), done_at.as_str());
    tracing::info!(target: "portcullis::event", event, issuer, operator, done_at, client_id, user_id, grant_id, resource, reason);
}

impl<'a> Event<'a> {
    /// An event of this kind.
    pub fn of(step: Step) -> Self {
        Self { step, client_id: None, user_id: None, grant_id: None, resource: None, scope: None, reason: None }
    }

    /// Which client it concerns. Strangers may call themselves anything; a secret that
    /// was sent in place of a name is not written down.
    pub fn client(mut self, id: &'a str) -> Self {
        self.client_id = Some(if looks_secret(id) { "[redacted]" } else { id });
        self
    }

    /// Which person it concerns, by user id.
    pub fn user(mut self, id: &'a str) -> Self {
        self.user_id = Some(id);
        self
    }

    /// Which grant it concerns.
    pub fn grant(mut self, id: impl Display) -> Self {
        self.grant_id = Some(id.to_string());
        self
    }

    /// Which resource it concerns.
    pub fn resource(mut self, identifier: &'a str) -> Self {
        self.resource = Some(identifier);
        self
    }

    /// Which scopes it concerns.
    pub fn scope(mut self, scope: &Scope) -> Self {
        self.scope = Some(scope.to_string());
        self
    }

    /// Why it happened, precisely.
    pub fn because(mut self, reason: impl Display) -> Self {
        self.reason = Some(reason.to_string().chars().take(MOST_CHARACTERS).collect());
        self
    }

    /// Writes the event. Source address and correlation id stand in the request's span.
    pub fn record(self) {
        let Self { step, client_id, user_id, grant_id, resource, scope, reason } = self;
        let writer = Writer::current();
        let issuer = writer.issuer();
        let (event, grant_id, scope, reason) = (step.as_str(), grant_id.as_deref(), scope.as_deref(), reason.as_deref());
        if step.is_alarming() {
            tracing::warn!(target: "portcullis::event", event, issuer, client_id, user_id, grant_id, resource, scope, reason);
        } else {
            tracing::info!(target: "portcullis::event", event, issuer, client_id, user_id, grant_id, resource, scope, reason);
        }
    }
}
