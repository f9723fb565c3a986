//! EA-063, EA-065: what a sign-in tells, and where it leads.

use std::time::{Duration, Instant};

use super::one_error;
use crate::{
    atlas::{notation, row::Wish, stage::Stage},
    harness::{Answer, Person, Store, encoded},
};

/// OA-CR-04, OA-CR-08: the same page, the same words, about the same time.
pub(super) async fn a_wrong_password_looks_like_an_unknown_user(store: Store) {
    let mut wish = Wish::default();
    let limits = "login_failures_per_account = 100\nlogin_failures_per_source = 1000";
    wish.tables.insert("limits".to_owned(), limits.to_owned());
    let mut stage = Stage::start(store, &wish).await;
    let client = stage.client("public").await;
    let mut stranger = stage.server.person("ada");
    let place = stranger.open(&client.ask().path()).await;
    let form = place.form("/sign-in");
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for _ in 0..7 {
        for (name, times) in [("ada", &mut known), ("bea", &mut unknown)] {
            let mut form = form.clone();
            form.set("username", name);
            form.set("password", "not the password");
            let started = Instant::now();
            let answer = stranger.submit_only(&form, None).await;
            times.push(started.elapsed());
            notation::page(&answer, 200);
            one_error(&stage, &answer, "login_fail");
            assert!(!answer.headers.contains_key("set-cookie"), "nobody is signed in");
            assert_eq!(said(&answer, name), said(&stranger.submit_only(&form, None).await, name), "the page of {name} changes");
        }
    }
    let (ada, bea) = (attempt(&mut stranger, &form, "ada").await, attempt(&mut stranger, &form, "bea").await);
    assert_eq!(said(&ada, "ada"), said(&bea, "bea"));
    let (known, unknown) = (median(known), median(unknown));
    assert!(known < unknown * 3 && unknown < known * 3, "{known:?} for a known name, {unknown:?} for an unknown one");
    assert!(unknown > Duration::from_millis(2), "no password was checked");
}

async fn attempt(person: &mut Person, form: &crate::harness::Form, name: &str) -> Answer {
    let mut form = form.clone();
    form.set("username", name);
    form.set("password", "not the password");
    person.submit_only(&form, None).await
}

/// The page, without the name that was typed, which it may show again, and what differs in each answer.
fn said(answer: &Answer, name: &str) -> String {
    let body = answer.body.replace(&format!("\"{name}\""), "NAME").replace(&format!("'{name}'"), "NAME");
    body.replace(&answer.header("x-request-id").unwrap(), "ID")
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// OA-SE-08
pub(super) async fn no_link_says_where_a_sign_in_leads(store: Store) {
    let stage = Stage::start(store, &Wish::default()).await;
    for name in ["next", "redirect", "return_to", "continue", "rd", "url"] {
        let mut ada = stage.server.person("ada");
        let place = ada.open(&format!("/sign-in?{}", encoded(&[(name, "//evil.example/")]))).await;
        let mut form = place.form("/sign-in");
        form.set(name, "https://evil.example/");
        form.set("username", "ada");
        let password = ada.password.clone();
        form.set("password", &password);
        let answer = ada.submit_only(&form, None).await;
        assert_eq!((answer.status, answer.location().as_deref()), (303, Some("/account")), "{name}: {}", answer.body);
        assert!(!place.answer.body.contains("evil.example"), "{}", place.answer.body);
    }
}
