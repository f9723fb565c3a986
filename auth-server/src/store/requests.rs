//! Authorization requests between the browser's arrival and the answer.

use std::sync::atomic::Ordering;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::types::Json;

use super::{Store, on_db, on_db_read, row::row};
use crate::protocol::{
    client::Client,
    vocabulary::{BrowserId, ClientId, RequestHandle, TokenHash},
};

/// A request to be kept until the person has answered.
#[derive(Clone, Debug)]
pub struct NewRequest {
    /// The handle's hash.
    pub handle: TokenHash<RequestHandle>,
    /// The browser it belongs to.
    pub browser: TokenHash<BrowserId>,
    /// Who asks.
    pub client_id: ClientId,
    /// Whom it counts for: a person or an address.
    pub source: String,
    /// Nobody is signed in.
    pub is_anonymous: bool,
    /// The request itself.
    pub request: Value,
    /// The client, where the store may not have it yet.
    pub client: Option<Client>,
    /// When it came.
    pub created_at: DateTime<Utc>,
    /// Dead from here on.
    pub expires_at: DateTime<Utc>,
}

/// A request that waits, or was answered.
#[derive(Clone, Debug)]
pub struct StoredRequest {
    /// Who asks.
    pub client_id: String,
    /// The request itself.
    pub request: Value,
    /// The client as it was read for this request.
    pub client: Option<Client>,
    /// When it came.
    pub created_at: DateTime<Utc>,
    /// The sign-in made for it.
    pub signed_in_at: Option<DateTime<Utc>>,
    /// The person's answer.
    pub decision: Option<Value>,
    /// When the browser was sent back.
    pub answered_at: Option<DateTime<Utc>>,
}

/// One source has too many requests open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many authorization requests from one place are open")]
pub struct TooManyPending;

row! { RequestRow {
    client_id: String, request: Json<Value>, client: Option<Json<Client>>, created_at: DateTime<Utc>, signed_in_at: Option<DateTime<Utc>>,
    decision: Option<Json<Value>>, answered_at: Option<DateTime<Utc>>,
} }

const COUNT_OF_SOURCE: &str =
    "SELECT COUNT(*) FROM authorization_requests WHERE issuer_id = $1 AND source = $2 AND expires_at > $3 AND answered_at IS NULL";
/// Beyond a number of all that wait the anonymous requests give way, the oldest first;
/// only then those of people.
const TRIM: &str = "DELETE FROM authorization_requests WHERE issuer_id = $1 AND answered_at IS NULL AND handle_hash IN \
    (SELECT handle_hash FROM authorization_requests WHERE issuer_id = $1 AND answered_at IS NULL \
     ORDER BY is_anonymous, created_at DESC LIMIT 1000 OFFSET $2)";
/// Room is made for so many at once, as a part of all that may wait: finding the
/// oldest means walking past all the others.
const ROOM: i64 = 100;
const ADD: &str = "INSERT INTO authorization_requests (issuer_id, handle_hash, browser_hash, client_id, source, is_anonymous, request, created_at, expires_at, client) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
const FIND: &str = "SELECT client_id, request, client, created_at, signed_in_at, decision, answered_at FROM authorization_requests \
    WHERE issuer_id = $1 AND handle_hash = $2 AND browser_hash = $3 AND expires_at > $4";
const SIGNED_IN: &str = "UPDATE authorization_requests SET signed_in_at = $3, is_anonymous = FALSE WHERE issuer_id = $1 AND handle_hash = $2 AND answered_at IS NULL";
/// What somebody else decided is not asked of the next person as if it were theirs.
const SIGNED_OUT: &str = "UPDATE authorization_requests SET signed_in_at = NULL, is_anonymous = TRUE, decision = NULL \
    WHERE issuer_id = $1 AND handle_hash = $2 AND answered_at IS NULL";
const REPLACE: &str = "UPDATE authorization_requests SET request = $3, client = $4 \
    WHERE issuer_id = $1 AND handle_hash = $2 AND decision IS NULL AND answered_at IS NULL";
const DECIDE: &str = "UPDATE authorization_requests SET decision = $3 \
    WHERE issuer_id = $1 AND handle_hash = $2 AND decision IS NULL AND answered_at IS NULL";
pub(super) const ANSWER: &str =
    "UPDATE authorization_requests SET answered_at = $3 WHERE issuer_id = $1 AND handle_hash = $2 AND answered_at IS NULL";

