//! A server of the atlas and those who are on it already.

use std::{collections::BTreeMap, sync::Arc};

use portcullis::{
    clock::Clock,
    keys::{KeyRing, MasterKey, SigningKey},
    protocol::vocabulary::SigningAlgorithm,
};
use serde_json::json;

use super::row::Wish;
use crate::harness::{CALLBACK, Client, FILES, MAIL, Person, Server, Setup, Store, free_port, http};

/// A resource that nobody of the atlas may use.
const PRIVATE: &str = "https://private.example.com/mcp";

/// What rows share: a server, Ada who is signed in, clients.
pub(super) struct Stage {
    pub(super) server: Server,
    pub(super) ada: Option<Person>,
    clients: BTreeMap<String, Client>,
    /// A server for another issuer, on the same database.
    neighbour: Option<Server>,
    /// The port of the sample.
    sample: Option<u16>,
}

impl Stage {
    pub(super) async fn start(store: Store, wish: &Wish) -> Self {
        let resources = wish.resources.clone().unwrap_or_else(usual_resources);
        let mut setup = Setup::on(store).resources(&resources).settings(&wish.settings).table("log", "level = \"debug\"");
        for (name, table) in &wish.tables {
            setup = setup.table(name, table);
        }
        if !wish.tables.contains_key("limits") {
            setup = setup.table(
                "limits",
                "client_failures_per_minute = 100000\nsource_failures_per_minute = 100000\nlogin_failures_per_source = 10000",
            );
        }
        if !wish.tables.contains_key("registration") {
            setup = setup.table("registration", "per_source_per_hour = 1000000");
        }
        if !wish.tables.contains_key("authorization") {
            setup = setup.table("authorization", "most_pending_per_source = 1000000");
        }
        let sample = wish.sample.then(free_port);
        if let Some(port) = sample {
            setup = setup.argument("--sample").argument("--sample-listen").argument(&format!("127.0.0.1:{port}"));
        }
        Self { server: setup.start().await, ada: None, clients: BTreeMap::new(), neighbour: None, sample }
    }

    /// The sample's name and address.
    pub(super) fn sample(&self) -> String {
        format!("http://127.0.0.1:{}/mcp", self.sample.expect("the server has a sample"))
    }

    /// A request to our server, or to the sample.
    pub(super) fn request(&self, at: &str, method: &str, target: &str) -> reqwest::RequestBuilder {
        match at {
            "" => self.server.request(method, target),
            "sample" => http().request(method.parse().unwrap(), format!("{}{target}", self.sample().trim_end_matches("/mcp"))),
            _ => panic!("nobody knows the server {at}"),
        }
    }

    /// The key with which the server signs, for tokens that it would never sign.
    pub(super) async fn signing_key(&self) -> Arc<SigningKey> {
        let (master_key, _) = MasterKey::load_or_create(&self.server.folder().join("master.key")).unwrap();
        let store = self.store().await;
        let keys = store.signing_keys(Clock::system().now()).await.unwrap();
        store.close().await;
        KeyRing::open(&keys, &master_key).unwrap().signing(SigningAlgorithm::default()).unwrap()
    }

    /// Ada, signed in, in a browser that is this copy's own.
    pub(super) async fn ada(&mut self) -> Person {
        if self.ada.is_none() {
            let mut ada = self.server.person("ada");
            ada.sign_in_at_home().await;
            self.ada = Some(ada);
        }
        self.ada.clone().unwrap()
    }

    /// One of the clients that rows name.
    pub(super) async fn client(&mut self, name: &str) -> Client {
        if let Some(known) = self.clients.get(name) {
            return known.clone();
        }
        let client = self.make(name).await;
        self.clients.insert(name.to_owned(), client.clone());
        client
    }

