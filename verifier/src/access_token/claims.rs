//! Checking a token: its signature first, then what it says (RFC 9068 §4).

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};

use super::{MOST_BYTES, UnverifiedToken};
use crate::{
    jwk::{Algorithm, Jwk, Set},
    rejection::{Rejection, shown},
    vocabulary::{Scope, ScopeToken},
};

const LONGEST_LIFE: i64 = 24 * 60 * 60;
/// Beyond it, a JSON number is not exact everywhere.
const LARGEST_INTEGER: i64 = 1 << 53;

/// What every token is held against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checks<'a> {
    /// The one issuer, byte for byte.
    pub(crate) issuer: &'a str,
    /// What time it is.
    pub(crate) now: DateTime<Utc>,
    /// How far clocks may differ.
    pub(crate) skew: TimeDelta,
}

/// Which values of `typ` say that a JWT is what it is taken for (RFC 8725 §3.11).
#[derive(Clone, Debug)]
pub(crate) struct TokenKind {
    /// In lower case; an `application/` in front changes nothing (RFC 7515 §4.1.9).
    pub(crate) known: &'static [&'static str],
    /// As somebody else's tokens have it, to the letter.
    pub(crate) further: Vec<String>,
    pub(crate) may_be_missing: bool,
}

impl TokenKind {
    /// An access token (RFC 9068 §2.1).
    pub(crate) const ACCESS_TOKEN: Self = Self { known: &["at+jwt"], further: Vec::new(), may_be_missing: false };

    pub(super) fn includes(&self, kind: &str) -> bool {
        let lower = kind.to_ascii_lowercase();
        let short = lower.strip_prefix("application/").unwrap_or(&lower);
        self.known.contains(&short) || self.further.iter().any(|further| further.eq_ignore_ascii_case(kind))
    }
}

impl Default for TokenKind {
    fn default() -> Self {
        Self::ACCESS_TOKEN
    }
}

/// Where an issuer that does not follow RFC 9068 to the letter is met halfway.
/// Nothing of it is on by default.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leniency {
    /// Without `kid`, the only key that fits is meant (OA-JW-13).
    pub(crate) kid_may_be_missing: bool,
    /// `scope` or `scp` may be an array (OA-AT-09).
    pub(crate) scope_may_be_array: bool,
    /// An answer of introspection, where `iss`, `iat` and `jti` are optional (RFC 7662 §2.2).
    pub(crate) is_introspection: bool,
}

#[cfg(any(feature = "fetch", feature = "issuer"))]
impl Leniency {
    pub(crate) const NONE: Self = Self { kid_may_be_missing: false, scope_may_be_array: false, is_introspection: false };
}

/// A token whose signature, issuer and times were checked, and not whom it is *for*:
/// a step on the way to an [`AccessToken`](super::AccessToken), and of no use to others.
#[derive(Clone, Debug)]
pub(crate) struct VerifiedToken {
    claims: Map<String, Value>,
    scope: Scope,
    expires_at: DateTime<Utc>,
}

impl VerifiedToken {
    /// Checks everything but the audience.
    pub(crate) fn of(token: UnverifiedToken<'_>, keys: &Set, checks: &Checks<'_>, leniency: &Leniency) -> Result<Self, Rejection> {
        let algorithm = token.header.algorithm;
        let key = choose_key(keys, token.header.kid.as_deref(), algorithm, leniency)?;
        if !key.verifies(algorithm, token.signed, &token.signature) {
            return Err(Rejection::Signature(shown(key.kid().unwrap_or("without kid"))));
        }
        Self::judge(token.claims, checks, leniency)
    }

    /// Judges claims that can be believed.
    fn judge(claims: Map<String, Value>, checks: &Checks<'_>, leniency: &Leniency) -> Result<Self, Rejection> {
        let is_optional = |name| leniency.is_introspection && !claims.contains_key(name);
        if !is_optional("iss") {
            let issuer = text(&claims, "iss")?;
            if issuer != checks.issuer {
                return Err(Rejection::Issuer { found: shown(issuer), expected: checks.issuer.to_owned() });
            }
        }
        let expires_at = times(&claims, checks, leniency)?;
        text(&claims, "sub")?;
        text(&claims, "client_id")?;
        if !is_optional("jti") {
            text(&claims, "jti")?;
        }
        if claims.contains_key("cnf") {
            return Err(Rejection::SenderBound);
        }
        let scope = scope(&claims, leniency)?;
        Ok(Self { claims, scope, expires_at })
    }

    /// Whom it is for; `None` where `aud` is neither a text nor a list of texts.
    pub(crate) fn audiences(&self) -> Option<Vec<&str>> {
        audiences(&self.claims)
    }

    /// Whom it speaks of.
    pub(crate) fn subject(&self) -> &str {
        self.string("sub")
    }

