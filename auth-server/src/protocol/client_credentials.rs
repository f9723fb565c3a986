//! The client credentials grant (RFC 6749 §4.4): a machine acts for itself.

use portcullis_verifier::vocabulary::Scope;

use super::{
    client::Client,
    error::{ErrorCode, OAuthError, Refusal},
    resource::ProtectedResource,
};

/// Why a machine gets no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MachineGrantError {
    /// The operator allows the client nothing of what it asks at this resource.
    #[error("the client may do nothing of what it asks for at this resource")]
    NothingAllowed,
}

impl Refusal for MachineGrantError {
    fn answer(&self) -> OAuthError {
        OAuthError::new(ErrorCode::InvalidScope, "the client may do nothing of what it asks for at this resource")
    }
}

/// The scopes a machine gets: what it asks for, or all, within what the operator
/// allowed for this resource. Here, unlike with people, the ceiling is real.
pub fn machine_scope(client: &Client, resource: &ProtectedResource, asked: Option<&Scope>) -> Result<Scope, MachineGrantError> {
    let ceiling = client.machine_scopes.get(resource.identifier.as_str()).ok_or(MachineGrantError::NothingAllowed)?;
    let ceiling = ceiling.intersection(&resource.all_scopes());
    let granted = asked.filter(|asked| !asked.is_empty()).map_or_else(|| ceiling.clone(), |asked| asked.intersection(&ceiling));
    if granted.is_empty() { Err(MachineGrantError::NothingAllowed) } else { Ok(granted) }
}
