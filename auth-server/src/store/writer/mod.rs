//! The one writing connection to SQLite, passed from step to step. Steps that
//! wait together share one commit, so one wait for the disk.
//!
//! Each step runs in a savepoint of the open transaction: a refusal or an error
//! undoes only itself. Whoever finishes and finds nobody waiting (or the batch
//! full) commits, and everyone in the batch is answered after that commit, never
//! before: refusals too, since a refusal may rest on a neighbour's row.
//!
//! The connection is a thread of its own, and each trip to it costs as much as the
//! statement that is sent; so savepoints travel with the statements.

mod savepoint;
#[cfg(test)]
mod tests;

use std::{
    ops::{Deref, DerefMut},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use sqlx::{
    FromRow, Sqlite, SqliteConnection, SqlitePool,
    pool::PoolConnection,
    query::QueryAs,
    sqlite::{SqliteArguments, SqliteRow},
};
use tokio::sync::{Mutex, OwnedMutexGuard, watch};

use super::statement::First;
use savepoint::{Mark, Place};

/// A batch is closed after so many steps …
const MOST_STEPS: usize = 256;
/// … or after this long: a few waits for the disk.
const LONGEST: Duration = Duration::from_millis(20);
/// Who waits for the commit looks after it again after this time. Somebody is always
/// at it: this is for the case that we are wrong, so tests do without.
const LOOK_AGAIN: Duration = if cfg!(test) { Duration::MAX } else { Duration::from_millis(250) };
/// Other processes poll for the lock: they get this much room …
const GAP: Duration = Duration::from_millis(3);
/// … this often, when we write without pause.
const BETWEEN_GAPS: Duration = Duration::from_millis(100);
/// While another process writes, we look this often for our turn: SQLite's own
/// growing pauses would sleep through the room that others leave …
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// … and give up after this long.
const PATIENCE: Duration = Duration::from_secs(5);

/// Hands out steps on the one writing connection. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    baton: Arc<Mutex<Batch>>,
    waiting: Arc<AtomicUsize>,
}

/// How a batch ended; `None` while it is open.
type Outcome = Option<Result<(), Arc<sqlx::Error>>>;

#[derive(Debug)]
struct Batch {
    connection: PoolConnection<Sqlite>,
    /// Steps in the open transaction, and when it began; `None` between batches.
    open: Option<(usize, Instant)>,
    /// Where the open transaction's savepoints stand.
    place: Place,
    outcome: watch::Sender<Outcome>,
    /// When the last batch ended.
    ended: Instant,
    /// When other processes last had room to write.
    last_gap: Instant,
}

/// One step: a savepoint in the shared transaction. Dropped, it never happened.
#[derive(Debug)]
pub(super) struct Step {
    /// The baton; given away only by the step's end.
    batch: Option<OwnedMutexGuard<Batch>>,
    writer: Writer,
}

impl Writer {
    /// Takes the pool's only connection for good.
    pub(super) async fn new(pool: &SqlitePool) -> sqlx::Result<Self> {
        let now = Instant::now();
        let mut connection = pool.acquire().await?;
        run(&mut connection, "PRAGMA busy_timeout = 0").await?;
        let batch = Batch { connection, open: None, place: savepoint::BEGUN, outcome: watch::channel(None).0, ended: now, last_gap: now };
        Ok(Self { baton: Arc::new(Mutex::new(batch)), waiting: Arc::default() })
    }

    /// Waits for its turn, then begins a step.
    pub(super) async fn begin_write(&self) -> sqlx::Result<Step> {
        let mut step = self.turn().await?;
        let batch = step.batch_mut();
        let mark = batch.beginning();
        run(&mut batch.connection, mark.instead()).await?;
        batch.place = Place::Within(mark);
        Ok(step)
    }

