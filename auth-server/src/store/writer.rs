//! The one writing connection to SQLite, passed from step to step. Steps that
//! wait together share one commit, so one wait for the disk.
//!
//! Each step runs in a savepoint of the open transaction: a refusal or an error
//! undoes only itself. Whoever finishes and finds nobody waiting (or the batch
//! full) commits, and everyone in the batch is answered after that commit, never
//! before: refusals too, since a refusal may rest on a neighbour's row.

use std::{
    ops::{Deref, DerefMut},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use sqlx::{Executor as _, Sqlite, SqliteConnection, SqlitePool, pool::PoolConnection};
use tokio::sync::{Mutex, OwnedMutexGuard, watch};

/// A batch is closed after so many steps …
const MOST_STEPS: usize = 256;
/// … or after this long; who waits looks again after the same time.
const LONGEST: Duration = Duration::from_millis(5);
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
    /// A step's savepoint is still open: unless it ends, its caller went away.
    unfinished: bool,
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
        connection.execute("PRAGMA busy_timeout = 0").await?;
        let batch = Batch { connection, open: None, unfinished: false, outcome: watch::channel(None).0, ended: now, last_gap: now };
        Ok(Self { baton: Arc::new(Mutex::new(batch)), waiting: Arc::default() })
    }

    /// Waits for its turn, then begins a step.
    pub(super) async fn begin_write(&self) -> sqlx::Result<Step> {
        let waiting = Waiting::enter(&self.waiting);
        let batch = Arc::clone(&self.baton).lock_owned().await;
        drop(waiting);
        let mut step = Step { batch: Some(batch), writer: self.clone() };
        step.batch_mut().begin_step().await?;
        Ok(step)
    }

    /// Commits what is open; for the end of the program.
    pub(super) async fn close(&self) {
        self.baton.lock().await.commit().await;
    }

    /// Waits until the step's batch is durable. One that left while it waited may
    /// have been the one to commit, so whoever waits looks after it.
    async fn settled(&self, mut outcome: watch::Receiver<Outcome>) -> anyhow::Result<()> {
        loop {
            if let Ok(ended) = tokio::time::timeout(LONGEST, outcome.wait_for(Option::is_some)).await {
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

impl Batch {
    async fn begin_step(&mut self) -> sqlx::Result<()> {
        self.undo_unfinished().await?;
        if self.open.is_none() {
            self.leave_room().await;
            self.begin_transaction().await?;
            self.open = Some((0, Instant::now()));
            self.outcome = watch::channel(None).0;
        }
        self.unfinished = true;
        self.connection.execute("SAVEPOINT step").await.map(drop)
    }

    async fn begin_transaction(&mut self) -> sqlx::Result<()> {
        let Err(error) = self.begin_in_turn().await else { return Ok(()) };
        // A caller that went away just here left its transaction open: end it, begin ours.
        if self.connection.execute("ROLLBACK").await.is_err() {
            return Err(error);
        }
        self.begin_in_turn().await
    }

    /// Takes the database's write lock as soon as another process lets it go.
    async fn begin_in_turn(&mut self) -> sqlx::Result<()> {
        let since = Instant::now();
        loop {
            match self.connection.execute("BEGIN IMMEDIATE").await {
                Err(error) if is_busy(&error) && since.elapsed() < PATIENCE => tokio::time::sleep(LOOK_EVERY).await,
                begun => return begun.map(drop),
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

    /// Undoes the step of a caller that went away in its middle.
    async fn undo_unfinished(&mut self) -> sqlx::Result<()> {
        if self.unfinished && self.open.is_some() {
            // The savepoint may not have been made yet; then there is nothing to undo.
            if self.connection.execute("ROLLBACK TO step").await.is_ok() {
                self.connection.execute("RELEASE step").await?;
            }
        }
        self.unfinished = false;
        Ok(())
    }

    async fn commit(&mut self) {
        if self.open.is_none() {
            return;
        }
        let done = match self.undo_unfinished().await {
            Ok(()) => self.connection.execute("COMMIT").await.map(drop),
            Err(error) => Err(error),
        };
        if done.is_err()
            && let Err(error) = self.connection.execute("ROLLBACK").await
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
        self.end("RELEASE step").await
    }

    /// Undoes the step; returns once all it may have seen is durable.
    pub(super) async fn rollback(self) -> anyhow::Result<()> {
        self.end("ROLLBACK TO step; RELEASE step").await
    }

    async fn end(mut self, statement: &'static str) -> anyhow::Result<()> {
        let batch = self.batch_mut();
        batch.connection.execute(statement).await.context("ending a step")?;
        batch.unfinished = false;
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

/// Counts those who wait for the baton, also when they give up.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use portcullis_verifier::vocabulary::Issuer;
    use sqlx::{
        Connection as _,
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions},
    };
    use tokio::task::JoinSet;

    use super::*;
    use crate::store::{Location, Store};

    /// A writer on an empty table, and a way to look at what is committed.
    struct Bench {
        folder: tempfile::TempDir,
        writer: Writer,
    }

    impl Bench {
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let options = Self::options(&folder).create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
            let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
            pool.execute("CREATE TABLE kept (n INTEGER PRIMARY KEY)").await.unwrap();
            let writer = Writer::new(&pool).await.unwrap();
            Self { folder, writer }
        }

        fn options(folder: &tempfile::TempDir) -> SqliteConnectOptions {
            SqliteConnectOptions::new().filename(folder.path().join("bench.db"))
        }

        async fn step(&self, n: i64) -> Step {
            let mut step = self.writer.begin_write().await.unwrap();
            sqlx::query("INSERT INTO kept VALUES ($1)").bind(n).execute(&mut *step).await.unwrap();
            step
        }

        /// What another connection sees: what is committed.
        async fn kept(&self) -> Vec<i64> {
            let mut other = SqliteConnection::connect_with(&Self::options(&self.folder)).await.unwrap();
            sqlx::query_scalar("SELECT n FROM kept ORDER BY n").fetch_all(&mut other).await.unwrap()
        }
    }

    // OA-DB-01: answered once it is there for all to see, and not before
    #[tokio::test]
    async fn a_step_is_there_when_its_commit_returns_and_not_before() {
        let bench = Bench::new().await;
        let step = bench.step(1).await;
        assert!(bench.kept().await.is_empty());
        step.commit().await.unwrap();
        assert_eq!(bench.kept().await, [1]);
    }

    // OA-DB-01: in one batch, a refusal, a fault and a caller that went away undo only themselves
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn whatever_becomes_of_a_step_undoes_only_itself() {
        let bench = Arc::new(Bench::new().await);
        let first = bench.step(0).await;
        let mut waiting = JoinSet::new();
        for n in 1..=200 {
            let bench = Arc::clone(&bench);
            waiting.spawn(async move {
                let mut step = bench.step(n).await;
                match n % 4 {
                    0 => step.rollback().await.unwrap(),
                    1 => drop(step),
                    2 => {
                        // a fault in the middle: the row is there already
                        assert!(sqlx::query("INSERT INTO kept VALUES ($1)").bind(n).execute(&mut *step).await.is_err());
                        drop(step);
                    }
                    _ => step.commit().await.unwrap(),
                }
            });
        }
        first.commit().await.unwrap();
        waiting.join_all().await;
        // the next batch shows that nothing is left open
        bench.step(1000).await.commit().await.unwrap();
        let expected: Vec<i64> = [0].into_iter().chain((1..=200).filter(|n| n % 4 == 3)).chain([1000]).collect();
        assert_eq!(bench.kept().await, expected);
    }

    // OA-DB-01: cancelled at any moment, also while it waits for its turn or for the disk
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_caller_that_is_cancelled_at_any_moment_leaves_the_others_alone() {
        let bench = Arc::new(Bench::new().await);
        for round in 0..60_i64 {
            let acknowledged = Arc::new(AtomicBool::new(false));
            let (other, told) = (Arc::clone(&bench), Arc::clone(&acknowledged));
            let cancelled = tokio::spawn(async move {
                other.step(round * 10 + 1).await.commit().await.unwrap();
                told.store(true, Ordering::SeqCst);
            });
            let (good, faulty) = (Arc::clone(&bench), Arc::clone(&bench));
            let good = tokio::spawn(async move { good.step(round * 10).await.commit().await });
            let faulty = tokio::spawn(async move { faulty.step(round * 10 + 2).await.rollback().await });
            for _ in 0..round {
                tokio::task::yield_now().await;
            }
            cancelled.abort();
            let _cancelled_or_done = cancelled.await;
            good.await.unwrap().unwrap();
            faulty.await.unwrap().unwrap();
            let kept = bench.kept().await;
            assert!(kept.contains(&(round * 10)) && !kept.contains(&(round * 10 + 2)), "{kept:?}");
            assert!(!acknowledged.load(Ordering::SeqCst) || kept.contains(&(round * 10 + 1)), "what was acknowledged is kept");
        }
    }

    /// Steps that wait together without a pause, as under load.
    const CALLERS: usize = 64;

    async fn write(store: &Store) {
        let written = store.revoke_access_token("nobody's", chrono::DateTime::UNIX_EPOCH).await;
        written.unwrap();
    }

    // Issue 2, item 14: a command beside a busy server gets its turn
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_second_process_is_not_starved() {
        let folder = tempfile::tempdir().unwrap();
        let file = Location::Sqlite(folder.path().join("portcullis.db"));
        let issuer = Issuer::parse("https://auth.example").unwrap();
        let server = Store::open(&file, &issuer).await.unwrap();
        let load: Vec<_> = (0..CALLERS)
            .map(|_| {
                let server = server.clone();
                tokio::spawn(async move {
                    loop {
                        write(&server).await;
                    }
                })
            })
            .collect();
        let command = Store::open(&file, &issuer).await.unwrap();
        let mut waits = Vec::new();
        for _ in 0..9 {
            let begun = Instant::now();
            write(&command).await;
            waits.push(begun.elapsed());
        }
        load.iter().for_each(tokio::task::JoinHandle::abort);
        waits.sort();
        assert!(waits[waits.len() / 2] < Duration::from_millis(500), "{waits:?}");
    }
}
