//! Being signed in: in one browser, for a while.

use crate::harness::{Person, Server, Setup, Store, on_both_stores, spoiled};

/// Whether the browser is signed in.
async fn is_in(person: &mut Person) -> bool {
    person.open("/account").await.try_form("/sign-in").is_none()
}

/// A browser that sends one cookie only.
fn with_cookie(server: &Server, cookie: (&str, &str)) -> Person {
    let mut browser = server.person("ada");
    browser.cookies.insert(cookie.0.to_owned(), cookie.1.to_owned());
    browser
}

fn session_cookie(person: &Person) -> (String, String) {
    let (name, value) = person.cookies.iter().find(|(name, _)| name.contains("session")).expect("a session");
    (name.clone(), value.clone())
}

on_both_stores! {
    // OA-SE-01, OA-SE-12, MCP-AS-44: opaque, for this host, out of reach of scripts
    async fn a_session_is_a_cookie_that_says_nothing(store: Store) {
        let server = Server::start(store).await;
        let mut ada = server.person("ada");
        let place = ada.open("/sign-in").await;
        let mut form = place.form("/sign-in");
        form.set("username", "ada");
        form.set("password", &ada.password.clone());
        let answer = ada.submit_only(&form, None).await;
        assert_eq!(answer.status, 303);
        let set = answer.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap()).find(|line| line.contains("session")).unwrap();
        for attribute in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Max-Age="] {
            assert!(set.contains(attribute), "{set}");
        }
        assert!(!set.contains("Domain") && !set.contains("ada"), "{set}");
        assert!(is_in(&mut ada).await);
    }

    // OA-SE-01: an id that somebody planted is not the one the person is signed in under
    async fn a_planted_session_is_replaced_at_the_sign_in(store: Store) {
        let server = Server::start(store).await;
        server.add_account("mallory");
        let mut mallory = server.person("mallory");
        mallory.sign_in_at_home().await;
        let (name, planted) = session_cookie(&mallory);
        // the victim's browser carries the attacker's session, and the victim signs in
        let client = server.client().await;
        let mut ada = with_cookie(&server, (&name, &planted));
        let place = ada.open(&client.ask().with("prompt", "login").path()).await;
        ada.sign_in(&place).await;
        let (_, fresh) = session_cookie(&ada);
        assert_ne!(fresh, planted);
        let mut attacker = with_cookie(&server, (&name, &planted));
        assert!(!is_in(&mut attacker).await, "the planted session is nobody's now");
    }

    // OA-SE-13, OA-CR-03
    async fn a_cookie_that_was_tampered_with_counts_as_none(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let ask = client.ask();
        let code = ada.code_for(&ask).await;
        let (name, value) = session_cookie(&ada);
        let changed = spoiled(&value);
        let browser = ada.cookies.iter().find(|(name, _)| name.contains("browser")).unwrap().1.clone();
        for bad in [changed.as_str(), "", "x", &"x".repeat(6000), &code, &browser, "../../x", "%00"] {
            let mut other = with_cookie(&server, (&name, bad));
            let place = other.open("/account").await;
            assert_eq!(place.answer.status, 200);
            assert!(place.try_form("/sign-in").is_some(), "{bad}");
        }
        assert!(is_in(&mut ada).await);
    }

    // OA-SE-01, OA-AB-08: signed out is signed out, whoever kept a copy of the cookie
    async fn after_the_sign_out_the_cookie_is_worth_nothing(store: Store) {
        let server = Server::start(store).await;
        let mut ada = server.person("ada");
        ada.sign_in_at_home().await;
        let (name, value) = session_cookie(&ada);
        let account = ada.open("/account").await;
        let sign_out = account.forms().into_iter().find(|form| form.action.ends_with("/sign-out")).expect("a way to sign out");
        ada.submit(&sign_out, None).await;
        assert!(!is_in(&mut ada).await);
        assert!(!is_in(&mut with_cookie(&server, (&name, &value))).await);
    }

    // OA-AB-01, OA-CR-04, OA-CR-08: the same answer for an unknown name; no permanent lock
    async fn wrong_passwords_have_to_wait_and_unknown_names_too(store: Store) {
        let server = Setup::on(store).table("limits", "login_failures_per_account = 2\nlongest_login_wait = \"1s\"").start().await;
        let mut texts = Vec::new();
        for name in ["ada", "nobody"] {
            let mut person = server.person(name);
            let place = person.open("/sign-in").await;
            for _ in 0..2 {
                let wrong = person.sign_in_with(place.form("/sign-in"), "wrong password").await;
                assert_eq!(wrong.answer.status, 200, "the page again, which says what is wrong");
                let csrf = wrong.form("/sign-in").field("csrf").unwrap().to_owned();
                texts.push(wrong.answer.body.replace(name, "NAME").replace(&csrf, "CSRF"));
            }
            let held = person.sign_in_with(place.form("/sign-in"), "wrong password").await;
            assert_eq!(held.answer.status, 429, "{}", held.answer.body);
            assert!(held.answer.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok()));
        }
        texts.dedup();
        assert_eq!(texts.len(), 1, "the page tells which names exist");
        // it is a wait, and no lock
        let mut ada = server.person("ada");
        let place = ada.open("/sign-in").await;
        let started = std::time::Instant::now();
        while ada.sign_in(&place).await.answer.status == 429 {
            assert!(started.elapsed().as_secs() < 10, "the wait does not end");
            tokio::task::yield_now().await;
        }
        assert!(is_in(&mut ada).await);
    }
}

// OA-SE-01: used, it slides; unused, it ends; and it ends in any case
#[tokio::test]
async fn a_session_slides_while_it_is_used_and_ends_after_two_weeks() {
    let mut server = Setup::on(Store::Sqlite).start().await;
    let (mut busy, mut idle) = (server.person("ada"), server.person("ada"));
    busy.sign_in_at_home().await;
    idle.sign_in_at_home().await;
    server.restart_at(Some("+11h")).await;
    assert!(is_in(&mut busy).await);
    server.restart_at(Some("+22h")).await;
    assert!(is_in(&mut busy).await);
    assert!(!is_in(&mut idle).await, "unused for half a day");
    let mut hours = 22;
    while hours + 11 < 14 * 24 {
        hours += 11;
        server.restart_at(Some(&format!("+{hours}h"))).await;
        assert!(is_in(&mut busy).await, "after {hours} hours");
    }
    server.restart_at(Some("+336h")).await;
    assert!(!is_in(&mut busy).await, "two weeks are over");
}

// OA-SE-14, MCP-AS-44: on https the cookie is bound to the host and to TLS
#[tokio::test]
async fn behind_https_cookies_are_locked_to_the_host() {
    let setup = Setup::on(Store::Sqlite).settings("issuer = \"https://auth.example.com\"\ntrusted_proxies = [\"127.0.0.0/8\"]");
    let server = setup.start().await;
    let answer = server.get("/sign-in").await;
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-") && cookie.contains("; Secure"), "{cookie}");
    assert!(answer.header("strict-transport-security").is_some());
}

// OA-AB-08: oldest first
#[tokio::test]
async fn a_person_has_so_many_sessions_and_the_oldest_goes() {
    let server = Setup::on(Store::Sqlite).unlimited().start().await;
    let mut first = server.person("ada");
    first.sign_in_at_home().await;
    for _ in 0..49 {
        server.person("ada").sign_in_at_home().await;
    }
    assert!(is_in(&mut first).await);
    server.person("ada").sign_in_at_home().await;
    assert_eq!(server.count("SELECT COUNT(*) FROM sessions").await, 50);
}
