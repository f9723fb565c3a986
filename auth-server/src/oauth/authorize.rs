//! `/authorize` (RFC 6749 §3.1): a client sends a browser.
//!
//! The request is judged as far as it can be without knowing the person, kept
//! under a handle that only this browser can use, and the browser is sent on to
//! the dispatcher (`flow.rs`). Nothing else happens here: whoever merely fetches
//! the link changes nothing (OA-AZ-22).

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{Method, header, request::Parts},
    response::Response,
};
use chrono::{DateTime, Utc};

use super::{
    document::{self, Found},
    flow::{Kept, parameters, redirect},
};
use crate::{
    app::App,
    entropy,
    events::{Event, Step},
    http::{PageFailure, form},
    limits::Source,
    login::session,
    protocol::{
        authorize::{self, PageError},
        client::{Client, ClientOrigin},
        next_step::is_told_at_once,
        parameters::Parameters,
        vocabulary::{ClientId, RequestHandle, Token},
    },
    store::NewRequest,
};

/// Begins an authorization request.
pub async fn authorize(State(app): State<App>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let encoded = if parts.method == Method::POST {
        if !form::is_form(&parts.headers) {
            let failure = PageFailure::bad_request("The form has a type that this server does not read.", "not a form");
            return failure.for_reader(&parts.headers);
        }
        match form::bytes(&parts.headers, body, form::MOST_BYTES).await {
            Ok(bytes) => bytes,
            Err(error) => {
                return PageFailure::bad_request("The form can not be read.", &error)
                    .with_status(error.status())
                    .for_reader(&parts.headers);
            }
        }
    } else {
        parts.uri.query().unwrap_or_default().to_owned().into()
    };
    match begin(&app, &parts, &encoded).await {
        Ok(response) => response,
        Err(failure) => failure.for_reader(&parts.headers),
    }
}

async fn begin(app: &App, parts: &Parts, encoded: &[u8]) -> Result<Response, PageFailure> {
    let now = app.clock.now();
    let parameters = parameters(encoded)?;
    let (client, kept) = match client(app, &parameters, now).await? {
        Found::Known(client) => (Arc::clone(&client), Kept::of(app, parameters, &client)?),
        Found::Unread(client) => (client, unread(&parameters, encoded)?),
    };
    if let Kept::Refused(refused) = &kept
        && is_told_at_once(refused, &client, app.config.authorization.error_redirects.into())
    {
        Event::of(Step::AuthorizeRefused).client(client.id.as_str()).because(refused.reason).record();
        return Ok(redirect(&authorize::error_location(refused, &app.config.issuer)));
    }
    match keep(app, parts, &client, &kept, now).await {
        Err(failure) => kept.tell_of(failure, app, &client),
        kept => kept,
    }
}

/// The parameters of a request that can be judged only when somebody is signed in.
fn unread(parameters: &Parameters, encoded: &[u8]) -> Result<Kept, PageFailure> {
    if parameters.get("prompt").is_some_and(|prompt| prompt.split(' ').any(|word| word == "none")) {
        let what = "The app wants to connect without asking you, but what it says of itself has to be read first.";
        return Err(PageFailure::bad_request(what, "prompt=none, and the client's document is not at hand"));
    }
    let text = std::str::from_utf8(encoded).map_err(|error| PageFailure::bad_request("The link is not written correctly.", error))?;
    Ok(Kept::Unread(text.to_owned()))
}

async fn client(app: &App, parameters: &Parameters, now: DateTime<Utc>) -> Result<Found, PageFailure> {
    if parameters.is_repeated("client_id") || parameters.is_repeated("redirect_uri") {
        return Err(PageFailure::nobody_to_tell(PageError::Repeated, ""));
    }
    let Some(text) = parameters.get("client_id") else { return Err(PageFailure::nobody_to_tell(PageError::ClientMissing, "")) };
    let found = match text.parse::<ClientId>() {
        Ok(id) => document::find(app, &id, now).await?,
        Err(_) => None,
    };
    found.ok_or_else(|| PageFailure::nobody_to_tell(PageError::ClientUnknown, text))
}

/// Keeps the request and sends the browser to the dispatcher.
async fn keep(app: &App, parts: &Parts, client: &Client, kept: &Kept, now: DateTime<Utc>) -> Result<Response, PageFailure> {
    let (browser, mark) = app.cookies.mark(&parts.headers)?;
    let handle = Token::<RequestHandle>::new(entropy::random()?);
    let limits = &app.config.authorization;
    let (source, is_anonymous, most_per_source) = counts_for(app, parts, now).await?;
    let request = NewRequest {
        handle: handle.hash(),
        browser: browser.hash(),
        client_id: client.id.clone(),
        source,
        is_anonymous,
        request: serde_json::to_value(kept).map_err(anyhow::Error::new)?,
        client: (client.origin == ClientOrigin::Document).then(|| client.clone()),
        created_at: now,
        expires_at: now + limits.request_lifetime,
    };
    let bound = |most: u64| i64::try_from(most).unwrap_or(i64::MAX);
    if app.store.add_request(&request, bound(most_per_source), bound(limits.most_pending)).await?.is_err() {
        return Err(PageFailure::too_many(std::time::Duration::from_mins(1)));
    }
    Event::of(Step::AuthorizeStart).client(client.id.as_str()).record();
    let location = format!("{}/authorize/{}", app.config.issuer.path(), handle.wire());
    let mut response = redirect(&location);
    response.headers_mut().append(header::SET_COOKIE, mark);
    Ok(response)
}

/// Whom a request counts for, whether that is nobody we know, and how many of theirs may
/// wait: a person who is signed in, wherever they are, or else the address. So a crowd of
/// strangers takes no room from people, nor a person more than their own.
async fn counts_for(app: &App, parts: &Parts, now: DateTime<Utc>) -> anyhow::Result<(String, bool, u64)> {
    let limits = &app.config.authorization;
    if let Some(signed_in) = session::look(app, &parts.headers, now).await? {
        return Ok((signed_in.session.user_id, false, limits.most_pending_per_source));
    }
    let source = parts.extensions.get::<Source>().copied().unwrap_or_default();
    Ok((source.key(), true, if source.is_vendor() { limits.most_pending } else { limits.most_pending_per_source }))
}
