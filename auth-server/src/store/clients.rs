//! Registered clients.

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::types::Json;

use super::{Store, catalogue, on_db, on_db_read};
use crate::protocol::{
    client::{Client, ClientOrigin},
    vocabulary::ClientId,
};

/// How many clients there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientCounts {
    /// Made by an operator.
    pub operator: i64,
    /// That registered themselves.
    pub registered: i64,
    /// Those among them that nobody has allowed anything yet.
    pub waiting: i64,
}

/// What ended with a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemovedClient {
    /// Grants that people had given it.
    pub grants: i64,
}

const FIND: &str = "SELECT record FROM clients WHERE issuer_id = $1 AND id = $2";
const LIST: &str = "SELECT record FROM clients WHERE issuer_id = $1 ORDER BY created_at DESC, id DESC";
const COUNT: &str = "SELECT COUNT(*) FROM clients WHERE issuer_id = $1 AND origin = $2";
const COUNT_WAITING: &str = "SELECT COUNT(*) FROM clients WHERE issuer_id = $1 AND first_used_at IS NULL AND origin = 'registered'";
/// No identifier speaks of its client for longer: the setting has this bound.
const LONGEST_SEALED: TimeDelta = TimeDelta::days(400);
const HAS_ENDED: &str = "SELECT EXISTS (SELECT 1 FROM ended_clients WHERE issuer_id = $1 AND id = $2)";
const END: &str = "INSERT INTO ended_clients (issuer_id, id, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
pub(super) const ADD: &str = "INSERT INTO clients (issuer_id, id, origin, record, created_at) VALUES ($1, $2, $3, $4, $5)";
const REPLACE: &str = "UPDATE clients SET record = $3 WHERE issuer_id = $1 AND id = $2";
const REMOVE: &str = "DELETE FROM clients WHERE issuer_id = $1 AND id = $2 RETURNING created_at";
const COUNT_GRANTS: &str = "SELECT COUNT(*) FROM grants WHERE issuer_id = $1 AND client_id = $2 AND revoked_at IS NULL";

pub(super) fn origin_name(origin: ClientOrigin) -> &'static str {
    match origin {
        ClientOrigin::Operator => "operator",
        ClientOrigin::Registered => "registered",
        ClientOrigin::Document => "document",
    }
}

/// Stores a client within a step.
macro_rules! insert_client {
    ($store:expr, $step:expr, $client:expr) => {
        sqlx::query($crate::store::clients::ADD)
            .bind($store.issuer_id)
            .bind($client.id.as_str())
            .bind($crate::store::clients::origin_name($client.origin))
            .bind(sqlx::types::Json($client))
            .bind($client.created_at)
            .execute(&mut *$step)
            .await?
    };
}

pub(super) use insert_client;

impl Store {
    /// The client with this id.
    pub async fn client(&self, id: &ClientId) -> anyhow::Result<Option<Client>> {
        let row: Option<(Json<Client>,)> =
            on_db_read!(self.db, |pool| sqlx::query_as(FIND).bind(self.issuer_id).bind(id.as_str()).fetch_optional(pool).await)
                .context("reading a client")?;
        Ok(row.map(|(record,)| record.0))
    }

    /// All clients, newest first.
    pub async fn clients(&self) -> anyhow::Result<Vec<Client>> {
        let rows: Vec<(Json<Client>,)> =
            on_db_read!(self.db, |pool| sqlx::query_as(LIST).bind(self.issuer_id).fetch_all(pool).await).context("reading clients")?;
        Ok(rows.into_iter().map(|(record,)| record.0).collect())
    }

    /// How many clients there are of each origin.
    pub async fn count_clients(&self) -> anyhow::Result<ClientCounts> {
        let count = async |origin| -> anyhow::Result<i64> {
            let (count,): (i64,) =
                on_db_read!(self.db, |pool| sqlx::query_as(COUNT).bind(self.issuer_id).bind(origin_name(origin)).fetch_one(pool).await)?;
            Ok(count)
        };
        let (waiting,): (i64,) = on_db_read!(self.db, |pool| sqlx::query_as(COUNT_WAITING).bind(self.issuer_id).fetch_one(pool).await)?;
        Ok(ClientCounts { operator: count(ClientOrigin::Operator).await?, registered: count(ClientOrigin::Registered).await?, waiting })
    }

    /// Stores a client.
    pub async fn add_client(&self, client: &Client) -> anyhow::Result<()> {
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            insert_client!(self, step, client);
            step.commit().await.context("storing a client")
        })
    }

    /// Replaces what is known of a client; `false` if there is no such client.
    pub async fn replace_client(&self, client: &Client) -> anyhow::Result<bool> {
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            let changed = sqlx::query(REPLACE)
                .bind(self.issuer_id)
                .bind(client.id.as_str())
                .bind(Json(client))
                .execute(&mut *step)
                .await?
                .rows_affected();
            sqlx::query(catalogue::BUMP).bind(self.issuer_id).execute(&mut *step).await?;
            step.commit().await?;
            Ok(changed == 1)
        })
    }

    /// Whether a client was removed that its identifier still speaks of.
    pub async fn has_client_ended(&self, id: &ClientId) -> anyhow::Result<bool> {
        let (has_ended,): (bool,) =
            on_db_read!(self.db, |pool| sqlx::query_as(HAS_ENDED).bind(self.issuer_id).bind(id.as_str()).fetch_one(pool).await)
                .context("looking for an ended client")?;
        Ok(has_ended)
    }

    /// Removes a client with its grants, codes and tokens; `None` if there is none. One
    /// whose identifier says all about it does not come back by that.
    pub async fn remove_client(&self, id: &ClientId) -> anyhow::Result<Option<RemovedClient>> {
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            let (grants,): (i64,) = sqlx::query_as(COUNT_GRANTS).bind(self.issuer_id).bind(id.as_str()).fetch_one(&mut *step).await?;
            let removed: Option<(DateTime<Utc>,)> =
                sqlx::query_as(REMOVE).bind(self.issuer_id).bind(id.as_str()).fetch_optional(&mut *step).await?;
            if let Some((created_at,)) = removed.filter(|_| id.is_sealed()) {
                let end = sqlx::query(END).bind(self.issuer_id).bind(id.as_str()).bind(created_at + LONGEST_SEALED);
                end.execute(&mut *step).await?;
            }
            sqlx::query(catalogue::BUMP).bind(self.issuer_id).execute(&mut *step).await?;
            step.commit().await?;
            Ok(removed.map(|_| RemovedClient { grants }))
        })
    }
}
