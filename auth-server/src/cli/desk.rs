//! What a command works on: the configuration, the database, the time.

use anyhow::Context as _;
use chrono::{DateTime, Utc};

use super::{
    Global,
    failure::{Failure, Outcome},
    operator::operator,
    output::Output,
};
use crate::{
    clock::Clock,
    config::{Config, MasterKeySource},
    entropy,
    events::Step,
    keys::{KeyRing, MadeKey, MasterKey},
    serve,
    store::{About, Location, OperatorAction, OtherIssuers, Store},
};

/// Everything a command needs, put together once.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) config: Config,
    pub(super) store: Store,
    pub(super) now: DateTime<Utc>,
    pub(super) output: Output,
}

impl Desk {
    /// Runs a command that changes something; makes the data folder where there is none.
    pub(super) fn change(global: &Global, work: impl AsyncFnOnce(&Self) -> Outcome) -> Outcome {
        let config = global.configuration()?;
        serve::make_data_dir(&config)?;
        // Whoever names an issuer means it, even one that is new to this database.
        let may_be_new = global.issuer.is_some();
        Self::run(global, config, may_be_new, work)
    }

    /// Runs a command that only looks; where there is no database there is nothing to see.
    pub(super) fn look(global: &Global, work: impl AsyncFnOnce(&Self) -> Outcome) -> Outcome {
        let config = global.configuration()?;
        if let Location::Sqlite(file) = &config.database
            && !file.exists()
        {
            let sentence = format!("there is no database {}; `portcullis serve` makes it, --data-dir names another folder", file.display());
            return Err(Failure::NotFound(sentence));
        }
        Self::run(global, config, false, work)
    }

    fn run(global: &Global, config: Config, may_be_new: bool, work: impl AsyncFnOnce(&Self) -> Outcome) -> Outcome {
        // A second call finds the provider in place.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting the command")?;
        runtime.block_on(async {
            let store = open(&config, may_be_new).await?;
            let desk = Self { store, now: Clock::system().now(), output: global.output(), config };
            let outcome = work(&desk).await;
            desk.store.close().await;
            outcome
        })
    }

    /// The master key, if it is the one that this database was sealed with: a key made
    /// under another would leave a database that no server can open.
    pub(super) async fn master_key(&self) -> Result<MasterKey, Failure> {
        let stored = self.store.signing_keys(self.now).await?;
        if let (MasterKeySource::File(file), false) = (&self.config.master_key, stored.is_empty())
            && !file.exists()
        {
            return Err(Failure::Failed(anyhow::anyhow!(
                "there is no master key {}, and the database has keys sealed with it",
                file.display()
            )));
        }
        let (key, _) = serve::master_key(&self.config)?;
        if !stored.is_empty() {
            KeyRing::open(&stored, &key).context("this is not the master key of this database")?;
        }
        Ok(key)
    }

    /// Leaves an event of what was done, for the log of the server: the one that runs, or the next.
    pub(super) async fn did(&self, step: Step, about: About) -> Result<(), Failure> {
        let id = entropy::identifier(self.now)?.to_string();
        let action = OperatorAction { id, event: step.as_str().to_owned(), operator: operator(), done_at: self.now, about };
        let noted = self.store.add_operator_action(&action).await;
        Ok(noted.context("it was done, but no event could be left of it")?)
    }

    /// Leaves the event of a key that was made.
    pub(super) async fn made_key(&self, key: &MadeKey) -> Result<(), Failure> {
        self.did(Step::KeyCreated, About { reason: Some(key.to_string()), ..About::default() }).await
    }

    /// Where this command looked, for sentences about what is not there.
    pub(super) fn place(&self) -> String {
        let issuer = self.config.issuer.as_str();
        match &self.config.database {
            Location::Postgres(_) => format!("for {issuer} in the PostgreSQL database"),
            Location::Sqlite(file) => format!("for {issuer} in {}", file.display()),
        }
    }
}

/// A database of another issuer is more likely a forgotten setting than a new issuer.
async fn open(config: &Config, may_be_new: bool) -> Result<Store, Failure> {
    if may_be_new {
        return Ok(Store::open(&config.database, &config.issuer).await?);
    }
    Store::open_known(&config.database, &config.issuer).await?.map_err(|OtherIssuers(known)| {
        let known = known.join(", ");
        Failure::NotFound(format!("this database is that of {known}, not of {}: say which with --issuer", config.issuer))
    })
}
