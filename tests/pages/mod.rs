//! The pages over HTTP: what is around the words.

mod personal_tokens;

use crate::harness::{Answer, Client, Server, Setup, Store};

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let rest = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}")).1;
    rest.split_once(after).unwrap().0
}

// OA-HT-13, OA-SE-11, K-29: the code that a person quotes finds the lines in the log
#[tokio::test]
async fn an_error_page_says_what_to_do_and_by_which_code_it_is_found() {
    let server = Server::start(Store::Sqlite).await;
    let answer = server.get("/authorize?client_id=gone&redirect_uri=https%3A%2F%2Fevil.example%2F").await.expect(400);
    let code = between(&answer.body, "<code>", "</code>").to_owned();
    assert_eq!(answer.header("x-request-id"), Some(code.clone()));
    let started = std::time::Instant::now();
    while !server.log().lines().any(|line| line.contains(&code) && line.contains("authorize_refused")) {
        assert!(started.elapsed().as_secs() < 10, "{code} is not in the log");
        tokio::task::yield_now().await;
    }
    assert!(answer.body.contains("Remove this server in the app and add it again"), "{}", answer.body);
    assert!(!answer.body.contains("evil"), "nothing that was sent comes back: {}", answer.body);
    let nowhere = server.get("/nowhere/<script>").await.expect(404);
    assert!(nowhere.body.contains("There is no page") && !nowhere.body.contains("script"), "{}", nowhere.body);
    let head = Answer::to(server.request("HEAD", "/nowhere")).await.expect(404);
    assert!(head.body.is_empty() && head.header("content-security-policy").is_some());
}

#[tokio::test]
async fn style_and_icon_are_kept_until_they_change() {
    let server = Server::start(Store::Sqlite).await;
    let page = server.get("/sign-in").await.expect(200);
    for link in [between(&page.body, "rel=\"stylesheet\" href=\"", "\""), between(&page.body, "rel=\"icon\" href=\"", "\"")] {
        let first = server.get(link).await.expect(200);
        assert!(first.header("cache-control").is_some_and(|value| value.contains("immutable")), "{:?}", first.headers);
        assert_eq!(first.header("x-content-type-options").as_deref(), Some("nosniff"));
        assert!(first.header("set-cookie").is_none());
        let again = server.request("GET", link).header("if-none-match", first.header("etag").unwrap());
        assert!(Answer::to(again).await.expect(304).body.is_empty());
    }
    server.get("/assets/../portcullis.toml").await.expect(404);
    server.get("/assets/nothing.css").await.expect(404);
}

// EA-063, OA-SE-11
#[tokio::test]
async fn a_wrong_password_shows_the_form_again_with_what_was_typed_but_no_secret() {
    let server = Server::start(Store::Sqlite).await;
    let mut ada = server.person("ada");
    let place = ada.open("/sign-in").await;
    let place = ada.sign_in_with(place.form("/sign-in"), "not my password").await;
    assert_eq!(place.answer.status, 200);
    assert!(!place.answer.body.contains("not my password"));
    let form = place.form("/sign-in");
    assert_eq!((form.field("username"), form.field("password")), (Some("ada"), Some("")));
    assert!(ada.sign_in_with(form, &ada.password.clone()).await.url.path().ends_with("/account"));
}

// MCP-AS-43: a stranger writes nothing into our forms but what could be a name
#[tokio::test]
async fn a_login_hint_is_a_name_or_nothing() {
    let server = Server::start(Store::Sqlite).await;
    let client = server.client().await;
    let mut ada = server.person("ada");
    for (hint, shown) in [("ada@example.com", "ada@example.com"), ("\u{202E}ada", ""), (&*"call 555 and say your password ".repeat(3), "")]
    {
        let place = ada.open(&client.ask().with("login_hint", hint).path()).await;
        assert_eq!(place.form("/sign-in").field("username"), Some(shown), "{hint}");
    }
}

// OA-AZ-23, OA-AZ-16, OA-SE-02: back to a stranger's app by one's own click, once
#[tokio::test]
async fn the_way_back_to_a_refused_app_is_a_form_of_ours() {
    let server = Setup::on(Store::Sqlite).table("authorization", "error_redirects = \"known_clients\"").start().await;
    let client = Client::register(&server, "https://evil.example/landing").await;
    let mut ada = server.person("ada");
    let place = ada.arrive(&client.ask().with("response_type", "token")).await;
    assert!(!place.answer.body.contains("href=\"https://evil"), "{}", place.answer.body);
    let form = place.form("/return");
    let mut forged = form.clone();
    forged.set("csrf", "x");
    assert_eq!(ada.submit(&forged, None).await.answer.status, 403);
    let back = ada.submit(&form, None).await;
    assert_eq!((back.left, back.parameter("error").as_deref()), (true, Some("unsupported_response_type")));
    assert_eq!(ada.submit(&form, None).await.answer.status, 400, "once");
    // the form is of no use for a request that a person has to answer
    let asked = ada.arrive(&client.ask()).await;
    let csrf = asked.form("/switch-account").field("csrf").unwrap().to_owned();
    let path = asked.form("/decision").action.replace("/decision", "/return");
    let request = ada.post(&path, &format!("csrf={csrf}"));
    assert_eq!(ada.send(request).await.status, 403);
}

// OA-AZ-27: a second click is told so, and shown the way on
#[tokio::test]
async fn an_answer_that_was_interrupted_can_be_continued() {
    let server = Server::start(Store::Sqlite).await;
    let client = server.client().await;
    let mut ada = server.person("ada");
    let ask = client.ask();
    let form = ada.arrive(&ask).await.form("/decision");
    ada.submit_only(&form, Some(("decision", "allow"))).await.expect(303);
    let second = ada.submit(&form, Some(("decision", "deny"))).await;
    assert_eq!(second.answer.status, 400);
    let on = between(&second.answer.body, "<a href=\"", "\"").to_owned();
    let code = ada.open(&on).await.code();
    client.redeem(&code, &ask.verifier).await.expect(200);
    let third = ada.submit(&form, Some(("decision", "allow"))).await;
    assert!(third.answer.status == 400 && !third.answer.body.contains(">Continue<"), "{}", third.answer.body);
}

// OA-AZ-17: what one person decided is not another's answer
#[tokio::test]
async fn whoever_takes_over_decides_anew() {
    let server = Server::start(Store::Sqlite).await;
    server.add_account("bob");
    let client = server.client().await;
    let mut browser = server.person("ada");
    let ask = client.ask();
    let place = browser.arrive(&ask).await;
    browser.submit_only(&place.form("/decision"), Some(("decision", "allow"))).await.expect(303);
    let place = browser.submit(&place.form("/switch-account"), None).await;
    "bob".clone_into(&mut browser.name);
    let place = browser.sign_in(&place).await;
    let back = browser.deny(&place).await;
    assert_eq!(back.parameter("error").as_deref(), Some("access_denied"), "{}", back.answer.body);
}
