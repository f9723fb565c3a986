//! An OAuth client.

use base64::Engine as _;
use serde_json::{Value, json};

use super::{Answer, Ask, Person, Server, server::encoded};

/// A client of a server: what it knows of itself, and how it speaks.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) secret: Option<String>,
    pub(crate) redirect_uri: String,
    address: String,
    http: reqwest::Client,
}

/// What the token endpoint gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: Option<String>,
    pub(crate) scope: String,
    pub(crate) expires_in: u64,
}

impl Tokens {
    #[track_caller]
    pub(crate) fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{}", answer.body);
        let body = answer.json();
        assert_eq!(body["token_type"], "Bearer", "{body}");
        Self {
            access: body["access_token"].as_str().expect("an access token").to_owned(),
            refresh: body["refresh_token"].as_str().map(str::to_owned),
            scope: body["scope"].as_str().unwrap_or_default().to_owned(),
            expires_in: body["expires_in"].as_u64().expect("expires_in"),
        }
    }

    pub(crate) fn refresh(&self) -> &str {
        self.refresh.as_deref().expect("a refresh token")
    }

    /// What the access token says, unchecked.
    pub(crate) fn claims(&self) -> Value {
        part(&self.access, 1)
    }

    pub(crate) fn header(&self) -> Value {
        part(&self.access, 0)
    }
}

fn part(token: &str, index: usize) -> Value {
    let text = token.split('.').nth(index).expect("a JWT has three parts");
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

impl Client {
    pub(crate) fn known(server: &Server, id: &str, secret: Option<&str>, redirect_uri: &str) -> Self {
        Self {
            id: id.to_owned(),
            secret: secret.map(str::to_owned),
            redirect_uri: redirect_uri.to_owned(),
            address: server.url(""),
            http: server.http().build().unwrap(),
        }
    }

    /// Registers a public client (RFC 7591).
    pub(crate) async fn register(server: &Server, redirect_uri: &str) -> Self {
        let metadata = json!({
            "client_name": "Test client",
            "redirect_uris": [redirect_uri],
            "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
        });
        Self::register_as(server, &metadata).await
    }

    pub(crate) async fn register_as(server: &Server, metadata: &Value) -> Self {
        let answer = Answer::to(server.request("POST", "/register").json(metadata)).await.expect(201);
        let body = answer.json();
        let redirect_uri = body["redirect_uris"][0].as_str().unwrap().to_owned();
        Self::known(server, body["client_id"].as_str().unwrap(), body["client_secret"].as_str(), &redirect_uri)
    }

    /// A confidential client that the operator makes; `arguments` go to `client add`.
    pub(crate) fn operator(server: &Server, name: &str, redirect_uri: &str, arguments: &[&str]) -> Self {
        let mut all = vec!["client", "add", "--name", name, "--confidential", "--json"];
        if !redirect_uri.is_empty() {
            all.extend(["--redirect-uri", redirect_uri]);
        }
        all.extend(arguments);
        let made = server.cli(&all).expect().json();
        Self::known(server, made["client_id"].as_str().expect("client_id"), made["client_secret"].as_str(), redirect_uri)
    }

    /// Speaks to another process of the same server.
    pub(crate) fn at(&self, server: &Server) -> Self {
        Self { address: server.url(""), ..self.clone() }
    }

    /// The same, with another secret.
    pub(crate) fn with_secret(&self, secret: &str) -> Self {
        Self { secret: Some(secret.to_owned()), ..self.clone() }
    }

    /// The same, with its answers coming to another address.
    pub(crate) fn answered_at(&self, redirect_uri: &str) -> Self {
        Self { redirect_uri: redirect_uri.to_owned(), ..self.clone() }
    }

    pub(crate) fn ask(&self) -> Ask {
        Ask::new(&self.id, &self.redirect_uri)
    }

    /// The whole way: the person allows, the code is redeemed.
    pub(crate) async fn connect(&self, person: &mut Person) -> Tokens {
        self.connect_with(person, self.ask()).await
    }

    pub(crate) async fn connect_with(&self, person: &mut Person, ask: Ask) -> Tokens {
        let code = person.code_for(&ask).await;
        Tokens::of(&self.redeem(&code, &ask.verifier).await)
    }

    pub(crate) async fn redeem(&self, code: &str, verifier: &str) -> Answer {
        self.try_redeem(code, verifier).await.unwrap()
    }

    pub(crate) async fn try_redeem(&self, code: &str, verifier: &str) -> Result<Answer, reqwest::Error> {
        let form =
            [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", &self.redirect_uri), ("code_verifier", verifier)];
        self.try_post("/token", &form).await
    }

    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        self.try_refresh(token).await.unwrap()
    }

    pub(crate) async fn try_refresh(&self, token: &str) -> Result<Answer, reqwest::Error> {
        self.try_post("/token", &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    pub(crate) async fn credentials(&self, more: &[(&str, &str)]) -> Answer {
        let mut form = vec![("grant_type", "client_credentials")];
        form.extend(more);
        self.post("/token", &form).await
    }

    pub(crate) async fn revoke(&self, token: &str) -> Answer {
        self.post("/revoke", &[("token", token)]).await
    }

    pub(crate) async fn introspect(&self, token: &str) -> Answer {
        self.post("/introspect", &[("token", token)]).await
    }

    /// A form, with the client's name or its credentials.
    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.try_post(path, form).await.unwrap()
    }

    async fn try_post(&self, path: &str, form: &[(&str, &str)]) -> Result<Answer, reqwest::Error> {
        let mut form = form.to_vec();
        let mut request = self.http.post(format!("{}{path}", self.address)).header("content-type", "application/x-www-form-urlencoded");
        match &self.secret {
            Some(secret) => request = request.header("authorization", basic(&self.id, secret)),
            None => form.push(("client_id", &self.id)),
        }
        Answer::try_to(request.body(encoded(&form))).await
    }
}

/// RFC 6749 §2.3.1: both are form-encoded first.
pub(crate) fn basic(id: &str, secret: &str) -> String {
    let form = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{}:{}", form(id), form(secret))))
}
