//! EA-183, EA-185, EA-187, EA-188: a verifier in this process, before a real server.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use axum::{
    Router,
    body::Body,
    http::{Request, header},
    routing::any,
};
use chrono::TimeDelta;
use http_body_util::BodyExt as _;
use portcullis_verifier::{Builder, TrustedIssuer, Verifier};
use tower::ServiceExt as _;

use super::recorded;
use crate::{
    atlas::{
        craft, events, notation,
        row::{Craft, Wish},
        stage::Stage,
    },
    harness::{Answer, Client, FILES, Store, Tokens, free_port},
};

/// A resource whose clock can be moved.
struct Guarded {
    router: Router,
    ahead: Arc<AtomicI64>,
}

impl Guarded {
    fn by(builder: Builder) -> Self {
        let ahead = Arc::new(AtomicI64::new(0));
        let seconds = Arc::clone(&ahead);
        let verifier =
            builder.scope("files:read").clock(move || crate::harness::now() + TimeDelta::seconds(seconds.load(Ordering::SeqCst)));
        let verifier = verifier.build().unwrap();
        Self { router: Router::new().route("/mcp", any(async || "inside")).layer(verifier.layer()), ahead }
    }

    /// What comes of a token, and how often the log says why not.
    async fn ask(&self, token: &str) -> (Answer, usize) {
        let request = Request::post("/mcp").header(header::AUTHORIZATION, format!("Bearer {token}")).body(Body::empty()).unwrap();
        let (response, log) = recorded(self.router.clone().oneshot(request)).await;
        let (parts, body) = response.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        assert!(!log.contains(token), "{log}");
        let answer = Answer { status: parts.status.as_u16(), headers: parts.headers, body: String::from_utf8_lossy(&body).into_owned() };
        (answer, events::of_verifier(&log).len())
    }

    async fn lets_in(&self, token: &str) {
        let (answer, refusals) = self.ask(token).await;
        assert_eq!((answer.status, answer.body.as_str(), refusals), (200, "inside", 0), "{:?}", answer.headers);
    }

    async fn refuses(&self, token: &str, code: &str) -> Answer {
        let (answer, refusals) = self.ask(token).await;
        notation::resource(&answer, 401, Some(code));
        assert_eq!(refusals, 1);
        answer
    }

    async fn can_not_tell(&self, token: &str) {
        let (answer, refusals) = self.ask(token).await;
        answer.expect_error(503, "temporarily_unavailable");
        assert!(answer.header("retry-after").is_some_and(|after| after.parse::<u32>().unwrap() > 0), "{:?}", answer.headers);
        assert_eq!((answer.header("www-authenticate"), refusals), (None, 1), "a client would throw its token away");
    }
}

async fn connected(stage: &mut Stage) -> (Client, Tokens) {
    let (client, mut ada) = (stage.client("public").await, stage.ada().await);
    let tokens = client.connect(&mut ada).await;
    (client, tokens)
}

/// OA-RS-12
pub(super) async fn a_key_signs_for_its_own_issuer_only(store: Store) {
    let (one, other) = (Stage::start(store, &Wish::default()).await, Stage::start(store, &Wish::default()).await);
    let guarded = Guarded::by(Verifier::builder(one.server.issuer.as_str(), FILES).issuer(other.server.issuer.as_str()));
    let mut craft = Craft::default();
    craft.claims.insert("scope".to_owned(), "files:read".into());
    let (key, other_key) = (one.signing_key().await, other.signing_key().await);
    guarded.lets_in(&craft::craft(&craft, &key, &one.server.issuer, FILES)).await;
    guarded.lets_in(&craft::craft(&craft, &other_key, &other.server.issuer, FILES)).await;
    guarded.refuses(&craft::craft(&craft, &key, &other.server.issuer, FILES), "invalid_token").await;
    guarded.refuses(&craft::craft(&craft, &other_key, &one.server.issuer, FILES), "invalid_token").await;
}

fn introspecting(stage: &Stage, caller: &Client) -> Guarded {
    let issuer = TrustedIssuer::new(stage.server.issuer.as_str());
    Guarded::by(Verifier::builder(issuer.introspection(&caller.id, caller.secret.as_deref().unwrap()), FILES))
}

/// OA-AT-13: at once where nothing was asked before, else within a minute.
pub(super) async fn a_revoked_token_is_refused(store: Store) {
    let mut stage = Stage::start(store, &Wish::default()).await;
    let caller = stage.client("caller").await;
    let guarded = introspecting(&stage, &caller);
    let (client, tokens) = connected(&mut stage).await;
    guarded.lets_in(&tokens.access).await;
    assert_eq!(client.revoke(&tokens.access).await.status, 200);
    guarded.ahead.store(61, Ordering::SeqCst);
    guarded.refuses(&tokens.access, "invalid_token").await;
    let (client, tokens) = connected(&mut stage).await;
    assert_eq!(client.revoke(tokens.refresh()).await.status, 200);
    guarded.refuses(&tokens.access, "invalid_token").await;
}

/// OA-RS-07, OA-RS-08
pub(super) async fn an_old_sign_in_is_not_enough(store: Store) {
    let mut stage = Stage::start(store, &Wish::default()).await;
    let guarded = Guarded::by(Verifier::builder(stage.server.issuer.as_str(), FILES).max_age(TimeDelta::seconds(300)));
    let (_, tokens) = connected(&mut stage).await;
    guarded.lets_in(&tokens.access).await;
    guarded.ahead.store(400, Ordering::SeqCst);
    let answer = guarded.refuses(&tokens.access, "insufficient_user_authentication").await;
    assert!(notation::challenge(&answer).contains(&("max_age".to_owned(), "300".to_owned())));
    // A machine never signed in.
    guarded.ahead.store(0, Ordering::SeqCst);
    let machine = Tokens::of(&stage.client("machine").await.credentials(&[]).await);
    guarded.refuses(&machine.access, "insufficient_user_authentication").await;
}

/// OA-RS-15, OA-AT-13: 503, since after a 401 a client would sign in again.
pub(super) async fn what_can_not_be_checked_is_no_fault_of_the_token(store: Store) {
    let mut stage = Stage::start(store, &Wish::default()).await;
    let (_, tokens) = connected(&mut stage).await;
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let key = stage.signing_key().await;
    let mut craft = Craft::default();
    craft.claims.insert("scope".to_owned(), "files:read".into());
    Guarded::by(Verifier::builder(nobody.as_str(), FILES)).can_not_tell(&craft::craft(&craft, &key, &nobody, FILES)).await;
    let caller = stage.client("caller").await;
    let guarded = introspecting(&stage, &caller);
    let by_keys = Guarded::by(Verifier::builder(stage.server.issuer.as_str(), FILES));
    by_keys.lets_in(&tokens.access).await;
    stage.server.kill();
    guarded.can_not_tell(&tokens.access).await;
    // MCP-RS-17: the last good keys serve on.
    by_keys.lets_in(&tokens.access).await;
}
