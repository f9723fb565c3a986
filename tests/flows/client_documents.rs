//! Clients that nobody registered: they are what the document at their identifier says.

use portcullis_verifier::testing::TestIssuer;
use serde_json::{Value, json};

use crate::harness::{CALLBACK, Client, Foreign, Reply, Server, Setup, Store, Tokens, on_both_stores, until};

const PATH: &str = "/client.json";

/// An app's own web server, and an authorization server that may read from it.
struct World {
    host: Foreign,
    server: Server,
    /// The app's identifier.
    id: String,
}

impl World {
    async fn new(store: Store, settings: &str) -> Self {
        let host = Foreign::start("DNS:localhost").await;
        let root = host.root_file();
        let egress = format!("loopback = true\nroot_certificates = [\"{}\"]", root.display());
        let server = Setup::on(store).unlimited().table("egress", &egress).table("client_documents", settings).start().await;
        let id = format!("https://localhost:{}{PATH}", host.port);
        let world = Self { host, server, id };
        world.publish(&json!({}));
        world
    }

    /// Publishes a good document with some members more, or others.
    fn publish(&self, members: &Value) {
        let mut document = json!({ "client_id": self.id, "client_name": "Notes", "redirect_uris": [CALLBACK] });
        document.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        self.host.at(PATH, Reply::json(&document.to_string()));
    }

    fn client(&self) -> Client {
        Client::known(&self.server, &self.id, None, CALLBACK)
    }
}

async fn metadata(server: &Server) -> Value {
    server.get("/.well-known/oauth-authorization-server").await.expect(200).json()
}

