//! A proxy in front: whose word about host and address counts.

use serde_json::json;

use crate::harness::{Answer, Server, Setup, Store};

const PUBLIC: &str = "https://auth.example.com";

async fn behind_a_proxy() -> Server {
    let setup = Setup::on(Store::Sqlite).settings(&format!("issuer = \"{PUBLIC}\"\ntrusted_proxies = [\"127.0.0.1/32\"]"));
    setup.table("registration", "per_source_per_hour = 2").start().await
}

/// Registers a client, as a proxy passes it on for somebody.
async fn registers(server: &Server, forwarded_for: &str) -> u16 {
    let client = json!({ "redirect_uris": ["https://client.example.com/callback"], "token_endpoint_auth_method": "none" });
    let request = server.request("POST", "/register").header("x-forwarded-for", forwarded_for).json(&client);
    Answer::to(request).await.status
}

// OA-HT-08, OA-MX-17, EA-114
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_trusted_proxy_limits_count_for_the_address_it_names() {
    let server = behind_a_proxy().await;
    assert_eq!(registers(&server, "198.51.100.7").await, 201);
    assert_eq!(registers(&server, "198.51.100.7").await, 201);
    assert_eq!(registers(&server, "198.51.100.7").await, 429);
    // What stands further left anybody could have written.
    assert_eq!(registers(&server, "203.0.113.9, 198.51.100.7").await, 429);
    assert_eq!(registers(&server, "203.0.113.9").await, 201, "somebody else is not held up");
}

// OA-HT-08
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_elses_word_about_an_address_counts() {
    let server = Setup::on(Store::Sqlite).table("registration", "per_source_per_hour = 2").start().await;
    assert_eq!(registers(&server, "198.51.100.1").await, 201);
    assert_eq!(registers(&server, "198.51.100.2").await, 201);
    assert_eq!(registers(&server, "198.51.100.3").await, 429);
}

// OA-HT-07, OA-MD-06, MCP-AS-11
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_may_name_any_host_and_changes_no_address() {
    let server = behind_a_proxy().await;
    let request = server.request("GET", "/.well-known/oauth-authorization-server").header("host", "upstream:8080");
    let answer = Answer::to(request.header("x-forwarded-host", "evil.example").header("x-forwarded-proto", "http")).await.expect(200);
    assert_eq!(answer.json()["issuer"], PUBLIC);
    assert!(!answer.body.contains("evil") && !answer.body.contains("upstream"), "{}", answer.body);
    assert!(answer.header("strict-transport-security").is_some(), "people come over https");
}

// OA-HT-07, EA-191
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_host_is_told_which_setting_to_look_at() {
    let server = Server::start(Store::Sqlite).await;
    let answer = Answer::to(server.request("GET", "/authorize").header("host", "evil.example")).await.expect(421);
    assert!(answer.header("content-type").unwrap().starts_with("text/plain"), "{answer:?}");
    assert_eq!(answer.header("cache-control").as_deref(), Some("no-store"));
    for word in [&format!("127.0.0.1:{}", server.port), "`issuer`", "`trusted_proxies`"] {
        assert!(answer.body.contains(word), "{}", answer.body);
    }
    for path in ["/livez", "/readyz"] {
        Answer::to(server.request("GET", path).header("host", "10.1.2.3:8080")).await.expect(200);
    }
}

// OA-HT-14
#[test]
fn a_public_address_without_tls_or_a_proxy_is_refused_with_what_to_do() {
    let refused = Setup::on(Store::Sqlite).argument("--listen").argument("0.0.0.0:0").refused();
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    for word in ["[tls]", "trusted_proxies"] {
        assert!(refused.stderr.contains(word), "{refused:?}");
    }
}

/// How many requests of an unknown client are answered before one is told to wait.
async fn forgiven(server: &Server, forwarded_for: &str) -> usize {
    for count in 0..1000 {
        let request = server.request("POST", "/token").header("x-forwarded-for", forwarded_for);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = Answer::to(request.body(format!("grant_type=refresh_token&refresh_token=x&client_id=gone-{count}"))).await;
        if answer.status == 429 {
            return count;
        }
        answer.expect(401);
    }
    panic!("{forwarded_for} is never told to wait");
}

// MCP-AS-64, OA-AB-02, K-03, K-08: hosted Claude is many people behind one network
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_network_of_a_vendor_has_ten_times_as_much() {
    let setup = Setup::on(Store::Sqlite).settings("trusted_proxies = [\"127.0.0.1/32\"]");
    let setup = setup.table("limits", "source_failures_per_minute = 3").table("registration", "per_source_per_hour = 2");
    let server = setup.start().await;
    assert_eq!(forgiven(&server, "198.51.100.7").await, 3);
    assert_eq!(forgiven(&server, "160.79.104.7").await, 30);
    assert_eq!(forgiven(&server, "160.79.111.255").await, 30, "a /21");
    assert_eq!(forgiven(&server, "160.79.112.1").await, 3, "the next network is somebody else's");
    for _ in 0..20 {
        assert_eq!(registers(&server, "160.79.104.9").await, 201);
    }
    assert_eq!(registers(&server, "160.79.104.9").await, 429);
}
