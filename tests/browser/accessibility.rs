//! Every page, at three widths and in both themes, judged by axe-core, and measured.

use std::{fs, path::Path};

use serde_json::{Value, json};

use super::{empty_server, picture, set_up, setup_link};
use crate::harness::{Ask, Browser, CALLBACK, Client, MAIL, Screen, Server, Setup, Store, Theme};

const BOTH: &str = "files:read files:write";

/// The rules of WCAG 2.2 at level AA, and good practice besides.
const RULES: &str = "
    const done = arguments[arguments.length - 1];
    axe.run(document, { resultTypes: ['violations', 'incomplete'] }).then(
        found => done({
            violations: found.violations.map(rule => rule.id + ': ' + rule.help + ' ' + rule.nodes.map(node => node.html).join(' ')),
            unsure: found.incomplete.map(rule => rule.id + ': ' + rule.nodes.map(node => node.html).join(' ')),
            rules: found.passes.length,
        }),
        error => done({ violations: [String(error)], unsure: [], rules: 0 }),
    )";

/// Wider than the window; things to press that are too small to hit (WCAG 2.2, 2.5.8).
const MEASURES: &str = "
    const small = [...document.querySelectorAll('button, input:not([type=hidden]), fieldset label')]
        .filter(one => { const box = one.getBoundingClientRect(); return Math.min(box.width, box.height) < (one.type === 'checkbox' ? 20 : 44); });
    return {
        wide: document.documentElement.scrollWidth > document.documentElement.clientWidth,
        small: small.map(one => one.outerHTML),
        headings: document.querySelectorAll('h1').length,
        scripts: document.scripts.length,
    }";

fn axe() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/node/node_modules/axe-core/axe.min.js");
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}; tests/prepare installs it", file.display()))
}

struct Gallery {
    axe: String,
}

impl Gallery {
    /// Looks at the page in every way that somebody might.
    async fn visit(&self, browser: &Browser, name: &str) {
        // letters twice as large (WCAG 2.2, 1.4.4)
        browser.resize(Screen::Desktop).await;
        let enlarged = "document.documentElement.style.fontSize = arguments[0]; \
            return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        assert_eq!(browser.run(enlarged, vec!["200%".into()]).await, 0, "{name}, enlarged");
        browser.run(enlarged, vec!["".into()]).await;
        for theme in [Theme::Light, Theme::Dark] {
            browser.theme(theme).await;
            for screen in [Screen::Narrow, Screen::Phone, Screen::Desktop] {
                browser.resize(screen).await;
                let at = format!("{name}, {screen:?}, {theme:?}, {}", browser.url().await);
                let measured = browser.run(MEASURES, Vec::new()).await;
                assert_eq!(measured, json!({ "wide": false, "small": [], "headings": 1, "scripts": 0 }), "{at}");
                picture(browser, name, screen, theme).await;
                browser.run(&self.axe, Vec::new()).await;
                let found = browser.run_to_end(RULES).await;
                assert_eq!((&found["violations"], &found["unsure"]), (&Value::Array(Vec::new()), &Value::Array(Vec::new())), "{at}");
                assert!(found["rules"].as_u64().unwrap() > 15, "axe-core has hardly looked: {at}");
            }
        }
    }
}

/// An app that registered itself, under a name as nasty as they come.
async fn stranger(server: &Server, name: &str, redirect_uri: &str) -> Client {
    Client::register_as(server, &json!({ "client_name": name, "redirect_uris": [redirect_uri] })).await
}

