//! Protected resources added by command.

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use sqlx::types::Json;

use super::{Store, catalogue, on_db, on_db_read};
use crate::protocol::resource::ProtectedResource;

const LIST: &str = "SELECT record FROM resources WHERE issuer_id = $1 ORDER BY created_at, canonical";
const PUT: &str = "INSERT INTO resources (issuer_id, canonical, record, created_at) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (issuer_id, canonical) DO UPDATE SET record = excluded.record";
const REMOVE: &str = "DELETE FROM resources WHERE issuer_id = $1 AND canonical = $2";

impl Store {
    /// All resources, in the order they were added.
    pub async fn resources(&self) -> anyhow::Result<Vec<ProtectedResource>> {
        let rows: Vec<(Json<ProtectedResource>,)> =
            on_db_read!(self.db, |pool| sqlx::query_as(LIST).bind(self.issuer_id).fetch_all(pool).await).context("reading resources")?;
        Ok(rows.into_iter().map(|(record,)| record.0).collect())
    }

    /// Adds a resource, or replaces what is known of it.
    pub async fn put_resource(&self, resource: &ProtectedResource, now: DateTime<Utc>) -> anyhow::Result<()> {
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            sqlx::query(PUT)
                .bind(self.issuer_id)
                .bind(resource.identifier.canonical())
                .bind(Json(resource))
                .bind(now)
                .execute(&mut *step)
                .await?;
            sqlx::query(catalogue::BUMP).bind(self.issuer_id).execute(&mut *step).await?;
            step.commit().await.context("storing a resource")
        })
    }

    /// Removes a resource; `false` if there is no such resource.
    pub async fn remove_resource(&self, canonical: &str) -> anyhow::Result<bool> {
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            let removed = sqlx::query(REMOVE).bind(self.issuer_id).bind(canonical).execute(&mut *step).await?.rows_affected();
            sqlx::query(catalogue::BUMP).bind(self.issuer_id).execute(&mut *step).await?;
            step.commit().await?;
            Ok(removed == 1)
        })
    }
}
