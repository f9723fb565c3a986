//! Learning what exists from how the server answers, and trying until it fits.

use std::time::{Duration, Instant};

use crate::harness::{Person, Place, Server, Setup, Store, Tokens, on_both_stores, spoiled};

/// How long wrong passwords took, for each name, in order.
async fn sign_in_times(person: &mut Person, place: &Place, names: [&str; 2]) -> [Vec<Duration>; 2] {
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..30 {
        for (times, name) in times.iter_mut().zip(names) {
            let mut form = place.form("/sign-in");
            form.set("username", name);
            form.set("password", "wrong password");
            let started = Instant::now();
            assert_eq!(person.submit_only(&form, None).await.location(), None, "nobody is let in");
            if round > 2 {
                times.push(started.elapsed());
            }
        }
    }
    for times in &mut times {
        times.sort();
    }
    times
}

/// Whether the middle of each lies within the other.
fn overlap([one, other]: &[Vec<Duration>; 2]) -> bool {
    let within = |middle: Duration, of: &[Duration]| of[0] <= middle && middle <= of[of.len() - 1];
    within(one[one.len() / 2], other) && within(other[other.len() / 2], one)
}

on_both_stores! {
    // OA-TK-13, OA-CR-08, OA-RI-07: one text for all reasons
    async fn nothing_tells_an_unknown_code_from_a_dead_one(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let client = server.client().await;
        let other = server.client().await;
        let mut ada = server.person("ada");
        let ask = client.ask();
        let code = ada.code_for(&ask).await;
        let mut bodies = vec![
            other.redeem(&code, &ask.verifier).await.body,
            client.redeem(&code, &"w".repeat(43)).await.body,
            client.redeem("unknown", &ask.verifier).await.body,
            client.redeem(&spoiled(&code), &ask.verifier).await.body,
        ];
        let tokens = Tokens::of(&client.redeem(&code, &ask.verifier).await);
        bodies.push(other.refresh(tokens.refresh()).await.body);
        bodies.push(client.redeem(&code, &ask.verifier).await.body);
        bodies.push(client.refresh(tokens.refresh()).await.body);
        bodies.push(client.refresh("unknown").await.body);
        bodies.dedup();
        assert_eq!(bodies.len(), 1, "{bodies:?}");
    }

    // OA-CR-04, OA-AB-01: an unknown name costs as much as a known one
    async fn the_time_of_a_sign_in_does_not_tell_which_names_exist(store: Store) {
        let server = Setup::on(store).table("limits", "login_failures_per_account = 100\nlogin_failures_per_source = 10000").start().await;
        let mut person = server.person("ada");
        let place = person.open("/sign-in").await;
        // what else the machine does may fall on one of the two, but not again and again
        let mut seen = Vec::new();
        for _ in 0..3 {
            let times = sign_in_times(&mut person, &place, ["ada", "nobody"]).await;
            if overlap(&times) {
                return;
            }
            seen.push(times);
        }
        panic!("the time tells: {seen:?}");
    }

    // OA-AB-02, MCP-AS-64: also for clients without a secret; what is right goes through all the same
    async fn codes_and_refresh_tokens_can_not_be_guessed_without_end(store: Store) {
        let limits = "client_failures_per_minute = 5\nsource_failures_per_minute = 1000";
        let server = Setup::on(store).table("limits", limits).start().await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let mut tokens = client.connect(&mut ada).await;
        let mut statuses = Vec::new();
        for guess in 0..4 {
            let answer = if guess % 2 == 0 { client.refresh(&spoiled(tokens.refresh())).await } else { client.redeem("a guess", "x").await };
            statuses.push(answer.status);
            tokens = Tokens::of(&client.refresh(tokens.refresh()).await);
        }
        for _ in 0..4 {
            let held = client.redeem("a guess", "x").await;
            statuses.push(held.status);
            assert_eq!(held.header("retry-after").is_some(), held.status == 429);
        }
        assert_eq!(statuses, [400, 400, 400, 400, 400, 429, 429, 429]);
        let ask = client.ask();
        let code = ada.code_for(&ask).await;
        Tokens::of(&client.redeem(&code, &ask.verifier).await);
        let other = server.client().await;
        other.redeem("a guess", "x").await.expect_error(400, "invalid_grant");
    }

    // OA-AB-01: guesses that come all at once are no more than those that come in turn
    async fn guessing_in_parallel_gains_nothing(store: Store) {
        // Passwords are checked one by one, so that all guesses are there before the first is judged.
        let server = Setup::on(store).table("limits", "password_checks_at_once = 1").start().await;
        let mut pages = Vec::new();
        for _ in 0..40 {
            let mut somebody = server.person("ada");
            let form = somebody.open("/sign-in").await.form("/sign-in");
            pages.push((somebody, form));
        }
        let mut guesses = tokio::task::JoinSet::new();
        for (at, (mut somebody, form)) in pages.into_iter().enumerate() {
            guesses.spawn(async move { somebody.sign_in_with(form, &format!("guess {at}")).await.answer.status });
        }
        let statuses = guesses.join_all().await;
        assert!(statuses.iter().all(|status| [200, 429].contains(status)), "{statuses:?}");
        let tried = statuses.iter().filter(|status| **status == 200).count();
        assert!((5..10).contains(&tried), "five at once, and few after waiting: {statuses:?}");
    }

    // OA-AB-05, OA-AB-01: many at once are answered, and the rest of the server goes on
    async fn a_flood_of_sign_ins_does_not_hold_up_the_tokens(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let client = server.client().await;
        let mut token = client.connect(&mut server.person("ada")).await.refresh().to_owned();
        let mut flood = tokio::task::JoinSet::new();
        for at in 0..60 {
            let mut person = server.person(&format!("nobody{at}"));
            flood.spawn(async move {
                let place = person.open("/sign-in").await;
                person.sign_in(&place).await.answer.status
            });
        }
        for _ in 0..20 {
            let started = Instant::now();
            Tokens::of(&client.refresh(&token).await).refresh().clone_into(&mut token);
            assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
        }
        while let Some(status) = flood.join_next().await {
            assert!(matches!(status.unwrap(), 200 | 429 | 503), "an answer");
        }
    }
}

// OA-AB-04: nor does a flood of registrations
#[tokio::test]
async fn registrations_leave_nothing_behind() {
    let server = Setup::on(Store::Sqlite).table("registration", "per_source_per_hour = 5").start().await;
    for _ in 0..30 {
        let body = serde_json::json!({ "redirect_uris": ["https://a.example/cb"] });
        crate::harness::Answer::to(server.request("POST", "/register").json(&body)).await;
    }
    assert_eq!(server.count("SELECT COUNT(*) FROM clients").await, 0);
}

// MCP-AS-64: the vendor's own networks have a budget of their own, and nobody else's word counts
#[tokio::test]
async fn a_forged_forwarding_header_buys_no_new_budget() {
    let server: Server = Setup::on(Store::Sqlite).table("registration", "per_source_per_hour = 2").start().await;
    let body = serde_json::json!({ "redirect_uris": ["https://a.example/cb"] });
    let mut statuses = Vec::new();
    for at in 0..4 {
        let request = server.request("POST", "/register").header("x-forwarded-for", format!("160.79.104.{at}")).json(&body);
        statuses.push(crate::harness::Answer::to(request).await.status);
    }
    assert_eq!(statuses, [201, 201, 429, 429]);
}
