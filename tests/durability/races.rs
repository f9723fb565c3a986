//! Many at once with one token or one code.

use std::{collections::BTreeSet, sync::Arc};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::Barrier,
    task::JoinSet,
};

use crate::harness::{Answer, Ask, Client, FILES, Form, Person, Server, Setup, Store, Tokens, on_both_stores};

const MANY: usize = 200;

/// Refreshes with one token, from all clients in turn, all at once.
async fn all_at_once(clients: &[Client], token: &str, many: usize) -> Vec<Answer> {
    let start = Arc::new(Barrier::new(many));
    let mut running = JoinSet::new();
    for client in clients.iter().cycle().take(many) {
        let (client, start, token) = (client.clone(), Arc::clone(&start), token.to_owned());
        running.spawn(async move {
            start.wait().await;
            client.refresh(&token).await
        });
    }
    running.join_all().await
}

/// The one refresh token that all answers carry.
#[track_caller]
fn one_successor(answers: &[Answer]) -> Tokens {
    let tokens: Vec<Tokens> = answers.iter().map(Tokens::of).collect();
    let successors: BTreeSet<&str> = tokens.iter().map(Tokens::refresh).collect();
    assert_eq!(successors.len(), 1, "a second lineage began");
    let access: BTreeSet<&str> = tokens.iter().map(|tokens| tokens.access.as_str()).collect();
    assert_eq!(access.len(), answers.len(), "each has an access token of its own");
    tokens.into_iter().next().unwrap()
}

