use std::{future::poll_fn, pin::Pin, task::Poll, time::Duration};

use portcullis_verifier::vocabulary::Issuer;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::*;
use crate::store::{Location, Store};

const PUT: First = super::super::statement::first!("INSERT INTO pairs (step, half) VALUES ($1, 1) RETURNING step");
const PUT_OTHER_HALF: &str = "INSERT INTO pairs (step, half) VALUES ($1, 2)";

/// A writer, and readers beside it that see what is committed.
async fn database() -> (TempDir, Writer, SqlitePool) {
    let folder = tempfile::tempdir().unwrap();
    let options =
        SqliteConnectOptions::new().filename(folder.path().join("db")).create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
    let one = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await.unwrap();
    sqlx::query("CREATE TABLE pairs (step BIGINT NOT NULL, half BIGINT NOT NULL, PRIMARY KEY (step, half))").execute(&one).await.unwrap();
    let read = SqlitePoolOptions::new().connect_with(options).await.unwrap();
    (folder, Writer::new(&one).await.unwrap(), read)
}

/// Both halves of a pair, the first with the step's beginning.
async fn put(writer: &Writer, step: i64) -> anyhow::Result<Step> {
    let (mut begun, row): (_, Option<(i64,)>) = writer.begin_with(PUT, |put| put.bind(step)).await?;
    assert_eq!(row, Some((step,)));
    sqlx::query(PUT_OTHER_HALF).bind(step).execute(&mut *begun).await?;
    Ok(begun)
}

async fn halves(read: &SqlitePool) -> Vec<(i64, i64)> {
    sqlx::query_as("SELECT step, COUNT(*) FROM pairs GROUP BY step ORDER BY step").fetch_all(read).await.unwrap()
}

/// One look at a future, as its caller would look.
async fn poll<T>(future: &mut Pin<impl DerefMut<Target = impl Future<Output = T>>>) -> Poll<T> {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
}

/// Nothing in here waits for long, unless it waits for ever.
async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), work).await.expect("somebody commits")
}

// OA-DB-01: a refusal, an error or a missing savepoint undoes nobody else's step
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_or_failed_step_undoes_only_itself() {
    let (_folder, writer, read) = database().await;
    let mut steps = JoinSet::new();
    for number in 0..200_i64 {
        let writer = writer.clone();
        steps.spawn(async move {
            let mut step = put(&writer, number).await.unwrap();
            match number % 4 {
                0 => step.rollback().await.unwrap(),
                1 => assert!(sqlx::query(PUT_OTHER_HALF).bind(number).execute(&mut *step).await.is_err(), "twice the same"),
                2 => {
                    step.commit().await.unwrap();
                    let mut plain = writer.begin_write().await.unwrap();
                    sqlx::query(PUT_OTHER_HALF).bind(number + 1000).execute(&mut *plain).await.unwrap();
                    plain.rollback().await.unwrap();
                }
                _ => step.commit().await.unwrap(),
            }
        });
    }
    soon(steps.join_all()).await;
    let kept: Vec<(i64, i64)> = (0..200).filter(|number| number % 4 >= 2).map(|number| (number, 2)).collect();
    assert_eq!(halves(&read).await, kept);
}

// OA-DB-01: whoever goes away leaves nothing by halves and takes nobody along
#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_step_undoes_only_itself() {
    let (_folder, writer, read) = database().await;
    let mut steps = JoinSet::new();
    for number in 0..600_i64 {
        let writer = writer.clone();
        steps.spawn(async move {
            let work = async { put(&writer, number).await.unwrap().commit().await.unwrap() };
            // At every depth: so many times it is polled before it is dropped.
            if number % 3 > 0 {
                work.await;
                return Some(number);
            }
            let mut work = std::pin::pin!(work);
            for _ in 0..number % 13 {
                if poll(&mut work).await.is_ready() {
                    return Some(number);
                }
                tokio::task::yield_now().await;
            }
            None
        });
    }
    let acknowledged: Vec<i64> = soon(steps.join_all()).await.into_iter().flatten().collect();
    // One more, so that all before it are decided.
    put(&writer, 1000).await.unwrap().commit().await.unwrap();
    let stored = halves(&read).await;
    assert!(stored.iter().all(|(_, halves)| *halves == 2), "something was done by halves: {stored:?}");
    assert!(acknowledged.len() >= 400);
    for number in acknowledged {
        assert!(stored.contains(&(number, 2)), "{number} was acknowledged and lost");
    }
}

