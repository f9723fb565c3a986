//! From the set-up link to an app that is taken its access away.

use super::{empty_server, set_up};
use crate::harness::{CALLBACK, Screen, Theme, Tokens};

// OA-SE-04, OA-SE-10, MCP-AS-45, MCP-AS-46
#[tokio::test]
async fn a_person_signs_in_leaves_a_scope_out_and_takes_it_all_back_later() {
    let server = empty_server().await;
    let client = server.client().await;
    for (screen, theme) in [(Screen::Phone, Theme::Dark), (Screen::Desktop, Theme::Light)] {
        let browser = server.browser(screen).await;
        browser.theme(theme).await;
        if screen == Screen::Phone {
            set_up(&browser, &server).await;
            assert_eq!(browser.url().await.path(), "/account");
            assert!(!server.folder().join("setup-link").exists(), "the used link stays");
        }
        let ask = client.ask().with("scope", "files:read files:write").with("prompt", "login");
        browser.go(&server.url(&ask.path())).await;
        assert!(browser.text().await.contains("Test client asks to use Files"));
        browser.sign_in("ada").await;
        browser.press("input[value='files:write']").await;
        browser.decide("ada", "allow").await;
        let arrived = browser.leave(&server).await;
        assert!(arrived.as_str().starts_with(CALLBACK), "{arrived}");
        let parameter = |name: &str| arrived.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned());
        assert_eq!(parameter("state").as_ref(), Some(&ask.state));
        let tokens = Tokens::of(&client.redeem(&parameter("code").unwrap(), &ask.verifier).await);
        assert_eq!(tokens.scope, "files:read");

        browser.go(&server.url("/account")).await;
        let text = browser.text().await;
        assert!(text.contains("Test client") && text.contains("Read your files") && !text.contains("Change and delete"), "{text}");
        browser.press("form[action$='/revoke'] button").await;
        assert!(browser.text().await.contains("No app is connected"));
        client.refresh(tokens.refresh()).await.expect_error(400, "invalid_grant");
        browser.press("form[action$='/sign-out'] button").await;
        assert_eq!(browser.url().await.path(), "/sign-in");
    }
}

// OA-AZ-27, OA-SE-04: a key that is pressed too early allows nothing
#[tokio::test]
async fn the_return_key_denies() {
    let server = empty_server().await;
    let client = server.client().await;
    let browser = server.browser(Screen::Desktop).await;
    set_up(&browser, &server).await;
    browser.go(&server.url(&client.ask().with("scope", "files:read files:write").path())).await;
    browser.find("input[value='files:write']").await.send_keys("\u{E007}").await.unwrap();
    let arrived = browser.leave(&server).await;
    assert!(arrived.query().is_some_and(|query| query.contains("error=access_denied")), "{arrived}");
}

// MCP-AS-32, OA-SE-02: what a browser really sends along with our forms is taken
#[tokio::test]
async fn whoever_did_not_start_it_says_so_and_nothing_is_allowed() {
    let server = empty_server().await;
    let client = server.client().await;
    let browser = server.browser(Screen::Desktop).await;
    set_up(&browser, &server).await;
    browser.go(&server.url(&client.ask().path())).await;
    browser.press("form[action$='/switch-account'] button").await;
    browser.sign_in("ada").await;
    browser.decide("ada", "not_me").await;
    let arrived = browser.leave(&server).await;
    assert!(arrived.query().is_some_and(|query| query.contains("error=access_denied") && !query.contains("code=")), "{arrived}");
    browser.go(&server.url("/account")).await;
    assert!(browser.text().await.contains("No app is connected"));
}
