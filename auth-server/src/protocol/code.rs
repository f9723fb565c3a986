//! Redeeming an authorization code (RFC 6749 §4.1.3, RFC 7636 §4.6).

use chrono::{DateTime, Utc};
use portcullis_verifier::vocabulary::Scope;

use super::{
    error::{ErrorCode, OAuthError, Refusal},
    refused::{Effect, Refused},
    resource::ProtectedResource,
    vocabulary::{ClientId, CodeChallenge, CodeVerifier, FamilyId},
};

/// A code as the store keeps it, with what has become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedCode {
    /// The client that asked for it.
    pub client_id: ClientId,
    /// The person's user id.
    pub user_id: String,
    /// The person's name; `None` once the account is gone or disabled.
    pub user_name: Option<String>,
    /// Where it was sent, byte for byte.
    pub redirect_uri: String,
    /// What the verifier has to answer.
    pub code_challenge: CodeChallenge,
    /// The resource, in its registered spelling.
    pub resource: String,
    /// What the person allowed.
    pub scope: Scope,
    /// When the person signed in.
    pub auth_time: DateTime<Utc>,
    /// Dead from here on.
    pub expires_at: DateTime<Utc>,
    /// Exchanges by the right client that failed.
    pub failures: u32,
    /// Whether session and consent still stand.
    pub stands: bool,
    /// When it was redeemed, and what it gave.
    pub redeemed: Option<Redemption>,
}

/// What became of a redeemed code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redemption {
    /// When the winning request was decided.
    pub at: DateTime<Utc>,
    /// The tokens that came from it.
    pub family_id: FamilyId,
}

/// What a client sends with a code.
#[derive(Clone, Debug)]
pub struct CodeRequest<'a> {
    /// The authenticated client.
    pub client_id: &'a ClientId,
    /// Optional since OAuth 2.1; if sent, it must be the same.
    pub redirect_uri: Option<&'a str>,
    /// Missing or malformed counts as wrong.
    pub code_verifier: Option<&'a str>,
    /// The resources it names, which must be the code's.
    pub resources: &'a [String],
    /// The code's resource as it is today; `None` once it is gone.
    pub resource: Option<&'a ProtectedResource>,
    /// Whether the client may still be answered there.
    pub redirect_uri_stands: bool,
    /// When the request arrived.
    pub arrived_at: DateTime<Utc>,
    /// Whether the code was unredeemed, for all to see, after the request arrived.
    pub seen_live: bool,
}

/// Why a code was not redeemed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedeemError {
    /// `now` is not before the expiry.
    #[error("the code has expired")]
    Expired,
    /// Another request that ran at the same time won.
    #[error("another request redeemed the code at the same time")]
    LostRace,
    /// The person has no rights on the resource any more.
    #[error("nothing that was allowed is left")]
    NothingLeft,
    /// A valid second request: somebody else may hold the code.
    #[error("the code was redeemed before")]
    Replayed,
    /// The resource was removed.
    #[error("the resource is gone")]
    ResourceGone,
    /// Too many failed exchanges.
    #[error("too many exchanges of the code have failed")]
    TooManyFailures,
    /// No such code was ever issued, or it is long gone.
    #[error("there is no such code")]
    Unknown,
    /// The person or their consent is gone.
    #[error("the person, or their consent, is gone")]
    Withdrawn,
    /// The code was issued to another client.
    #[error("the code was issued to another client")]
    WrongClient,
    /// `redirect_uri` is not the one of the authorization request.
    #[error("the redirect URI is not the one of the authorization request")]
    WrongRedirectUri,
    /// `resource` names something the code is not for.
    #[error("the resource is not the one of the authorization request")]
    WrongResource,
    /// The verifier does not answer the challenge.
    #[error("the verifier does not answer the challenge")]
    WrongVerifier,
}

impl Refusal for RedeemError {
    fn answer(&self) -> OAuthError {
        match self {
            Self::ResourceGone | Self::WrongResource => {
                OAuthError::new(ErrorCode::InvalidTarget, "the resource is not the one that was authorized")
            }
            Self::Expired
            | Self::LostRace
            | Self::NothingLeft
            | Self::Replayed
            | Self::TooManyFailures
            | Self::Unknown
            | Self::Withdrawn
            | Self::WrongClient
            | Self::WrongRedirectUri
            | Self::WrongVerifier => OAuthError::INVALID_GRANT,
        }
    }
}

/// Judges an exchange; the scope is what the tokens may do. `most_failures` is how
/// many failed exchanges a code survives.
pub fn redeem(
    code: Option<&IssuedCode>,
    request: &CodeRequest<'_>,
    most_failures: u32,
    now: DateTime<Utc>,
) -> Result<Scope, Refused<RedeemError>> {
    let code = code.ok_or(Refused::harmlessly(RedeemError::Unknown))?;
    if code.client_id != *request.client_id {
        return Err(Refused::harmlessly(RedeemError::WrongClient));
    }
    if let Some(redemption) = &code.redeemed {
        return Err(redeemed_before(code, *redemption, request));
    }
    if code.failures >= most_failures {
        return Err(Refused::harmlessly(RedeemError::TooManyFailures));
    }
    if now >= code.expires_at {
        return Err(Refused::harmlessly(RedeemError::Expired));
    }
    if !code.stands || code.user_name.is_none() || !request.redirect_uri_stands {
        return Err(Refused::harmlessly(RedeemError::Withdrawn));
    }
    binding(code, request).map_err(|error| Refused { error, effect: Effect::CountFailure })?;
    let resource = request.resource.ok_or(Refused::harmlessly(RedeemError::ResourceGone))?;
    if !request.resources.iter().all(|asked| resource.is_meant_by(asked)) {
        return Err(Refused::harmlessly(RedeemError::WrongResource));
    }
    resource.left_of(&code.scope, code.user_name.as_deref()).ok_or(Refused::harmlessly(RedeemError::NothingLeft))
}

/// A second request: only a valid one that came later is a replay. Otherwise a
/// thief of the bare code could end sessions, and a lost race would, too.
fn redeemed_before(code: &IssuedCode, redemption: Redemption, request: &CodeRequest<'_>) -> Refused<RedeemError> {
    if let Err(error) = binding(code, request) {
        return Refused::harmlessly(error);
    }
    if request.seen_live || request.arrived_at < redemption.at {
        return Refused::harmlessly(RedeemError::LostRace);
    }
    Refused { error: RedeemError::Replayed, effect: Effect::RevokeFamily }
}

fn binding(code: &IssuedCode, request: &CodeRequest<'_>) -> Result<(), RedeemError> {
    if request.redirect_uri.is_some_and(|sent| sent != code.redirect_uri) {
        return Err(RedeemError::WrongRedirectUri);
    }
    let verifier = request.code_verifier.and_then(|sent| sent.parse::<CodeVerifier>().ok()).ok_or(RedeemError::WrongVerifier)?;
    if code.code_challenge.is_answered_by(&verifier) { Ok(()) } else { Err(RedeemError::WrongVerifier) }
}
