//! Removing what is over, in small batches, so that nobody waits for it.

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};

use super::{Store, on_db};

/// How much one round removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Rows, of all tables.
    pub rows: u64,
}

/// Rows removed in one step.
const BATCH: i64 = 500;

/// Each removes at most `$3` rows that were over before `$2`. Absence must not
/// change any answer but to the same refusal: a redeemed code stays for as long as
/// its replay could still end something.
const SWEEPS: &[(Age, &str)] = &[
    (
        Age::Over,
        "DELETE FROM authorization_requests WHERE issuer_id = $1 AND handle_hash IN \
        (SELECT handle_hash FROM authorization_requests WHERE issuer_id = $1 AND expires_at <= $2 LIMIT $3)",
    ),
    (
        Age::ADay,
        "DELETE FROM codes WHERE issuer_id = $1 AND hash IN \
        (SELECT hash FROM codes c WHERE c.issuer_id = $1 AND c.expires_at <= $2 AND (c.family_id IS NULL OR NOT EXISTS \
         (SELECT 1 FROM token_families f WHERE f.issuer_id = c.issuer_id AND f.id = c.family_id AND f.revoked_at IS NULL)) LIMIT $3)",
    ),
    (
        Age::ADay,
        "DELETE FROM token_families WHERE issuer_id = $1 AND id IN \
        (SELECT id FROM token_families WHERE issuer_id = $1 AND expires_at <= $2 LIMIT $3)",
    ),
    (
        Age::ADay,
        "DELETE FROM token_families WHERE issuer_id = $1 AND id IN \
        (SELECT id FROM token_families WHERE issuer_id = $1 AND idle_expires_at <= $2 LIMIT $3)",
    ),
    (
        Age::AMonth,
        "DELETE FROM grants WHERE issuer_id = $1 AND id IN \
        (SELECT id FROM grants WHERE issuer_id = $1 AND revoked_at <= $2 LIMIT $3)",
    ),
    (
        Age::Over,
        "DELETE FROM sessions WHERE issuer_id = $1 AND hash IN \
        (SELECT hash FROM sessions WHERE issuer_id = $1 AND expires_at <= $2 LIMIT $3)",
    ),
    (
        Age::ADay,
        "DELETE FROM revoked_access_tokens WHERE issuer_id = $1 AND jti IN \
        (SELECT jti FROM revoked_access_tokens WHERE issuer_id = $1 AND expires_at <= $2 LIMIT $3)",
    ),
    (
        Age::Over,
        "DELETE FROM setup_links WHERE issuer_id = $1 AND hash IN \
        (SELECT hash FROM setup_links WHERE issuer_id = $1 AND expires_at <= $2 LIMIT $3)",
    ),
    (
        Age::AMonth,
        "DELETE FROM initial_access_tokens WHERE issuer_id = $1 AND hash IN \
        (SELECT hash FROM initial_access_tokens WHERE issuer_id = $1 AND expires_at <= $2 LIMIT $3)",
    ),
    (
        Age::AMonth,
        "DELETE FROM signing_keys WHERE issuer_id = $1 AND kid IN \
        (SELECT kid FROM signing_keys WHERE issuer_id = $1 AND leaves_at <= $2 LIMIT $3)",
    ),
];

const NEVER_USED: &str = "DELETE FROM clients WHERE issuer_id = $1 AND id IN (SELECT id FROM clients \
    WHERE issuer_id = $1 AND origin = 'registered' AND first_used_at IS NULL AND created_at <= $2 LIMIT $3)";
const IDLE: &str = "DELETE FROM clients WHERE issuer_id = $1 AND id IN (SELECT id FROM clients \
    WHERE issuer_id = $1 AND origin = 'registered' AND last_used_at <= $2 LIMIT $3)";

/// How long a thing has to be over.
#[derive(Clone, Copy)]
enum Age {
    Over,
    ADay,
    AMonth,
}

impl Age {
    fn lasts(self) -> TimeDelta {
        match self {
            Self::Over => TimeDelta::zero(),
            Self::ADay => TimeDelta::days(1),
            Self::AMonth => TimeDelta::days(30),
        }
    }
}

impl Store {
    /// One round over all tables: at most a batch from each. Call it again while it
    /// finds much.
    pub async fn prune(&self, never_used: TimeDelta, idle: TimeDelta, now: DateTime<Utc>) -> anyhow::Result<Pruned> {
        let mut pruned = Pruned::default();
        for (age, sweep) in SWEEPS {
            pruned.rows += self.sweep(sweep, now - age.lasts()).await?;
        }
        pruned.rows += self.sweep(NEVER_USED, now - never_used).await?;
        pruned.rows += self.sweep(IDLE, now - idle).await?;
        Ok(pruned)
    }

    async fn sweep(&self, statement: &'static str, before: DateTime<Utc>) -> anyhow::Result<u64> {
        on_db!(self.db, |writer| {
            let mut step = writer.begin_write().await?;
            let removed = sqlx::query(statement)
                .bind(self.issuer_id)
                .bind(before)
                .bind(BATCH)
                .execute(&mut *step)
                .await
                .context("pruning")?
                .rows_affected();
            step.commit().await?;
            Ok(removed)
        })
    }
}