on_both_stores! {
    // MCP-AS-110, MCP-AS-112, MCP-AS-119, MCP-AS-123, MCP-AS-125, OA-CM-14
    async fn an_app_is_what_it_says_at_its_own_address(store: Store) {
        let world = World::new(store, "").await;
        let client = world.client();
        assert_eq!(metadata(&world.server).await["client_id_metadata_document_supported"], true);
        let answer = client.redeem("pc_code_none", "x").await;
        assert_eq!((answer.status, answer.error().as_deref()), (401, Some("invalid_client")), "nobody has let it in yet");

        let mut ada = world.server.person("ada");
        let place = ada.open(&client.ask().path()).await;
        assert!(place.try_form("/sign-in").is_some(), "{}", place.answer.body);
        assert!(place.answer.body.contains(&format!("localhost:{}", world.host.port)), "{}", place.answer.body);
        assert_eq!(world.host.requests(), Vec::<String>::new(), "nothing is read for somebody who is not signed in");

        let tokens = client.connect(&mut ada).await;
        assert_eq!(tokens.claims()["client_id"], world.id.as_str());
        assert_eq!(world.host.requests().len(), 1, "and once for all that follows");
        let refreshed = Tokens::of(&client.refresh(tokens.refresh()).await);
        assert_eq!(refreshed.claims()["client_id"], world.id.as_str());
        let listed = world.server.cli(&["client", "list", "--json"]).expect().json();
        assert!(listed.as_array().unwrap().iter().any(|client| client["client_id"] == world.id.as_str()), "{listed}");
    }

    // MCP-AS-40, MCP-AS-47, MCP-AS-123, OA-CM-19: as far as its host vouches for it
    async fn the_person_hears_which_host_vouches_and_is_not_asked_twice(store: Store) {
        let world = World::new(store, "").await;
        let client = world.client();
        let mut ada = world.server.person("ada");
        let place = ada.arrive(&client.ask()).await;
        let page = &place.answer.body;
        assert!(page.contains("<bdi>Notes</bdi> wants to use"), "{page}");
        assert!(page.contains(&format!("This app says who it is at localhost:{}.", world.host.port)), "{page}");
        ada.allow(&place).await.code();
        assert!(ada.arrive(&client.ask()).await.left, "the same again");
    }

    // OA-CM-18, OA-CM-20, MCP-AS-121: the app's host is away
    async fn what_was_allowed_goes_on_while_the_host_is_away(store: Store) {
        let world = World::new(store, "").await;
        let client = world.client();
        let mut ada = world.server.person("ada");
        let tokens = client.connect(&mut ada).await;
        world.host.at(PATH, Reply::with("503 Busy", "", b""));
        world.server.kill_and_restart().await;
        let tokens = Tokens::of(&client.refresh(tokens.refresh()).await);
        Tokens::of(&client.refresh(tokens.refresh()).await);
        client.connect(&mut ada).await;
        assert_eq!(world.host.requests().len(), 2, "it was asked for again, in vain");
    }

    // MCP-AS-120, OA-CM-19, OA-RU-23
    async fn a_document_that_changed_is_believed_and_consent_asked_for_again(store: Store) {
        let world = World::new(store, "").await;
        let client = world.client();
        let mut ada = world.server.person("ada");
        client.connect(&mut ada).await;
        world.publish(&json!({ "redirect_uris": ["https://new.example.com/cb", CALLBACK] }));
        world.server.kill_and_restart().await;
        let place = ada.arrive(&client.ask()).await;
        assert!(!place.left, "it answers elsewhere too now");
        ada.allow(&place).await.code();
        assert!(ada.arrive(&client.ask()).await.left);

        world.publish(&json!({ "redirect_uris": ["https://new.example.com/cb"] }));
        world.server.kill_and_restart().await;
        let place = ada.open(&client.ask().path()).await;
        assert!(!place.left && place.answer.status == 400, "{}", place.answer.body);
        assert!(place.answer.body.contains("an address that it has not registered here"), "{}", place.answer.body);
    }

    // MCP-AS-115, MCP-AS-202, OA-CL-10, OA-CL-13, OA-CM-17, K-13
    async fn an_app_with_keys_proves_itself_by_them(store: Store) {
        let world = World::new(store, "").await;
        let client = world.client();
        let app = TestIssuer::new(&world.id);
        let keys_at = format!("https://localhost:{}/jwks.json", world.host.port);
        world.host.at("/jwks.json", Reply::json(&app.jwks()));
        world.publish(&json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": keys_at }));
        let mut ada = world.server.person("ada");
        let ask = client.ask();
        let code = ada.code_for(&ask).await;
        let refused = client.redeem(&code, &ask.verifier).await;
        assert_eq!((refused.status, refused.error().as_deref()), (401, Some("invalid_client")), "it has to sign");
        let redeem = async |assertion: &str| {
            let form = [
                ("grant_type", "authorization_code"),
                ("code", code.as_str()),
                ("redirect_uri", CALLBACK),
                ("code_verifier", ask.verifier.as_str()),
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                ("client_assertion", assertion),
            ];
            world.server.post_form("/token", &form).await
        };
        let now = crate::harness::now();
        let assertion = |key: &TestIssuer, jti: &str| {
            let exp = now.timestamp() + 300;
            key.token(&world.server.issuer, now).header("typ", "JWT").claim("sub", world.id.as_str()).claim("exp", exp).claim("jti", jti).sign()
        };
        let other = TestIssuer::with_key(&world.id, 7);
        assert_eq!(redeem(&assertion(&other, "a")).await.status, 401);
        let keys = world.host.requests().iter().filter(|head| head.contains("GET /jwks.json")).count();
        assert_eq!(keys, 1, "another kid is asked for, but not twice in a moment");
        let good = assertion(&app, "b");
        let tokens = redeem(&good).await;
        assert_eq!(tokens.status, 200, "{}", tokens.body);
        assert_eq!(redeem(&good).await.error().as_deref(), Some("invalid_client"), "an assertion counts once");
        assert!(world.server.log().contains("client_assertion: it was used before"));

        // Without its keys nobody can tell: after a restart none are at hand.
        world.host.at("/jwks.json", Reply::json("[]"));
        world.server.kill_and_restart().await;
        let refresh = tokens.json()["refresh_token"].as_str().unwrap().to_owned();
        let signed = assertion(&app, "c");
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh.as_str()),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", signed.as_str()),
        ];
        let refused = world.server.post_form("/token", &form).await;
        assert_eq!((refused.status, refused.error().as_deref()), (401, Some("invalid_client")), "{}", refused.body);
        assert!(world.server.log().contains("client_keys_unavailable: the key set is malformed"), "KeysUnavailable, RemoteError::Invalid");
    }
}

// OA-CM-09, OA-CM-15, OA-CM-16, OA-CM-23, MCP-AS-122
#[tokio::test]
async fn a_document_that_can_not_be_used_is_told_by_host_and_reason() {
    let world = World::new(Store::Sqlite, "").await;
    let host = format!("localhost:{}", world.host.port);
    let client = |path: &str| Client::known(&world.server, &format!("https://{host}{path}"), None, CALLBACK);
    let json = |document: Value| Reply::json(&document.to_string());
    let at = |path: &str| format!("https://{host}{path}");
    let redirect_uris = json!([CALLBACK]);
    let cases = [
        ("/gone", Reply::with("404 Not Found", "", b""), "could not be read from"),
        ("/moved", Reply::with("302 Found", "location: /client.json\r\n", b""), "could not be read from"),
        ("/html", Reply::with("200 OK", "content-type: text/html\r\n", b"<b>hush</b>"), "could not be read from"),
        ("/list", Reply::json("[]"), "it is not one JSON object"),
        (
            "/other",
            json(json!({ "client_id": world.id, "client_name": "A", "redirect_uris": redirect_uris })),
            "its client_id is not its own address",
        ),
        ("/nameless", json(json!({ "client_id": at("/nameless"), "redirect_uris": redirect_uris })), "it has no client_name"),
        (
            "/secret",
            json(json!({ "client_id": at("/secret"), "client_name": "A", "redirect_uris": redirect_uris, "client_secret": "hush" })),
            "it has a client secret",
        ),
    ];
    for (path, reply, told) in cases {
        world.host.at(path, reply);
        let mut ada = world.server.person("ada");
        for time in ["the first time", "again"] {
            let place = ada.arrive(&client(path).ask()).await;
            let page = &place.answer.body;
            assert!(!place.left && place.answer.status == 400, "{path} {time} {page}");
            assert!(page.contains(told) && page.contains(&host), "{path} {time} {page}");
            assert!(!page.contains("hush"), "{path} {page}");
        }
        let asked = world.host.requests().iter().filter(|head| head.contains(&format!("GET {path} "))).count();
        assert_eq!(asked, 1, "{path} is not asked for again at once");
    }
}