#[tokio::test]
async fn whoever_leaves_the_commit_to_somebody_who_gives_up_is_answered() {
    let (_folder, writer, read) = database().await;
    let first = put(&writer, 1).await.unwrap();
    let mut second = Box::pin(writer.begin_write());
    assert!(poll(&mut second).await.is_pending());
    let mut end = Box::pin(first.commit());
    assert!(poll(&mut end).await.is_pending(), "the second one is to commit");
    drop(second);
    soon(end).await.unwrap();
    assert_eq!(halves(&read).await, [(1, 2)]);
}

/// How often the log was flushed: each commit is one, and marks its last page with
/// the size of the database (SQLite's file format, section 4.1).
fn flushes(folder: &TempDir) -> usize {
    const HEADER: usize = 32;
    const FRAME: usize = 24 + 4096;
    let log = std::fs::read(folder.path().join("db-wal")).unwrap();
    log[HEADER..].chunks_exact(FRAME).filter(|frame| frame[4..8] != [0; 4]).count()
}

// OA-DB-01: steps that wait together share one flush, and none is answered before it
#[tokio::test]
async fn steps_that_wait_together_are_flushed_together() {
    let (folder, writer, read) = database().await;
    let before = flushes(&folder);
    let first = put(&writer, 0).await.unwrap();
    let mut others = JoinSet::new();
    for number in 1..50 {
        let writer = writer.clone();
        others.spawn(async move { put(&writer, number).await.unwrap().commit().await.unwrap() });
    }
    while writer.waiting.load(Ordering::SeqCst) < 49 {
        tokio::task::yield_now().await;
    }
    let mut end = Box::pin(first.commit());
    assert!(poll(&mut end).await.is_pending());
    assert_eq!(halves(&read).await, [], "nothing is there, so nobody may be told");
    soon(end).await.unwrap();
    soon(others.join_all()).await;
    assert_eq!(halves(&read).await.len(), 50);
    let flushes = flushes(&folder) - before;
    assert!(flushes <= 5, "{flushes} flushes for 50 steps");
}

/// What SQLite does when the disk fails it.
async fn lose_the_transaction(step: &mut Step) {
    sqlx::query("ROLLBACK").execute(&mut **step).await.unwrap();
}

// OA-DB-01: nobody is told of a success that is lost
#[tokio::test]
async fn a_lost_transaction_is_no_success_for_anybody() {
    for ends_well in [false, true] {
        let (_folder, writer, read) = database().await;
        let first = put(&writer, 1).await.unwrap();
        let mut second = Box::pin(writer.begin_write());
        assert!(poll(&mut second).await.is_pending());
        let mut end = Box::pin(first.commit());
        assert!(poll(&mut end).await.is_pending());
        let mut second = soon(second).await.unwrap();
        lose_the_transaction(&mut second).await;
        if ends_well {
            let mut third = Box::pin(put(&writer, 3));
            assert!(poll(&mut third).await.is_pending());
            let mut end_of_second = Box::pin(second.commit());
            assert!(poll(&mut end_of_second).await.is_pending());
            assert!(soon(third).await.is_err());
            assert!(soon(end_of_second).await.is_err());
        } else {
            drop(second);
        }
        assert!(soon(end).await.is_err());
        assert_eq!(halves(&read).await, []);
        soon(put(&writer, 4).await.unwrap().commit()).await.unwrap();
        assert_eq!(halves(&read).await, [(4, 2)]);
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
