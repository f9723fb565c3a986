//! Rotation of refresh tokens, and what reuse means (RFC 9700 §4.14).
//!
//! A *family* is all that came from one authorization code. Its newest refresh
//! token is the *current* one, the one it replaced the *parent*.

use chrono::{DateTime, TimeDelta, Utc};
use portcullis_verifier::vocabulary::Scope;

use super::{
    error::{ErrorCode, OAuthError, Refusal},
    refused::{Effect, Refused},
    resource::ProtectedResource,
    vocabulary::{ClientId, FamilyId, GrantId},
};

/// A family as the store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenFamily {
    /// Its name.
    pub id: FamilyId,
    /// The grant it belongs to.
    pub grant_id: GrantId,
    /// The client it was given to.
    pub client_id: ClientId,
    /// The person's user id.
    pub user_id: String,
    /// The person's name; `None` once the account is gone or disabled.
    pub user_name: Option<String>,
    /// The resource, in its registered spelling.
    pub resource: String,
    /// What the person allowed; never grows.
    pub scope: Scope,
    /// When the person signed in.
    pub auth_time: DateTime<Utc>,
    /// Which refresh token is the current one, counted from 0.
    pub generation: u32,
    /// The hash of the current refresh token, where there is one.
    pub current_hash: Option<[u8; 32]>,
    /// The hash of the parent.
    pub parent_hash: Option<[u8; 32]>,
    /// When the parent was rotated first.
    pub rotated_at: Option<DateTime<Utc>>,
    /// Dead from here on unless it is used.
    pub idle_expires_at: DateTime<Utc>,
    /// Dead from here on; rotation never moves it.
    pub expires_at: DateTime<Utc>,
    /// Whether family and grant still stand.
    pub stands: bool,
}

/// A refresh token that we made, as its own bytes tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresentedRefreshToken {
    /// The family it names.
    pub family_id: FamilyId,
    /// Its place in the family.
    pub generation: u32,
    /// What the store would keep of it.
    pub hash: [u8; 32],
}

/// What a client sends with a refresh token.
#[derive(Clone, Debug)]
pub struct RefreshRequest<'a> {
    /// The authenticated client.
    pub client_id: &'a ClientId,
    /// The scopes it asks for, if it asks.
    pub scope: Option<&'a Scope>,
    /// The resources it names, which must be the family's.
    pub resources: &'a [String],
    /// The family's resource as it is today; `None` once it is gone.
    pub resource: Option<&'a ProtectedResource>,
}

/// How refresh tokens are held.
#[derive(Clone, Copy, Debug)]
pub struct RefreshPolicy {
    /// How long the parent still yields its successor.
    pub grace: TimeDelta,
    /// Whether this client's tokens rotate.
    pub rotates: bool,
}

/// How a refresh goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Continuation<'f> {
    /// The family that goes on.
    pub family: &'f TokenFamily,
    /// What the access token may do.
    pub scope: Scope,
    /// What becomes of the refresh token.
    pub step: RefreshStep,
}

/// What becomes of the presented refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshStep {
    /// It stays the current one.
    Keep,
    /// It was rotated a moment ago: the same successor again.
    Repeat,
    /// It is replaced by its successor.
    Rotate,
}

/// Why a refresh was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefreshError {
    /// Idle for too long, or past its absolute end.
    #[error("the refresh token has expired")]
    Expired,
    /// The person has no rights on the resource any more.
    #[error("nothing that was allowed is left")]
    NothingLeft,
    /// The resource was removed.
    #[error("the resource is gone")]
    ResourceGone,
    /// A rotated token came back after the grace window.
    #[error("the refresh token was rotated before: two parties may hold it")]
    Reused,
    /// Not a token of ours.
    #[error("there is no such refresh token")]
    Unknown,
    /// The grant was revoked, or the person disabled.
    #[error("the grant was revoked")]
    Withdrawn,
    /// The token was issued to another client.
    #[error("the refresh token was issued to another client")]
    WrongClient,
    /// `resource` names something the grant is not for.
    #[error("the resource is not the granted one")]
    WrongResource,
}

impl Refusal for RefreshError {
    fn answer(&self) -> OAuthError {
        match self {
            Self::ResourceGone | Self::WrongResource => {
                OAuthError::new(ErrorCode::InvalidTarget, "the resource is not the one that was authorized")
            }
            Self::Expired | Self::NothingLeft | Self::Reused | Self::Unknown | Self::Withdrawn | Self::WrongClient => {
                OAuthError::INVALID_GRANT
            }
        }
    }
}

/// Judges a refresh.
pub fn refresh<'f>(
    family: Option<&'f TokenFamily>,
    presented: &PresentedRefreshToken,
    request: &RefreshRequest<'_>,
    policy: RefreshPolicy,
    now: DateTime<Utc>,
) -> Result<Continuation<'f>, Refused<RefreshError>> {
    let family = family.ok_or(Refused::harmlessly(RefreshError::Unknown))?;
    if family.client_id != *request.client_id {
        return Err(Refused::harmlessly(RefreshError::WrongClient));
    }
    if !family.stands || family.user_name.is_none() {
        return Err(Refused::harmlessly(RefreshError::Withdrawn));
    }
    if now >= family.idle_expires_at || now >= family.expires_at {
        return Err(Refused::harmlessly(RefreshError::Expired));
    }
    let step = place(family, presented, policy, now)?;
    let resource = request.resource.ok_or(Refused::harmlessly(RefreshError::ResourceGone))?;
    if !request.resources.iter().all(|asked| resource.is_meant_by(asked)) {
        return Err(Refused::harmlessly(RefreshError::WrongResource));
    }
    let left = resource.left_of(&family.scope, family.user_name.as_deref()).ok_or(Refused::harmlessly(RefreshError::NothingLeft))?;
    let scope = narrowed(left, request.scope);
    Ok(Continuation { family, scope, step })
}

/// Where in its family a token stands, and what follows from that.
fn place(
    family: &TokenFamily,
    presented: &PresentedRefreshToken,
    policy: RefreshPolicy,
    now: DateTime<Utc>,
) -> Result<RefreshStep, Refused<RefreshError>> {
    if presented.generation == family.generation {
        return match family.current_hash {
            Some(current) if crate::secret::same_bytes(&current, &presented.hash) => {
                Ok(if policy.rotates { RefreshStep::Rotate } else { RefreshStep::Keep })
            }
            Some(_) | None => Err(Refused::harmlessly(RefreshError::Unknown)),
        };
    }
    if presented.generation > family.generation {
        return Err(Refused::harmlessly(RefreshError::Unknown));
    }
    let is_parent = family.parent_hash.is_some_and(|parent| crate::secret::same_bytes(&parent, &presented.hash));
    let in_grace = family.rotated_at.is_some_and(|rotated| now < rotated + policy.grace);
    if is_parent && in_grace {
        return Ok(RefreshStep::Repeat);
    }
    Err(Refused { error: RefreshError::Reused, effect: Effect::RevokeFamily })
}

/// What the access token may do: asked and allowed, or all that is allowed when
/// nothing of what was asked is.
fn narrowed(allowed: Scope, asked: Option<&Scope>) -> Scope {
    asked.map(|asked| asked.intersection(&allowed)).filter(|scope| !scope.is_empty()).unwrap_or(allowed)
}
