//! What one input of a row knows: the values its placeholders stand for.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, TcpListener},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    craft,
    row::{Craft, Input},
    stage::Stage,
};
use crate::harness::{Answer, Ask, Client, FILES, Form, MAIL, Person, Tokens};

/// Lives as long as one input.
pub(super) struct World<'s> {
    pub(super) stage: &'s mut Stage,
    pub(super) client: Client,
    pub(super) person: Person,
    /// The form of the page that was opened.
    pub(super) form: Option<Form>,
    pub(super) values: BTreeMap<String, String>,
    /// What may stand in no log.
    pub(super) secrets: Vec<String>,
    ask: Ask,
    craft: Craft,
    trap: Option<TcpListener>,
}

impl<'s> World<'s> {
    pub(super) async fn new(stage: &'s mut Stage, input: &Input) -> Self {
        let client = stage.client(input.client.as_deref().unwrap_or("public")).await;
        let person = match input.person.as_deref().unwrap_or("ada") {
            "ada" => stage.ada().await,
            "stranger" => stage.server.person("ada"),
            "own" => own_person(stage).await,
            name => panic!("nobody knows the person {name}"),
        };
        let ask = client.ask().with("scope", "files:read files:write");
        let secrets = vec![ask.verifier.clone(), ask.state.clone(), person.password.clone()];
        Self { stage, client, person, form: None, values: BTreeMap::new(), secrets, ask, craft: input.token.clone(), trap: None }
    }