    /// Who asked for it.
    pub(crate) fn client_id(&self) -> &str {
        self.string("client_id")
    }

    /// Its name.
    pub(crate) fn jti(&self) -> &str {
        self.string("jti")
    }

    /// What it may do.
    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// When it ends.
    pub(crate) fn expires_at(&self) -> DateTime<Utc> {
        self.expires_at
    }

    /// All it says.
    pub(crate) fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// All it says, and nothing else.
    #[cfg(feature = "issuer")]
    pub(crate) fn into_claims(self) -> Map<String, Value> {
        self.claims
    }

    fn string(&self, name: &str) -> &str {
        self.claims.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

/// What an authorization server said of a token (RFC 7662 §2.2). The answer came over
/// a connection that proves the server, so there is no signature to check.
#[cfg(feature = "fetch")]
impl VerifiedToken {
    pub(crate) fn said_by_the_issuer(claims: Map<String, Value>, checks: &Checks<'_>) -> Result<Self, Rejection> {
        Self::judge(claims, checks, &Leniency { is_introspection: true, ..Leniency::NONE })
    }
}

fn choose_key<'k>(keys: &'k Set, kid: Option<&str>, algorithm: Algorithm, leniency: &Leniency) -> Result<&'k Jwk, Rejection> {
    let Some(kid) = kid else {
        let only = if leniency.kid_may_be_missing { keys.only_for(algorithm) } else { None };
        return only.ok_or_else(|| Rejection::UnknownKey("missing".to_owned()));
    };
    let key = keys.find(kid).ok_or_else(|| Rejection::UnknownKey(shown(kid)))?;
    if !key.fits(algorithm) {
        return Err(Rejection::AlgorithmOfKey { algorithm: algorithm.as_str(), kid: shown(kid) });
    }
    Ok(key)
}

pub(crate) fn audiences(claims: &Map<String, Value>) -> Option<Vec<&str>> {
    match claims.get("aud")? {
        Value::String(only) => Some(vec![only]),
        Value::Array(several) => several.iter().map(Value::as_str).collect(),
        Value::Bool(_) | Value::Null | Value::Number(_) | Value::Object(_) => None,
    }
}

fn text<'a>(claims: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, Rejection> {
    claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).ok_or(Rejection::Claim(name))
}

pub(super) fn seconds(claims: &Map<String, Value>, name: &'static str) -> Result<Option<i64>, Rejection> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    value.as_i64().filter(|seconds| (0..=LARGEST_INTEGER).contains(seconds)).map(Some).ok_or(Rejection::Claim(name))
}

fn times(claims: &Map<String, Value>, checks: &Checks<'_>, leniency: &Leniency) -> Result<DateTime<Utc>, Rejection> {
    let (now, skew) = (checks.now.timestamp(), checks.skew.num_seconds());
    let exp = seconds(claims, "exp")?.ok_or(Rejection::Claim("exp"))?;
    let iat = seconds(claims, "iat")?;
    if iat.is_none() && !leniency.is_introspection {
        return Err(Rejection::Claim("iat"));
    }
    let nbf = seconds(claims, "nbf")?;
    if now >= exp + skew {
        return Err(Rejection::Expired { ago: TimeDelta::seconds(now - exp) });
    }
    for (claim, time) in [("iat", iat), ("nbf", nbf)] {
        if let Some(time) = time.filter(|time| *time > now + skew) {
            return Err(Rejection::NotYetValid { claim, ahead: TimeDelta::seconds(time - now) });
        }
    }
    // What the issuer says is asked for again within a minute, so it can be taken back whenever it ends.
    if let Some(iat) = iat.filter(|iat| exp - iat > LONGEST_LIFE && !leniency.is_introspection) {
        return Err(Rejection::LivesTooLong(TimeDelta::seconds(exp - iat)));
    }
    DateTime::from_timestamp(exp, 0).ok_or(Rejection::Claim("exp"))
}

fn scope(claims: &Map<String, Value>, leniency: &Leniency) -> Result<Scope, Rejection> {
    let malformed = || Rejection::Claim("scope");
    let value = match claims.get("scope") {
        None if leniency.scope_may_be_array => claims.get("scp"),
        other => other,
    };
    match value {
        None => Ok(Scope::none()),
        Some(Value::String(scope)) => Scope::parse(scope).map_err(|_| malformed()),
        Some(Value::Array(tokens)) if leniency.scope_may_be_array && tokens.len() <= MOST_BYTES / 2 => {
            let token = |value: &Value| value.as_str().and_then(|text| text.parse::<ScopeToken>().ok());
            tokens.iter().map(token).collect::<Option<Scope>>().ok_or_else(malformed)
        }
        Some(_) => Err(malformed()),
    }
}
