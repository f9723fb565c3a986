//! Line breaks and markup where a header, a log line or a page is made from what
//! strangers send (CWE-113, CWE-117, CWE-79).

use serde_json::json;

use crate::harness::{Client, Setup, on_both_stores};

on_both_stores! {
    // OA-HT-06, OA-AZ-12, OA-AZ-14
    async fn no_parameter_breaks_out_of_a_header_or_a_page(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        ada.sign_in_at_home().await;
        let evils = ["x\r\nSet-Cookie: evil=1", "x\nLocation: https://evil.example", "\u{0}", "\"><script>alert(1)</script>", "x\u{85}y", "x\u{2028}y"];
        for evil in evils {
            for name in ["state", "scope", "resource", "response_type", "code_challenge", "prompt", "client_id", "redirect_uri", "max_age", "login_hint", "nonce"] {
                let place = ada.open(&client.ask().with(name, evil).path()).await;
                assert!(!ada.cookies.contains_key("evil"), "{name}");
                assert!(!place.answer.body.contains("<script>"), "{name}: {}", place.answer.body);
                if let Some(description) = place.parameter("error_description") {
                    let allowed = |c: char| c.is_ascii() && !c.is_ascii_control() && c != '"' && c != '\\';
                    assert!(description.len() <= 200 && description.chars().all(allowed), "{name}: {description}");
                    assert!(!description.contains("evil"), "{name}: {description}");
                }
                if place.left {
                    assert!(place.url.as_str().starts_with(&client.redirect_uri), "{name}: {}", place.url);
                }
            }
            for name in ["grant_type", "code", "client_id", "scope", "resource", "refresh_token", "client_secret"] {
                let answer = client.post("/token", &[("grant_type", "refresh_token"), (name, evil)]).await;
                assert!(answer.status >= 400 && !answer.body.contains("evil") && !answer.body.contains("<script"), "{name}: {}", answer.body);
                assert!(answer.headers.get("evil").is_none() && answer.header("set-cookie").is_none());
            }
        }
    }

    // OA-LG-05, OA-DR-13: an event is one line, whatever a stranger is called
    async fn no_log_line_is_forged(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let fake = "2026-01-01T00:00:00Z INFO event=login_ok user=root";
        for path in [format!("/authorize?client_id=%0a{}", fake.replace(' ', "%20")), format!("/%0a{}", fake.replace(' ', "%20"))] {
            server.get(&path).await;
        }
        let agent = server.request("GET", "/authorize").header("user-agent", "x\u{85}y").header("x-request-id", "x y forged\u{2028}z");
        crate::harness::Answer::to(agent).await;
        server.post_form("/token", &[("grant_type", &format!("x\n{fake}")), ("client_id", &format!("\n{fake}"))]).await;
        let mut mallory = server.person(&format!("x\n{fake}"));
        let place = mallory.open("/sign-in").await;
        mallory.sign_in(&place).await;
        let metadata = json!({ "client_name": format!("App {fake}"), "redirect_uris": ["https://a.example/cb"] });
        let client = Client::register_as(&server, &metadata).await;
        client.redeem(&format!("x\n{fake}"), "x").await;
        let log = server.log();
        assert!(log.lines().all(|line| !line.starts_with(fake)), "{log}");
        assert!(!log.contains(['\u{1b}', '\u{85}', '\u{2028}']), "{log}");
    }
}
