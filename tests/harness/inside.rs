//! What no endpoint tells and only an operator does: the server's own library, and
//! plain SQL, on the server's own database.

use std::{path::Path, process::Command};

use portcullis::{
    app::App,
    clients::SealedClients,
    clock::Clock,
    config, entropy,
    protocol::{
        client::{self, ClientOrigin, ClientSecret},
        vocabulary::{self, ClientId, Token, TokenEndpointAuthMethod},
    },
    secret::Secret,
    serve,
    store::{Location, Store as Opened},
};
use portcullis_verifier::vocabulary::Issuer;
use sqlx::{AssertSqlSafe, Connection as _, migrate::Migrator, sqlite::SqliteConnectOptions};

use super::{CALLBACK, Client, Server, postgres::Postgres};

impl Server {
    /// The same server in this process, with this clock; the other one has ended.
    pub(crate) async fn inside(&self, clock: Clock) -> App {
        self.kill();
        let mut sources = config::Sources { file: Some(self.config().to_owned()), ..config::Sources::default() };
        sources.flags.push(("data_dir", "--data-dir".to_owned(), self.folder().display().to_string()));
        sources.flags.push(("database", "--database".to_owned(), self.database().to_owned()));
        let config = config::load(&sources).unwrap();
        let (master_key, _) = serve::master_key(&config).unwrap();
        App::open(config, clock, master_key).await.unwrap()
    }

    /// The store, opened beside the running server as the command line does.
    pub(crate) async fn store(&self) -> Opened {
        let location = match self.sqlite_file() {
            Some(file) => Location::Sqlite(file.into()),
            None => Location::Postgres(Secret::new(self.database().to_owned())),
        };
        Opened::open(&location, &Issuer::parse_with_slash(&self.issuer).unwrap()).await.unwrap()
    }

    /// A client that registered itself and is stored, as it is once somebody has consented.
    pub(crate) async fn kept_client(&self, metadata: &serde_json::Value) -> Client {
        let client = Client::register_as(self, metadata).await;
        let id = client.id.parse().unwrap();
        let sources = config::Sources {
            file: Some(self.config().to_owned()),
            flags: vec![("data_dir", "--data-dir".to_owned(), self.folder().display().to_string())],
            ..config::Sources::default()
        };
        let (master_key, _) = serve::master_key(&config::load(&sources).unwrap()).unwrap();
        let sealed = SealedClients::new(&master_key, &Issuer::parse(&self.issuer).unwrap(), chrono::TimeDelta::days(1));
        self.store().await.add_client(&sealed.open(&id, super::now()).unwrap()).await.unwrap();
        client
    }

    /// A client of the operator's with a secret, which `change` fills in.
    pub(crate) async fn operators_client(&self, change: impl FnOnce(&mut client::Client)) -> Client {
        let now = super::now();
        let secret = Token::<vocabulary::ClientSecret>::new(entropy::random().unwrap());
        let id = ClientId::generate(entropy::random().unwrap());
        let mut record = client::Client::new(id, ClientOrigin::Operator, now);
        record.name = Some("The operator's".to_owned());
        record.redirect_uris = vec![CALLBACK.parse().unwrap()];
        record.token_endpoint_auth_method = TokenEndpointAuthMethod::ClientSecretBasic;
        record.secrets = vec![ClientSecret::of(&secret, now, None)];
        change(&mut record);
        record.check().unwrap();
        self.store().await.add_client(&record).await.unwrap();
        let secret = record.is_confidential().then(|| secret.wire().to_owned());
        let redirect_uri = record.redirect_uris.first().map_or("", |uri| uri.as_str());
        Client::known(self, record.id.as_str(), secret.as_deref(), redirect_uri)
    }

    /// A resource server that may ask about tokens for these resources.
    pub(crate) async fn resource_server(&self, resources: &[&str]) -> Client {
        self.operators_client(|record| {
            record.grant_types.clear();
            record.redirect_uris.clear();
            record.introspects = resources.iter().map(|&resource| resource.to_owned()).collect();
        })
        .await
    }

    /// The one number that a question to the database gives.
    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        if let Some(file) = self.sqlite_file() {
            let mut connection = sqlx::SqliteConnection::connect(file).await.unwrap();
            return sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap();
        }
        let mut connection = sqlx::PgConnection::connect(self.database()).await.unwrap();
        sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
    }

    /// Does something to the database behind the server's back.
    pub(crate) async fn tamper(&self, sql: &'static str) {
        if let Some(file) = self.sqlite_file() {
            let mut connection = sqlx::SqliteConnection::connect(file).await.unwrap();
            sqlx::query(sql).execute(&mut connection).await.unwrap();
        } else {
            let mut connection = sqlx::PgConnection::connect(self.database()).await.unwrap();
            sqlx::query(sql).execute(&mut connection).await.unwrap();
        }
    }

    /// Makes the schema of so many steps in an empty database, and these rows in it.
    pub(super) async fn fill(&self, steps: i64, rows: &str) {
        let every = Migrator::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations")).await.unwrap();
        let first = Migrator::with_migrations(every.iter().filter(|step| step.version <= steps).cloned().collect());
        let rows = rows.replace("{issuer}", &self.issuer);
        if let Some(file) = self.sqlite_file() {
            let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
            let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
            first.run(&mut connection).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(rows)).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        } else {
            let mut connection = sqlx::PgConnection::connect(self.database()).await.unwrap();
            first.run(&mut connection).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(rows.replace("X'", "'\\x"))).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
    }

    /// All that somebody gets who steals the database.
    pub(crate) fn stolen_database(&self) -> Vec<u8> {
        let Some(file) = self.sqlite_file() else {
            let program = Postgres::installed().unwrap().join("pg_dump");
            let output = Command::new(program).arg(self.database()).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            return output.stdout;
        };
        let mut bytes = std::fs::read(file).unwrap();
        bytes.extend(std::fs::read(format!("{file}-wal")).unwrap_or_default());
        bytes
    }

    fn sqlite_file(&self) -> Option<&str> {
        self.database().strip_prefix("sqlite:")
    }
}

impl Client {
    /// Whether this resource server is told that a token may be used.
    pub(crate) async fn finds_active(&self, token: &str) -> bool {
        let answer = self.introspect(token).await.expect(200).json();
        if answer["active"] == false {
            assert_eq!(answer, serde_json::json!({ "active": false }), "nothing tells why");
        }
        answer["active"].as_bool().unwrap()
    }
}