    /// The same, with the first statement of the step, which gives at most one row.
    pub(super) async fn begin_with<'q, O>(
        &self,
        first: First,
        bind: impl FnOnce(QueryAs<'q, Sqlite, O, SqliteArguments>) -> QueryAs<'q, Sqlite, O, SqliteArguments>,
    ) -> sqlx::Result<(Step, Option<O>)>
    where
        O: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        let mut step = self.turn().await?;
        let batch = step.batch_mut();
        let mark = batch.beginning();
        let text = match mark {
            Mark::Even => first.in_even,
            Mark::Odd => first.in_odd,
        };
        let row = bind(sqlx::query_as(text)).fetch_optional(&mut *batch.connection).await?;
        batch.place = Place::Within(mark);
        Ok((step, row))
    }

    /// Waits for the baton. The batch is open then, and no step is.
    async fn turn(&self) -> sqlx::Result<Step> {
        let waiting = Waiting::enter(self);
        let batch = Arc::clone(&self.baton).lock_owned().await;
        waiting.got_it();
        let mut step = Step { batch: Some(batch), writer: self.clone() };
        step.batch_mut().open_for_a_step().await?;
        Ok(step)
    }

    /// Commits what is open; for the end of the program.
    pub(super) async fn close(&self) {
        self.baton.lock().await.commit().await;
    }

    /// Waits until the step's batch is durable.
    async fn settled(&self, mut outcome: watch::Receiver<Outcome>) -> anyhow::Result<()> {
        loop {
            if let Ok(ended) = tokio::time::timeout(LOOK_AGAIN, outcome.wait_for(Option::is_some)).await {
                return match ended?.clone() {
                    Some(Err(error)) => Err(anyhow::Error::new(error)).context("committing a batch of steps"),
                    Some(Ok(())) | None => Ok(()),
                };
            }
            let batch = Arc::clone(&self.baton).lock_owned().await;
            if outcome.borrow().is_none() {
                commit_uninterrupted(batch);
            }
        }
    }
}

/// `SQLITE_BUSY`, in any of its kinds.
fn is_busy(error: &sqlx::Error) -> bool {
    const BUSY: i32 = 5;
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<i32>().ok());
    code.is_some_and(|code| code & 0xFF == BUSY)
}

/// Commits in a task of its own: a caller that goes away in the middle must not
/// leave it open whether the others' steps are durable.
fn commit_uninterrupted(mut batch: OwnedMutexGuard<Batch>) {
    tokio::spawn(async move { batch.commit().await });
}

/// Prepared once. (A bare text would be prepared each time.)
async fn run(connection: &mut SqliteConnection, statement: &'static str) -> sqlx::Result<()> {
    sqlx::query(statement).execute(connection).await.map(drop)
}

impl Batch {
    async fn open_for_a_step(&mut self) -> sqlx::Result<()> {
        self.undo_unfinished().await?;
        if self.open.is_none() {
            self.leave_room().await;
            self.begin_transaction().await?;
            self.place = savepoint::BEGUN;
            self.open = Some((0, Instant::now()));
            self.outcome = watch::channel(None).0;
        }
        Ok(())
    }

    async fn begin_transaction(&mut self) -> sqlx::Result<()> {
        let Err(error) = self.begin_in_turn().await else { return Ok(()) };
        // A caller that went away just here left its transaction open: end it, begin ours.
        if run(&mut self.connection, "ROLLBACK").await.is_err() {
            return Err(error);
        }
        self.begin_in_turn().await
    }

    /// Takes the database's write lock as soon as another process lets it go.
    async fn begin_in_turn(&mut self) -> sqlx::Result<()> {
        let since = Instant::now();
        loop {
            match run(&mut self.connection, savepoint::BEGIN).await {
                Err(error) if is_busy(&error) && since.elapsed() < PATIENCE => tokio::time::sleep(LOOK_EVERY).await,
                begun => return begun,
            }
        }
    }

    /// Lets other processes write, now and then, if we have not been idle anyway.
    async fn leave_room(&mut self) {
        if self.ended.elapsed() > GAP {
            self.last_gap = Instant::now();
        }
        if self.last_gap.elapsed() > BETWEEN_GAPS {
            tokio::time::sleep(GAP).await;
            self.last_gap = Instant::now();
        }
    }

    /// From here on it is open whether the step's savepoint stands, until its caller
    /// says so. The mark is the step's.
    fn beginning(&mut self) -> Mark {
        let (Place::Between(before) | Place::Beginning(before) | Place::Within(before)) = self.place;
        self.place = Place::Beginning(before);
        before.next()
    }

