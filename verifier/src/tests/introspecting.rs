//! Asking the issuer about each token.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{
    MCP,
    issuer_server::{Answer, IssuerServer},
    time::Time,
};
use crate::{Rejection, TrustedIssuer, Verifier};

const OPAQUE: &str = "2YotnFZFEjr1zCsicMWpAA";

fn verifier(server: &IssuerServer, time: &Time) -> Verifier {
    let issuer = TrustedIssuer::new(server.issuer.as_str()).introspection("files server", "s3cret:+");
    Verifier::builder(issuer, MCP).clock(time.teller()).build().unwrap()
}

fn active(server: &IssuerServer, time: &Time) -> Value {
    let now = time.now().timestamp();
    json!({
        "active": true, "iss": server.issuer, "sub": "u_1", "aud": MCP, "client_id": "c_1", "exp": now + 900, "iat": now,
        "jti": "t_1", "scope": "files:read", "token_type": "Bearer",
    })
}

fn says(server: &IssuerServer, answer: &Value) {
    *server.introspection.lock().unwrap() = Answer::json(answer.to_string());
}

fn asked(server: &IssuerServer) -> usize {
    server.questions.lock().unwrap().len()
}

// MCP-RS-18, OA-AT-13, EA-185
#[tokio::test]
async fn a_revoked_token_is_refused_within_a_minute() {
    let (server, time) = (IssuerServer::start().await, Time::new());
    let verifier = verifier(&server, &time);
    let token = server.keys().token(MCP, time.now()).sign();
    says(&server, &active(&server, &time));
    assert_eq!(verifier.check(&token).await.unwrap().grant_id(), Some("g_1"), "what the token says counts");
    assert_eq!(verifier.verify(&token, time.now()), Err(Rejection::NotAsked(server.issuer.clone())), "the core asks nobody");
    says(&server, &json!({"active": false}));
    time.advance(TimeDelta::seconds(59));
    assert!(verifier.check(&token).await.is_ok());
    assert_eq!(asked(&server), 1);
    time.advance(TimeDelta::seconds(1));
    assert_eq!(verifier.check(&token).await, Err(Rejection::Inactive));
    assert_eq!(verifier.check(&token).await, Err(Rejection::Inactive));
    assert_eq!(asked(&server), 2, "a no is remembered as well");
}

// OA-AT-14: an opaque token, and credentials as RFC 6749 §2.3.1 writes them
#[tokio::test]
async fn an_opaque_token_is_what_the_issuer_says() {
    let (server, time) = (IssuerServer::start().await, Time::new());
    let verifier = verifier(&server, &time);
    says(&server, &active(&server, &time));
    let caller = verifier.check(OPAQUE).await.unwrap();
    assert_eq!((caller.subject(), caller.scope().to_string().as_str()), ("u_1", "files:read"));
    let question = server.questions.lock().unwrap().first().cloned().unwrap();
    assert_eq!(question, ("Basic ZmlsZXMrc2VydmVyOnMzY3JldCUzQSUyQg==".to_owned(), format!("token={OPAQUE}&token_type_hint=access_token")));
}

// OA-AT-14: personal tokens live for months. They can be taken back at any time; what is checked by key can't.
#[tokio::test]
async fn only_an_opaque_token_may_live_for_long() {
    let (server, time) = (IssuerServer::start().await, Time::new());
    let verifier = verifier(&server, &time);
    let mut answer = active(&server, &time);
    answer["exp"] = (time.now() + TimeDelta::days(365)).timestamp().into();
    says(&server, &answer);
    assert!(verifier.check(OPAQUE).await.is_ok());
    let token = server.keys().token(MCP, time.now()).claim("exp", (time.now() + TimeDelta::days(365)).timestamp()).sign();
    assert!(matches!(verifier.check(&token).await, Err(Rejection::LivesTooLong(_))));
}

// OA-AT-14, MCP-RS-18: what is said is judged like a token
#[tokio::test]
async fn what_the_issuer_says_is_held_against_this_server() {
    let (server, time) = (IssuerServer::start().await, Time::new());
    for (member, value, expected) in [
        ("aud", Value::Null, "Claim(\"aud\")"),
        ("aud", json!("https://other.example.com"), "Audience"),
        ("iss", json!("https://other.example.com"), "Issuer"),
        ("exp", json!(time.now().timestamp() - 30), "Expired"),
        ("nbf", json!(time.now().timestamp() + 31), "NotYetValid"),
        ("cnf", json!({"jkt": "x"}), "SenderBound"),
        ("token_type", json!("DPoP"), "Claim(\"token_type\")"),
        ("sub", json!(""), "Claim(\"sub\")"),
        ("client_id", json!(5), "Claim(\"client_id\")"),
        ("active", json!("true"), "NotAsked"),
        ("active", json!(1), "NotAsked"),
    ] {
        let mut answer = active(&server, &time);
        answer[member] = value.clone();
        says(&server, &answer);
        let rejection = verifier(&server, &time).check(OPAQUE).await.unwrap_err();
        assert!(format!("{rejection:?}").starts_with(expected), "{member} {value} {rejection:?}");
    }
    for optional in ["iss", "iat", "jti", "scope", "token_type"] {
        let mut answer = active(&server, &time);
        answer.as_object_mut().unwrap().remove(optional);
        says(&server, &answer);
        assert!(verifier(&server, &time).check(OPAQUE).await.is_ok(), "{optional}");
    }
}

// OA-AT-13, EA-188: nobody answers, nobody is let in, and nobody is told to log in again
#[tokio::test]
async fn when_the_issuer_is_away_nobody_is_let_in() {
    let (server, time) = (IssuerServer::start().await, Time::new());
    let verifier = verifier(&server, &time);
    for broken in [Answer::status(500), Answer::status(401), Answer::json("{}"), Answer::json("")] {
        *server.introspection.lock().unwrap() = broken;
        let rejection = verifier.check(OPAQUE).await.unwrap_err();
        assert!(rejection.is_our_fault(), "{rejection:?}");
        assert_eq!(verifier.challenge(&rejection.into()).status().as_u16(), 503);
    }
}

// MCP-RS-18: never past its end
#[tokio::test]
async fn an_answer_is_not_kept_past_the_tokens_end() {
    let (server, time) = (IssuerServer::start().await, Time::new());
    let verifier = verifier(&server, &time);
    let mut answer = active(&server, &time);
    answer["exp"] = (time.now().timestamp() + 10).into();
    says(&server, &answer);
    assert!(verifier.check(OPAQUE).await.is_ok());
    time.advance(TimeDelta::seconds(10));
    says(&server, &json!({"active": false}));
    assert_eq!(verifier.check(OPAQUE).await, Err(Rejection::Inactive));
}

// A forged token is refused without a question, so nobody can make the server ask
#[tokio::test]
async fn a_forged_token_is_not_asked_about() {
    let (server, time) = (IssuerServer::start().await, Time::new());
    let verifier = verifier(&server, &time);
    says(&server, &active(&server, &time));
    let forged = crate::testing::TestIssuer::with_key(&server.issuer, 2).token(MCP, time.now()).sign();
    assert!(matches!(verifier.check(&forged).await, Err(Rejection::UnknownKey(_))));
    assert_eq!(asked(&server), 0);
}
