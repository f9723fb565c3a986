//! The schema's steps, in order, built into the binary.

use sqlx::{
    SqlStr,
    migrate::{Migrate, Migration, MigrationType, Migrator},
};

macro_rules! steps {
    ($($version:literal $name:literal),* $(,)?) => {
        &[$(($version, $name, include_str!(concat!("../../../migrations/", $name, ".sql")))),*]
    };
}

const STEPS: &[(i64, &str, &str)] = steps![
    1 "0001_issuers",
    2 "0002_signing_keys",
    3 "0003_users",
    4 "0004_resources",
    5 "0005_clients",
    6 "0006_sessions",
    7 "0007_authorization_requests",
    8 "0008_grants",
    9 "0009_token_families",
    10 "0010_codes",
    11 "0011_revoked_access_tokens",
    12 "0012_initial_access_tokens",
    13 "0013_operator_actions",
    14 "0014_starts",
    15 "0015_newcomers",
    16 "0016_personal_tokens",
];

/// Brings the schema up to date. Steps of a newer program may be there already: it leaves
/// this one working beside it (OA-DB-10). PostgreSQL locks while it does; for SQLite the
/// caller keeps other processes away.
pub(super) async fn run<'a, A>(database: A) -> Result<(), sqlx::migrate::MigrateError>
where
    A: sqlx::Acquire<'a>,
    <A::Connection as std::ops::Deref>::Target: Migrate,
{
    let steps = STEPS
        .iter()
        .map(|(version, name, sql)| Migration::new(*version, (*name).into(), MigrationType::Simple, SqlStr::from_static(sql), false));
    let mut migrator = Migrator::with_migrations(steps.collect());
    migrator.set_ignore_missing(true);
    migrator.run(database).await
}
