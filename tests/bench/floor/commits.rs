//! Group commit, as plain as it gets: one task takes what waits, writes it in one
//! transaction, and answers all after the commit.

use anyhow::Context as _;
use sqlx::{Connection as _, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

/// What is written.
pub(super) enum Step {
    /// The code is spent, a family born.
    Redeem { code: Vec<u8>, family: Vec<u8>, refresh: Vec<u8>, now: i64 },
    /// One refresh token becomes another.
    Rotate { family: Vec<u8>, from: Vec<u8>, to: Vec<u8>, now: i64 },
}

/// The client, the redirect URI, the challenge, the resource, the person, the scope, and when they signed in.
type Code = (String, String, String, String, String, String, i64);

/// Of whom the row spoke, and of what.
pub(super) type Row = (String, String);

type Waiting = (Step, oneshot::Sender<Row>);

pub(super) struct Commits(mpsc::Sender<Waiting>);

const MOST_STEPS: usize = 256;

impl Commits {
    pub(super) fn on(database: SqliteConnection) -> Self {
        let (sender, receiver) = mpsc::channel(1024);
        tokio::spawn(work(database, receiver));
        Self(sender)
    }

    /// Returns once the step is durable.
    pub(super) async fn durably(&self, step: Step) -> anyhow::Result<Row> {
        let (sender, receiver) = oneshot::channel();
        self.0.send((step, sender)).await.context("nobody writes any more")?;
        receiver.await.context("there is no such code or refresh token")
    }
}

async fn work(mut database: SqliteConnection, mut receiver: mpsc::Receiver<Waiting>) -> anyhow::Result<()> {
    let mut waiting = Vec::new();
    while receiver.recv_many(&mut waiting, MOST_STEPS).await > 0 {
        let mut transaction = database.begin_with("BEGIN IMMEDIATE").await?;
        let mut done = Vec::new();
        for (step, sender) in waiting.drain(..) {
            if let Some(row) = write(&mut transaction, &step).await? {
                done.push((row, sender));
            }
        }
        transaction.commit().await?;
        for (row, sender) in done {
            let _hung_up = sender.send(row);
        }
    }
    Ok(())
}

async fn write(database: &mut SqliteConnection, step: &Step) -> sqlx::Result<Option<Row>> {
    match step {
        Step::Redeem { code, family, refresh, now } => {
            let spend = "UPDATE codes SET redeemed_at = $2 WHERE hash = $1 AND redeemed_at IS NULL \
                RETURNING client_id, redirect_uri, code_challenge, resource, user_id, scope, auth_time";
            let row: Option<Code> = sqlx::query_as(spend).bind(code).bind(now).fetch_optional(&mut *database).await?;
            let Some((client_id, _, _, resource, user_id, scope, auth_time)) = row else { return Ok(None) };
            let add = "INSERT INTO families (id, client_id, resource, user_id, scope, auth_time, hash) VALUES ($1, $2, $3, $4, $5, $6, $7)";
            let add =
                sqlx::query(add).bind(family).bind(client_id).bind(resource).bind(&user_id).bind(&scope).bind(auth_time).bind(refresh);
            add.execute(database).await?;
            Ok(Some((user_id, scope)))
        }
        Step::Rotate { family, from, to, now } => {
            let rotate = "UPDATE families SET hash = $3, used_at = $4 WHERE id = $1 AND hash = $2 RETURNING user_id, scope";
            sqlx::query_as(rotate).bind(family).bind(from).bind(to).bind(now).fetch_optional(database).await
        }
    }
}