    /// Undoes the step of a caller that went away in its middle.
    async fn undo_unfinished(&mut self) -> sqlx::Result<()> {
        if self.open.is_none() {
            return Ok(());
        }
        self.place = match self.place {
            Place::Between(_) => return Ok(()),
            Place::Within(mark) => {
                run(&mut self.connection, mark.roll_back()).await?;
                Place::Between(mark)
            }
            Place::Beginning(before) if run(&mut self.connection, before.next().roll_back()).await.is_ok() => Place::Between(before.next()),
            // Its savepoint was never made, so there is nothing to undo.
            Place::Beginning(before) => {
                self.still_in_transaction().await?;
                let _may_be_released = run(&mut self.connection, before.release()).await;
                run(&mut self.connection, before.savepoint()).await?;
                Place::Between(before)
            }
        };
        Ok(())
    }

    /// SQLite ends a transaction by itself when the disk fails it. A savepoint would
    /// then begin another one, without the steps that were in the first.
    async fn still_in_transaction(&mut self) -> sqlx::Result<()> {
        if run(&mut self.connection, "BEGIN").await.is_ok() {
            run(&mut self.connection, "ROLLBACK").await?;
            return Err(sqlx::Error::Protocol("the database gave up a transaction".to_owned()));
        }
        Ok(())
    }

    async fn commit(&mut self) {
        if self.open.is_none() {
            return;
        }
        let done = match self.undo_unfinished().await {
            Ok(()) => run(&mut self.connection, "COMMIT").await,
            Err(error) => Err(error),
        };
        if done.is_err()
            && let Err(error) = run(&mut self.connection, "ROLLBACK").await
        {
            tracing::error!(%error, "rolling back a failed batch failed as well");
        }
        self.open = None;
        self.ended = Instant::now();
        self.outcome.send_replace(Some(done.map_err(Arc::new)));
    }

    fn is_full(&self) -> bool {
        self.open.is_some_and(|(steps, since)| steps >= MOST_STEPS || since.elapsed() > LONGEST)
    }
}

impl Step {
    /// Keeps what the step did; returns once that is durable.
    pub(super) async fn commit(self) -> anyhow::Result<()> {
        self.end().await
    }

    /// Undoes the step; returns once all it may have seen is durable.
    pub(super) async fn rollback(mut self) -> anyhow::Result<()> {
        self.batch_mut().undo_unfinished().await.context("undoing a step")?;
        self.end().await
    }

    async fn end(mut self) -> anyhow::Result<()> {
        let batch = self.batch_mut();
        if let Place::Within(mark) = batch.place {
            batch.place = Place::Between(mark);
        }
        if let Some((steps, _)) = &mut batch.open {
            *steps += 1;
        }
        let outcome = batch.outcome.subscribe();
        let full = batch.is_full();
        if let Some(batch) = self.batch.take()
            && (full || self.writer.waiting.load(Ordering::SeqCst) == 0)
        {
            commit_uninterrupted(batch);
        }
        self.writer.settled(outcome).await
    }

    #[expect(clippy::expect_used, reason = "only `end` takes the baton, and it takes the step as well")]
    fn batch_mut(&mut self) -> &mut Batch {
        self.batch.as_mut().expect("held until the end")
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        // The caller went away: undo this step, keep the others of the batch.
        if let Some(batch) = self.batch.take()
            && tokio::runtime::Handle::try_current().is_ok()
        {
            commit_uninterrupted(batch);
        }
    }
}

impl Deref for Step {
    type Target = SqliteConnection;

    #[expect(clippy::expect_used, reason = "only `end` takes the baton, and it takes the step as well")]
    fn deref(&self) -> &SqliteConnection {
        &self.batch.as_ref().expect("held until the end").connection
    }
}

impl DerefMut for Step {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.batch_mut().connection
    }
}

/// Counts those who wait for the baton. Whoever ends a step leaves the commit to
/// them, so one that gives up looks after it.
struct Waiting<'a> {
    writer: &'a Writer,
    gave_up: bool,
}

impl<'a> Waiting<'a> {
    fn enter(writer: &'a Writer) -> Self {
        writer.waiting.fetch_add(1, Ordering::SeqCst);
        Self { writer, gave_up: true }
    }

    fn got_it(mut self) {
        self.gave_up = false;
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let others = self.writer.waiting.fetch_sub(1, Ordering::SeqCst) - 1;
        if self.gave_up && others == 0 && tokio::runtime::Handle::try_current().is_ok() {
            let baton = Arc::clone(&self.writer.baton);
            tokio::spawn(async move { baton.lock().await.commit().await });
        }
    }
}
