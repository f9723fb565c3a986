//! Access tokens: decoded, verified, and held against what has ended since.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use chrono::{DateTime, Utc};
use portcullis_verifier::{Rejection, issuer::OwnTokens, jwk};
use serde_json::{Map, Value, json};

use super::verdict::{Reason, Verdict};
use crate::{
    app::load_resources,
    cli::{
        ago::{ago, date},
        desk::Desk,
        failure::Failure,
        find,
        output::Facts,
    },
    protocol::{access_token::TokenId, introspection::TokenClaims},
    store::StoredKey,
};

/// The parts of a JWT, as they stand there.
struct Decoded {
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

impl Decoded {
    fn read(token: &str) -> Option<Self> {
        let part = |text: &str| -> Option<Map<String, Value>> { serde_json::from_slice(&BASE64URL.decode(text).ok()?).ok() };
        let mut parts = token.split('.');
        Some(Self { header: part(parts.next()?)?, claims: part(parts.next()?)? })
    }

    fn text(&self, name: &str) -> &str {
        self.claims.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn time(&self, name: &str) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp(self.claims.get(name)?.as_i64()?, 0)
    }
}

pub(super) async fn inspect(desk: &Desk, token: &str, resource: Option<&str>) -> Result<Verdict, Failure> {
    let Some(decoded) = Decoded::read(token) else {
        return Ok(Verdict::unknown("it looks like a JWT, but its parts are not base64url and JSON: a part may be missing"));
    };
    let mut reasons = Vec::new();
    // Those that left the JWKS are kept for a while, to say so here.
    let keys = desk.store.signing_keys(DateTime::UNIX_EPOCH).await?;
    let signed_by_us = match check(desk, token, &keys)? {
        Ok(()) => true,
        Err(rejection) => {
            reasons.push(explain(&rejection, &decoded, &keys, desk));
            matches!(rejection, Rejection::Expired { .. } | Rejection::NotYetValid { .. } | Rejection::Issuer { .. })
        }
    };
    if signed_by_us {
        reasons.extend(ended(desk, &decoded).await?);
    }
    if let Some(resource) = resource {
        reasons.extend(audience(desk, &decoded, resource).await?);
    }
    Ok(Verdict {
        kind: "access_token",
        valid: reasons.is_empty(),
        facts: facts(&decoded, desk).await?,
        reasons,
        header: Some(decoded.header),
        claims: Some(decoded.claims),
    })
}

/// As resource servers check it, with the keys of the JWKS.
fn check(desk: &Desk, token: &str, keys: &[StoredKey]) -> Result<Result<(), Rejection>, Failure> {
    let published: Vec<_> = keys.iter().filter(|key| key.leaves_at.is_none_or(|end| desk.now < end)).map(|key| &key.public_jwk).collect();
    let body = serde_json::to_vec(&json!({ "keys": published })).map_err(anyhow::Error::new)?;
    let Ok(set) = jwk::Set::from_json(&body) else { return Ok(Err(Rejection::UnknownKey("any".to_owned()))) };
    let ours = OwnTokens { issuer: desk.config.issuer.as_str(), keys: &set, skew: desk.config.tokens.clock_skew };
    Ok(ours.read(token, desk.now).map(drop))
}

/// A rejection, with what the token says about it.
#[expect(clippy::wildcard_enum_match_arm, reason = "the others have nothing to add; their own sentences do")]
fn explain(rejection: &Rejection, token: &Decoded, keys: &[StoredKey], desk: &Desk) -> Reason {
    let (now, ours) = (desk.now, desk.config.issuer.as_str());
    let when = |name| token.time(name).map_or_else(|| "at a time it does not say".to_owned(), |time| ago(time, now));
    let another = || Reason::new("wrong_issuer", format!("it says that {} issued it; this server is {ours}", token.text("iss")));
    match rejection {
        Rejection::Expired { .. } => Reason::new("expired", format!("it expired {}", when("exp"))),
        Rejection::NotYetValid { .. } => Reason::new("not_yet_valid", format!("it begins {}: a clock is wrong", when("iat"))),
        Rejection::Issuer { .. } => another(),
        Rejection::UnknownKey(_) if token.text("iss") != ours => another(),
        Rejection::UnknownKey(_) => unknown_key(token, keys, now),
        Rejection::Signature(_) => Reason::new("wrong_signature", "its signature is wrong: it was changed, or made up, or cut off"),
        Rejection::Type(_) => Reason::new(
            "wrong_type",
            format!("its type is {}, and an access token's is at+jwt", token.header.get("typ").unwrap_or(&Value::Null)),
        ),
        other => Reason::new("malformed", other.to_string()),
    }
}

fn unknown_key(token: &Decoded, keys: &[StoredKey], now: DateTime<Utc>) -> Reason {
    let kid = token.header.get("kid").and_then(Value::as_str).unwrap_or("without a name");
    let left = keys.iter().find(|key| key.kid == kid).and_then(|key| key.leaves_at);
    let sentence = match left {
        Some(left) => format!("its key {kid} left the JWKS {}", ago(left, now)),
        None => format!("this server has no key {kid}: the token is of another server of this name, or of keys that were lost"),
    };
    Reason::new("unknown_key", sentence)
}

/// What has ended the token before its time.
async fn ended(desk: &Desk, token: &Decoded) -> Result<Vec<Reason>, Failure> {
    let Ok(claims) = serde_json::from_value::<TokenClaims>(Value::Object(token.claims.clone())) else {
        return Ok(vec![Reason::new("malformed", "its claims are not those of an access token of this server")]);
    };
    let mut reasons = Vec::new();
    let resources = load_resources(&desk.config, &desk.store).await?;
    if resources.by_identifier(&claims.aud).is_none() {
        reasons.push(Reason::new("wrong_audience", format!("it is for {}, which is no resource of this server (any more)", claims.aud)));
    }
    match desk.store.client(&claims.client_id).await? {
        None => reasons.push(Reason::new("client_removed", format!("its client {} was removed", claims.client_id))),
        Some(client) => reasons.extend(
            client.disabled_at.map(|since| Reason::new("client_disabled", format!("its client was disabled {}", ago(since, desk.now)))),
        ),
    }
    if desk.store.access_token_is_revoked(&claims.jti).await? {
        reasons.push(Reason::new("revoked", "this very token was revoked"));
    }
    if claims.grant_id.is_some() {
        let family = TokenId::parse(&claims.jti).and_then(|id| id.family());
        match family {
            Some(family) => reasons.extend(super::refresh::family_ended(desk, family).await?),
            None => reasons.push(Reason::new("malformed", "its jti names no family of tokens")),
        }
    }
    Ok(reasons)
}

/// Whether it is for the resource that got it.
async fn audience(desk: &Desk, token: &Decoded, resource: &str) -> Result<Option<Reason>, Failure> {
    let resource = find::any_resource(desk, resource).await?;
    let audience = token.text("aud");
    let sentence = format!("it is for {audience}, and was sent to {resource}");
    Ok((audience != resource).then(|| Reason::new("wrong_audience", sentence)))
}

async fn facts(token: &Decoded, desk: &Desk) -> Result<Facts, Failure> {
    let mut facts = Facts::default();
    let named = |name: &str| token.claims.get(name).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    let when = |name: &str| token.time(name).map(|time| format!("{}, {}", ago(time, desk.now), date(time)));
    let person = desk.store.user(token.text("sub")).await?.map(|user| format!("{} ({})", user.name, user.id));
    let client = match token.text("client_id").parse() {
        Ok(id) => desk.store.client(&id).await?.map(|client| format!("{} ({})", client.display_name(), client.id)),
        Err(_) => None,
    };
    facts.add("kind", "an access token");
    facts.add_some("issuer", named("iss"));
    facts.add_some("for", named("aud"));
    facts.add_some("scopes", named("scope"));
    facts.add_some("speaks of", person.or_else(|| named("sub")));
    facts.add_some("client", client.or_else(|| named("client_id")));
    facts.add_some("issued", when("iat"));
    facts.add_some("expires", when("exp"));
    facts.add_some("signed in", when("auth_time"));
    facts.add_some("grant", named("grant_id"));
    let header = |name: &str| token.header.get(name).and_then(Value::as_str).unwrap_or("none");
    facts.add("signed", format!("{}, key {}", header("alg"), header("kid")));
    Ok(facts)
}
