//! Asking the issuer about a token (RFC 7662): what it says is kept for a minute at
//! most, and a token about which nobody answers is not let in.

use std::{fmt, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use quick_cache::sync::Cache;
use reqwest::header::HeaderValue;
use serde_json::{Map, Value};
use url::form_urlencoded::{Serializer, byte_serialize};

use crate::{
    access_token::{AccessToken, Checks, MOST_BYTES, VerifiedToken},
    fetch::{AuthorizationServer, FetchError},
    rejection::Rejection,
    remembered::{Fingerprint, fingerprint},
    strict_json,
};

/// How a resource proves who it is.
#[derive(Clone)]
pub(crate) struct Credentials {
    client_id: String,
    client_secret: String,
}

/// An issuer that is asked, and what it said lately.
pub(crate) struct Introspection {
    server: Arc<AuthorizationServer>,
    credentials: Credentials,
    answers: Cache<Fingerprint, Answer>,
}

#[derive(Clone)]
struct Answer {
    /// `None` for a token that is not active.
    token: Option<AccessToken>,
    asked_at: DateTime<Utc>,
}

const LONGEST_KEPT: TimeDelta = TimeDelta::seconds(60);
const MOST_KEPT: usize = 4096;

impl Introspection {
    pub(crate) fn new(server: Arc<AuthorizationServer>, credentials: Credentials) -> Self {
        Self { server, credentials, answers: Cache::new(MOST_KEPT) }
    }

    pub(crate) fn issuer(&self) -> &str {
        self.server.issuer().as_str()
    }

    /// What the issuer says of a token. `for_us` is the audience check, which is ours to
    /// make: not every issuer keeps quiet about tokens for others.
    pub(crate) async fn ask(
        &self,
        token: &str,
        checks: &Checks<'_>,
        for_us: impl FnOnce(VerifiedToken) -> Result<AccessToken, Rejection>,
    ) -> Result<AccessToken, Rejection> {
        if token.len() > MOST_BYTES {
            return Err(Rejection::TooLarge(token.len()));
        }
        let name = fingerprint(token);
        if let Some(answer) = self.answers.get(&name).filter(|answer| answer.holds(checks.now)) {
            return answer.token.ok_or(Rejection::Inactive);
        }
        let claims = self.fetch(token).await.map_err(|error| {
            tracing::warn!(issuer = self.issuer(), %error, "the issuer could not be asked about a token");
            Rejection::NotAsked(self.issuer().to_owned())
        })?;
        let token = match claims {
            Some(claims) => Some(for_us(judge(claims, checks)?)?),
            None => None,
        };
        self.answers.insert(name, Answer { token: token.clone(), asked_at: checks.now });
        token.ok_or(Rejection::Inactive)
    }

    /// The claims of an active token.
    async fn fetch(&self, token: &str) -> Result<Option<Map<String, Value>>, FetchError> {
        let form = Serializer::new(String::new()).append_pair("token", token).append_pair("token_type_hint", "access_token").finish();
        let answer = self.server.introspect(self.credentials.basic(), form).await?;
        let claims = strict_json::object(&answer.body).ok_or(FetchError::Malformed("the introspection answer"))?;
        match claims.get("active") {
            Some(Value::Bool(true)) => Ok(Some(claims)),
            Some(Value::Bool(false)) => Ok(None),
            Some(_) | None => Err(FetchError::Malformed("the introspection answer")),
        }
    }
}

fn judge(claims: Map<String, Value>, checks: &Checks<'_>) -> Result<VerifiedToken, Rejection> {
    match claims.get("token_type") {
        None => {}
        Some(Value::String(kind)) if kind.eq_ignore_ascii_case("Bearer") => {}
        Some(_) => return Err(Rejection::Claim("token_type")),
    }
    VerifiedToken::said_by_the_issuer(claims, checks)
}

impl Answer {
    /// For a minute, and never past the token's end.
    fn holds(&self, now: DateTime<Utc>) -> bool {
        let is_recent = self.asked_at <= now && now - self.asked_at < LONGEST_KEPT;
        is_recent && self.token.as_ref().is_none_or(|token| now < token.expires_at())
    }
}

impl Credentials {
    pub(crate) fn new(client_id: String, client_secret: String) -> Self {
        Self { client_id, client_secret }
    }

    /// RFC 6749 §2.3.1: both are form-encoded first.
    fn basic(&self) -> HeaderValue {
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let pair = format!("{}:{}", encoded(&self.client_id), encoded(&self.client_secret));
        HeaderValue::try_from(format!("Basic {}", BASE64_STANDARD.encode(pair))).unwrap_or(HeaderValue::from_static("Basic"))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Credentials").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

impl fmt::Debug for Introspection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Introspection").field("credentials", &self.credentials).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::Issuer;

    // OA-RS-16: a flood of made-up tokens fills no memory
    #[test]
    fn answers_are_kept_up_to_a_bound() {
        let server = AuthorizationServer::new(Issuer::parse("http://127.0.0.1:1").unwrap(), &[]).unwrap();
        let introspection = Introspection::new(Arc::new(server), Credentials::new("a".to_owned(), "b".to_owned()));
        for number in 0..3 * MOST_KEPT {
            introspection.answers.insert(fingerprint(&number.to_string()), Answer { token: None, asked_at: DateTime::UNIX_EPOCH });
        }
        assert!((1..=MOST_KEPT).contains(&introspection.answers.len()), "{}", introspection.answers.len());
    }
}
