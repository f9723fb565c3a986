//! `private_key_jwt`: a client proves by a signature who it is (RFC 7523 §3, OA-CL-10).

use chrono::{DateTime, TimeDelta, Utc};
use portcullis_verifier::{Rejection, issuer::ClientAssertion, jwk::Set};
use serde_json::{Map, Value};

use super::vocabulary::ClientId;

/// For whom an assertion may be: this server under one of these names.
#[derive(Clone, Copy, Debug)]
pub struct AssertionAudience<'a> {
    /// The issuer identifier.
    pub issuer: &'a str,
    /// The address of the token endpoint.
    pub token_endpoint: &'a str,
}

/// What is left to do for a good assertion: it counts once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedOnce {
    /// Its name, unique among those of this client.
    pub jti: String,
    /// Until when somebody could use it again.
    pub until: DateTime<Utc>,
}

/// Why an assertion proves nothing. For the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssertionFault {
    /// It is no JWT that is read here, or not signed by the client's key.
    #[error("client_assertion: {0}")]
    Jwt(#[from] Rejection),
    /// A claim is missing or malformed.
    #[error("client_assertion: the claim {0} is missing or malformed")]
    Claim(&'static str),
    /// `iss` and `sub` are not both the client.
    #[error("client_assertion: iss and sub are not both the client's identifier")]
    NotOfItself,
    /// `aud` names somebody else, or somebody else too.
    #[error("client_assertion: aud is not this server alone")]
    Audience,
    /// Its time has passed.
    #[error("client_assertion: it has expired")]
    Expired,
    /// It would be good for longer than ten minutes.
    #[error("client_assertion: it is good for longer than ten minutes")]
    LivesTooLong,
    /// Its time has not come.
    #[error("client_assertion: it is not valid yet")]
    NotYetValid,
}

/// How far clocks may differ.
const SKEW: TimeDelta = TimeDelta::seconds(60);
const LONGEST_LIFE: TimeDelta = TimeDelta::minutes(10);
const LONGEST_JTI: usize = 256;
/// Beyond it, a JSON number is not exact everywhere.
const LARGEST_INTEGER: i64 = 1 << 53;

/// Judges an assertion of this client by its keys.
pub fn judge(
    assertion: ClientAssertion<'_>,
    client_id: &ClientId,
    keys: &Set,
    audience: AssertionAudience<'_>,
    now: DateTime<Utc>,
) -> Result<UsedOnce, AssertionFault> {
    let claims = assertion.verify(keys)?;
    let is_client = |name| claims.get(name).and_then(Value::as_str) == Some(client_id.as_str());
    if !is_client("iss") || !is_client("sub") {
        return Err(AssertionFault::NotOfItself);
    }
    audience.holds(claims.get("aud"))?;
    let expires_at = expiry(&claims, now)?;
    let jti = claims.get("jti").and_then(Value::as_str).filter(|jti| (1..=LONGEST_JTI).contains(&jti.len()));
    Ok(UsedOnce { jti: jti.ok_or(AssertionFault::Claim("jti"))?.to_owned(), until: expires_at + SKEW })
}

impl AssertionAudience<'_> {
    /// SDKs write the issuer, with or without a slash, or the token endpoint (MCP-AS-58).
    /// An assertion that is good elsewhere too could be taken from there.
    fn holds(&self, aud: Option<&Value>) -> Result<(), AssertionFault> {
        let is_ours = |value: &Value| {
            let trimmed = |text: &str| text.strip_suffix('/').unwrap_or(text).to_owned();
            value.as_str().is_some_and(|aud| aud == self.token_endpoint || trimmed(aud) == trimmed(self.issuer))
        };
        let good = match aud {
            Some(Value::Array(several)) => !several.is_empty() && several.iter().all(is_ours),
            Some(one) => is_ours(one),
            None => false,
        };
        if good { Ok(()) } else { Err(AssertionFault::Audience) }
    }
}

/// When it ends, if now is within its time.
fn expiry(claims: &Map<String, Value>, now: DateTime<Utc>) -> Result<DateTime<Utc>, AssertionFault> {
    let expires_at = time(claims, "exp")?.ok_or(AssertionFault::Claim("exp"))?;
    if now >= expires_at + SKEW {
        return Err(AssertionFault::Expired);
    }
    if expires_at > now + LONGEST_LIFE + SKEW {
        return Err(AssertionFault::LivesTooLong);
    }
    for name in ["iat", "nbf"] {
        if time(claims, name)?.is_some_and(|begins| begins > now + SKEW) {
            return Err(AssertionFault::NotYetValid);
        }
    }
    Ok(expires_at)
}

/// Seconds since 1970; a fraction is cut off.
fn time(claims: &Map<String, Value>, name: &'static str) -> Result<Option<DateTime<Utc>>, AssertionFault> {
    let malformed = AssertionFault::Claim(name);
    let Some(value) = claims.get(name) else { return Ok(None) };
    #[expect(clippy::cast_possible_truncation, reason = "a fraction is cut off, and the bound is checked next")]
    let seconds = value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64));
    let seconds = seconds.filter(|seconds| (0..=LARGEST_INTEGER).contains(seconds));
    seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0)).map(Some).ok_or(malformed)
}

