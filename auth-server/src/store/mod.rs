//! What must survive, on SQLite or PostgreSQL, through one code path.
//!
//! One step of the protocol is one method is one transaction: no transaction
//! leaves this folder, and no method decides what the RFCs decide (a verdict is
//! passed in as a closure, or kept only if what it rests on is unchanged). Every row belongs to an issuer, so that a database
//! moved to another issuer shows nothing.
//!
//! `db`, `statement` and `writer` are the machinery, `migrations` the schema, then one file per
//! thing that is kept.

mod catalogue;
mod clients;
mod codes;
mod db;
mod families;
mod family_story;
mod grants;
mod initial_access_tokens;
mod migrations;
mod operator_actions;
mod personal_tokens;
mod prune;
mod recent_codes;
mod redemptions;
mod requests;
mod resources;
mod revocations;
mod row;
mod sessions;
mod setup_links;
mod signing_keys;
mod starts;
mod statement;
mod users;
mod writer;

use std::sync::{Arc, atomic::AtomicI64};

use anyhow::Context as _;
use db::{Db, on_db, on_db_read};
use portcullis_verifier::vocabulary::Issuer;
use recent_codes::RecentCodes;
use redemptions::Redemptions;

pub use clients::{ClientCounts, RemovedClient};
pub use codes::{NewCode, NewFamily, Trimmed};
pub use db::Location;
pub use families::{RefreshOutcome, Refreshing};
pub use family_story::FamilyStory;
pub use grants::{GrantCounts, GrantSummary, Revocation};
pub use initial_access_tokens::{InitialAccess, NewInitialAccessToken};
pub use operator_actions::{About, OperatorAction};
pub use personal_tokens::{NewPersonalToken, NotStored};
pub use prune::{ClientLifetimes, Pruned};
pub use requests::{NewRequest, StoredRequest, TooManyPending};
pub use sessions::{NewSession, SessionSummary, StoredSession};
pub use signing_keys::{NewKey, Rotation, StoredKey};
pub use starts::Settings;
pub use users::{NameTaken, NewUser, User};

/// The durable store of one issuer. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    db: Db,
    issuer_id: i64,
    recent_codes: Option<RecentCodes>,
    redemptions: Redemptions,
    /// By this process.
    requests_added: Arc<AtomicI64>,
}

impl Store {
    /// Opens the database, brings its schema up to date and finds the issuer in it.
    pub async fn open(location: &Location, issuer: &Issuer) -> anyhow::Result<Self> {
        let db = Db::open(location).await?;
        let issuer_id = enrol(&db, issuer.as_str()).await.context("finding the issuer in the database")?;
        Ok(Self::of(db, issuer_id))
    }

    /// Opens the database for one of the issuers in it; only where there is none yet
    /// the issuer is added. A command that was told the wrong issuer is told so.
    pub async fn open_known(location: &Location, issuer: &Issuer) -> anyhow::Result<Result<Self, OtherIssuers>> {
        let db = Db::open(location).await?;
        let known: Vec<(String,)> = on_db_read!(db, |pool| sqlx::query_as(LIST_ISSUERS).fetch_all(pool).await)?;
        if !known.is_empty() && !known.iter().any(|(known,)| known == issuer.as_str()) {
            db.close().await;
            return Ok(Err(OtherIssuers(known.into_iter().map(|(known,)| known).collect())));
        }
        let issuer_id = enrol(&db, issuer.as_str()).await.context("finding the issuer in the database")?;
        Ok(Ok(Self::of(db, issuer_id)))
    }

    fn of(db: Db, issuer_id: i64) -> Self {
        let recent_codes = matches!(db, Db::Sqlite { .. }).then(RecentCodes::new);
        Self { db, issuer_id, recent_codes, redemptions: Redemptions::new(), requests_added: Arc::default() }
    }

    /// Ends all connections.
    pub async fn close(&self) {
        self.db.close().await;
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> anyhow::Result<()> {
        on_db_read!(self.db, |pool| sqlx::query("SELECT 1").execute(pool).await.map(drop)).context("asking the database")
    }
}

/// The issuers in a database, none of which was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherIssuers(pub Vec<String>);

const LIST_ISSUERS: &str = "SELECT issuer FROM issuers ORDER BY id";

/// Whether an error says that the database, rather than our own code, is at fault.
pub fn is_away(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| match cause.downcast_ref::<sqlx::Error>() {
        Some(sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_) | sqlx::Error::Decode(_) | sqlx::Error::RowNotFound)
        | None => false,
        Some(_) => true,
    })
}

const FIND_ISSUER: &str = "SELECT id FROM issuers WHERE issuer = $1";
const ADD_ISSUER: &str =
    "INSERT INTO issuers (id, issuer) SELECT COALESCE(MAX(id), 0) + 1, $1 FROM issuers WHERE TRUE ON CONFLICT DO NOTHING";

/// The issuer's number. Two processes that begin at once may both try to add it.
async fn enrol(db: &Db, issuer: &str) -> anyhow::Result<i64> {
    const TRIES: usize = 8;
    for _ in 0..TRIES {
        let found: Option<(i64,)> = on_db_read!(db, |pool| sqlx::query_as(FIND_ISSUER).bind(issuer).fetch_optional(pool).await)?;
        if let Some((id,)) = found {
            return Ok(id);
        }
        on_db!(db, |writer| {
            let mut step = writer.begin_write().await?;
            sqlx::query(ADD_ISSUER).bind(issuer).execute(&mut *step).await?;
            step.commit().await?;
        });
    }
    anyhow::bail!("another process adds issuers all the time")
}
