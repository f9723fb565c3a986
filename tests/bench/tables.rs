//! The floor's database: one row for a code, one for a family, and nothing else. A
//! row holds what has to be known to judge an exchange and to make the tokens.

use std::path::Path;

use anyhow::Context as _;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use portcullis::{
    clock::Clock,
    entropy,
    protocol::vocabulary::{AuthorizationCode, Token},
};
use sha2::{Digest as _, Sha256};
use sqlx::{
    Connection as _, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::seed::{CALLBACK, CHALLENGE, PERSONS_APP, RESOURCE, SCOPE, Seed};

const FILE: &str = "floor.db";
const PERSON: &str = "u_0123456789abcdef0123456789abcdef";
const TABLES: &str = "CREATE TABLE codes (hash BLOB NOT NULL PRIMARY KEY, client_id TEXT NOT NULL, redirect_uri TEXT NOT NULL, \
    code_challenge TEXT NOT NULL, resource TEXT NOT NULL, user_id TEXT NOT NULL, scope TEXT NOT NULL, auth_time BIGINT NOT NULL, \
    expires_at BIGINT NOT NULL, redeemed_at BIGINT); \
    CREATE TABLE families (id BLOB NOT NULL PRIMARY KEY, client_id TEXT NOT NULL, resource TEXT NOT NULL, user_id TEXT NOT NULL, \
    scope TEXT NOT NULL, auth_time BIGINT NOT NULL, hash BLOB NOT NULL, used_at BIGINT)";

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

/// The refresh tokens of a server, and so many codes, for the floor.
pub(crate) async fn fill(folder: &Path, seed: &Seed, count: usize) -> anyhow::Result<Vec<String>> {
    const CODE: &str = "INSERT INTO codes (hash, client_id, redirect_uri, code_challenge, resource, user_id, scope, auth_time, expires_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)";
    const FAMILY: &str =
        "INSERT INTO families (id, client_id, resource, user_id, scope, auth_time, hash) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let mut database = open(folder).await?;
    sqlx::raw_sql(TABLES).execute(&mut database).await?;
    let now = Clock::system().now().timestamp();
    let mut transaction = database.begin().await?;
    let mut codes = Vec::new();
    for _ in 0..count {
        let code = Token::<AuthorizationCode>::new(entropy::random()?).wire().to_owned();
        let add = sqlx::query(CODE).bind(hash(&code)).bind(PERSONS_APP).bind(CALLBACK).bind(CHALLENGE).bind(RESOURCE);
        add.bind(PERSON).bind(SCOPE).bind(now).execute(&mut *transaction).await?;
        codes.push(code);
    }
    for active in &seed.active {
        let add = sqlx::query(FAMILY).bind(family(&active.refresh_token)?).bind(&active.client_id).bind(RESOURCE).bind(PERSON);
        add.bind(SCOPE).bind(now).bind(hash(&active.refresh_token)).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    settle(database).await?;
    Ok(codes)
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