// OA-CM-01, OA-CM-02, OA-CM-03, OA-CM-04, MCP-AS-124
#[tokio::test]
async fn who_may_not_come_is_told_before_anything_is_read() {
    let world = World::new(Store::Sqlite, "denied = [\"evil.example\"]").await;
    let ask = |id: &str| Client::known(&world.server, id, None, CALLBACK).ask();
    let mut ada = world.server.person("ada");
    for (id, status, told) in [
        ("https://evil.example/client.json", 403, "does not let in this app of evil.example"),
        ("https://app.example", 400, "an address that this server does not read"),
        ("https://app.example/a/../client.json", 400, "an address that this server does not read"),
        ("https://app.example:8443/client.json", 400, "an address that this server does not read"),
        ("https://10.0.0.1/client.json", 400, "an address that this server does not read"),
        ("https://app.internal/client.json", 400, "an address that this server does not read"),
        ("http://app.example/client.json", 400, "has ended, or was never made"),
        ("HTTPS://app.example/client.json", 400, "has ended, or was never made"),
    ] {
        let place = ada.open(&ask(id).path()).await;
        assert!(!place.left, "{id}");
        assert_eq!(place.answer.status, status, "{id} {}", place.answer.body);
        assert!(place.answer.body.contains(told), "{id} {}", place.answer.body);
    }
}

// MCP-AS-124
#[tokio::test]
async fn the_operator_lets_in_whom_they_know_or_nobody() {
    let known = World::new(Store::Sqlite, "mode = \"known\"\nknown = [\"app.example\"]").await;
    let place = known.server.person("ada").open(&known.client().ask().path()).await;
    assert_eq!(place.answer.status, 403, "{}", place.answer.body);
    let off = World::new(Store::Sqlite, "mode = \"off\"").await;
    let place = off.server.person("ada").open(&off.client().ask().path()).await;
    assert!(place.answer.body.contains("has ended, or was never made"), "{}", place.answer.body);
    assert!(metadata(&off.server).await.get("client_id_metadata_document_supported").is_none());
}

// OA-AZ-18: whatever its document says
#[tokio::test]
async fn an_app_that_the_operator_disables_is_out_although_its_document_is_at_hand() {
    let world = World::new(Store::Sqlite, "").await;
    let client = world.client();
    let mut ada = world.server.person("ada");
    client.connect(&mut ada).await;
    world.server.cli(&["client", "disable", &world.id, "--yes"]).expect();
    until("the app to be out", async || !ada.open(&client.ask().path()).await.left).await;
    let place = ada.open(&client.ask().path()).await;
    assert!(place.answer.status == 400 && place.try_form("/decision").is_none(), "{}", place.answer.body);
    assert!(place.answer.body.contains("has ended, or was never made"), "{}", place.answer.body);
    world.server.cli(&["client", "enable", &world.id]).expect();
    until("the app to be back", async || ada.open(&client.ask().path()).await.left).await;
}

// MCP-AS-126
#[tokio::test]
async fn a_resource_is_no_client() {
    let world = World::new(Store::Sqlite, "").await;
    let mut ada = world.server.person("ada");
    assert_eq!(ada.arrive(&world.client().ask()).await.answer.status, 200);
    world.server.cli(&["resource", "add", &world.id, "--name", "Not an app", "--scope", "a=Do a"]).expect();
    until("the resource to be known", async || {
        let place = ada.open(&world.client().ask().path()).await;
        place.answer.body.contains("has ended, or was never made")
    })
    .await;
}

// OA-AZ-20: without a question there is nobody to read it for
#[tokio::test]
async fn without_a_question_a_document_has_to_be_at_hand() {
    let world = World::new(Store::Sqlite, "").await;
    let client = world.client();
    let mut ada = world.server.person("ada");
    let silent = client.ask().with("prompt", "none");
    let place = ada.open(&silent.path()).await;
    assert!(!place.left && place.answer.status == 400, "{}", place.answer.body);
    client.connect(&mut ada).await;
    let place = ada.open(&silent.path()).await;
    assert!(place.left && place.parameter("code").is_some(), "{}", place.url);
}