#[cfg(test)]
mod tests {
    use portcullis_verifier::testing::{TestIssuer, TestToken};
    use serde_json::json;

    use super::{AssertionFault as F, *};

    const CLIENT: &str = "https://app.example/client.json";
    const OURS: AssertionAudience<'static> =
        AssertionAudience { issuer: "https://auth.example.com", token_endpoint: "https://auth.example.com/token" };

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn app() -> TestIssuer {
        TestIssuer::new(CLIENT)
    }

    /// A good assertion, as SDKs write it.
    fn good() -> TestToken {
        app().token("https://auth.example.com", now()).header("typ", "JWT").claim("sub", CLIENT).claim("exp", now().timestamp() + 300)
    }

    fn judged(token: &TestToken) -> Result<UsedOnce, F> {
        let signed = token.sign();
        let keys = Set::from_json(app().jwks().as_bytes()).unwrap();
        judge(ClientAssertion::read(&signed)?, &CLIENT.parse().unwrap(), &keys, OURS, now())
    }

    // OA-CL-10, MCP-AS-58
    #[test]
    fn an_assertion_of_the_client_for_this_server_proves_it() {
        let until = now() + TimeDelta::seconds(360);
        assert_eq!(judged(&good()), Ok(UsedOnce { jti: "t_1".to_owned(), until }));
        for aud in [
            json!("https://auth.example.com/"),
            json!("https://auth.example.com/token"),
            json!(["https://auth.example.com"]),
            json!(["https://auth.example.com/token", "https://auth.example.com"]),
        ] {
            assert!(judged(&good().claim("aud", aud.clone())).is_ok(), "{aud}");
        }
        assert!(judged(&good().without("iat")).is_ok());
    }

    // OA-CL-10
    #[test]
    fn an_assertion_for_somebody_else_or_too_long_or_nameless_proves_nothing() {
        let at = |seconds: i64| json!(now().timestamp() + seconds);
        for (claim, value, fault) in [
            ("aud", json!("https://other.example"), F::Audience),
            ("aud", json!(["https://auth.example.com", "https://other.example"]), F::Audience),
            ("aud", json!([]), F::Audience),
            ("aud", json!(1), F::Audience),
            ("sub", json!("somebody"), F::NotOfItself),
            ("iss", json!("somebody"), F::NotOfItself),
            ("exp", at(-60), F::Expired),
            ("exp", at(661), F::LivesTooLong),
            ("exp", json!("soon"), F::Claim("exp")),
            ("iat", at(61), F::NotYetValid),
            ("nbf", at(61), F::NotYetValid),
            ("nbf", json!(-1), F::Claim("nbf")),
            ("jti", json!(""), F::Claim("jti")),
            ("jti", json!("x".repeat(257)), F::Claim("jti")),
            ("jti", json!(7), F::Claim("jti")),
        ] {
            assert_eq!(judged(&good().claim(claim, value.clone())), Err(fault), "{claim} {value}");
        }
        for (claim, fault) in [("aud", F::Audience), ("exp", F::Claim("exp")), ("jti", F::Claim("jti")), ("sub", F::NotOfItself)] {
            assert_eq!(judged(&good().without(claim)), Err(fault), "{claim}");
        }
    }

    // OA-CL-10: clocks differ
    #[test]
    fn a_minute_of_difference_is_forgiven() {
        let at = |seconds: i64| now().timestamp() + seconds;
        for (claim, time) in [("exp", at(-59)), ("exp", at(660)), ("iat", at(60)), ("nbf", at(60))] {
            assert!(judged(&good().claim(claim, time)).is_ok(), "{claim} {time}");
        }
    }

    // OA-CL-11, OA-CL-12
    #[test]
    fn another_key_or_another_kind_of_jwt_proves_nothing() {
        let foreign = TestIssuer::with_key(CLIENT, 7).token("https://auth.example.com", now()).header("typ", "JWT").claim("sub", CLIENT);
        assert!(matches!(judged(&foreign.clone()), Err(F::Jwt(Rejection::UnknownKey(_)))));
        assert!(matches!(judged(&foreign.without_header("kid")), Err(F::Jwt(Rejection::Signature(_)))));
        assert!(judged(&good().without_header("kid")).is_ok(), "the client has one key only");
        for typ in ["at+jwt", "dpop+jwt", "oauth-id-jag+jwt", "logout+jwt"] {
            assert!(matches!(judged(&good().header("typ", typ)), Err(F::Jwt(Rejection::Type(_)))), "{typ}");
        }
        for typ in ["jwt", "application/JWT", "client-authentication+jwt"] {
            assert!(judged(&good().header("typ", typ)).is_ok(), "{typ}");
        }
        assert!(judged(&good().without_header("typ")).is_ok());
        assert!(matches!(judged(&good().header("jku", "https://evil.example/jwks")), Err(F::Jwt(Rejection::OwnKey("jku")))));
        assert!(matches!(judged(&good().header("alg", "HS256")), Err(F::Jwt(Rejection::Algorithm(_)))));
    }
}
