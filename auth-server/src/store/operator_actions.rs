//! What operators did by command, on its way into the server's log.
//!
//! A command is a process of its own, whose words are gone with the terminal. So it
//! leaves a row, and a server writes it down: the one that runs, or the next.

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;

use super::{Store, on_db, row::row};

/// Something that an operator did by command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorAction {
    /// A fresh identifier, which sorts by time.
    pub id: String,
    /// The event's name. A newer program may know more of them.
    pub event: String,
    /// Who it was, as the system knows them.
    pub operator: String,
    /// When.
    pub done_at: DateTime<Utc>,
    /// What it concerns.
    pub about: About,
}

/// What an action concerns; ids, never secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct About {
    /// Which client.
    pub client_id: Option<String>,
    /// Which person.
    pub user_id: Option<String>,
    /// Which grant.
    pub grant_id: Option<String>,
    /// Which resource.
    pub resource: Option<String>,
    /// What was done, precisely.
    pub reason: Option<String>,
}

row! { ActionRow { id: String, event: String, operator: String, done_at: DateTime<Utc>, about: Json<About> } }

impl From<ActionRow> for OperatorAction {
    fn from(row: ActionRow) -> Self {
        let ActionRow { id, event, operator, done_at, about: Json(about) } = row;
        Self { id, event, operator, done_at, about }
    }
}

const ADD: &str = "INSERT INTO operator_actions (issuer_id, id, event, operator, done_at, about) VALUES ($1, $2, $3, $4, $5, $6)";
const TAKE: &str = "DELETE FROM operator_actions WHERE issuer_id = $1 RETURNING id, event, operator, done_at, about";

impl Store {
    /// Leaves an action for the log of a server.
    pub async fn add_operator_action(&self, action: &OperatorAction) -> anyhow::Result<()> {
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            sqlx::query(ADD)
                .bind(self.issuer_id)
                .bind(&action.id)
                .bind(&action.event)
                .bind(&action.operator)
                .bind(action.done_at)
                .bind(Json(&action.about))
                .execute(&mut *step)
                .await?;
            step.commit().await.context("noting what was done")
        })
    }

    /// Takes all actions, the oldest first, by one process each. They are written down
    /// before they are gone: rather twice than never.
    pub async fn take_operator_actions(&self, write_down: impl Fn(&OperatorAction)) -> anyhow::Result<()> {
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            let rows: Vec<ActionRow> = sqlx::query_as(TAKE).bind(self.issuer_id).fetch_all(&mut *step).await?;
            let mut actions: Vec<OperatorAction> = rows.into_iter().map(OperatorAction::from).collect();
            actions.sort_by(|one, other| one.id.cmp(&other.id));
            actions.iter().for_each(write_down);
            step.commit().await.context("taking what operators did")
        })
    }
}
