//! An access token, before and after it was checked (RFC 9068, RFC 8725).

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};

use crate::{
    jwk::{Algorithm, Set},
    rejection::Rejection,
    strict_json,
    vocabulary::Scope,
};

/// Tokens are no longer than this.
pub const MOST_BYTES: usize = 8 * 1024;
const MOST_HEADER_BYTES: usize = 2 * 1024;
const LONGEST_LIFE: i64 = 24 * 60 * 60;
/// Beyond it, a JSON number is not exact everywhere.
const LARGEST_INTEGER: i64 = 1 << 53;

/// What every token is held against.
#[derive(Clone, Copy, Debug)]
pub struct Checks<'a> {
    /// The one issuer, byte for byte.
    pub issuer: &'a str,
    /// What time it is.
    pub now: DateTime<Utc>,
    /// How far clocks may differ.
    pub skew: TimeDelta,
}

/// A token whose signature, issuer and times were checked. Whom it is *for* is the
/// caller's question: [`AccessToken::check`] asks it.
#[derive(Clone, Debug)]
pub struct VerifiedToken {
    claims: Map<String, Value>,
    scope: Scope,
    expires_at: DateTime<Utc>,
}

impl VerifiedToken {
    /// Checks everything but the audience.
    pub fn check(token: &str, keys: &Set, checks: &Checks<'_>) -> Result<Self, Rejection> {
        let parts = Parts::split(token)?;
        let header = Header::read(parts.header)?;
        let key = keys.find(&header.kid).ok_or(Rejection::UnknownKey)?;
        if !key.fits(header.algorithm) {
            return Err(Rejection::Algorithm);
        }
        let signature = BASE64URL.decode(parts.signature).map_err(|_| Rejection::NotCompact)?;
        if !key.verifies(header.algorithm, parts.signed.as_bytes(), &signature) {
            return Err(Rejection::Signature);
        }
        let payload = BASE64URL.decode(parts.payload).map_err(|_| Rejection::NotCompact)?;
        let claims = strict_json::object(&payload).ok_or(Rejection::Claim("(all)"))?;
        Self::judge(claims, checks)
    }

    /// Judges claims whose signature is good.
    fn judge(claims: Map<String, Value>, checks: &Checks<'_>) -> Result<Self, Rejection> {
        if text(&claims, "iss")? != checks.issuer {
            return Err(Rejection::Issuer);
        }
        let expires_at = times(&claims, checks)?;
        for name in ["sub", "client_id", "jti"] {
            text(&claims, name)?;
        }
        if claims.contains_key("cnf") {
            return Err(Rejection::SenderBound);
        }
        let scope = match claims.get("scope") {
            None => Scope::none(),
            Some(Value::String(scope)) => Scope::parse(scope).map_err(|_| Rejection::Claim("scope"))?,
            Some(_) => return Err(Rejection::Claim("scope")),
        };
        Ok(Self { claims, scope, expires_at })
    }

    /// Whether one of these resources is meant (RFC 9068 §4).
    pub fn is_for<'a>(&self, mut audiences: impl Iterator<Item = &'a str>) -> bool {
        match self.claims.get("aud") {
            Some(Value::String(only)) => audiences.any(|audience| audience == only),
            Some(Value::Array(several)) => {
                several.iter().all(Value::is_string) && audiences.any(|audience| several.iter().any(|named| named == audience))
            }
            Some(_) | None => false,
        }
    }

    /// The audience, where it is one.
    pub fn audience(&self) -> &str {
        self.string("aud")
    }

    /// Whom it speaks of.
    pub fn subject(&self) -> &str {
        self.string("sub")
    }

    /// Who asked for it.
    pub fn client_id(&self) -> &str {
        self.string("client_id")
    }

    /// Its name.
    pub fn jti(&self) -> &str {
        self.string("jti")
    }

    /// What it may do.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// When it ends.
    pub fn expires_at(&self) -> DateTime<Utc> {
        self.expires_at
    }

    /// All it says.
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    fn string(&self, name: &str) -> &str {
        self.claims.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

fn text<'a>(claims: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, Rejection> {
    claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).ok_or(Rejection::Claim(name))
}

fn seconds(claims: &Map<String, Value>, name: &'static str) -> Result<Option<i64>, Rejection> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    value.as_i64().filter(|seconds| (0..=LARGEST_INTEGER).contains(seconds)).map(Some).ok_or(Rejection::Claim(name))
}

fn times(claims: &Map<String, Value>, checks: &Checks<'_>) -> Result<DateTime<Utc>, Rejection> {
    let (now, skew) = (checks.now.timestamp(), checks.skew.num_seconds());
    let exp = seconds(claims, "exp")?.ok_or(Rejection::Claim("exp"))?;
    let iat = seconds(claims, "iat")?.ok_or(Rejection::Claim("iat"))?;
    let nbf = seconds(claims, "nbf")?.unwrap_or(iat);
    if now >= exp + skew {
        return Err(Rejection::Expired);
    }
    if iat > now + skew || nbf > now + skew {
        return Err(Rejection::NotYetValid);
    }
    if exp - iat > LONGEST_LIFE {
        return Err(Rejection::LivesTooLong);
    }
    DateTime::from_timestamp(exp, 0).ok_or(Rejection::Claim("exp"))
}

/// The three parts of the compact form (RFC 7515 §7.1).
struct Parts<'a> {
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
    signed: &'a str,
}

impl<'a> Parts<'a> {
    fn split(token: &'a str) -> Result<Self, Rejection> {
        if token.len() > MOST_BYTES {
            return Err(Rejection::TooLarge);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Rejection::NotCompact)?;
        let (header, payload) = signed.split_once('.').ok_or(Rejection::NotCompact)?;
        if payload.contains('.') {
            return Err(if token.matches('.').count() == 4 { Rejection::Wrapped } else { Rejection::NotCompact });
        }
        Ok(Self { header, payload, signature, signed })
    }
}

/// What a header may say.
struct Header {
    algorithm: Algorithm,
    kid: String,
}

impl Header {
    fn read(encoded: &str) -> Result<Self, Rejection> {
        if encoded.len() > MOST_HEADER_BYTES {
            return Err(Rejection::TooLarge);
        }
        let bytes = BASE64URL.decode(encoded).map_err(|_| Rejection::NotCompact)?;
        let members = strict_json::object(&bytes).ok_or(Rejection::Header)?;
        let has = |name| members.contains_key(name);
        if has("crit") || has("b64") {
            return Err(Rejection::Critical);
        }
        if has("jwk") || has("jku") || has("x5u") {
            return Err(Rejection::OwnKey);
        }
        if has("zip") || has("enc") {
            return Err(Rejection::Wrapped);
        }
        let member = |name| members.get(name).and_then(Value::as_str);
        let media_type = member("typ").ok_or(Rejection::Type)?;
        let is_access_token = ["at+jwt", "application/at+jwt"].iter().any(|known| known.eq_ignore_ascii_case(media_type));
        if !is_access_token {
            return Err(Rejection::Type);
        }
        let algorithm = member("alg").and_then(Algorithm::parse).ok_or(Rejection::Algorithm)?;
        let kid = member("kid").filter(|kid| kid.len() <= 256).ok_or(Rejection::UnknownKey)?;
        Ok(Self { algorithm, kid: kid.to_owned() })
    }
}
