//! Keys that come from the issuer.

use std::sync::atomic::Ordering;

use axum::http::header;
use chrono::TimeDelta;
use tokio::task::JoinSet;

use super::{
    ISSUER, MCP,
    issuer_server::{Answer, IssuerServer},
    log::Log,
    time::Time,
};
use crate::{Refusal, Rejection, Verifier, testing::TestIssuer};

fn verifier(server: &IssuerServer, time: &Time) -> Verifier {
    Verifier::builder(server.issuer.as_str(), MCP).clock(time.teller()).build().unwrap()
}

fn token(server: &IssuerServer, time: &Time) -> String {
    server.keys().token(MCP, time.now()).sign()
}

fn made_up(server: &IssuerServer, time: &Time, kid: &str) -> String {
    server.keys().token(MCP, time.now()).header("kid", kid).sign()
}

// MCP-RS-17: from issuer and resource alone, and nothing was installed for TLS first
#[tokio::test]
async fn the_issuers_address_is_all_that_has_to_be_known() {
    let (server, time) = (IssuerServer::start().await, Time::new());
    let verifier = verifier(&server, &time);
    assert!(matches!(verifier.verify(&token(&server, &time), time.now()), Err(Rejection::KeysUnavailable(_))), "nothing was fetched yet");
    for _ in 0..5 {
        assert_eq!(verifier.check(&token(&server, &time)).await.unwrap().subject(), "u_1");
    }
    assert_eq!((server.metadata_fetches.load(Ordering::SeqCst), server.jwks_fetches()), (1, 1));
}

// OA-RS-15, EA-188
#[tokio::test]
async fn without_any_keys_the_answer_is_come_again_and_not_get_another_token() {
    let (server, time) = (IssuerServer::start().await, Time::new());
    let verifier = verifier(&server, &time);
    server.answer_jwks(Answer::status(500));
    let refusal = Refusal::from(verifier.check(&token(&server, &time)).await.unwrap_err());
    let challenge = verifier.challenge(&refusal);
    assert_eq!((challenge.status().as_u16(), challenge.www_authenticate(), challenge.retry_after()), (503, None, Some(5)));
    server.publish(&[&server.keys()]);
    time.advance(TimeDelta::seconds(1));
    assert!(verifier.check(&token(&server, &time)).await.is_ok(), "the next attempt begins a second later");
}

// OA-JW-14, EA-181
#[tokio::test]
async fn made_up_kids_cause_two_requests_a_minute() {
    let (server, time) = (IssuerServer::start().await, Time::new());
    let verifier = verifier(&server, &time);
    assert!(verifier.check(&token(&server, &time)).await.is_ok());
    time.advance(TimeDelta::seconds(30));
    let before = server.jwks_fetches();
    for second in 0..60 {
        for attempt in 0..5 {
            let token = made_up(&server, &time, &format!("{second}-{attempt}"));
            assert!(matches!(verifier.check(&token).await, Err(Rejection::UnknownKey(_))));
        }
        time.advance(TimeDelta::seconds(1));
    }
    assert_eq!(server.jwks_fetches() - before, 2);
    assert_eq!(server.metadata_fetches.load(Ordering::SeqCst), 1);
}

// MCP-RS-17, OA-JW-04
#[tokio::test]
async fn a_new_key_is_found_when_a_token_names_it() {
    let (server, time) = (IssuerServer::start().await, Time::new());
    let verifier = verifier(&server, &time);
    assert!(verifier.check(&token(&server, &time)).await.is_ok());
    let next = TestIssuer::with_key(&server.issuer, 2);
    server.publish(&[&server.keys(), &next]);
    time.advance(TimeDelta::seconds(30));
    assert!(verifier.check(&next.token(MCP, time.now()).sign()).await.is_ok());
    assert!(verifier.check(&token(&server, &time)).await.is_ok());
    assert_eq!(server.jwks_fetches(), 2);
}

