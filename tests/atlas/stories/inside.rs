//! EA-101, EA-194: faults that only come from inside, on the same data, in this process.

use std::net::SocketAddr;

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{Request, header},
};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use portcullis::{clock::Clock, router, store::StoredKey};
use tower::ServiceExt as _;

use super::recorded;
use crate::{
    atlas::{events, notation, row::Wish, stage::Stage},
    harness::{Answer, Server, Store, Tokens, encoded},
};

async fn ask(router: &Router, mut request: Request<Body>, server: &Server) -> Answer {
    request.headers_mut().insert(header::HOST, format!("127.0.0.1:{}", server.port).parse().unwrap());
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 9))));
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status.as_u16(), headers: parts.headers, body: String::from_utf8_lossy(&body).into_owned() }
}

fn form(path: &str, form: &[(&str, &str)]) -> Request<Body> {
    let body = Body::from(encoded(form));
    Request::post(path).header("content-type", "application/x-www-form-urlencoded").body(body).unwrap()
}

/// OA-TK-14: the code is not spent, and redeems once the keys are back.
pub(super) async fn no_key_can_sign(store: Store) {
    let mut stage = Stage::start(store, &Wish::default()).await;
    let (client, mut ada) = (stage.client("public").await, stage.ada().await);
    let asked = client.ask();
    let code = ada.code_for(&asked).await;
    let app = stage.server.inside(Clock::system()).await;
    let keys = app.store.signing_keys(app.clock.now()).await.unwrap();
    let idle: Vec<_> = keys.into_iter().map(|key| StoredKey { activated_at: None, ..key }).collect();
    app.keys.replace(&idle, &app.master_key).unwrap();
    let router = router::router(app.clone());
    let redeem = || {
        let fields = [("grant_type", "authorization_code"), ("client_id", &client.id), ("code", &code), ("code_verifier", &asked.verifier)];
        form("/token", &fields)
    };
    for _ in 0..2 {
        let broken = ask(&router, redeem(), &stage.server).await;
        broken.expect_error(500, "server_error");
        notation::description_is_plain(broken.json()["error_description"].as_str().unwrap());
        assert_eq!(broken.header("access-control-allow-origin").as_deref(), Some("*"));
    }
    app.reload(app.clock.now()).await.unwrap();
    let tokens = Tokens::of(&ask(&router, redeem(), &stage.server).await);
    assert!(tokens.refresh.is_some());
}

/// OA-TK-11, OA-HT-13: a body that panics when it is read takes the handler with it.
pub(super) async fn a_handler_panics() {
    let stage = Stage::start(Store::Sqlite, &Wish::default()).await;
    let app = stage.server.inside(Clock::system()).await;
    let router = router::router(app);
    let (api, api_log) = recorded(ask(&router, panicking("/token"), &stage.server)).await;
    api.expect_error(500, "server_error");
    assert_eq!(api.header("access-control-allow-origin").as_deref(), Some("*"));
    let (page, page_log) = recorded(ask(&router, panicking("/authorize"), &stage.server)).await;
    notation::page(&page, 500);
    for (answer, log) in [(&api, api_log), (&page, page_log)] {
        assert!(!answer.body.contains("hush") && !answer.body.contains("panic"), "{}", answer.body);
        let id = answer.header("x-request-id").unwrap();
        assert_eq!(events::of(&log, &[id]), ["broken"], "{log}");
    }
}

fn panicking(path: &str) -> Request<Body> {
    let body = Full::new(Bytes::from_static(b"grant_type=x")).map_frame(|frame| {
        assert!(!frame.is_data(), "hush: a fault that nobody foresaw");
        frame
    });
    Request::post(path).header("content-type", "application/x-www-form-urlencoded").body(Body::new(body)).unwrap()
}
