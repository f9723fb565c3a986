//! Clients that are known by a document of their own: finding them, and reading the
//! document once somebody is signed in (MCP-AS-119).

use std::sync::Arc;

use axum::{http::StatusCode, response::Response};
use chrono::{DateTime, TimeDelta, Utc};

use super::flow::{self, Kept, Pending, redirect};
use crate::{
    app::App,
    clients::{NoDocument, RemoteError},
    events::Step,
    http::PageFailure,
    protocol::{
        authorize::PageError,
        client::{Client, ClientOrigin},
        error::ErrorCode,
        vocabulary::{ClientId, ExternalUrl},
    },
};

/// A client, as far as it can be known before somebody is signed in.
#[derive(Debug)]
pub(super) enum Found {
    /// It is known.
    Known(Arc<Client>),
    /// It says who it is at its address, which was not read yet.
    Unread(Arc<Client>),
}

/// When a document is found unchanged, that is written down so often.
const CONFIRM_EVERY: TimeDelta = TimeDelta::hours(1);

/// Looks for a client. Nothing is fetched, since anybody may ask (OA-CM-14).
pub(super) async fn find(app: &App, id: &ClientId, now: DateTime<Utc>) -> Result<Option<Found>, PageFailure> {
    let stored = app.clients.find(&app.store, id, now).await?;
    if let Some(client) = stored.as_ref().filter(|client| client.origin != ClientOrigin::Document) {
        return Ok(Some(Found::Known(Arc::clone(client))));
    }
    // A token whose audience is a client's name could pass for one about that client (MCP-AS-126).
    if app.resources.load().by_identifier(id.as_str()).is_some() {
        return Ok(None);
    }
    let Some(url) = app.client_documents.address(id, &app.egress) else { return Ok(None) };
    let url = url.map_err(|error| unusable(id, &error))?;
    if stored.is_none() {
        // Not known to the cache: never let in, or shut out since.
        stored_document(app, id).await?;
    }
    Ok(Some(match app.client_documents.at_hand(&url, now) {
        Some(client) => Found::Known(client),
        None => Found::Unread(Arc::new(Client::new(id.clone(), ClientOrigin::Document, now))),
    }))
}

/// Reads the client's document, and begins the request anew with what it says.
pub(super) async fn read(app: &App, pending: &Pending, parameters: &str, now: DateTime<Utc>) -> Result<Response, PageFailure> {
    let id = &pending.client.id;
    let url =
        app.client_documents.address(id, &app.egress).ok_or_else(|| PageFailure::nobody_to_tell(PageError::ClientGone, id.as_str()))?;
    let url = url.map_err(|error| unusable(id, &error))?;
    let client = current(app, &url, id, now).await?;
    let kept = Kept::of(app, flow::parameters(parameters.as_bytes())?, &client)?;
    app.store.replace_request(&pending.handle.hash(), &serde_json::to_value(&kept).map_err(anyhow::Error::new)?, &client).await?;
    Ok(redirect(&pending.path(app, "")))
}

/// The client as its document has it. What is stored of it follows: with a redirect URI
/// that is gone or keys that differ, what people allowed before does not count any more.
async fn current(app: &App, url: &ExternalUrl, id: &ClientId, now: DateTime<Utc>) -> Result<Arc<Client>, PageFailure> {
    let stored = stored_document(app, id).await?;
    let client = app.client_documents.read(&app.egress, url, stored.clone(), now).await.map_err(|error| unusable(id, &error))?;
    if let Some(stored) = stored {
        let renewed = Client { created_at: stored.created_at, ..Client::clone(&client) };
        let is_same = Client { confirmed_at: stored.confirmed_at, ..renewed.clone() } == stored;
        let is_old = renewed.confirmed_at.zip(stored.confirmed_at).is_some_and(|(new, old)| new - old >= CONFIRM_EVERY);
        if !is_same || is_old {
            app.store.replace_client(&renewed).await?;
            app.clients.clear();
        }
    }
    Ok(client)
}

/// What is stored of a client that is known by its document; nothing goes on with one
/// that the operator disabled.
async fn stored_document(app: &App, id: &ClientId) -> Result<Option<Client>, PageFailure> {
    let stored = app.store.client(id).await?;
    if stored.as_ref().is_some_and(|client| !client.is_active()) {
        return Err(PageFailure::nobody_to_tell(PageError::ClientGone, id.as_str()));
    }
    Ok(stored.filter(|client| client.origin == ClientOrigin::Document))
}

/// OA-CM-23: host and kind of reason, and nothing that the other side sent or that tells
/// about our network.
fn unusable(id: &ClientId, error: &NoDocument) -> PageFailure {
    let advice = "Connect again later; if that does not help, the app's maker has to change it.";
    let host = crate::protocol::consent::published_at(id);
    let refused = |status, what: String| {
        PageFailure::refused(status, Step::AuthorizeRefused, "This app can not be let in", what, advice, format_args!("{id}: {error}"))
            .with_code(ErrorCode::InvalidClient)
            .for_client(id.as_str())
    };
    match error {
        NoDocument::Address(_) => {
            refused(StatusCode::BAD_REQUEST, "The app is named by an address that this server does not read.".to_owned())
        }
        NoDocument::Denied => refused(StatusCode::FORBIDDEN, format!("Whoever runs this server does not let in this app of {host}.")),
        NoDocument::Remote(RemoteError::Egress(error)) if error.is_busy() => PageFailure::too_many(std::time::Duration::from_mins(1)),
        NoDocument::Remote(RemoteError::Egress(_)) => {
            refused(StatusCode::BAD_REQUEST, format!("What the app says of itself could not be read from {host}."))
        }
        NoDocument::Remote(RemoteError::Invalid(reason)) => {
            refused(StatusCode::BAD_REQUEST, format!("What the app says of itself at {host} can not be used: {reason}."))
        }
    }
}
