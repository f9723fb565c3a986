//! The client credentials grant (RFC 6749 §4.4): a machine acts for itself.

use portcullis_verifier::vocabulary::{Issuer, Scope};

use super::{
    client::Client,
    error::{ErrorCode, OAuthError, Refusal},
    resource::ProtectedResource,
    token_size::{Speaker, TOO_LARGE, TokenParts},
};

/// Why a machine gets no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MachineGrantError {
    /// The operator allows the client nothing of what it asks at this resource.
    #[error("the client may do nothing of what it asks for at this resource")]
    NothingAllowed,
    /// More scopes than an access token has room for.
    #[error("an access token with these scopes would be too large")]
    TokenTooLarge,
}

impl Refusal for MachineGrantError {
    fn answer(&self) -> OAuthError {
        match self {
            Self::NothingAllowed => {
                OAuthError::new(ErrorCode::InvalidScope, "the client may do nothing of what it asks for at this resource")
            }
            Self::TokenTooLarge => TOO_LARGE,
        }
    }
}

/// The scopes a machine gets: what it asks for, or all, within what the operator
/// allowed for this resource. Here, unlike with people, the ceiling is real.
pub fn machine_scope(
    client: &Client,
    resource: &ProtectedResource,
    asked: Option<&Scope>,
    issuer: &Issuer,
) -> Result<Scope, MachineGrantError> {
    let ceiling = client.machine_scopes.get(resource.identifier.as_str()).ok_or(MachineGrantError::NothingAllowed)?;
    let ceiling = ceiling.intersection(&resource.all_scopes());
    let granted = asked.filter(|asked| !asked.is_empty()).map_or_else(|| ceiling.clone(), |asked| asked.intersection(&ceiling));
    if granted.is_empty() {
        return Err(MachineGrantError::NothingAllowed);
    }
    let parts = TokenParts { issuer, resource, client_id: &client.id, scope: &granted, speaker: Speaker::Machine };
    if parts.is_too_large() { Err(MachineGrantError::TokenTooLarge) } else { Ok(granted) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{authorize::sample, client::ClientOrigin, vocabulary::ClientId};

    // OA-CC-03, OA-AT-02: within what the operator allowed, and what the resource still has
    #[test]
    fn a_machine_gets_what_it_may_or_is_told_no() {
        let notes = sample::resource("notes");
        let machine = |id: &str, scope: &str| {
            let allowed = (notes.identifier.as_str().to_owned(), scope.parse().unwrap());
            Client {
                machine_scopes: [allowed].into(),
                ..Client::new(id.parse::<ClientId>().unwrap(), ClientOrigin::Operator, sample::now())
            }
        };
        let judged = |client: &Client, resource: &ProtectedResource, asked: &str| {
            machine_scope(client, resource, Some(&asked.parse().unwrap()), &sample::issuer())
        };
        let client = machine("nightly", "notes:read notes:gone");
        assert_eq!(judged(&client, &notes, ""), Ok("notes:read".parse().unwrap()));
        assert_eq!(judged(&client, &notes, "notes:read notes:write"), Ok("notes:read".parse().unwrap()));
        for asked in ["notes:write", "notes:gone"] {
            assert_eq!(judged(&client, &notes, asked), Err(MachineGrantError::NothingAllowed), "{asked}");
        }
        assert_eq!(judged(&client, &sample::resource("mail"), ""), Err(MachineGrantError::NothingAllowed));
        assert_eq!(judged(&machine(&"a".repeat(2000), "notes:read"), &notes, ""), Err(MachineGrantError::TokenTooLarge));
    }
}
