//! Rotation of refresh tokens, and what reuse means (RFC 9700 §4.14).
//!
//! A *family* is all that came from one authorization code. Its newest refresh
//! token is the *current* one, the one it replaced the *parent*.

use chrono::{DateTime, TimeDelta, Utc};
use portcullis_verifier::vocabulary::{Issuer, Scope};

use super::{
    error::{ErrorCode, OAuthError, Refusal},
    refused::{Effect, Refused},
    resource::{ProtectedResource, Resources},
    token_size::{Speaker, TOO_LARGE, TokenParts},
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
    /// The person's name.
    pub user_name: String,
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
    /// Whether it still stands: neither it nor its grant was ended, nor the person shut out.
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
    /// Every resource there is: a spelling of another one is none of this.
    pub catalogue: &'a Resources,
    /// Who signs.
    pub issuer: &'a Issuer,
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
    /// Its resource as it is today.
    pub resource: &'f ProtectedResource,
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
    /// More scopes than an access token has room for, since the resource has changed.
    #[error("an access token with these scopes would be too large")]
    TokenTooLarge,
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
            Self::TokenTooLarge => TOO_LARGE,
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
    request: &RefreshRequest<'f>,
    policy: RefreshPolicy,
    now: DateTime<Utc>,
) -> Result<Continuation<'f>, Refused<RefreshError>> {
    let family = family.ok_or(Refused::harmlessly(RefreshError::Unknown))?;
    if family.client_id != *request.client_id {
        return Err(Refused::harmlessly(RefreshError::WrongClient));
    }
    let resource = request.resource.ok_or(Refused::harmlessly(RefreshError::ResourceGone))?;
    if !family.stands {
        return Err(Refused::harmlessly(RefreshError::Withdrawn));
    }
    if now >= family.idle_expires_at || now >= family.expires_at {
        return Err(Refused::harmlessly(RefreshError::Expired));
    }
    let step = place(family, presented, policy, now)?;
    if !request.catalogue.all_mean(request.resources, resource) {
        return Err(Refused::harmlessly(RefreshError::WrongResource));
    }
    let left = resource.left_of(&family.scope, &family.user_name).ok_or(Refused::harmlessly(RefreshError::NothingLeft))?;
    let scope = narrowed(left, request.scope);
    let parts = TokenParts { issuer: request.issuer, resource, client_id: request.client_id, scope: &scope, speaker: Speaker::Person };
    if parts.is_too_large() {
        return Err(Refused::harmlessly(RefreshError::TokenTooLarge));
    }
    Ok(Continuation { family, resource, scope, step })
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::authorize::sample;

    const GRACE: TimeDelta = TimeDelta::seconds(45);

    fn at(seconds: i64) -> DateTime<Utc> {
        sample::now() + TimeDelta::seconds(seconds)
    }

    fn hash(generation: u32) -> [u8; 32] {
        [u8::try_from(generation).unwrap(); 32]
    }

    fn family() -> TokenFamily {
        TokenFamily {
            id: FamilyId::from_bytes([1; 16]),
            grant_id: GrantId::new(uuid::Uuid::from_u128(2)),
            client_id: "app".parse().unwrap(),
            user_id: "u_1".to_owned(),
            user_name: "ada".to_owned(),
            resource: "https://mcp.example/notes".to_owned(),
            scope: "notes:read notes:write".parse().unwrap(),
            auth_time: at(0),
            generation: 0,
            current_hash: Some(hash(0)),
            parent_hash: None,
            rotated_at: None,
            idle_expires_at: at(1_000_000),
            expires_at: at(2_000_000),
            stands: true,
        }
    }

    /// What a client sends, to be spoilt.
    struct Asked {
        client_id: ClientId,
        scope: Option<Scope>,
        resources: Vec<String>,
        resource: Option<ProtectedResource>,
    }

    /// What comes of presenting a token of this generation, in a good request that `change` spoils.
    fn judged(
        family: &TokenFamily,
        generation: u32,
        change: impl FnOnce(&mut Asked),
        now: DateTime<Utc>,
    ) -> Result<(Scope, RefreshStep), (RefreshError, Effect)> {
        let mut asked =
            Asked { client_id: "app".parse().unwrap(), scope: None, resources: Vec::new(), resource: Some(sample::resource("notes")) };
        change(&mut asked);
        let catalogue = sample::resources();
        let request = RefreshRequest {
            client_id: &asked.client_id,
            scope: asked.scope.as_ref(),
            resources: &asked.resources,
            resource: asked.resource.as_ref(),
            catalogue: &catalogue,
            issuer: &sample::issuer(),
        };
        let presented = PresentedRefreshToken { family_id: family.id, generation, hash: hash(generation) };
        let policy = RefreshPolicy { grace: GRACE, rotates: true };
        refresh(Some(family), &presented, &request, policy, now)
            .map(|continuation| (continuation.scope, continuation.step))
            .map_err(|refused| (refused.error, refused.effect))
    }

    // OA-RT-02, OA-RT-07, OA-RT-10, OA-RT-12…14: refused, and nothing ends
    #[test]
    fn a_refused_refresh_changes_nothing() {
        use RefreshError as E;
        let good =
            TokenFamily { generation: 3, current_hash: Some(hash(3)), parent_hash: Some(hash(2)), rotated_at: Some(at(0)), ..family() };
        let harmless = |error| Err((error, Effect::Nothing));
        assert!(judged(&good, 3, |_| {}, at(100)).is_ok());
        for generation in 0..4 {
            assert_eq!(judged(&good, generation, |asked| asked.client_id = "other".parse().unwrap(), at(100)), harmless(E::WrongClient));
        }
        assert_eq!(judged(&good, 4, |_| {}, at(100)), harmless(E::Unknown));
        assert_eq!(
            judged(&good, 3, |asked| asked.resources = vec!["https://mcp.example/mail".to_owned()], at(100)),
            harmless(E::WrongResource)
        );
        assert_eq!(judged(&good, 3, |asked| asked.resource = None, at(100)), harmless(E::ResourceGone));
        assert_eq!(judged(&good, 3, |_| {}, good.idle_expires_at), harmless(E::Expired));
        assert_eq!(judged(&TokenFamily { expires_at: at(100), ..good.clone() }, 3, |_| {}, at(100)), harmless(E::Expired));
        for generation in 0..4 {
            assert_eq!(judged(&TokenFamily { stands: false, ..good.clone() }, generation, |_| {}, at(100)), harmless(E::Withdrawn));
        }
        let nothing = TokenFamily { scope: "notes:gone".parse().unwrap(), ..good.clone() };
        assert_eq!(judged(&nothing, 3, |_| {}, at(100)), harmless(E::NothingLeft));
        let wordy = "a".repeat(2000).parse::<ClientId>().unwrap();
        let large = TokenFamily { client_id: wordy.clone(), ..good.clone() };
        assert_eq!(judged(&large, 3, |asked| asked.client_id = wordy, at(100)), harmless(E::TokenTooLarge));
        // a token with the right place and another secret was never given to anybody
        assert_eq!(judged(&TokenFamily { current_hash: Some([9; 32]), ..good }, 3, |_| {}, at(100)), harmless(E::Unknown));
    }

    proptest! {
        // MCP-AS-90, MCP-AS-91, OA-RT-04, OA-RT-06, OA-RT-08: whatever is presented whenever, there is one lineage
        #[test]
        fn no_order_of_refreshes_begins_a_second_lineage(steps in prop::collection::vec((0_u32..5, 0_i64..60), 1..40)) {
            let (mut family, mut now) = (family(), at(0));
            for (back, wait) in steps {
                now += TimeDelta::seconds(wait);
                let Some(presented) = family.generation.checked_sub(back) else { continue };
                let in_grace = family.rotated_at.is_some_and(|rotated| now < rotated + GRACE);
                let outcome = judged(&family, presented, |_| {}, now).map(|(_, step)| step);
                let expected = match back {
                    _ if !family.stands => Err((RefreshError::Withdrawn, Effect::Nothing)),
                    0 => Ok(RefreshStep::Rotate),
                    1 if in_grace => Ok(RefreshStep::Repeat),
                    _ => Err((RefreshError::Reused, Effect::RevokeFamily)),
                };
                prop_assert_eq!(outcome, expected);
                // what the store does with it
                match outcome {
                    Ok(RefreshStep::Rotate) => {
                        family.parent_hash = family.current_hash;
                        family.generation += 1;
                        family.current_hash = Some(hash(family.generation));
                        family.rotated_at = Some(now);
                    }
                    Err((_, Effect::RevokeFamily)) => family.stands = false,
                    Ok(_) | Err(_) => {}
                }
            }
        }

        // MCP-AS-94, OA-RT-11, OA-MX-16
        #[test]
        fn a_refresh_never_widens(granted in "(notes:read|notes:write){1}( notes:read| x){0,2}", asked in "(notes:read |notes:write |admin |y ){0,4}") {
            let family = TokenFamily { scope: granted.parse().unwrap(), ..family() };
            let asked: Scope = asked.parse().unwrap();
            let (scope, _) = judged(&family, 0, |request| request.scope = Some(asked.clone()), at(1)).unwrap();
            prop_assert!(!scope.is_empty() && scope.is_within(&family.scope));
            let both = asked.intersection(&family.scope).intersection(&sample::resource("notes").all_scopes());
            prop_assert!(both.is_empty() || scope == both);
        }
    }
}
