//! What a command works on: the configuration, the database, the time.

use anyhow::Context as _;
use chrono::{DateTime, Utc};

use super::{
    Global,
    failure::{Failure, Outcome},
    output::Output,
};
use crate::{
    clock::Clock,
    config::Config,
    serve,
    store::{Location, Store},
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
        Self::run(global, config, work)
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
        Self::run(global, config, work)
    }

    fn run(global: &Global, config: Config, work: impl AsyncFnOnce(&Self) -> Outcome) -> Outcome {
        // A second call finds the provider in place.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting the command")?;
        runtime.block_on(async {
            let store = Store::open(&config.database, &config.issuer).await?;
            let desk = Self { store, now: Clock::system().now(), output: global.output(), config };
            let outcome = work(&desk).await;
            desk.store.close().await;
            outcome
        })
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
