//! SQLite or PostgreSQL, behind one code path.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io,
    ops::{Deref, DerefMut},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use sqlx::{
    FromRow, PgConnection, PgPool, Postgres, SqlitePool, Transaction,
    postgres::{PgArguments, PgPoolOptions, PgRow},
    query::QueryAs,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{statement::First, writer::Writer};
use crate::secret::Secret;

/// Which database, and where.
#[derive(Clone, Debug)]
pub enum Location {
    /// A `postgres://` URL, which may hold a password.
    Postgres(Secret<String>),
    /// A file.
    Sqlite(PathBuf),
}

/// The database.
#[derive(Clone, Debug)]
pub(super) enum Db {
    Postgres { write: PgWriter, read: PgPool },
    Sqlite { write: Writer, read: SqlitePool },
}

/// Runs the same body on whichever database writes.
macro_rules! on_db {
    ($db:expr, |$writer:ident| $body:expr) => {
        match &$db {
            $crate::store::db::Db::Postgres { write: $writer, .. } => $body,
            $crate::store::db::Db::Sqlite { write: $writer, .. } => $body,
        }
    };
}

/// Runs the same body on whichever pool reads.
macro_rules! on_db_read {
    ($db:expr, |$pool:ident| $body:expr) => {
        match &$db {
            $crate::store::db::Db::Postgres { read: $pool, .. } => $body,
            $crate::store::db::Db::Sqlite { read: $pool, .. } => $body,
        }
    };
}

pub(super) use {on_db, on_db_read};

/// Begins transactions on PostgreSQL, which groups commits by itself.
#[derive(Clone, Debug)]
pub(super) struct PgWriter(PgPool);

/// One step: one transaction.
pub(super) struct PgStep(Transaction<'static, Postgres>);

impl PgWriter {
    pub(super) async fn begin_write(&self) -> sqlx::Result<PgStep> {
        Ok(PgStep(self.0.begin().await?))
    }

    /// The same, with the first statement of the step, which gives at most one row.
    pub(super) async fn begin_with<'q, O>(
        &self,
        first: First,
        bind: impl FnOnce(QueryAs<'q, Postgres, O, PgArguments>) -> QueryAs<'q, Postgres, O, PgArguments>,
    ) -> sqlx::Result<(PgStep, Option<O>)>
    where
        O: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let mut step = self.begin_write().await?;
        let row = bind(sqlx::query_as(first.alone)).fetch_optional(&mut *step).await?;
        Ok((step, row))
    }
}

impl PgStep {
    pub(super) async fn commit(self) -> anyhow::Result<()> {
        self.0.commit().await.context("committing")
    }

    pub(super) async fn rollback(self) -> anyhow::Result<()> {
        self.0.rollback().await.context("rolling back")
    }
}

impl Deref for PgStep {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.0
    }
}

impl DerefMut for PgStep {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.0
    }
}

impl fmt::Debug for PgStep {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PgStep")
    }
}

impl Db {
    /// Opens the database and brings its schema up to date.
    pub(super) async fn open(location: &Location) -> anyhow::Result<Self> {
        match location {
            Location::Postgres(url) => Self::open_postgres(url.expose()).await.context("opening the PostgreSQL database"),
            Location::Sqlite(file) => Self::open_sqlite(file).await.with_context(|| format!("opening the database {}", file.display())),
        }
    }

    async fn open_sqlite(file: &Path) -> anyhow::Result<Self> {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
        let alone = tokio::task::spawn_blocking(move || alone_in(&folder)).await.context("waiting for the folder was interrupted")??;
        create_private(file)?;
        let one = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
        let writing = one.connect_with(writing(sqlite_options(file))).await?;
        super::migrations::run(&writing).await?;
        drop(alone);
        let read = SqlitePoolOptions::new()
            .max_connections(4)
            .min_connections(1)
            .idle_timeout(Duration::from_mins(5))
            // A file does not hang up; asking it first would cost as much as the question.
            .test_before_acquire(false)
            .connect_with(sqlite_options(file).read_only(true))
            .await?;
        Ok(Self::Sqlite { write: Writer::new(&writing).await?, read })
    }

    async fn open_postgres(url: &str) -> anyhow::Result<Self> {
        let pool = PgPoolOptions::new().max_connections(16).acquire_timeout(Duration::from_secs(5)).connect(url).await?;
        super::migrations::run(&pool).await?;
        Ok(Self::Postgres { write: PgWriter(pool.clone()), read: pool })
    }

    /// Ends all connections; what was acknowledged is durable already.
    pub(super) async fn close(&self) {
        match self {
            Self::Postgres { read, .. } => read.close().await,
            Self::Sqlite { write, read } => {
                write.close().await;
                read.close().await;
            }
        }
    }
}

/// Two processes that begin at once must not both make the tables. The lock is on
/// the folder and goes with the handle.
fn alone_in(folder: &Path) -> io::Result<File> {
    let folder = File::open(folder)?;
    folder.lock()?;
    Ok(folder)
}

/// An empty file that only its owner reads; SQLite gives those beside it the same
/// mode. One that is there is not even opened: closing it would end the locks that
/// SQLite holds in this process.
fn create_private(file: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// `FULL`, since with `NORMAL` a power cut can bring back a spent code, a rotated
/// refresh token or a revoked grant. The busy timeout is for other processes.
fn sqlite_options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        // How to undo a step is remembered in memory, not in a file made for it.
        .pragma("temp_store", "MEMORY")
}

/// A row that changes again and again moves from the log to the file once in so many
/// pages (16 MiB), and what steps come back to stays in memory (64 MiB of a large file).
fn writing(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options.pragma("wal_autocheckpoint", "4000").pragma("cache_size", "-65536")
}

#[cfg(test)]
mod tests {
    use super::*;

    // OA-DB-01: an answer leaves when the disk has it
    #[tokio::test]
    async fn the_connection_that_writes_waits_for_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&Location::Sqlite(folder.path().join("portcullis.db"))).await.unwrap();
        let Db::Sqlite { write, .. } = &db else { panic!("it is SQLite") };
        let mut step = write.begin_write().await.unwrap();
        let (synchronous,): (i64,) = sqlx::query_as("PRAGMA synchronous").fetch_one(&mut *step).await.unwrap();
        let (journal,): (String,) = sqlx::query_as("PRAGMA journal_mode").fetch_one(&mut *step).await.unwrap();
        let (foreign_keys,): (i64,) = sqlx::query_as("PRAGMA foreign_keys").fetch_one(&mut *step).await.unwrap();
        assert_eq!((synchronous, journal.as_str(), foreign_keys), (2, "wal", 1), "2 is FULL");
        step.rollback().await.unwrap();
        db.close().await;
    }
}
