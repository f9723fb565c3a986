//! What every story with a real client has: the server with its sample, a browser,
//! somebody who may ask about tokens.

use serde_json::Value;
use url::Url;

use crate::harness::{Browser, Client, Screen, Server, Setup, Store, Tokens, free_port};

/// The tool for which the first permission is too narrow, and the scope it needs.
pub(super) const SCOPED_TOOL: &str = "reset_counter";
pub(super) const FURTHER_SCOPE: &str = "sample:admin";

/// The first scope and the further one.
pub(super) const ALL_SCOPES: [&str; 2] = [FURTHER_SCOPE, "sample:use"];

pub(super) struct Stage {
    pub(super) server: Server,
    /// The address of the sample MCP server, its resource identifier as well.
    pub(super) sample: String,
    pub(super) browser: Browser,
    checker: Client,
}

/// What the consent page said.
pub(crate) struct Question {
    pub(crate) text: String,
    pub(super) new: Vec<String>,
}

impl Stage {
    pub(super) async fn set() -> Self {
        let listen = format!("127.0.0.1:{}", free_port());
        let setup = Setup::on(Store::Sqlite).resources("").argument("--sample").argument("--sample-listen").argument(&listen);
        let server = setup.start().await;
        let sample = format!("http://{listen}/mcp");
        let checker = Client::operator(&server, "Sample", "", &["--introspect", &sample]);
        Self { browser: Browser::open(Screen::Desktop).await, sample, checker, server }
    }

    pub(super) async fn allow(&self, url: &str) -> Question {
        allow(&self.browser, url).await
    }

    /// The person takes the permission back on the account page.
    pub(super) async fn takes_back(&self) {
        self.browser.go(&self.server.url("/account")).await;
        self.browser.press("form[action$='/revoke'] button").await;
    }

    /// What the server says of a token to who may ask.
    pub(super) async fn introspected(&self, token: &str) -> Value {
        self.checker.introspect(token).await.expect(200).json()
    }

    /// A token for the sample, from this server, of this grant.
    #[track_caller]
    pub(super) fn claims(&self, access: &str) -> Value {
        let claims = Tokens { access: access.to_owned(), refresh: None, scope: String::new(), expires_in: 0 }.claims();
        assert_eq!(claims["iss"], self.server.issuer.as_str(), "{claims}");
        assert_eq!(claims["aud"], self.sample.as_str(), "{claims}");
        claims
    }
}

/// Follows the client's link, signs in as Ada if asked, reads the question, allows; returns what was asked.
pub(crate) async fn allow(browser: &Browser, url: &str) -> Question {
    browser.go(url).await;
    if browser.has("form[action$='/sign-in']").await {
        browser.sign_in("ada").await;
    }
    let question = Question { text: browser.text().await, new: marked_new(browser).await };
    browser.decide("ada", "allow").await;
    question
}

/// The scopes on the screen that are marked as new.
async fn marked_new(browser: &Browser) -> Vec<String> {
    let script = "return [...document.querySelectorAll('input[name=scope]')]
        .filter(box => /\\bnew$/.test(box.closest('label')?.innerText.trim())).map(box => box.value)";
    serde_json::from_value(browser.run(script, Vec::new()).await).unwrap()
}

/// A parameter of an address.
pub(super) fn parameter(url: &str, name: &str) -> Option<String> {
    let url = Url::parse(url).unwrap();
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

/// A step-up asks for what the client has and for what it lacks (MCP-CL-11).
#[track_caller]
pub(super) fn assert_asks_for_all(url: &str) {
    let asked = parameter(url, "scope").expect("a scope");
    let missing: Vec<_> = ALL_SCOPES.iter().filter(|scope| !scopes(&asked).contains(scope)).collect();
    assert!(missing.is_empty(), "{asked} lacks {missing:?}");
}

/// A list of scopes, in order.
pub(super) fn scopes(text: &str) -> Vec<&str> {
    let mut scopes: Vec<&str> = text.split(' ').filter(|scope| !scope.is_empty()).collect();
    scopes.sort_unstable();
    scopes
}
