//! Browser sessions: an opaque id in a cookie, everything else in the store.

use axum::http::{HeaderMap, HeaderValue, header};
use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    app::App,
    entropy,
    events::{Event, Step},
    protocol::vocabulary::{SessionId, Token, TokenHash},
    store::{NewSession, StoredSession},
};

/// A session is noted as used this often at most.
const TOUCH_EVERY: TimeDelta = TimeDelta::minutes(1);

/// A person whose browser holds a session.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The session's cookie as the store knows it.
    pub cookie: TokenHash<SessionId>,
    /// The session.
    pub session: StoredSession,
}

/// Whoever is signed in at this browser; the session is in use.
pub async fn current(app: &App, headers: &HeaderMap, now: DateTime<Utc>) -> anyhow::Result<Option<SignedIn>> {
    let Some(signed_in) = look(app, headers, now).await? else { return Ok(None) };
    if now - signed_in.session.last_seen_at >= TOUCH_EVERY {
        app.store.touch_session(&signed_in.cookie, now).await?;
    }
    Ok(Some(signed_in))
}

/// The same, where whoever comes may be a link that was merely fetched: writes nothing.
pub async fn look(app: &App, headers: &HeaderMap, now: DateTime<Utc>) -> anyhow::Result<Option<SignedIn>> {
    let Some(cookie) = app.cookies.session(headers).map(|token| token.hash()) else { return Ok(None) };
    let session = app.store.session(&cookie, app.config.session.idle_lifetime, now).await?;
    Ok(session.map(|session| SignedIn { cookie, session }))
}

/// Begins a session for somebody who has just proved who they are, always under a
/// new id; an old one of the same browser ends. Returns the cookie to set.
pub async fn begin(app: &App, headers: &HeaderMap, user_id: &str, now: DateTime<Utc>) -> anyhow::Result<HeaderValue> {
    if let Some(old) = app.cookies.session(headers) {
        app.store.end_session(&old.hash()).await?;
    }
    let token = Token::<SessionId>::new(entropy::random()?);
    let lifetime = app.config.session.absolute_lifetime;
    let session = NewSession {
        hash: token.hash(),
        id: entropy::identifier(now)?.to_string(),
        user_id: user_id.to_owned(),
        user_agent: user_agent(headers),
        auth_time: now,
        expires_at: now + lifetime,
    };
    let ended = app.store.add_session(&session).await?;
    if ended > 0 {
        Event::of(Step::CapReached).user(user_id).because(format_args!("{ended} of too many sessions ended, the longest unused")).record();
    }
    Ok(app.cookies.set_session(&token, lifetime))
}

/// What the browser says it is: for the person's own eyes, cut.
fn user_agent(headers: &HeaderMap) -> String {
    let said = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    said.chars().take(200).collect()
}
