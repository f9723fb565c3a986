//! Lets the clients of the corpus connect.

use std::{collections::BTreeMap, fmt, time::Duration};

use base64::Engine as _;
use serde_json::{Value, json};
use url::Url;

use super::card::{Card, Style, Visit, Way, cards};
use super::vendors::{Key, Vendors};
use crate::harness::{Answer, Ask, Client, MAIL, Person, Server, Setup, Store, Tokens, basic, challenge_of, encoded};

/// Who may register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Open,
    InitialAccessToken,
    Off,
}

/// One server, one person, and everything that clients ask the server about itself.
pub(super) struct Stage {
    pub(super) server: Server,
    mode: Mode,
    /// Opens registration.
    token: Option<String>,
    metadata: Value,
    ada: Person,
    checker: Client,
    pub(super) vendors: Vendors,
}

/// A client that the server knows.
pub(super) struct Known {
    pub(super) id: String,
    pub(super) secret: Option<String>,
    pub(super) way: Way,
    /// What it signs with, and whether it may also come without.
    pub(super) key: Option<(Key, bool)>,
}

/// Says which client it was when a test ends in between.
struct Scene<'a> {
    card: &'a Card,
    visit: &'a Visit,
    way: Way,
    style: Option<Style>,
}

impl fmt::Display for Scene<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {} ({:?}, secret {:?})", self.card.file, self.visit.about, self.way, self.style)
    }
}

impl Drop for Scene<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- it was {self}");
        }
    }
}

/// Every client of the folder, or the one that `CLIENT` names.
pub(super) async fn replay(store: Store, mode: Mode) {
    let mut stage = Stage::set(store, mode).await;
    let only = std::env::var_os("CLIENT").map(|file| file.into_string().unwrap());
    let mut connected = 0;
    for card in cards().iter().filter(|card| only.as_ref().is_none_or(|only| *only == card.file)) {
        let times = stage.play(card).await;
        assert_eq!(times > 0, !card.visits.is_empty(), "{}", card.file);
        connected += times;
    }
    assert!(connected > 0, "nobody came");
}

