//! One server's judgement: is this token good, is it for us, is it enough.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use http::HeaderMap;

use crate::{
    access_token::{AccessToken, Checks, UnverifiedToken, VerifiedToken},
    builder::Builder,
    challenge::Challenge,
    clock::Clock,
    credential::{Malformed, bearer, has_token_parameter},
    keys::AtHand,
    metadata::Metadata,
    needs::Needs,
    refusal::Refusal,
    rejection::{Rejection, shown},
    remembered::{Fingerprint, Known, Remembered, fingerprint},
    trusted::{Trusted, TrustedIssuer},
    vocabulary::{Resource, Scope},
};

/// Checks access tokens for one server. Cheap to clone; make one, and share it.
///
/// The core does no I/O and takes the time: [`Verifier::verify`] answers from what is
/// at hand. [`Verifier::check`] also fetches keys where they are missing, and is what
/// the layer uses.
#[derive(Clone, Debug)]
pub struct Verifier(Arc<Parts>);

#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) issuers: Vec<Trusted>,
    pub(crate) issuer_names: String,
    pub(crate) resource: Resource,
    pub(crate) further_audiences: Vec<String>,
    pub(crate) needs: Needs,
    pub(crate) skew: TimeDelta,
    pub(crate) max_age: Option<TimeDelta>,
    pub(crate) remembered: Remembered,
    pub(crate) metadata: Metadata,
    pub(crate) clock: Clock,
    #[cfg(feature = "tower")]
    pub(crate) has_cors: bool,
    #[cfg(feature = "tower")]
    pub(crate) most_body_bytes: usize,
}

impl Verifier {
    /// Describes a server: the issuer it trusts, and the address that people type to
    /// reach it.
    pub fn builder(issuer: impl Into<TrustedIssuer>, resource: impl Into<String>) -> Builder {
        Builder::new(issuer.into(), resource.into())
    }

    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    #[cfg(feature = "tower")]
    pub(crate) fn parts(&self) -> &Parts {
        &self.0
    }

    /// What time it is.
    pub fn now(&self) -> DateTime<Utc> {
        self.0.clock.now()
    }

    /// The access token that a request brings: in one `Authorization` header, and nowhere
    /// else. `query` is that of the address; a token there is not read, and beside one in
    /// the header it is an error (RFC 6750 §2, OAuth 2.1 §5.1).
    pub fn token_of<'a>(&self, headers: &'a HeaderMap, query: Option<&str>) -> Result<&'a str, Refusal> {
        let token = bearer(headers)?.ok_or(Refusal::NoCredential)?;
        if query.is_some_and(|query| has_token_parameter(query.as_bytes())) {
            return Err(Refusal::Malformed(Malformed::AlsoElsewhere));
        }
        Ok(token)
    }

    /// Checks a token with the keys at hand: signature, issuer, times, and that it is
    /// for this server. What it may do is the next question: [`Verifier::authorize`].
    ///
    /// [`Rejection::UnknownKey`] and [`Rejection::KeysUnavailable`] may change once the
    /// issuer's keys were fetched again; [`Verifier::check`] does so.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<AccessToken, Rejection> {
        let attempt = self.attempt(token, now);
        let verified = attempt.outcome?;
        match self.issuer(attempt.issuer) {
            Some(trusted) if trusted.has_to_be_asked() => Err(Rejection::NotAsked(trusted.issuer.to_string())),
            _ => Ok(verified),
        }
    }

    /// Whether what the token allows is enough, and the person signed in lately enough
    /// where that is asked for.
    ///
    /// `needed` comes from [`Verifier::needs`] or [`Verifier::needs_of_tools`], or is a
    /// handler's own.
    pub fn authorize(&self, token: &AccessToken, needed: &Scope, now: DateTime<Utc>) -> Result<(), Refusal> {
        if !self.0.needs.are_met(needed, token.scope()) {
            return Err(Refusal::TooNarrow { needed: needed.clone(), granted: token.scope().clone() });
        }
        let Some(max_age) = self.0.max_age else { return Ok(()) };
        let age = token.auth_time().map(|auth_time| now - auth_time);
        match age {
            Some(known) if known <= max_age + self.0.skew => Ok(()),
            Some(_) | None => Err(Refusal::SignInTooOld { max_age, age }),
        }
    }

    /// What every request needs.
    pub fn needs(&self) -> &Scope {
        &self.0.needs.always
    }

    /// What a call of these MCP tools needs, all in all.
    pub fn needs_of_tools<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Scope {
        self.0.needs.of_tools(names.into_iter())
    }

    /// Whether some tool has scopes of its own.
    #[cfg(feature = "tower")]
    pub(crate) fn has_tools(&self) -> bool {
        !self.0.needs.tools.is_empty()
    }

    /// What to answer to a request that is not let in.
    pub fn challenge(&self, refusal: &Refusal) -> Challenge {
        Challenge::of(refusal, self.0.metadata.url(), &self.0.needs.always)
    }

    /// The protected resource's metadata, for clients.
    pub fn metadata(&self) -> &Metadata {
        &self.0.metadata
    }

    /// The server's own identifier.
    pub fn resource(&self) -> &Resource {
        &self.0.resource
    }

    fn issuer(&self, at: Option<usize>) -> Option<&Trusted> {
        self.0.issuers.get(at?)
    }

    /// One look at a token with the keys at hand.
    fn attempt(&self, token: &str, now: DateTime<Utc>) -> Attempt {
        let fingerprint = self.0.remembered.is_on().then(|| fingerprint(token));
        if let Some(known) = fingerprint.and_then(|fingerprint| self.recall(&fingerprint, now)) {
            return Attempt { issuer: Some(known.issuer), outcome: Ok(known.token) };
        }
        let mut issuer = None;
        let outcome = self.verify_anew(token, &mut issuer, fingerprint, now);
        Attempt { issuer, outcome }
    }

    /// A token that was verified with the keys of today.
    fn recall(&self, fingerprint: &Fingerprint, now: DateTime<Utc>) -> Option<Known> {
        let known = self.0.remembered.find(fingerprint, now)?;
        let keys = self.0.issuers.get(known.issuer)?.keys.at_hand(now)?;
        (keys.generation == known.generation).then_some(known)
    }

    fn verify_anew(
        &self,
        token: &str,
        issuer: &mut Option<usize>,
        fingerprint: Option<Fingerprint>,
        now: DateTime<Utc>,
    ) -> Result<AccessToken, Rejection> {
        let unverified = UnverifiedToken::read(token, |named| {
            *issuer = self.0.issuers.iter().position(|trusted| trusted.issuer.as_str() == named);
            let trusted = self.issuer(*issuer).ok_or_else(|| self.unknown_issuer(named))?;
            Ok(&trusted.kind)
        })?;
        let at = issuer.unwrap_or_default();
        let trusted = self.issuer(*issuer).ok_or_else(|| self.unknown_issuer(unverified.issuer()))?;
        if !trusted.allows(unverified.algorithm()) {
            return Err(Rejection::Algorithm(unverified.algorithm().as_str().to_owned()));
        }
        let AtHand { set, generation } = trusted.keys.at_hand(now).ok_or_else(|| Rejection::KeysUnavailable(trusted.issuer.to_string()))?;
        let checks = Checks { issuer: trusted.issuer.as_str(), now, skew: self.0.skew };
        let token = self.for_us(VerifiedToken::of(unverified, &set, &checks, &trusted.leniency)?)?;
        if let Some(fingerprint) = fingerprint {
            self.0.remembered.keep(fingerprint, Known { token: token.clone(), issuer: at, generation });
        }
        Ok(token)
    }

    fn unknown_issuer(&self, named: &str) -> Rejection {
        Rejection::Issuer { found: shown(named), expected: self.0.issuer_names.clone() }
    }

    /// The audience check. There is no way around it (MCP-RS-11).
    fn for_us(&self, token: VerifiedToken) -> Result<AccessToken, Rejection> {
        let named = token.audiences().ok_or(Rejection::Claim("aud"))?;
        if named.iter().any(|audience| self.is_our_name(audience)) {
            return AccessToken::of(token);
        }
        let found = if named.is_empty() { "empty".to_owned() } else { shown(&named.join(", ")) };
        Err(Rejection::Audience { found, expected: self.0.resource.to_string() })
    }

    /// Case of scheme and host, the scheme's own port and a slash at the end do not
    /// count, everything else does.
    fn is_our_name(&self, audience: &str) -> bool {
        let is_same = |ours: &str| match (Resource::parse(ours), Resource::parse(audience)) {
            (Ok(ours), Ok(named)) => ours.canonical() == named.canonical(),
            _ => false,
        };
        let mut ours = std::iter::once(self.0.resource.as_str()).chain(self.0.further_audiences.iter().map(String::as_str));
        ours.any(|ours| ours == audience || is_same(ours))
    }
}