on_both_stores! {
    // OA-DB-02, OA-JW-04: whoever comes second finds the keys of the first
    async fn two_processes_that_begin_at_once_agree_on_their_keys(store: Store) {
        for _ in 0..3 {
            let (one, two) = Setup::on(store).start_two().await;
            let keys = one.cli(&["key", "list", "--json"]).expect().json();
            let in_state = |state: &str| keys.as_array().unwrap().iter().filter(|key| key["state"] == state).count();
            assert_eq!((keys.as_array().unwrap().len(), in_state("active"), in_state("standby")), (2, 1, 1), "{keys}");
            let jwks = async |of: &Server| of.get("/jwks").await.expect(200).body;
            crate::harness::until("both to publish the same", async || jwks(&one).await == jwks(&two).await).await;
            let machine = Client::operator(&one, "Nightly", "", &["--machine", FILES, "--introspect", FILES]);
            for (here, there) in [(&one, &two), (&two, &one)] {
                let token = Tokens::of(&machine.at(here).credentials(&[("resource", FILES)]).await);
                assert!(machine.at(there).finds_active(&token.access).await);
            }
        }
    }

    // MCP-AS-91, OA-RT-08, OA-RT-09, OA-DB-02, K-22
    async fn two_hundred_refreshes_at_once_yield_one_successor(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let client = server.client().await;
        let stranger = Client::register(&server, "https://stranger.example.com/cb").await;
        let first = client.connect(&mut server.person("ada")).await;
        let second = one_successor(&all_at_once(std::slice::from_ref(&client), first.refresh(), MANY).await);
        assert_ne!(second.refresh(), first.refresh());
        assert_eq!(server.count("SELECT COUNT(*) FROM token_families").await, 1);
        assert_eq!(server.count("SELECT generation FROM token_families").await, 1, "exactly one rotation");
        stranger.refresh(first.refresh()).await.expect_error(400, "invalid_grant");
        // the session lives on, and the next race as well
        let third = one_successor(&all_at_once(std::slice::from_ref(&client), second.refresh(), 50).await);
        Tokens::of(&client.refresh(third.refresh()).await);
        assert!(server.resource_server(&[FILES]).await.finds_active(&third.access).await);
    }

    // OA-RT-06, OA-RT-08: without a grace only who arrived before the winner is forgiven, and nobody keeps the family
    async fn without_a_grace_a_race_ends_the_family_and_leaves_no_second_lineage(store: Store) {
        let server = Setup::on(store).unlimited().table("tokens", "refresh_grace = \"0s\"").start().await;
        let client = server.client().await;
        let first = client.connect(&mut server.person("ada")).await;
        let answers = all_at_once(std::slice::from_ref(&client), first.refresh(), 50).await;
        let (good, bad): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
        let successor = one_successor(&good);
        for answer in bad {
            answer.expect_error(400, "invalid_grant");
        }
        client.refresh(first.refresh()).await.expect_error(400, "invalid_grant");
        client.refresh(successor.refresh()).await.expect_error(400, "invalid_grant");
    }

    // OA-CD-04, OA-CD-11: of n at once one gets tokens
    async fn of_many_exchanges_at_once_one_succeeds(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        for _ in 0..3 {
            let ask = client.ask();
            let code = ada.code_for(&ask).await;
            let answers = arrived_before_any_is_decided(&server, &client, &code, &ask, 24).await;
            let (good, bad): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.starts_with("HTTP/1.1 200"));
            assert_eq!(good.len(), 1, "{good:?}");
            assert!(bad.iter().all(|answer| answer.starts_with("HTTP/1.1 400") && answer.contains("\"invalid_grant\"")), "{bad:?}");
            // OA-CD-07: who lost a true race ends nothing
            let body = good[0].split_once("\r\n\r\n").unwrap().1;
            let tokens: serde_json::Value = serde_json::from_str(body).unwrap();
            let next = Tokens::of(&client.refresh(tokens["refresh_token"].as_str().unwrap()).await);
            // OA-CD-05: who comes after it does
            client.redeem(&code, &ask.verifier).await.expect_error(400, "invalid_grant");
            client.refresh(next.refresh()).await.expect_error(400, "invalid_grant");
        }
        assert_eq!(server.count("SELECT COUNT(*) FROM token_families").await, 3);
    }

    // OA-AZ-27: two answers at once to one question
    async fn of_many_decisions_at_once_one_gives_a_code(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let ask = client.ask();
        let place = ada.arrive(&ask).await;
        let answers = answered_at_once(&server, &ada, &place.form("/decision"), &["allow"; 20]).await;
        let codes = answers.iter().filter(|(_, after)| after.location().is_some_and(|location| location.contains("code="))).count();
        assert_eq!((codes, server.count("SELECT COUNT(*) FROM codes").await), (1, 1));
    }

    // OA-AZ-27: two tabs that do not agree
    async fn of_a_yes_and_a_no_at_once_one_counts(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let decisions = ["allow", "deny", "allow", "deny", "deny", "allow"];
        let mut codes = 0;
        for _ in 0..8 {
            let ask = client.ask();
            let place = ada.arrive(&ask).await;
            let answers = answered_at_once(&server, &ada, &place.form("/decision"), &decisions).await;
            let taken: Vec<&str> = answers.iter().zip(decisions).filter(|((post, _), _)| post.status == 303).map(|(_, decision)| decision).collect();
            let told: Vec<String> = answers.iter().filter_map(|(_, after)| after.location()).collect();
            assert_eq!((taken.len(), told.len()), (1, 1), "{taken:?} {told:?}");
            for answer in answers.iter().flat_map(|(post, after)| [post, after]).filter(|answer| answer.status != 303) {
                assert!(answer.status == 400 && answer.body.contains("You have already answered this request."), "{answer:?}");
            }
            let told = url::Url::parse(&told[0]).unwrap();
            let parameter = |name| told.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned());
            if taken == ["allow"] {
                codes += 1;
                Tokens::of(&client.redeem(&parameter("code").expect("a code"), &ask.verifier).await);
            } else {
                assert_eq!((parameter("error").as_deref(), parameter("code")), (Some("access_denied"), None));
            }
            assert_eq!(server.count("SELECT COUNT(*) FROM codes").await, codes);
        }
    }
}

