//! The two stores that every story is told on.

use super::postgres::Postgres;

/// Where the server keeps what must survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    /// A file in the data folder.
    Sqlite,
    /// A database of its own in the cluster of the test run.
    Postgres,
}

impl Store {
    /// Whether this machine has it. Where it is missing the test says so; in CI that is a failure.
    pub(crate) fn is_here(self) -> bool {
        let here = self == Self::Sqlite || Postgres::installed().is_some();
        if !here {
            assert!(std::env::var_os("CI").is_none(), "CI has no PostgreSQL: tests/prepare should have installed it");
            eprintln!("SKIPPED: there is no PostgreSQL on this machine; ./tests/prepare installs it");
        }
        here
    }
}

/// One story, told on SQLite and on PostgreSQL.
macro_rules! on_both_stores {
    ($( $(#[$about:meta])* async fn $name:ident($store:ident: Store) $body:block )+) => { $(
        $(#[$about])*
        async fn $name($store: $crate::harness::Store) $body

        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name($crate::harness::Store::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if $crate::harness::Store::Postgres.is_here() {
                    super::$name($crate::harness::Store::Postgres).await;
                }
            }
        }
    )+ };
}
pub(crate) use on_both_stores;
