//! Redeeming an authorization code (RFC 6749 §4.1.3, RFC 7636 §4.6).

use chrono::{DateTime, Utc};
use portcullis_verifier::vocabulary::{Issuer, Scope};

use super::{
    error::{ErrorCode, OAuthError, Refusal},
    refused::{Effect, Refused},
    resource::{ProtectedResource, Resources},
    token_size::{Speaker, TOO_LARGE, TokenParts},
    vocabulary::{ClientId, CodeChallenge, CodeVerifier, FamilyId, GrantId},
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
    /// What the person allowed this client at this resource.
    pub grant_id: GrantId,
    /// When it was redeemed, and what it gave.
    pub redeemed: Option<Redemption>,
}

/// What became of a redeemed code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redemption {
    /// When the winning request's answer was durable.
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
    /// Every resource there is: a spelling of another one is none of this.
    pub catalogue: &'a Resources,
    /// Who signs.
    pub issuer: &'a Issuer,
    /// Whether the client may still be answered there.
    pub redirect_uri_stands: bool,
    /// When the request arrived.
    pub arrived_at: DateTime<Utc>,
    /// Whether the code was unredeemed after the request arrived.
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
    /// More scopes than an access token has room for.
    #[error("an access token with these scopes would be too large")]
    TokenTooLarge,
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
            Self::TokenTooLarge => TOO_LARGE,
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
pub fn redeem(code: &IssuedCode, request: &CodeRequest<'_>, most_failures: u32, now: DateTime<Utc>) -> Result<Scope, Refused<RedeemError>> {
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
    let Some(user_name) = code.user_name.as_deref().filter(|_| code.stands && request.redirect_uri_stands) else {
        return Err(Refused::harmlessly(RedeemError::Withdrawn));
    };
    binding(code, request).map_err(|error| Refused { error, effect: Effect::CountFailure })?;
    let resource = request.resource.ok_or(Refused::harmlessly(RedeemError::ResourceGone))?;
    if !request.catalogue.all_mean(request.resources, resource) {
        return Err(Refused::harmlessly(RedeemError::WrongResource));
    }
    let scope = resource.left_of(&code.scope, user_name).ok_or(Refused::harmlessly(RedeemError::NothingLeft))?;
    let parts = TokenParts { issuer: request.issuer, resource, client_id: request.client_id, scope: &scope, speaker: Speaker::Person };
    if parts.is_too_large() { Err(Refused::harmlessly(RedeemError::TokenTooLarge)) } else { Ok(scope) }
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

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::authorize::sample;

    const MOST_FAILURES: u32 = 5;

    fn at(seconds: i64) -> DateTime<Utc> {
        sample::now() + TimeDelta::seconds(seconds)
    }

    fn verifier(letter: char) -> String {
        letter.to_string().repeat(43)
    }

    fn issued() -> IssuedCode {
        IssuedCode {
            client_id: "app".parse().unwrap(),
            user_id: "u_1".to_owned(),
            user_name: Some("ada".to_owned()),
            redirect_uri: "http://127.0.0.1:4000/cb".to_owned(),
            code_challenge: verifier('r').parse::<CodeVerifier>().unwrap().challenge(),
            resource: "https://mcp.example/notes".to_owned(),
            scope: "notes:read".parse().unwrap(),
            auth_time: at(-10),
            expires_at: at(60),
            failures: 0,
            stands: true,
            grant_id: GrantId::new(uuid::Uuid::from_u128(3)),
            redeemed: None,
        }
    }

    /// What a client sends, to be spoilt.
    struct Asked {
        client_id: ClientId,
        redirect_uri: Option<&'static str>,
        code_verifier: Option<String>,
        resources: Vec<String>,
        resource: Option<ProtectedResource>,
        redirect_uri_stands: bool,
        arrived_at: DateTime<Utc>,
        seen_live: bool,
    }

    /// What comes of a good request for [`issued`] that `change` spoils.
    fn judged(code: &IssuedCode, change: impl FnOnce(&mut Asked), now: DateTime<Utc>) -> Result<Scope, Refused<RedeemError>> {
        let mut asked = Asked {
            client_id: "app".parse().unwrap(),
            redirect_uri: None,
            code_verifier: Some(verifier('r')),
            resources: Vec::new(),
            resource: Some(sample::resource("notes")),
            redirect_uri_stands: true,
            arrived_at: now,
            seen_live: code.redeemed.is_none(),
        };
        change(&mut asked);
        let catalogue = sample::resources();
        let request = CodeRequest {
            client_id: &asked.client_id,
            redirect_uri: asked.redirect_uri,
            code_verifier: asked.code_verifier.as_deref(),
            resources: &asked.resources,
            resource: asked.resource.as_ref(),
            catalogue: &catalogue,
            issuer: &sample::issuer(),
            redirect_uri_stands: asked.redirect_uri_stands,
            arrived_at: asked.arrived_at,
            seen_live: asked.seen_live,
        };
        redeem(code, &request, MOST_FAILURES, now)
    }

    fn refused(code: &IssuedCode, change: impl FnOnce(&mut Asked)) -> (RedeemError, Effect) {
        let refused = judged(code, change, at(1)).unwrap_err();
        (refused.error, refused.effect)
    }

    fn other() -> ClientId {
        "other".parse().unwrap()
    }

    // OA-CD-02, OA-CD-08, OA-PK-07, OA-RU-20, OA-RI-04: only a wrong binding counts as a failure
    #[test]
    fn each_mismatch_is_refused_and_spends_nothing() {
        use RedeemError as E;
        let good = issued();
        assert_eq!(judged(&good, |_| {}, at(1)), Ok("notes:read".parse().unwrap()));
        assert_eq!(refused(&good, |asked| asked.client_id = other()), (E::WrongClient, Effect::Nothing));
        assert_eq!(
            refused(&good, |asked| asked.redirect_uri = Some("http://127.0.0.1:4001/cb")),
            (E::WrongRedirectUri, Effect::CountFailure)
        );
        assert_eq!(refused(&good, |asked| asked.code_verifier = None), (E::WrongVerifier, Effect::CountFailure));
        assert_eq!(refused(&good, |asked| asked.code_verifier = Some(verifier('w'))), (E::WrongVerifier, Effect::CountFailure));
        assert_eq!(
            refused(&good, |asked| asked.resources = vec!["https://mcp.example/mail".to_owned()]),
            (E::WrongResource, Effect::Nothing)
        );
        assert_eq!(refused(&good, |asked| asked.resource = None), (E::ResourceGone, Effect::Nothing));
        assert_eq!(refused(&good, |asked| asked.redirect_uri_stands = false), (E::Withdrawn, Effect::Nothing));
        let late = judged(&good, |_| {}, at(100_000)).unwrap_err();
        assert_eq!((late.error, late.effect), (E::Expired, Effect::Nothing));
        let with = |change: fn(&mut IssuedCode)| {
            let mut code = issued();
            change(&mut code);
            refused(&code, |_| {})
        };
        assert_eq!(with(|code| code.failures = MOST_FAILURES), (E::TooManyFailures, Effect::Nothing));
        assert_eq!(with(|code| code.stands = false), (E::Withdrawn, Effect::Nothing));
        assert_eq!(with(|code| code.user_name = None), (E::Withdrawn, Effect::Nothing));
        assert_eq!(with(|code| code.scope = "notes:gone".parse().unwrap()), (E::NothingLeft, Effect::Nothing));
        let wordy = "a".repeat(2000).parse::<ClientId>().unwrap();
        let code = IssuedCode { client_id: wordy.clone(), ..issued() };
        assert_eq!(refused(&code, |asked| asked.client_id = wordy), (E::TokenTooLarge, Effect::Nothing));
    }

    // OA-CD-05…07
    #[test]
    fn only_a_valid_request_that_came_later_is_a_replay() {
        use RedeemError as E;
        let spent = IssuedCode { redeemed: Some(Redemption { at: at(1), family_id: FamilyId::from_bytes([7; 16]) }), ..issued() };
        assert_eq!(refused(&spent, |_| {}), (E::Replayed, Effect::RevokeFamily));
        assert_eq!(refused(&spent, |asked| asked.seen_live = true), (E::LostRace, Effect::Nothing));
        assert_eq!(refused(&spent, |asked| asked.arrived_at = at(0)), (E::LostRace, Effect::Nothing));
        assert_eq!(refused(&spent, |asked| asked.code_verifier = Some(verifier('w'))), (E::WrongVerifier, Effect::Nothing));
        assert_eq!(refused(&spent, |asked| asked.client_id = other()), (E::WrongClient, Effect::Nothing));
        // long dead, and still noticed
        let late = judged(&spent, |_| {}, at(100_000)).unwrap_err();
        assert_eq!((late.error, late.effect), (E::Replayed, Effect::RevokeFamily));
    }

    proptest! {
        // RFC 7636 §4.6, OA-CD-03: only the verifier behind the challenge redeems, and only in time
        #[test]
        fn only_the_right_verifier_redeems_and_only_in_time(
            right in "[A-Za-z0-9._~-]{43,128}", other in "[A-Za-z0-9._~-]{43,128}", lifetime in 1_i64..60, elapsed in 0_i64..120,
        ) {
            let challenge = right.parse::<CodeVerifier>().unwrap().challenge();
            let code = IssuedCode { code_challenge: challenge, expires_at: at(lifetime), ..issued() };
            let with = |verifier: &str| judged(&code, |asked| asked.code_verifier = Some(verifier.to_owned()), at(elapsed));
            prop_assert_eq!(with(&right).is_ok(), elapsed < lifetime);
            prop_assume!(right != other);
            prop_assert!(with(&other).is_err());
        }

        // OA-TK-16, OA-MX-16: what is issued was allowed, and exists
        #[test]
        fn nothing_is_issued_that_was_not_allowed(allowed in "(notes:read|notes:write|mail:send|x){0,1}( notes:read| notes:write| y){0,3}") {
            let code = IssuedCode { scope: allowed.parse().unwrap(), ..issued() };
            if let Ok(scope) = judged(&code, |_| {}, at(1)) {
                prop_assert!(scope.is_within(&code.scope) && scope.is_within(&sample::resource("notes").all_scopes()));
                prop_assert!(!scope.is_empty());
            }
        }
    }
}