fn resources() -> String {
    let with = |url: &str, more: &str| {
        format!(
            r#"{{ url = "{url}", name = "Files", scopes = {{ "files:read" = "Read your files", "files:write" = "Change and delete your files" }}{more} }}"#
        )
    };
    let files = super::card::Mcp::Files.url();
    let aliased = with(super::card::Mcp::Aliased.url(), ", origin_alias = true");
    let origin = with(super::card::Mcp::Origin.url(), "");
    let mail = format!(r#"{{ url = "{MAIL}", name = "Mail", scopes = {{ "mail:read" = "Read your mail" }} }}"#);
    format!("resources = [{}, {aliased}, {origin}, {mail}]\ndefault_resource = \"{files}\"\n", with(files, ""))
}

impl Stage {
    pub(super) async fn set(store: Store, mode: Mode) -> Self {
        let table = match mode {
            Mode::Open => "mode = \"open\"",
            Mode::InitialAccessToken => "mode = \"initial_access_token\"",
            Mode::Off => "mode = \"off\"",
        };
        let registration = format!("{table}\nper_source_per_hour = 1000000");
        let vendors = Vendors::open().await;
        let setup = Setup::on(store).resources(&resources()).table("registration", &registration).table("egress", &vendors.trusted());
        let server = setup.start().await;
        let token = (mode == Mode::InitialAccessToken).then(|| {
            let shown = server.cli(&["registration-token", "add", "Corpus", "--json"]).expect().json();
            shown["token"].as_str().unwrap().to_owned()
        });
        let metadata = server.get("/.well-known/oauth-authorization-server").await.expect(200).json();
        // K-02: who reads nothing of this guesses these three (MCP-AS-12, MCP-AS-186)
        for (member, path) in
            [("authorization_endpoint", "/authorize"), ("token_endpoint", "/token"), ("registration_endpoint", "/register")]
        {
            let is_told = mode != Mode::Off || path != "/register";
            assert_eq!(metadata.get(member), is_told.then(|| json!(server.url(path))).as_ref(), "{member}");
        }
        assert_eq!(metadata["authorization_response_iss_parameter_supported"], true, "K-12");
        // K-01: with one of the two missing, it registers instead
        assert_eq!(metadata["client_id_metadata_document_supported"], true);
        assert!(metadata["token_endpoint_auth_methods_supported"].as_array().unwrap().contains(&json!("none")));
        let audiences = [super::card::Mcp::Files, super::card::Mcp::Aliased, super::card::Mcp::Origin].map(super::card::Mcp::url);
        let checker = server.resource_server(&audiences).await;
        Self { mode, token, metadata, ada: server.person("ada"), checker, vendors, server }
    }

    /// Everything that is known of a client; returns how often it got in.
    pub(super) async fn play(&mut self, card: &Card) -> usize {
        let mut connected = 0;
        for visit in &card.visits {
            for known in self.acquaint(card).await {
                if visit.ways.is_empty() || visit.ways.contains(&known.way) {
                    connected += self.visit(card, visit, &known).await;
                }
            }
        }
        connected
    }

    /// The server comes to know the client, in each way that this mode has for it.
    async fn acquaint(&self, card: &Card) -> Vec<Known> {
        let mut known: Vec<Known> = card.documents.iter().map(|document| self.vendors.publish(document)).collect();
        if self.mode == Mode::Off {
            for body in &card.registrations {
                Answer::to(self.server.request("POST", "/register").json(body)).await.expect_error(404, "not_found");
            }
        }
        if self.mode == Mode::Off || card.registrations.is_empty() {
            known.extend(self.added(card));
            return known;
        }
        for body in &card.registrations {
            known.push(self.register(card, &self.filled(&serde_json::to_value(body).unwrap())).await);
        }
        known
    }

    /// Registers it as it registers itself, and reads the answer as strictly as the SDKs do.
    async fn register(&self, card: &Card, body: &Value) -> Known {
        let request = self.server.request("POST", "/register").timeout(card.waits(|patience| patience.answers)).json(body);
        let request = match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let answer = Answer::to(request).await;
        assert_eq!(answer.status, 201, "{}: {}", card.file, answer.body);
        let client = answer.json();
        let name = format!("{}: {client}", card.file);
        // K-20
        assert!(!answer.body.contains(":null"), "{name}");
        assert!(client["client_id_issued_at"].is_u64(), "{name}");
        assert_eq!(client["redirect_uris"], body["redirect_uris"], "{name}");
        let method = body["token_endpoint_auth_method"].as_str().unwrap_or("none");
        assert_eq!(client["token_endpoint_auth_method"], method, "{name}");
        let secret = client["client_secret"].as_str();
        assert_eq!(secret.is_some(), method != "none", "{name}");
        assert_eq!(client.get("client_secret_expires_at"), secret.map(|_| json!(0)).as_ref(), "{name}");
        for grant in client["grant_types"].as_array().expect("grant_types") {
            assert!(self.metadata["grant_types_supported"].as_array().unwrap().contains(grant), "{name}");
        }
        let known = Known {
            id: client["client_id"].as_str().unwrap().to_owned(),
            secret: secret.map(str::to_owned),
            way: Way::Registration,
            key: None,
        };
        known.assert_reads_the_same_in_any_encoding();
        known
    }

    /// Adds it as the operator does: from the preset where there is one, with a secret besides where it can be given one.
    fn added(&self, card: &Card) -> Vec<Known> {
        if !card.can_be_added() {
            return Vec::new();
        }
        let mut known = vec![self.add(card, &[])];
        if card.operator.secret {
            known.push(self.add(card, &["--confidential"]));
        }
        known
    }

    fn add(&self, card: &Card, more: &[&str]) -> Known {
        let uris = card.operators_uris();
        let mut arguments = vec!["client", "add", "--json"];
        arguments.extend(match &card.preset {
            Some(preset) => ["--preset", preset],
            None => ["--name", &card.title],
        });
        arguments.extend(uris.iter().flat_map(|uri| ["--redirect-uri", uri]));
        arguments.extend(more);
        let made = self.server.cli(&arguments).expect().json();
        let secret = made["client_secret"].as_str().map(str::to_owned);
        assert_eq!(secret.is_some(), made["token_endpoint_auth_method"] != "none", "{made}");
        let known = Known { id: made["client_id"].as_str().unwrap().to_owned(), secret, way: Way::Operator, key: None };
        known.assert_reads_the_same_in_any_encoding();
        known
    }

    /// Connects, once for each way of sending a secret.
    pub(super) async fn visit(&mut self, card: &Card, visit: &Visit, known: &Known) -> usize {
        let styles: Vec<Option<Style>> = match (&known.secret, &known.key) {
            (Some(_), _) => visit.secret.iter().copied().map(Some).collect(),
            (None, Some((_, true))) => vec![Some(Style::Assertion), None],
            (None, Some((_, false))) => vec![Some(Style::Assertion)],
            (None, None) => vec![None],
        };
        for style in &styles {
            let scene = Scene { card, visit, way: known.way, style: *style };
            self.connect(&scene, known).await;
        }
        styles.len()
    }

    async fn connect(&mut self, scene: &Scene<'_>, known: &Known) {
        let Scene { card, visit, .. } = scene;
        let ask = self.ask(visit, known);
        let place = self.ada.arrive(&ask).await;
        if visit.refused.contains(&known.way) {
            assert_eq!((place.left, place.answer.status), (false, 400), "{scene}: {}", place.answer.body);
            return;
        }
        let back = if place.left {
            place.url
        } else {
            // K-04: a form that may lead away, and is answered with a GET
            let policy = place.answer.header("content-security-policy").expect("a policy");
            assert!(!policy.contains("form-action"), "{scene}: {policy}");
            let form = place.try_form("/decision").unwrap_or_else(|| panic!("{scene}: {}", place.answer.body));
            let mut answer = self.ada.submit_only(&form, Some(("decision", "allow"))).await;
            loop {
                assert!(matches!(answer.status, 302 | 303), "{scene}: {} {}", answer.status, answer.body);
                let location = answer.location().expect("where to");
                match location.strip_prefix('/') {
                    Some(_) => answer = self.ada.get(&location).await,
                    None => break Url::parse(&location).unwrap(),
                }
            }
        };
        let code = self.answered(scene, &back, &ask);

        let mut form = BTreeMap::from([
            ("grant_type".to_owned(), "authorization_code".to_owned()),
            ("code".to_owned(), code),
            ("redirect_uri".to_owned(), visit.redirect_uri.clone()),
            ("code_verifier".to_owned(), ask.verifier),
        ]);
        form.extend(self.values(visit, &visit.redeem));
        let tokens = self.tokens(scene, known, form, card.waits(|patience| patience.answers)).await;
        self.assert_opens(scene, known, &tokens).await;

        let mut form = BTreeMap::from([
            ("grant_type".to_owned(), "refresh_token".to_owned()),
            ("refresh_token".to_owned(), tokens.refresh().to_owned()),
        ]);
        form.extend(self.values(visit, &visit.refresh));
        let next = self.tokens(scene, known, form, card.waits(|patience| patience.refresh)).await;
        assert_ne!(next.access, tokens.access, "{scene}");
        assert!(next.refresh.is_some(), "{scene}: and it can refresh again");
        self.assert_opens(scene, known, &next).await;
    }

    fn ask(&self, visit: &Visit, known: &Known) -> Ask {
        let mut ask = Ask::new(&known.id, &visit.redirect_uri).without("resource").without("scope");
        if let Some(verifier) = &visit.verifier {
            verifier.clone_into(&mut ask.verifier);
            ask = ask.with("code_challenge", &challenge_of(verifier));
        }
        self.values(visit, &visit.ask).into_iter().fold(ask, |ask, (name, value)| ask.with(&name, &value))
    }

    /// The browser is where the client waits, with each parameter once; returns the code.
    fn answered(&self, scene: &Scene<'_>, back: &Url, ask: &Ask) -> String {
        let waits_at = &scene.visit.redirect_uri;
        assert!(back.as_str().starts_with(&format!("{waits_at}{}", if waits_at.contains('?') { '&' } else { '?' })), "{scene}: {back}");
        let once = |name: &str| {
            let values: Vec<String> = back.query_pairs().filter(|(known, _)| known == name).map(|(_, value)| value.into_owned()).collect();
            assert_eq!(values.len(), 1, "{scene}: {name} in {back}");
            values.into_iter().next().unwrap()
        };
        assert_eq!((once("state"), once("iss")), (ask.state.clone(), self.server.issuer.clone()), "{scene}");
        once("code")
    }

    async fn tokens(&self, scene: &Scene<'_>, known: &Known, mut form: BTreeMap<String, String>, patience: Duration) -> Tokens {
        let mut request = self.server.request("POST", "/token").timeout(patience);
        let secret = known.secret.as_deref().unwrap_or_default();
        match scene.style {
            None => drop(form.insert("client_id".to_owned(), known.id.clone())),
            Some(Style::Post) => {
                form.insert("client_id".to_owned(), known.id.clone());
                form.insert("client_secret".to_owned(), secret.to_owned());
            }
            Some(Style::Assertion) => {
                let (key, _) = known.key.as_ref().expect("a key");
                form.insert("client_id".to_owned(), known.id.clone());
                form.insert("client_assertion_type".to_owned(), "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".to_owned());
                form.insert("client_assertion".to_owned(), key.assertion(&known.id, &self.server.issuer));
            }
            Some(Style::BasicRaw) => request = request.header("authorization", raw_basic(&known.id, secret)),
            Some(Style::BasicEncoded) => request = request.header("authorization", basic(&known.id, secret)),
        }
        let form: Vec<(String, String)> = form.into_iter().collect();
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(encoded(&form));
        let answer = Answer::to(request).await;
        assert_eq!(answer.status, 200, "{scene}: {}", answer.body);
        assert!(!answer.body.contains(":null"), "{scene}: {}", answer.body);
        // K-24: `Tokens` wants Bearer, in this spelling
        Tokens::of(&answer)
    }

    /// The token is for this MCP server in its registered spelling, says what it may, and is good.
    async fn assert_opens(&self, scene: &Scene<'_>, known: &Known, tokens: &Tokens) {
        let claims = tokens.claims();
        assert_eq!(claims["iss"], json!(self.server.issuer), "{scene}");
        assert_eq!(claims["aud"], scene.visit.mcp.url(), "{scene}");
        assert_eq!(claims["client_id"], known.id, "{scene}");
        assert_eq!(claims["scope"], scene.visit.granted, "{scene}");
        assert_eq!(tokens.scope, scene.visit.granted, "{scene}");
        let told = self.checker.introspect(&tokens.access).await.expect(200).json();
        assert_eq!((&told["active"], &told["aud"], &told["scope"]), (&json!(true), &claims["aud"], &claims["scope"]), "{scene}: {told}");
    }

    fn values(&self, visit: &Visit, given: &BTreeMap<String, String>) -> Vec<(String, String)> {
        let fill = |value: &String| self.fill(value).replace("{mcp}", visit.mcp.url()).replace("{origin}", visit.mcp.origin());
        given.iter().map(|(name, value)| (name.clone(), fill(value))).collect()
    }

    fn fill(&self, value: &str) -> String {
        let listed = self.metadata["scopes_supported"].as_array().expect("scopes_supported").iter();
        let listed: Vec<&str> = listed.map(|scope| scope.as_str().unwrap()).collect();
        value.replace("{listed}", &listed.join(" ")).replace("{needed}", "files:read files:write")
    }

    /// The texts of a JSON object, filled in.
    fn filled(&self, body: &Value) -> Value {
        serde_json::from_str(&self.fill(&body.to_string())).unwrap()
    }
}

impl Known {
    /// MCP-AS-57: some SDKs encode names and secrets before they send them, some do not.
    fn assert_reads_the_same_in_any_encoding(&self) {
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        assert!(is_plain(&self.id) && self.secret.as_deref().is_none_or(is_plain), "{}", self.id);
    }
}

impl Card {
    fn waits(&self, which: impl Fn(super::card::Patience) -> u64) -> Duration {
        self.patience.map_or(crate::harness::PATIENCE, |patience| Duration::from_secs(which(patience)))
    }
}

fn raw_basic(id: &str, secret: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}")))
}