    async fn make(&mut self, name: &str) -> Client {
        let server = &self.server;
        let registered = |more: serde_json::Value| {
            let mut metadata = json!({
                "client_name": name,
                "redirect_uris": [CALLBACK],
                "grant_types": ["authorization_code", "refresh_token"],
                "response_types": ["code"],
                "token_endpoint_auth_method": "none",
            });
            metadata.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            metadata
        };
        match name {
            "public" => Client::register_as(server, &registered(json!({}))).await,
            "other" => Client::register_as(server, &registered(json!({ "redirect_uris": ["https://other.example.com/callback"] }))).await,
            "native" => {
                let uris = ["http://127.0.0.1/callback", "http://localhost:4321/local"];
                Client::register_as(server, &registered(json!({ "redirect_uris": uris }))).await
            }
            "secure-loopback" => Client::register_as(server, &registered(json!({ "redirect_uris": ["https://localhost:4321/cb"] }))).await,
            "stranger" => Client::register_as(server, &registered(json!({ "token_endpoint_auth_method": "client_secret_basic" }))).await,
            "confidential" => Client::operator(server, name, CALLBACK, &[]),
            "machine" => Client::operator(server, name, "", &["--machine", &format!("{FILES}=files:read")]),
            "codeless" => self.codeless().await,
            "caller" => Client::operator(server, name, "", &["--machine", FILES, "--introspect", FILES]),
            "foreign" => self.foreign().await,
            // Made for one row, which removes or disables it.
            _ if name.starts_with("doomed") => server.kept_client(&registered(json!({}))).await,
            _ => panic!("nobody knows the client {name}"),
        }
    }

    /// With an address, but without the grant that would answer there.
    async fn codeless(&mut self) -> Client {
        let arguments = ["--machine", FILES];
        let client = Client::operator(&self.server, "codeless", CALLBACK, &arguments);
        let store = self.store().await;
        let mut record = store.client(&client.id.parse().unwrap()).await.unwrap().unwrap();
        record.grant_types.retain(|grant| *grant == portcullis::protocol::vocabulary::GrantType::ClientCredentials);
        assert!(store.replace_client(&record).await.unwrap());
        store.close().await;
        client
    }

    /// What the operator does beside the running server.
    pub(super) async fn operator(&self, deed: &str, client: &str, person: &str) {
        let store = self.store().await;
        let id = client.parse().unwrap();
        match deed {
            "removes the client" => assert!(store.remove_client(&id).await.unwrap().is_some()),
            "disables the client" => {
                let mut record = store.client(&id).await.unwrap().unwrap();
                record.disabled_at = Some(record.created_at);
                assert!(store.replace_client(&record).await.unwrap());
            }
            "disables the person" => {
                let user = store.user_by_login(person).await.unwrap().unwrap();
                assert!(store.set_user_disabled(&user.id, Some(user.created_at)).await.unwrap());
            }
            _ => panic!("the operator does not know how to {deed}"),
        }
        store.close().await;
    }

    /// A client of another issuer whose rows stand in the same tables (OA-MX-18).
    async fn foreign(&mut self) -> Client {
        let neighbour = self.server.neighbour().await;
        let client = neighbour.client().await.at(&self.server);
        self.neighbour = Some(neighbour);
        client
    }

    /// The right to register one client.
    pub(super) async fn initial_access_token(&self) -> String {
        use portcullis::{
            protocol::vocabulary::{InitialAccessToken, Token},
            store::NewInitialAccessToken,
        };
        let mut random = [0; 32];
        getrandom::fill(&mut random).unwrap();
        let token = Token::<InitialAccessToken>::new(random);
        let (id, name) = (crate::harness::random_text(), "one registration".to_owned());
        let new = NewInitialAccessToken { hash: token.hash(), id, name, expires_at: None, uses: Some(1) };
        let store = self.store().await;
        store.add_initial_access_token(&new, Clock::system().now()).await.unwrap();
        store.close().await;
        token.wire().to_owned()
    }

    /// The store, for what no command does.
    pub(super) async fn store(&self) -> portcullis::store::Store {
        store_of(self.server.database(), &self.server.issuer).await
    }
}

/// The store behind a database's address.
pub(super) async fn store_of(database: &str, issuer: &str) -> portcullis::store::Store {
    use portcullis::{secret::Secret, store::Location};
    let location = match database.strip_prefix("sqlite:") {
        Some(file) => Location::Sqlite(file.into()),
        None => Location::Postgres(Secret::new(database.to_owned())),
    };
    let issuer = portcullis_verifier::vocabulary::Issuer::parse(issuer).unwrap();
    portcullis::store::Store::open(&location, &issuer).await.unwrap()
}

fn usual_resources() -> String {
    format!(
        r#"resources = [
    {{ url = "{FILES}", name = "Files", scopes = {{ "files:read" = "Read your files", "files:write" = "Change and delete your files" }} }},
    {{ url = "{MAIL}", name = "Mail", scopes = {{ "mail:read" = "Read your mail" }} }},
    {{ url = "{PRIVATE}", name = "Private", scopes = {{ "private:read" = "Read it" }}, people = ["somebody-else"] }},
]
default_resource = "{FILES}"
"#
    )
}