/// Answers one question many times at once, and goes on from each as a browser does:
/// the answer to the form, and to what came after it.
async fn answered_at_once(server: &Server, person: &Person, form: &Form, decisions: &[&str]) -> Vec<(Answer, Answer)> {
    let cookies = person.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
    let start = Arc::new(Barrier::new(decisions.len()));
    let running = decisions.iter().map(|decision| {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        let body = body.extend_pairs(&form.fields).append_pair("decision", decision).finish();
        let post = person.post(&form.action, &body).header("cookie", &cookies);
        let dispatcher = server.request("GET", form.action.trim_end_matches("/decision")).header("cookie", &cookies);
        let start = Arc::clone(&start);
        tokio::spawn(async move {
            start.wait().await;
            (Answer::to(post).await, Answer::to(dispatcher).await)
        })
    });
    let running: Vec<_> = running.collect();
    let mut answers = Vec::new();
    for one in running {
        answers.push(one.await.unwrap());
    }
    answers
}

/// Sends the same exchange many times so that each request has arrived before any
/// can be decided: the server asks for a body only once it has noted the arrival.
async fn arrived_before_any_is_decided(server: &Server, client: &Client, code: &str, ask: &Ask, many: usize) -> Vec<String> {
    let form = [("grant_type", "authorization_code"), ("code", code), ("code_verifier", &ask.verifier), ("client_id", &client.id)];
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let host = server.url("").replace("http://", "");
    let head = format!(
        "POST /token HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\
         Expect: 100-continue\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let mut waiting = Vec::new();
    for _ in 0..many {
        let mut stream = TcpStream::connect(&host).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut go_on = [0; 25];
        stream.read_exact(&mut go_on).await.unwrap();
        assert!(go_on.starts_with(b"HTTP/1.1 100 "), "{}", String::from_utf8_lossy(&go_on));
        waiting.push(stream);
    }
    let mut running = JoinSet::new();
    for mut stream in waiting {
        let body = body.clone();
        running.spawn(async move {
            stream.write_all(body.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        });
    }
    running.join_all().await
}

// MCP-AS-91, OA-RT-08, OA-RT-09, OA-DB-02, OA-DB-04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_on_one_database_agree_on_the_successor() {
    if !Store::Postgres.is_here() {
        return;
    }
    let server = Setup::on(Store::Postgres).unlimited().start().await;
    let twin = server.twin().await;
    let client = server.client().await;
    let both = [client.clone(), client.at(&twin)];
    let mut ada = server.person("ada");
    let mut tokens = client.connect(&mut ada).await;
    for rotations in 1..=3 {
        tokens = one_successor(&all_at_once(&both, tokens.refresh(), MANY).await);
        assert_eq!(server.count("SELECT generation FROM token_families").await, rotations);
    }
    assert_eq!(server.count("SELECT COUNT(*) FROM token_families").await, 1);
    Tokens::of(&both[1].refresh(tokens.refresh()).await);

    // a code is redeemed once, whichever process is asked
    let ask = client.ask();
    let code = ada.code_for(&ask).await;
    let start = Arc::new(Barrier::new(40));
    let mut running = JoinSet::new();
    for client in both.iter().cycle().take(40) {
        let (client, start, code, verifier) = (client.clone(), Arc::clone(&start), code.clone(), ask.verifier.clone());
        running.spawn(async move {
            start.wait().await;
            client.redeem(&code, &verifier).await.status
        });
    }
    let statuses = running.join_all().await;
    assert_eq!(statuses.iter().filter(|&&status| status == 200).count(), 1, "{statuses:?}");

    // and what one process revokes the other does not honour
    let last = client.connect(&mut ada).await;
    ada.move_to(&twin);
    assert!(ada.open("/account").await.try_form("/sign-in").is_none(), "signed in at one is signed in at both");
    both[1].revoke(last.refresh()).await.expect(200);
    both[0].refresh(last.refresh()).await.expect_error(400, "invalid_grant");
}