/// What one look at a token found, and whose token it says it is.
struct Attempt {
    issuer: Option<usize>,
    outcome: Result<AccessToken, Rejection>,
}

/// Checking that may have to ask the issuer.
impl Verifier {
    /// As [`Verifier::verify`], at the time of the clock; with the feature `fetch` the
    /// issuer's keys are fetched where they are missing or old, and the issuer is asked
    /// about the token where that was chosen.
    #[cfg_attr(not(feature = "fetch"), expect(clippy::unused_async, reason = "a feature only adds: the signature stays"))]
    pub async fn check(&self, token: &str) -> Result<AccessToken, Rejection> {
        let now = self.now();
        #[cfg(feature = "fetch")]
        return self.check_and_fetch(token, now).await;
        #[cfg(not(feature = "fetch"))]
        self.verify(token, now)
    }

    #[cfg(feature = "fetch")]
    async fn check_and_fetch(&self, token: &str, now: DateTime<Utc>) -> Result<AccessToken, Rejection> {
        use crate::keys::Keys;
        let mut attempt = self.attempt(token, now);
        let is_missing = matches!(attempt.outcome, Err(Rejection::UnknownKey(_) | Rejection::KeysUnavailable(_)));
        if let Some(Trusted { keys: Keys::Fetched(fetched), .. }) = self.issuer(attempt.issuer)
            && fetched.refresh_if_needed(is_missing, now).await
        {
            attempt = self.attempt(token, now);
        }
        let named = self.issuer(attempt.issuer);
        if let Some(Trusted { introspection: Some(introspection), .. }) = named {
            let verified = attempt.outcome?;
            self.ask(introspection, token, now).await?;
            return Ok(verified);
        }
        let any = self.0.issuers.iter().find_map(|trusted| trusted.introspection.as_ref());
        match (any, &attempt.outcome) {
            (Some(introspection), Err(Rejection::NotCompact)) => self.ask(introspection, token, now).await,
            _ => attempt.outcome,
        }
    }

    #[cfg(feature = "fetch")]
    async fn ask(
        &self,
        introspection: &crate::introspection::Introspection,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<AccessToken, Rejection> {
        let checks = Checks { issuer: introspection.issuer(), now, skew: self.0.skew };
        introspection.ask(token, &checks, |said| self.for_us(said)).await
    }
}
