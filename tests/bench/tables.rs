//! The floor's database: one row for a code, one for a family, and nothing else.

use std::path::Path;

use anyhow::Context as _;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use sha2::{Digest as _, Sha256};
use sqlx::{
    Connection as _, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::seed::{SCOPE, Seed};

const FILE: &str = "floor.db";
const PERSON: &str = "u_0123456789abcdef0123456789abcdef";
const TABLES: &str = "CREATE TABLE codes (hash BLOB NOT NULL PRIMARY KEY, user_id TEXT NOT NULL, scope TEXT NOT NULL, redeemed_at BIGINT); \
    CREATE TABLE families (id BLOB NOT NULL PRIMARY KEY, user_id TEXT NOT NULL, scope TEXT NOT NULL, hash BLOB NOT NULL, used_at BIGINT)";

/// As durable as the server's.
pub(crate) async fn open(folder: &Path) -> anyhow::Result<SqliteConnection> {
    Ok(SqliteConnection::connect_with(&options(folder)).await?)
}

/// As many as the server has.
pub(crate) async fn readers(folder: &Path) -> anyhow::Result<SqlitePool> {
    Ok(SqlitePoolOptions::new().max_connections(4).test_before_acquire(false).connect_with(options(folder).read_only(true)).await?)
}

fn options(folder: &Path) -> SqliteConnectOptions {
    let options = SqliteConnectOptions::new().filename(folder.join(FILE)).create_if_missing(true);
    options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full)
}

/// The codes and refresh tokens of a server, for the floor.
pub(crate) async fn fill(folder: &Path, seed: &Seed) -> anyhow::Result<()> {
    let mut database = open(folder).await?;
    sqlx::raw_sql(TABLES).execute(&mut database).await?;
    let mut transaction = database.begin().await?;
    for code in &seed.codes {
        let add = sqlx::query("INSERT INTO codes (hash, user_id, scope) VALUES ($1, $2, $3)");
        add.bind(hash(code)).bind(PERSON).bind(SCOPE).execute(&mut *transaction).await?;
    }
    for active in &seed.active {
        let add = sqlx::query("INSERT INTO families (id, user_id, scope, hash) VALUES ($1, $2, $3, $4)");
        add.bind(family(&active.refresh_token)?)
            .bind(PERSON)
            .bind(SCOPE)
            .bind(hash(&active.refresh_token))
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await?;
    settle(database).await
}

/// Everything out of the log and into the file, so that no server begins with the work of another.
pub(crate) async fn settle(mut database: SqliteConnection) -> anyhow::Result<()> {
    sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut database).await?;
    Ok(database.close().await?)
}

/// What is kept of a token.
pub(crate) fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token).to_vec()
}

/// The name of a refresh token's family, which stands in the token.
pub(crate) fn family(refresh_token: &str) -> anyhow::Result<Vec<u8>> {
    let start = refresh_token.get(11..35).context("a short refresh token")?;
    Ok(BASE64URL.decode(start)?.get(1..17).context("a short refresh token")?.to_vec())
}