impl Store {
    /// Keeps a request, within the bounds per source and in all.
    pub async fn add_request(&self, request: &NewRequest, most_per_source: i64, most: i64) -> anyhow::Result<Result<(), TooManyPending>> {
        let room = (most / ROOM).max(1);
        let makes_room = self.requests_added.fetch_add(1, Ordering::Relaxed) % room == 0;
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            let (open,): (i64,) = sqlx::query_as(COUNT_OF_SOURCE)
                .bind(self.issuer_id)
                .bind(&request.source)
                .bind(request.created_at)
                .fetch_one(&mut *step)
                .await?;
            if open >= most_per_source {
                step.rollback().await?;
                return Ok(Err(TooManyPending));
            }
            if makes_room {
                sqlx::query(TRIM).bind(self.issuer_id).bind(most - room).execute(&mut *step).await?;
            }
            sqlx::query(ADD)
                .bind(self.issuer_id)
                .bind(request.handle.as_bytes())
                .bind(request.browser.as_bytes())
                .bind(request.client_id.as_str())
                .bind(&request.source)
                .bind(request.is_anonymous)
                .bind(Json(&request.request))
                .bind(request.created_at)
                .bind(request.expires_at)
                .bind(request.client.as_ref().map(Json))
                .execute(&mut *step)
                .await?;
            step.commit().await.context("keeping an authorization request")?;
            Ok(Ok(()))
        })
    }

    /// The request behind a handle, in the browser it belongs to.
    pub async fn request(
        &self,
        handle: &TokenHash<RequestHandle>,
        browser: &TokenHash<BrowserId>,
        now: DateTime<Utc>,
    ) -> anyhow::Result<Option<StoredRequest>> {
        let row: Option<RequestRow> = on_db_read!(self.db, |pool| sqlx::query_as(FIND)
            .bind(self.issuer_id)
            .bind(handle.as_bytes())
            .bind(browser.as_bytes())
            .bind(now)
            .fetch_optional(pool)
            .await)
        .context("reading an authorization request")?;
        Ok(row.map(|row| StoredRequest {
            client_id: row.client_id,
            request: row.request.0,
            client: row.client.map(|client| client.0),
            created_at: row.created_at,
            signed_in_at: row.signed_in_at,
            decision: row.decision.map(|decision| decision.0),
            answered_at: row.answered_at,
        }))
    }

    /// Notes that the person signed in for this request, or (`None`) chose to be
    /// somebody else.
    pub async fn note_sign_in(&self, handle: &TokenHash<RequestHandle>, at: Option<DateTime<Utc>>) -> anyhow::Result<()> {
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            let query = match at {
                Some(at) => sqlx::query(SIGNED_IN).bind(self.issuer_id).bind(handle.as_bytes()).bind(at),
                None => sqlx::query(SIGNED_OUT).bind(self.issuer_id).bind(handle.as_bytes()),
            };
            query.execute(&mut *step).await?;
            step.commit().await
        })
    }

    /// Puts what a request turned out to be in its place, with the client that was read
    /// for it; changes nothing once it was decided.
    pub async fn replace_request(&self, handle: &TokenHash<RequestHandle>, request: &Value, client: &Client) -> anyhow::Result<()> {
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            let query = sqlx::query(REPLACE).bind(self.issuer_id).bind(handle.as_bytes());
            query.bind(Json(request)).bind(Json(client)).execute(&mut *step).await?;
            step.commit().await
        })
    }

    /// Stores the person's answer; `false` if there is one already.
    pub async fn decide_request(&self, handle: &TokenHash<RequestHandle>, decision: &Value) -> anyhow::Result<bool> {
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            let decided = sqlx::query(DECIDE)
                .bind(self.issuer_id)
                .bind(handle.as_bytes())
                .bind(Json(decision))
                .execute(&mut *step)
                .await?
                .rows_affected();
            step.commit().await?;
            Ok(decided == 1)
        })
    }

    /// Closes a request with a refusal; `false` if it was answered already.
    pub async fn refuse_request(&self, handle: &TokenHash<RequestHandle>, now: DateTime<Utc>) -> anyhow::Result<bool> {
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            let closed =
                sqlx::query(ANSWER).bind(self.issuer_id).bind(handle.as_bytes()).bind(now).execute(&mut *step).await?.rows_affected();
            step.commit().await?;
            Ok(closed == 1)
        })
    }
}