// WCAG 2.2 AA; OA-SE-09, MCP-AS-41, MCP-AS-42
#[tokio::test]
async fn axe_finds_nothing_on_any_page_in_either_theme() {
    let server = empty_server().await;
    let browser = server.browser(Screen::Desktop).await;
    let gallery = Gallery { axe: axe() };

    browser.go(&setup_link(&server)).await;
    gallery.visit(&browser, "setup").await;
    browser.fill("username", "ada").await;
    browser.fill("password", "short").await;
    browser.fill("repeat", "short").await;
    browser.press("form button").await;
    assert_eq!(browser.find("#username").await.value().await.unwrap().as_deref(), Some("ada"), "what was typed stays");
    assert_eq!(browser.find("#password").await.value().await.unwrap().as_deref(), Some(""), "but no secret does");
    gallery.visit(&browser, "setup-mistake").await;
    set_up(&browser, &server).await;
    gallery.visit(&browser, "account-empty").await;
    browser.press("form[action$='/sign-out'] button").await;
    gallery.visit(&browser, "sign-in").await;

    let app = stranger(&server, "Claude", "https://claude.ai/api/mcp/auth_callback").await;
    let ask = app.ask().with("scope", "files:read");
    browser.go(&server.url(&ask.path())).await;
    gallery.visit(&browser, "sign-in-for-app").await;
    browser.fill("username", "ada").await;
    browser.fill("password", "not this one").await;
    browser.press("form[action$='/sign-in'] button").await;
    assert_eq!(browser.find("#username").await.value().await.unwrap().as_deref(), Some("ada"));
    gallery.visit(&browser, "sign-in-mistake").await;
    browser.sign_in("ada").await;
    gallery.visit(&browser, "consent-one-scope").await;
    connect(&browser, &server, &app, &ask).await;

    browser.go(&server.url(&app.ask().with("scope", BOTH).path())).await;
    gallery.visit(&browser, "consent-grown").await;
    let nasty = "\u{202E}An app with a very long name \"><b>of its own</b> that goes on and on and on and on and on";
    let local = stranger(&server, nasty, "http://127.0.0.1:4711/cb").await;
    let ask = local.ask().with("scope", BOTH);
    browser.go(&server.url(&ask.path())).await;
    gallery.visit(&browser, "consent-this-computer").await;
    let code = connect(&browser, &server, &local, &ask).await;
    // what ended by itself says so on the account page
    local.redeem(&code, &ask.verifier).await.expect_error(400, "invalid_grant");
    let scheme = stranger(&server, "Cursor", "cursor://anysphere.cursor-mcp/oauth/callback").await;
    browser.go(&server.url(&scheme.ask().with("resource", MAIL).with("scope", "mail:read").path())).await;
    gallery.visit(&browser, "consent-private-scheme").await;
    let foreign = stranger(&server, "\u{430}pple", "https://xn--pple-43d.com/cb").await;
    browser.go(&server.url(&foreign.ask().with("scope", BOTH).path())).await;
    gallery.visit(&browser, "consent-foreign-letters").await;

    let elsewhere = server.browser(Screen::Phone).await;
    elsewhere.sign_in("ada").await;
    browser.go(&server.url("/account")).await;
    gallery.visit(&browser, "account").await;
    browser.go(&server.url("/authorize?client_id=gone")).await;
    assert!(browser.text().await.contains("Remove this server in the app and add it again"), "K-29");
    gallery.visit(&browser, "error").await;
}

/// Allows what is asked, and redeems the code: what is not redeemed is not listed.
async fn connect(browser: &Browser, server: &Server, client: &Client, ask: &Ask) -> String {
    browser.decide("ada", "allow").await;
    let arrived = browser.leave(server).await;
    let code = arrived.query_pairs().find(|(name, _)| name == "code").unwrap_or_else(|| panic!("{arrived}")).1.into_owned();
    client.redeem(&code, &ask.verifier).await.expect(200);
    code
}

/// Sends the form of the consent page, but the browser stays and does not go where the answer says.
async fn decide_and_stay(browser: &Browser, server: &Server) {
    let mut twin = server.person("ada");
    let cookies = browser.devtools("Network.getCookies", json!({})).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    twin.cookies = cookies["cookies"].as_array().unwrap().iter().map(|cookie| (text(&cookie["name"]), text(&cookie["value"]))).collect();
    let place = twin.open(browser.url().await.path()).await;
    let answer = twin.submit_only(&place.form("/decision"), Some(("decision", "allow"))).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
}

