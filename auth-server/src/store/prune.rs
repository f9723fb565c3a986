//! Removing what is over, in small batches, so that nobody waits for it.

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{Postgres, Sqlite};

use super::{Store, catalogue, on_db, on_db_read};

/// How much one round removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Rows, of all tables.
    pub rows: u64,
    /// The clients among them.
    pub clients: Vec<String>,
    /// The signing keys among them.
    pub keys: Vec<String>,
}

/// Rows removed in one step.
const BATCH: i64 = 500;

/// What is thrown away from one table. The search reads beside the writer, however
/// long it takes; the removal names its rows and judges each once more, since it
/// may have come to life in between.
struct Sweep {
    age: Age,
    key: Key,
    find: &'static str,
    remove: &'static str,
}

/// The type of a table's key.
#[derive(Clone, Copy)]
enum Key {
    Bytes,
    Text,
}

macro_rules! sweep {
    ($age:ident, $key:ident $column:literal of $table:literal: $over:literal) => {
        Sweep {
            age: Age::$age,
            key: Key::$key,
            find: concat!("SELECT ", $column, " FROM ", $table, " WHERE issuer_id = $1 AND ", $over, " LIMIT $3"),
            remove: concat!("DELETE FROM ", $table, " WHERE issuer_id = $1 AND ", $over, " AND ", $column, " = $3"),
        }
    };
}

/// Absence must not change any answer but to the same refusal: a redeemed code goes
/// with its family, since until then its replay could still end something.
const SWEEPS: &[Sweep] = &[
    sweep!(Over, Bytes "handle_hash" of "authorization_requests": "expires_at <= $2"),
    // At once: a clock that steps back must not bring them to life again (OA-DB-03).
    sweep!(Over, Bytes "hash" of "codes": "family_id IS NULL AND expires_at <= $2"),
    sweep!(ADay, Text "id" of "token_families": "idle_expires_at <= $2"),
    sweep!(AMonth, Text "id" of "grants": "revoked_at <= $2"),
    sweep!(Over, Bytes "hash" of "sessions": "expires_at <= $2"),
    sweep!(ADay, Text "jti" of "revoked_access_tokens": "expires_at <= $2"),
    sweep!(Over, Bytes "hash" of "setup_links": "expires_at <= $2"),
    // When it was used up is not kept; a month after it was made it has been listed for long enough.
    sweep!(AMonth, Bytes "hash" of "initial_access_tokens": "(expires_at <= $2 OR (uses_left = 0 AND created_at <= $2))"),
    // Until then it is told from a guess.
    sweep!(AMonth, Bytes "hash" of "personal_tokens": "(revoked_at <= $2 OR expires_at <= $2)"),
    sweep!(Over, Text "id" of "ended_clients": "expires_at <= $2"),
    sweep!(OfKeys, Text "kid" of "signing_keys": "leaves_at <= $2"),
    sweep!(NeverUsed, Text "id" of "clients": "origin = 'registered' AND first_used_at IS NULL AND created_at <= $2"),
    // A client whose tokens are still renewed is in use, though nobody was asked for long.
    sweep!(Idle, Text "id" of "clients": "origin <> 'operator' AND last_used_at <= $2 AND NOT EXISTS (SELECT 1 FROM grants g \
        JOIN token_families f ON f.issuer_id = g.issuer_id AND f.grant_id = g.id \
        WHERE g.issuer_id = clients.issuer_id AND g.client_id = clients.id AND f.last_used_at > $2)"),
];

/// How long a thing has to be over.
#[derive(Clone, Copy)]
enum Age {
    Over,
    ADay,
    AMonth,
    OfKeys,
    NeverUsed,
    Idle,
}

/// How long clients that registered themselves are kept.
#[derive(Clone, Copy, Debug)]
pub struct ClientLifetimes {
    /// Without ever having been allowed anything.
    pub never_used: TimeDelta,
    /// After they were last in use.
    pub idle: TimeDelta,
}

impl Age {
    /// Clients are cached: every process has to hear that one is gone.
    fn is_of_clients(self) -> bool {
        match self {
            Self::NeverUsed | Self::Idle => true,
            Self::Over | Self::ADay | Self::AMonth | Self::OfKeys => false,
        }
    }

    fn lasts(self, clients: ClientLifetimes) -> TimeDelta {
        match self {
            Self::Over => TimeDelta::zero(),
            Self::ADay => TimeDelta::days(1),
            Self::AMonth | Self::OfKeys => TimeDelta::days(30),
            Self::NeverUsed => clients.never_used,
            Self::Idle => clients.idle,
        }
    }
}

impl Store {
    /// One round over all tables: at most a batch from each. Call it again while it
    /// finds something.
    pub async fn prune(&self, clients: ClientLifetimes, now: DateTime<Utc>) -> anyhow::Result<Pruned> {
        let mut pruned = Pruned::default();
        for sweep in SWEEPS {
            let before = now - sweep.age.lasts(clients);
            match sweep.key {
                Key::Bytes => pruned.rows += u64::try_from(self.sweep::<Vec<u8>>(sweep, before).await?.len())?,
                Key::Text => {
                    let removed = self.sweep::<String>(sweep, before).await?;
                    pruned.rows += u64::try_from(removed.len())?;
                    match sweep.age {
                        Age::NeverUsed | Age::Idle => pruned.clients.extend(removed),
                        Age::OfKeys => pruned.keys.extend(removed),
                        Age::Over | Age::ADay | Age::AMonth => {}
                    }
                }
            }
        }
        Ok(pruned)
    }

    async fn sweep<K: Column>(&self, sweep: &Sweep, before: DateTime<Utc>) -> anyhow::Result<Vec<K>> {
        let over: Vec<(K,)> =
            on_db_read!(self.db, |pool| sqlx::query_as(sweep.find).bind(self.issuer_id).bind(before).bind(BATCH).fetch_all(pool).await)
                .context("looking for what is over")?;
        if over.is_empty() {
            return Ok(Vec::new());
        }
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            let mut removed = Vec::new();
            for (key,) in over {
                let remove = sqlx::query(sweep.remove).bind(self.issuer_id).bind(before).bind(key.clone());
                if remove.execute(&mut *step).await.context("pruning")?.rows_affected() > 0 {
                    removed.push(key);
                }
            }
            if !removed.is_empty() && sweep.age.is_of_clients() {
                sqlx::query(catalogue::BUMP).bind(self.issuer_id).execute(&mut *step).await?;
            }
            step.commit().await?;
            Ok(removed)
        })
    }
}

/// A key's type, as both databases read and write it.
trait Column: Clone + Send + Unpin + Both<Sqlite> + Both<Postgres> {}

impl Column for String {}
impl Column for Vec<u8> {}

trait Both<D: sqlx::Database>: for<'r> sqlx::Decode<'r, D> + for<'q> sqlx::Encode<'q, D> + sqlx::Type<D> {}

impl<D: sqlx::Database, K: for<'r> sqlx::Decode<'r, D> + for<'q> sqlx::Encode<'q, D> + sqlx::Type<D>> Both<D> for K {}
