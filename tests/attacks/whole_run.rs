//! All that happens in a server's life, and all secrets that come up in it.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::json;

use crate::harness::{Answer, CALLBACK, Client, FILES, Person, Server, Setup, Tokens, encoded, random_text};

/// A secret, and what it is.
pub(super) type Secret = (&'static str, String);

/// Who took part, and everything that would let its reader in.
pub(super) struct WholeRun {
    pub(super) secrets: Vec<Secret>,
    client: Client,
    initial_access_token: String,
}

/// A server that waits for its first account, and lets clients register by a token.
pub(super) async fn start(setup: Setup) -> Server {
    let setup = setup.unlimited().without_accounts().env("PORTCULLIS_REGISTRATION_MODE", "initial_access_token");
    setup.env("PORTCULLIS_AUTHORIZATION_MOST_PENDING_PER_SOURCE", "100000").start().await
}

/// From the first account to the last revocation, with all that goes wrong on the way.
pub(super) async fn live_through_everything(server: &Server) -> WholeRun {
    let mut secrets = vec![("master key", std::fs::read_to_string(server.folder().join("master.key")).unwrap().trim().to_owned())];
    make_the_first_account(server, &mut secrets).await;
    let (initial_access_token, client) = register(server, &mut secrets).await;
    let mut ada = server.person("ada");
    let tokens = connect(server, &client, &mut ada, &mut secrets).await;
    secrets.extend(ada.cookies.values().map(|cookie| ("cookie", cookie.clone())));
    misuse(server, &client, &mut ada, &tokens, &mut secrets).await;
    WholeRun { secrets, client, initial_access_token }
}

async fn make_the_first_account(server: &Server, secrets: &mut Vec<Secret>) {
    let link = std::fs::read_to_string(server.folder().join("setup-link")).unwrap();
    secrets.push(("set-up link", link.trim().rsplit('/').next().unwrap().to_owned()));
    let mut operator = server.person("ada");
    let place = operator.open(link.trim()).await;
    let mut form = place.forms().pop().expect("the form behind the link");
    secrets.push(("form token of the set-up", form.field("csrf").unwrap().to_owned()));
    secrets.push(("password", operator.password.clone()));
    for (name, value) in [("username", "ada"), ("password", &operator.password), ("repeat", &operator.password)] {
        form.set(name, value);
    }
    let account = operator.submit(&form, None).await;
    assert_eq!(account.url.path(), "/account", "{}", account.answer.body);
    secrets.push(("form token of the account", account.form("/sign-out").field("csrf").unwrap().to_owned()));
    secrets.extend(operator.cookies.values().map(|cookie| ("cookie of the first browser", cookie.clone())));
    operator.submit(&account.form("/sign-out"), None).await;
}

async fn register(server: &Server, secrets: &mut Vec<Secret>) -> (String, Client) {
    let made = server.cli(&["registration-token", "add", "Workshop", "--json"]).expect().json();
    let token = made["token"].as_str().unwrap();
    secrets.push(("initial access token", token.to_owned()));
    let metadata = json!({ "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "client_secret_basic" });
    let answer = Answer::to(server.request("POST", "/register").bearer_auth(token).json(&metadata)).await.expect(201).json();
    let client = Client::known(server, answer["client_id"].as_str().unwrap(), answer["client_secret"].as_str(), CALLBACK);
    let secret = client.secret.clone().unwrap();
    secrets.push(("credentials of the client", BASE64_STANDARD.encode(format!("{}:{secret}", client.id))));
    secrets.push(("client secret", secret));
    (token.to_owned(), client)
}

async fn connect(server: &Server, client: &Client, ada: &mut Person, secrets: &mut Vec<Secret>) -> Tokens {
    let rs = server.resource_server(&[FILES]).await;
    secrets.push(("client secret of the resource server", rs.secret.clone().unwrap()));
    let ask = client.ask();
    let sign_in = ada.open(&ask.path()).await;
    secrets.push(("handle", sign_in.url.path().rsplit('/').next().unwrap().to_owned()));
    secrets.push(("form token of the sign-in", sign_in.form("/sign-in").field("csrf").unwrap().to_owned()));
    let place = ada.sign_in(&sign_in).await;
    secrets.push(("form token", place.form("/decision").field("csrf").unwrap().to_owned()));
    let code = ada.allow(&place).await.code();
    secrets.extend([("code", code.clone()), ("verifier", ask.verifier.clone()), ("state", ask.state.clone())]);
    client.redeem(&code, &"w".repeat(43)).await;
    let first = Tokens::of(&client.redeem(&code, &ask.verifier).await);
    let second = Tokens::of(&client.refresh(first.refresh()).await);
    client.refresh(first.refresh()).await.expect(200);
    let made = ["token", "add", "Backup", "--user", "ada", "--resource", FILES, "--scope", "files:read", "--json"];
    let personal = server.cli(&made).expect().json()["token"].as_str().unwrap().to_owned();
    assert!(rs.finds_active(&personal).await);
    secrets.push(("personal token", personal));
    make_a_token_by_hand(ada, secrets).await;
    for tokens in [&first, &second] {
        secrets.extend([("access token", tokens.access.clone()), ("refresh token", tokens.refresh().to_owned())]);
        assert!(rs.finds_active(&tokens.access).await);
        rs.introspect(tokens.refresh()).await.expect(200);
    }
    second
}

/// On the account page, where it is shown once.
async fn make_a_token_by_hand(ada: &mut Person, secrets: &mut Vec<Secret>) {
    let page = ada.open(&format!("/account/tokens/new?{}", encoded(&[("server", FILES)]))).await;
    let mut form = page.form("/account/tokens/new");
    form.set("name", "By hand");
    let made = ada.submit(&form, None).await;
    let token = made.answer.body.split("<code>").find(|part| part.starts_with("pc_pat_")).and_then(|part| part.split('<').next());
    secrets.push(("personal token made by hand", token.expect("it is shown").to_owned()));
}

/// Where things go wrong, more is logged.
async fn misuse(server: &Server, client: &Client, ada: &mut Person, tokens: &Tokens, secrets: &mut Vec<Secret>) {
    let in_the_url = random_text();
    server.get(&format!("/authorize?client_id={}&code_challenge={in_the_url}&state={in_the_url}&redirect_uri=x", client.id)).await;
    server.post_form(&format!("/token?client_secret={in_the_url}&refresh_token={in_the_url}"), &[("grant_type", "refresh_token")]).await;
    let nowhere = server.request("GET", &format!("/nowhere?access_token={in_the_url}"));
    Answer::to(nowhere.header("authorization", format!("Bearer {in_the_url}"))).await;
    secrets.push(("text in a URL", in_the_url));
    let wrong = random_text();
    let guess = client.with_secret(&wrong);
    guess.refresh(tokens.refresh()).await;
    guess.revoke(&tokens.access).await;
    secrets.push(("wrong secret", wrong));
    let wrong = random_text();
    let mut stranger = server.person("ada");
    let place = stranger.open("/sign-in").await;
    stranger.sign_in_with(place.form("/sign-in"), &wrong).await;
    secrets.push(("wrong password", wrong));
    let wrong = random_text();
    server
        .post_form("/token", &[("grant_type", "authorization_code"), ("code", &wrong), ("code_verifier", &wrong), ("client_id", "unknown")])
        .await;
    Answer::to(server.request("POST", "/register").header("authorization", format!("Bearer {wrong}")).body("{")).await;
    ada.open(&format!("/authorize/{wrong}")).await;
    ada.open(&format!("/setup/{wrong}")).await;
    secrets.push(("made-up text", wrong));
    client.revoke(tokens.refresh()).await;
    client.refresh(tokens.refresh()).await.expect_error(400, "invalid_grant");
}

/// Parameters of the endpoints, known and unknown.
const PARAMETERS: [&str; 26] = [
    "access_token",
    "assertion",
    "audience",
    "client_assertion",
    "client_assertion_type",
    "client_secret",
    "code",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "grant_type",
    "login_hint",
    "max_age",
    "password",
    "prompt",
    "redirect_uri",
    "refresh_token",
    "request",
    "request_uri",
    "resource",
    "response_mode",
    "response_type",
    "scope",
    "state",
    "token",
    "token_type_hint",
];

impl WholeRun {
    /// Sends each secret where it does not belong: whoever mixes things up is not to find it in a log.
    pub(super) async fn misplace_everything(&self, server: &Server) {
        for (_, secret) in &self.secrets {
            self.in_parameters(server, secret).await;
            in_paths_and_headers(server, secret).await;
            self.in_bodies(server, secret).await;
            // where a name is expected
            let mut stranger = server.person(secret);
            let place = stranger.open("/sign-in").await;
            stranger.sign_in_with(place.form("/sign-in"), secret).await;
        }
        // Any text may be a client's id, and is then logged; but none that can be told to be a secret of ours.
        for (_, secret) in self.secrets.iter().filter(|(_, secret)| secret.starts_with("pc_") || secret.starts_with("ey")) {
            Client::known(server, secret, Some(&self.client.id), CALLBACK).refresh("x").await;
            Client::known(server, secret, None, CALLBACK).revoke("x").await;
            server.get(&self.client.ask().with("client_id", secret).path()).await;
        }
    }

    async fn in_parameters(&self, server: &Server, secret: &str) {
        for name in PARAMETERS {
            server.get(&self.client.ask().with(name, secret).path()).await;
            let form = [("grant_type", "authorization_code"), ("code", "x"), ("code_verifier", "x")];
            let changed: Vec<(&str, &str)> = form.into_iter().filter(|(known, _)| *known != name).chain([(name, secret)]).collect();
            self.client.post("/token", &changed).await;
        }
        for path in ["/token", "/revoke", "/introspect"] {
            self.client.post(path, &[("grant_type", "refresh_token"), ("refresh_token", secret), ("token", secret)]).await;
            // as the name of a parameter, also twice
            self.client.post(path, &[("grant_type", "refresh_token"), (secret, ""), (secret, "")]).await;
            server.post_form(&format!("{path}?{}", encoded(&[("access_token", secret), (secret, "")])), &[]).await;
        }
        server.get(&self.client.ask().and(secret, "x").and(secret, "y").path()).await;
    }

    async fn in_bodies(&self, server: &Server, secret: &str) {
        for metadata in [
            json!({ "redirect_uris": [secret] }),
            json!({ "redirect_uris": [CALLBACK], "client_name": secret, "token_endpoint_auth_method": secret }),
            json!({ "redirect_uris": [CALLBACK], "scope": secret, "grant_types": [secret], "software_statement": secret }),
            json!({ (secret): secret }),
            json!(secret),
        ] {
            Answer::to(server.request("POST", "/register").bearer_auth(&self.initial_access_token).json(&metadata)).await;
        }
        for path in ["/token", "/register"] {
            Answer::to(server.request("POST", path).header("content-type", secret).body(secret.to_owned())).await;
        }
    }
}

async fn in_paths_and_headers(server: &Server, secret: &str) {
    let text = encoded(&[("", secret)]).trim_start_matches('=').to_owned();
    for before in ["/", "/authorize/", "/setup/", "/token/", "/.well-known/", "/.well-known/oauth-authorization-server/", "/account/"] {
        server.get(&format!("{before}{text}")).await;
        server.post_form(&format!("{before}{text}/decision"), &[("csrf", secret), ("decision", secret)]).await;
    }
    for name in
        ["authorization", "cookie", "origin", "referer", "user-agent", "x-request-id", "x-forwarded-for", "forwarded", "host", "dpop"]
    {
        Answer::to(server.request("POST", "/introspect").header(name, secret)).await;
        Answer::to(server.request("GET", "/account").header(name, format!("Bearer {secret}"))).await;
    }
}
