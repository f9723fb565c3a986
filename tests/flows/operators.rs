//! What the operator's command line changes, the running server follows.

use std::net::SocketAddr;

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{Request, request},
};
use chrono::TimeDelta;
use http_body_util::BodyExt as _;
use portcullis::{clock::Clock, router};
use serde_json::json;
use tower::ServiceExt as _;

use crate::harness::{Answer, CALLBACK, Client, FILES, Server, Setup, Tokens, encoded, forms, now, on_both_stores, until};

async fn ask(router: &Router, server: &Server, request: request::Builder, body: String) -> Answer {
    let mut request = request.header("host", format!("127.0.0.1:{}", server.port)).body(Body::from(body)).unwrap();
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 9))));
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status.as_u16(), headers: parts.headers, body: String::from_utf8_lossy(&body).into_owned() }
}

on_both_stores! {
    // MCP-AS-100, MCP-AS-101, OA-CL-09: the secret is shown once, and only its hash is kept
    async fn a_client_that_the_operator_adds_works_at_once(store: Store) {
        let server = Server::start(store).await;
        let client = Client::operator(&server, "Files for all", CALLBACK, &["--introspect", FILES, "--machine", FILES]);
        let secret = client.secret.clone().expect("shown once");
        let listed = server.cli(&["client", "list", "--json"]).expect();
        assert!(listed.stdout.contains(&client.id) && !listed.stdout.contains(&secret), "{}", listed.stdout);
        let tokens = client.connect(&mut server.person("ada")).await;
        assert!(client.finds_active(&tokens.access).await);
        assert_eq!(Tokens::of(&client.credentials(&[]).await).claims()["sub"], json!(client.id));
    }

    // MCP-AS-59, OA-RT-14, OA-RV-09
    async fn what_the_operator_ends_has_ended(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let client = server.client().await;
        let files = server.resource_server(&[FILES]).await;
        let tokens = client.connect(&mut server.person("ada")).await;
        let grants = server.cli(&["grant", "list", "--json"]).expect();
        let grant = tokens.claims()["grant_id"].as_str().unwrap().to_owned();
        assert!(grants.stdout.contains(&grant), "{}", grants.stdout);
        server.cli(&["grant", "revoke", &grant, "--yes"]).expect();
        assert!(!files.finds_active(&tokens.access).await);
        client.refresh(tokens.refresh()).await.expect_error(400, "invalid_grant");
        server.cli(&["client", "remove", &client.id, "--yes"]).expect();
        until("the client is gone", async || client.refresh("x").await.status == 401).await;
    }

    // OA-JW-04, MCP-AS-175: tokens of the old key stay good, new ones have the new one
    async fn a_key_that_is_rotated_takes_over_and_nothing_is_refused(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let files = server.resource_server(&[FILES]).await;
        let mut ada = server.person("ada");
        let before = client.connect(&mut ada).await;
        let standby = server.get("/jwks").await.json()["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect::<Vec<_>>();
        server.cli(&["key", "rotate", "--yes"]).expect();
        until("the new key signs", async || Tokens::of(&client.refresh(before.refresh()).await).header()["kid"] != before.header()["kid"]).await;
        let after = client.connect(&mut ada).await;
        assert!(standby.contains(&after.header()["kid"]), "it was published long before");
        assert!(files.finds_active(&before.access).await && files.finds_active(&after.access).await);
    }

    // the first account is made by who reads the terminal, or a file that only its owner reads
    async fn the_setup_link_makes_one_account_and_then_none(store: Store) {
        let server = Setup::on(store).without_accounts().env("PORTCULLIS_TOKENS_CODE_LIFETIME", "30s").start().await;
        let text = std::fs::read_to_string(server.folder().join("setup-link")).unwrap();
        let path = url::Url::parse(text.trim()).unwrap().path().to_owned();
        let mut ada = server.person("ada");
        let place = ada.open(&path).await;
        let mut form = place.forms().into_iter().next().unwrap();
        for (name, value) in [("username", "ada"), ("password", &ada.password.clone()), ("repeat", &ada.password.clone())] {
            form.set(name, value);
        }
        let place = ada.submit(&form, None).await;
        assert_eq!((place.answer.status, place.url.path()), (200, "/account"));
        assert!(!server.folder().join("setup-link").exists());
        let mut mallory = server.person("mallory");
        assert_eq!(mallory.open(&path).await.answer.status, 404);
        form.set("username", "mallory");
        assert_eq!(ada.submit(&form, None).await.answer.status, 404);
        server.client().await.connect(&mut ada).await;
    }

    // the link is for who starts the server, not for who finds it in the evening
    async fn the_setup_link_is_over_after_half_an_hour(store: Store) {
        let server = Setup::on(store).without_accounts().start().await;
        let text = std::fs::read_to_string(server.folder().join("setup-link")).unwrap();
        let path = url::Url::parse(text.trim()).unwrap().path().to_owned();
        let clock = Clock::stopped_at(now() + TimeDelta::minutes(29));
        let app = server.inside(clock.clone()).await;
        let router = router::router(app.clone());
        let page = ask(&router, &server, Request::get(&path), String::new()).await.expect(200);
        let mut form = forms(&page.body).into_iter().next().unwrap();
        for (name, value) in [("username", "ada"), ("password", crate::harness::PASSWORD), ("repeat", crate::harness::PASSWORD)] {
            form.set(name, value);
        }
        let cookie = page.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        let send = async || {
            let request = Request::post(&path).header("content-type", "application/x-www-form-urlencoded").header("cookie", &cookie);
            let request = request.header("origin", &server.issuer).header("sec-fetch-site", "same-origin");
            ask(&router, &server, request, encoded(&form.fields)).await
        };
        clock.advance(TimeDelta::minutes(2));
        assert_eq!(ask(&router, &server, Request::get(&path), String::new()).await.status, 404);
        assert_eq!(send().await.status, 404);
        assert_eq!(app.store.count_users().await.unwrap(), 0);
        clock.advance(-TimeDelta::minutes(2));
        assert_eq!(send().await.status, 303, "it was the time alone");
        assert_eq!(app.store.count_users().await.unwrap(), 1);
    }
}