// WCAG 2.2 AA; the pages that few people ever see
#[tokio::test]
async fn axe_finds_nothing_on_pages_that_are_rare() {
    let bare = "https://bare.example.com/mcp";
    let setup = Setup::on(Store::Sqlite).resources(&format!("resources = [\"{bare}\", \"{MAIL}\"]"));
    let server = setup.table("limits", "login_failures_per_account = 1").start().await;
    let browser = server.browser(Screen::Desktop).await;
    let gallery = Gallery { axe: axe() };

    let app = stranger(&server, "Claude", "https://claude.ai/api/mcp/auth_callback").await;
    browser.go(&server.url(&app.ask().with("resource", "https://nowhere.example.com").path())).await;
    assert!(browser.text().await.contains("sent you here"));
    gallery.visit(&browser, "sign-in-to-be-refused").await;

    let ask = app.ask().with("resource", bare).with("scope", "");
    browser.go(&server.url(&ask.path())).await;
    browser.sign_in("ada").await;
    assert!(!browser.has("input[type=checkbox]").await, "nothing to choose");
    gallery.visit(&browser, "consent-without-scopes").await;
    decide_and_stay(&browser, &server).await;
    browser.press("button[name=decision][value=allow]").await;
    assert!(browser.text().await.contains("Continue to the app."), "{}", browser.text().await);
    gallery.visit(&browser, "decided").await;

    let known = Client::operator(&server, "Workbench", CALLBACK, &[]);
    browser.go(&server.url(&known.ask().with("resource", bare).with("scope", "").path())).await;
    gallery.visit(&browser, "consent-known-app").await;
    browser.run("document.querySelector('form[action*=decision] [name=csrf]').value = 'forged'", Vec::new()).await;
    browser.press("button[name=decision][value=allow]").await;
    assert!(browser.text().await.contains("This form was not accepted"));
    gallery.visit(&browser, "form-refused").await;

    let stranger = server.browser(Screen::Desktop).await;
    // Each wait is twice as long as the one before, so soon one is longer than typing takes.
    while !stranger.text().await.contains("Too many attempts") {
        stranger.fill("username", "ada").await;
        stranger.fill("password", "not this one").await;
        stranger.press("form[action$='/sign-in'] button").await;
    }
    gallery.visit(&stranger, "too-many").await;
}

// OA-AZ-23: the page with the button of one's own
#[tokio::test]
async fn axe_finds_nothing_on_the_way_back_to_a_refused_app() {
    let strict = Setup::on(Store::Sqlite).without_accounts().table("authorization", "error_redirects = \"known_clients\"");
    let server = strict.start().await;
    let browser = server.browser(Screen::Desktop).await;
    let gallery = Gallery { axe: axe() };
    set_up(&browser, &server).await;
    let app = stranger(&server, "<script>alert(1)</script>", "https://evil.example/landing").await;
    browser.go(&server.url(&app.ask().with("response_type", "token").path())).await;
    gallery.visit(&browser, "return").await;
    let here = browser.url().await;
    browser.press("form[action$='/return'] button").await;
    let arrived = browser.leave(&server).await;
    assert!(arrived.as_str().starts_with("https://evil.example/landing?error=unsupported_response_type"), "{arrived}");
    browser.go(here.as_str()).await;
    assert!(browser.text().await.contains("Already answered"), "once");
    gallery.visit(&browser, "answered").await;
}

// WCAG 2.2 AA; from the account page to a token, and once more after a while
#[tokio::test]
async fn axe_finds_nothing_on_the_way_to_a_personal_token() {
    let mut server = Setup::on(Store::Sqlite).start().await;
    let browser = server.browser(Screen::Desktop).await;
    let gallery = Gallery { axe: axe() };
    browser.go(&server.url("/account")).await;
    browser.sign_in("ada").await;
    browser.press("a[href$='/account/tokens/new']").await;
    gallery.visit(&browser, "token-server").await;
    browser.press("main .list li a").await;
    gallery.visit(&browser, "token-new").await;
    browser.fill("name", "\u{202E}").await;
    browser.press("button.main").await;
    gallery.visit(&browser, "token-new-mistake").await;
    let name = "A backup that runs every night on a machine with a long name, yes";
    browser.fill("name", &name[..64]).await;
    browser.press("input[value='files:write']").await;
    browser.press("button.main").await;
    let text = browser.text().await;
    assert!(text.contains("Copy your token now") && text.contains("pc_pat_"), "{text}");
    gallery.visit(&browser, "token-made").await;
    browser.press(".foot a").await;
    assert!(!browser.text().await.contains("pc_pat_"), "shown once");
    gallery.visit(&browser, "account-tokens").await;
    server.restart_at(Some("+11m")).await;
    browser.go(&server.url("/account/tokens/new")).await;
    gallery.visit(&browser, "token-confirm").await;
    browser.fill("password", "not this one").await;
    browser.press("button.main").await;
    gallery.visit(&browser, "token-confirm-mistake").await;
}