// OA-JW-04, OA-RS-16: a remembered token is no better than its key
#[tokio::test]
async fn a_key_that_was_taken_back_opens_nothing_once_the_keys_are_old() {
    let (server, time) = (IssuerServer::start().await, Time::new());
    let verifier = verifier(&server, &time);
    let token = token(&server, &time);
    assert!(verifier.check(&token).await.is_ok());
    server.publish(&[&TestIssuer::with_key(&server.issuer, 2)]);
    time.advance(TimeDelta::seconds(599));
    assert!(verifier.check(&token).await.is_ok());
    time.advance(TimeDelta::seconds(1));
    assert!(matches!(verifier.check(&token).await, Err(Rejection::UnknownKey(_))));
}

// MCP-RS-17, OA-JW-14
#[tokio::test]
async fn the_last_good_keys_serve_for_a_day_while_the_issuer_is_away() {
    let (server, time) = (IssuerServer::start().await, Time::new());
    let verifier = verifier(&server, &time);
    assert!(verifier.check(&token(&server, &time)).await.is_ok());
    for broken in [Answer::status(500), Answer::json("{}"), Answer::json(r#"{"keys":[]}"#), Answer::json("<html>")] {
        server.answer_jwks(broken);
        time.advance(TimeDelta::hours(5));
        assert!(verifier.check(&token(&server, &time)).await.is_ok());
    }
    time.advance(TimeDelta::hours(4));
    assert!(matches!(verifier.check(&token(&server, &time)).await, Err(Rejection::KeysUnavailable(_))));
    server.publish(&[&server.keys()]);
    time.advance(TimeDelta::seconds(30));
    assert!(verifier.check(&token(&server, &time)).await.is_ok());
}

// EA-174, OA-AT-06
#[tokio::test]
async fn an_unknown_issuer_causes_no_traffic() {
    let (server, time) = (IssuerServer::start().await, Time::new());
    let verifier = verifier(&server, &time);
    let stranger = TestIssuer::with_key(ISSUER, 3).token(MCP, time.now()).header("jku", format!("{}/jwks", server.issuer)).sign();
    let unknown = TestIssuer::with_key(ISSUER, 3).token(MCP, time.now()).sign();
    assert!(matches!(verifier.check(&stranger).await, Err(Rejection::OwnKey("jku"))));
    assert!(matches!(verifier.check(&unknown).await, Err(Rejection::Issuer { .. })));
    assert!(matches!(verifier.check("x.y.z").await, Err(Rejection::NotCompact)));
    assert_eq!((server.metadata_fetches.load(Ordering::SeqCst), server.jwks_fetches()), (0, 0));
}

// OA-MD-10, OA-JW-15, OA-JW-16
#[tokio::test]
async fn what_an_issuer_should_not_answer_is_not_used() {
    let elsewhere = IssuerServer::start().await;
    let time = Time::new();
    let good = IssuerServer::start().await;
    let keys = good.keys();
    let metadata = keys.metadata();
    let mut of_another = metadata.clone();
    of_another["issuer"] = format!("{}/", good.issuer).into();
    let large = format!(r#"{{"keys":[],"filler":"{}"}}"#, "x".repeat(128 * 1024));
    for (what, answer_metadata, answer_jwks) in [
        ("another issuer's metadata", Some(Answer::json(of_another.to_string())), None),
        ("metadata that is a page", Some(Answer::json(metadata.to_string()).with(header::CONTENT_TYPE, "text/html")), None),
        ("no metadata", Some(Answer::status(404)), None),
        ("a redirect", None, Some(Answer::status(302).with(header::LOCATION, &format!("{}/jwks", elsewhere.issuer)))),
        ("a redirect at home", None, Some(Answer::status(307).with(header::LOCATION, "/jwks"))),
        ("too much", None, Some(Answer::json(large))),
        ("keys without a type", None, Some(Answer { headers: Vec::new(), ..Answer::json(keys.jwks()) })),
        ("a status that is not 200", None, Some(Answer { status: 203, ..Answer::json(keys.jwks()) })),
    ] {
        *good.metadata.lock().unwrap() = answer_metadata.unwrap_or_else(|| Answer::json(metadata.to_string()));
        good.answer_jwks(answer_jwks.unwrap_or_else(|| Answer::json(keys.jwks())));
        let outcome = verifier(&good, &time).check(&token(&good, &time)).await;
        assert!(matches!(outcome, Err(Rejection::KeysUnavailable(_))), "{what} {outcome:?}");
    }
    assert_eq!(elsewhere.jwks_fetches(), 0);
}

// OA-MD-10: the metadata itself leads nowhere else, not even to a copy of itself
#[tokio::test]
async fn metadata_is_not_looked_for_where_a_redirect_leads() {
    let (log, _guard) = Log::begin();
    let (home, elsewhere, time) = (IssuerServer::start().await, IssuerServer::start().await, Time::new());
    let there = home.keys().metadata().to_string();
    *elsewhere.metadata.lock().unwrap() = Answer::json(there.clone());
    let target = format!("{}/.well-known/oauth-authorization-server", elsewhere.issuer);
    for status in [301, 302, 303, 307, 308] {
        *home.metadata.lock().unwrap() = Answer::status(status).with(header::LOCATION, &target);
        let outcome = verifier(&home, &time).check(&token(&home, &time)).await;
        assert!(matches!(outcome, Err(Rejection::KeysUnavailable(_))), "{status} {outcome:?}");
        let lines = log.take().concat();
        assert!(lines.contains(&format!("answers {status}")), "{lines}");
    }
    assert_eq!(elsewhere.metadata_fetches.load(Ordering::SeqCst), 0);
    *home.metadata.lock().unwrap() = Answer::json(there);
    assert!(verifier(&home, &time).check(&token(&home, &time)).await.is_ok(), "the same document at home is used");
}

// OA-MD-10
#[tokio::test]
async fn metadata_has_256_kilobytes_at_most() {
    let (log, _guard) = Log::begin();
    let (server, time) = (IssuerServer::start().await, Time::new());
    let metadata = server.keys().metadata().to_string();
    let padded = |bytes: usize| Answer::json(format!("{metadata}{}", " ".repeat(bytes - metadata.len())));
    *server.metadata.lock().unwrap() = padded(256 * 1024 + 1);
    let outcome = verifier(&server, &time).check(&token(&server, &time)).await;
    assert!(matches!(outcome, Err(Rejection::KeysUnavailable(_))), "{outcome:?}");
    let lines = log.take().concat();
    assert!(lines.contains("answers with more than is read"), "{lines}");
    assert_eq!(server.jwks_fetches(), 0);
    *server.metadata.lock().unwrap() = padded(256 * 1024);
    assert!(verifier(&server, &time).check(&token(&server, &time)).await.is_ok());
}

// OA-JW-06
#[tokio::test]
async fn a_key_that_is_not_used_is_told_once_for_each_edition() {
    let (log, _guard) = Log::begin();
    let (server, time) = (IssuerServer::start().await, Time::new());
    let verifier = verifier(&server, &time);
    let weak = r#"{"kid":"weak","kty":"RSA","n":"wA","e":"AQAB"}"#;
    let foreign = r#"{"kid":"foreign","kty":"new"}"#;
    let publish = |key: &str| {
        server.answer_jwks(Answer::json(format!(r#"{{"keys":[{weak},{},{key}]}}"#, server.keys().public_key())));
        time.advance(TimeDelta::hours(1));
    };
    let skipped = || log.take().into_iter().filter(|line| line.contains("is not used")).collect::<Vec<_>>();
    let line = |level: &str, kid: &str, reason: &str| {
        format!("{level} message=a key of the issuer is not used issuer={} kid={kid:?} reason={reason}", server.issuer)
    };
    let (weak_line, foreign_line) =
        (line("WARN", "weak", "the key is too weak"), line("DEBUG", "foreign", "the key is of a kind that is not supported"));
    publish(foreign);
    assert!(verifier.check(&token(&server, &time)).await.is_ok());
    assert_eq!(skipped(), [weak_line.clone(), foreign_line]);
    time.advance(TimeDelta::hours(1));
    assert!(verifier.check(&token(&server, &time)).await.is_ok());
    assert_eq!((server.jwks_fetches(), skipped()), (2, Vec::new()), "nothing new");
    publish("5");
    assert!(verifier.check(&token(&server, &time)).await.is_ok());
    assert_eq!(skipped(), [weak_line, line("WARN", "without kid", "the key is malformed")]);
}

// OA-JW-06, OA-JW-15: docs/decisions/0013
#[tokio::test]
async fn a_p384_key_is_passed_over_and_the_other_keys_work() {
    let (log, _guard) = Log::begin();
    let (server, time) = (IssuerServer::start().await, Time::new());
    let verifier = verifier(&server, &time);
    // The generator of the curve: a key as good as any of its kind.
    let x = "qofKIr6LBTeOscce8yCtdG4dO2KLp5uYWfdB4IJUKjhVAvJdv1UpbDpUXjhydgq3";
    let y = "NhfeSpYmLG9dnpi_kpLcKfj0Hb0omhR86doxE7XwuMAKYLHOHX6BnXpDHXyQ6g5f";
    let p384 = format!(r#"{{"kid":"p384","kty":"EC","crv":"P-384","x":"{x}","y":"{y}","use":"sig","alg":"ES384"}}"#);
    server.answer_jwks(Answer::json(format!(r#"{{"keys":[{p384},{}]}}"#, server.keys().public_key())));
    assert!(verifier.check(&token(&server, &time)).await.is_ok());
    let told = log.take().into_iter().filter(|line| line.contains("is not used")).collect::<Vec<_>>();
    let expected = format!(
        r#"DEBUG message=a key of the issuer is not used issuer={} kid="p384" reason=the key is of a kind that is not supported"#,
        server.issuer
    );
    assert_eq!(told, [expected]);
    let good = server.keys().token(MCP, time.now()).header("kid", "p384");
    assert!(matches!(verifier.check(&good.sign()).await, Err(Rejection::UnknownKey(_))));
    let named = verifier.check(&good.header("alg", "ES384").sign()).await;
    assert!(matches!(&named, Err(Rejection::Algorithm(name)) if name == "ES384"), "{named:?}");
}

// MCP-RS-17, OA-JW-14
#[tokio::test]
async fn many_callers_wait_for_one_request() {
    let (server, time) = (IssuerServer::start().await, Time::new());
    let verifier = verifier(&server, &time);
    server.gate.forget_permits(1000);
    let mut callers = JoinSet::new();
    for number in 0..50 {
        let (verifier, token) = (verifier.clone(), server.keys().token(MCP, time.now()).claim("jti", format!("t_{number}")).sign());
        callers.spawn(async move { verifier.check(&token).await });
    }
    server.asked.notified().await;
    server.gate.add_permits(1);
    while let Some(outcome) = callers.join_next().await {
        assert!(outcome.unwrap().is_ok());
    }
    assert_eq!(server.jwks_fetches(), 1);
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_break_off_what_others_wait_for() {
    let (server, time) = (IssuerServer::start().await, Time::new());
    let verifier = verifier(&server, &time);
    server.gate.forget_permits(1000);
    let (first, first_token) = (verifier.clone(), token(&server, &time));
    let leaving = tokio::spawn(async move { first.check(&first_token).await });
    server.asked.notified().await;
    let (second, second_token) = (verifier.clone(), token(&server, &time));
    let waiting = tokio::spawn(async move { second.check(&second_token).await });
    leaving.abort();
    assert!(leaving.await.unwrap_err().is_cancelled());
    server.gate.add_permits(1);
    assert!(waiting.await.unwrap().is_ok());
    assert_eq!(server.jwks_fetches(), 1);
}