    /// Puts values where the placeholders are. What is no placeholder of ours stays.
    pub(super) async fn fill(&mut self, text: &str) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let name = after.split_once('}').filter(|(name, _)| !name.is_empty() && !name.contains(['"', '{', ':']));
            if let Some((name, after)) = name {
                filled.push_str(&self.value(name).await);
                rest = after;
            } else {
                filled.push('{');
                rest = after;
            }
        }
        filled + rest
    }

    async fn value(&mut self, name: &str) -> String {
        if let Some(known) = self.values.get(name) {
            return known.clone();
        }
        if let Some(number) = name.strip_suffix(" scopes") {
            return (0..number.parse().unwrap()).map(|number: u32| format!("s{number}")).collect::<Vec<_>>().join(" ");
        }
        if let Some((text, times)) = name.split_once('*') {
            return text.repeat(times.parse().unwrap());
        }
        let value = match name {
            "verifier" => self.ask.verifier.clone(),
            "challenge" => parameter(&self.ask, "code_challenge"),
            "state" => self.ask.state.clone(),
            "issuer" => self.stage.server.issuer.clone(),
            "port" => self.stage.server.port.to_string(),
            "host" => format!("127.0.0.1:{}", self.stage.server.port),
            "callback" => self.client.redirect_uri.clone(),
            "files" => FILES.to_owned(),
            "mail" => MAIL.to_owned(),
            "private" => "https://private.example.com/mcp".to_owned(),
            "person" => self.person.name.clone(),
            "password" => self.person.password.clone(),
            "client" => self.client.id.clone(),
            "secret" => self.client.secret.clone().expect("the client has a secret"),
            "basic" => basic(&self.client.id, self.client.secret.as_deref().unwrap_or_default()),
            "basic of wrong secret" => basic(&self.client.id, "cs_wrong-wrong-wrong"),
            "basic of unknown client" => basic("nobody-here", "cs_wrong-wrong-wrong"),
            "basic without secret" => basic(&self.client.id, ""),
            "access forged" => self.forged_token().await,
            "mail access" => self.mail_token().await,
            "initial" => self.stage.initial_access_token().await,
            "33 redirect URIs" => (0..33).map(|number| format!("\"https://app.example.com/{number}\"")).collect::<Vec<_>>().join(","),
            "code cut" => self.cut_code().await,
            "many pairs" => (0..101).map(|number| format!("p{number}=1")).collect::<Vec<_>>().join("&"),
            "code" => self.code().await,
            "access" | "refresh" | "parent" | "spent" => return self.token(name).await,
            "token" => self.crafted(&self.craft.clone()).await,
            "good token" => self.crafted(&Craft::default()).await,
            "json token" => craft::in_json(&Box::pin(self.value("token")).await),
            "sample" => self.stage.sample(),
            "sample metadata" => self.stage.sample().replace("/mcp", "/.well-known/oauth-protected-resource/mcp"),
            "trap" => self.set_trap(),
            "csrf.elsewhere" => self.foreign_form_token().await,
            _ => self.value_of_client(name).await,
        };
        self.values.insert(name.to_owned(), value.clone());
        if matches!(
            name,
            "secret" | "basic" | "code" | "csrf.elsewhere" | "mail access" | "initial" | "token" | "good token" | "json token"
        ) {
            self.secrets.push(value.clone());
        }
        value
    }

    /// `machine.id`, `machine.secret`, `machine.basic`, `machine.callback`.
    async fn value_of_client(&mut self, name: &str) -> String {
        let Some((of, what)) = name.rsplit_once('.') else { panic!("nobody knows {{{name}}}") };
        let client = self.stage.client(of).await;
        match what {
            "id" => client.id,
            "callback" => client.redirect_uri,
            "secret" | "basic" => {
                let value = if what == "secret" {
                    client.secret.clone().expect("a secret")
                } else {
                    basic(&client.id, client.secret.as_deref().expect("a secret"))
                };
                self.secrets.push(value.clone());
                value
            }
            "access" => {
                let answer = client.credentials(&[("resource", FILES)]).await;
                let token = Tokens::of(&answer).access;
                self.secrets.push(token.clone());
                token
            }
            _ => panic!("nobody knows {{{name}}}"),
        }
    }

    /// A code that the person has given to the client.
    async fn code(&mut self) -> String {
        self.person.code_for(&self.ask).await
    }

    /// One letter of the signature is another.
    async fn forged_token(&mut self) -> String {
        let mut token = Box::pin(self.value("access")).await;
        let last = if token.ends_with('A') { "Q" } else { "A" };
        token.replace_range(token.len() - 1.., last);
        token
    }

    /// A token of the same client for another resource.
    async fn mail_token(&mut self) -> String {
        let ask = self.client.ask().with("resource", MAIL).with("scope", "mail:read");
        let client = self.client.clone();
        client.connect_with(&mut self.person, ask).await.access
    }

    async fn cut_code(&mut self) -> String {
        let mut code = Box::pin(self.value("code")).await;
        code.pop();
        code
    }

    async fn crafted(&mut self, craft: &Craft) -> String {
        let (issuer, audience) = (self.stage.server.issuer.clone(), self.stage.sample());
        let key = self.stage.signing_key().await;
        let mut craft = craft.clone();
        for table in [&mut craft.header, &mut craft.claims] {
            for (_, value) in table.iter_mut() {
                if let toml::Value::String(text) = value {
                    *text = Box::pin(self.fill(text)).await;
                }
            }
        }
        craft::craft(&craft, &key, &issuer, &audience)
    }

    /// The person ends something on their account page.
    pub(super) async fn end(&mut self, what: &str) {
        let place = self.person.open("/account").await;
        let action = if what == "grant" { "/revoke" } else { "/sign-out" };
        let form = place.form(action);
        let place = self.person.submit(&form, None).await;
        assert_eq!(place.answer.status, 200, "{}", place.answer.body);
    }

    /// Tokens of a connection made for this input. `spent` is the code behind them, `parent` the refresh token before this one.
    async fn token(&mut self, name: &str) -> String {
        assert_ne!(name, "parent", "nothing was refreshed yet");
        let code = Box::pin(self.value("code")).await;
        let answer = self.client.redeem(&code, &self.ask.verifier).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        self.values.insert("spent".to_owned(), code);
        self.values.remove("code");
        self.keep(&answer);
        self.values[name].clone()
    }

    /// Remembers what an answer gave.
    pub(super) fn keep(&mut self, answer: &Answer) {
        let Ok(serde_json::Value::Object(body)) = serde_json::from_str(&answer.body) else { return };
        let member = |name: &str| body.get(name).and_then(|value| value.as_str()).map(str::to_owned);
        for secret in ["access_token", "refresh_token", "client_secret"] {
            self.secrets.extend(member(secret));
        }
        if let Some(access) = member("access_token") {
            self.values.insert("access".to_owned(), access);
        }
        if let Some(refresh) = member("refresh_token") {
            let before = self.values.insert("refresh".to_owned(), refresh.clone());
            if let Some(before) = before.filter(|before| *before != refresh) {
                self.values.insert("parent".to_owned(), before);
            }
        }
    }

    /// An address that nothing of the server's may ever ask.
    fn set_trap(&mut self) -> String {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = format!("http://{}/trap", listener.local_addr().unwrap());
        self.trap = Some(listener);
        address
    }

    #[track_caller]
    pub(super) fn assert_no_packet(&self) {
        if let Some(trap) = &self.trap {
            let caught = trap.accept().map(|(_, from)| from);
            assert!(caught.is_err(), "the server asked an address out of a request");
        }
    }

    /// The token in the form of another request of the same browser.
    async fn foreign_form_token(&mut self) -> String {
        let place = self.person.open(&self.client.ask().path()).await;
        let action = if place.try_form("/decision").is_some() { "/decision" } else { "/sign-in" };
        place.form(action).field("csrf").expect("a form has a token").to_owned()
    }

    /// The request as it would be without mistakes.
    pub(super) fn ask(&self) -> Ask {
        self.ask.clone()
    }

    /// Session cookies are secrets too.
    pub(super) fn note_cookies(&mut self) {
        self.secrets.extend(self.person.cookies.values().cloned());
    }
}

fn parameter(ask: &Ask, name: &str) -> String {
    ask.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()).unwrap()
}

fn basic(id: &str, secret: &str) -> String {
    STANDARD.encode(format!("{id}:{secret}"))
}

async fn own_person(stage: &mut Stage) -> Person {
    let name = format!("p{}", crate::harness::random_text()[..12].to_lowercase().replace(['-', '_'], "x"));
    stage.server.add_account(&name);
    let mut person = stage.server.person(&name);
    person.sign_in_at_home().await;
    person
}
