//! `portcullis token inspect`.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use portcullis::protocol::vocabulary::{PersonalAccessToken, Token};
use serde_json::{Value, json};

use super::{REFUSED, WRONGLY_USED};
use crate::harness::{FILES, MAIL, Server, on_both_stores};

/// Why a token is refused, for programs and for people.
#[track_caller]
fn reasons(server: &Server, token: &str, more: &[&str]) -> (Vec<String>, String) {
    let arguments = [&["token", "inspect", "-"], more].concat();
    let for_people = server.cli_with_input(&arguments, token);
    let ran = server.cli_with_input(&[&arguments[..], &["--json"]].concat(), &format!("Bearer {token}\n"));
    let verdict: Value = ran.json();
    for written in [&ran.stdout, &ran.stderr, &for_people.stdout, &for_people.stderr] {
        let signature = token.rsplit('.').next().unwrap();
        assert!(signature.len() < 20 || !written.contains(signature), "the token is printed: {written}");
    }
    let codes: Vec<String> = verdict["reasons"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap().to_owned()).collect();
    let expected = if codes.is_empty() { 0 } else { REFUSED };
    assert_eq!((ran.status.code(), for_people.status.code()), (Some(expected), Some(expected)), "{ran:?}");
    assert_eq!(verdict["valid"], codes.is_empty());
    (codes, for_people.stdout)
}

on_both_stores! {
    async fn a_good_token_is_explained(store: Store) {
        let server = Server::start(store).await;
        let tokens = server.client().await.connect(&mut server.person("ada")).await;
        let (codes, said) = reasons(&server, &tokens.access, &["--resource", FILES]);
        assert_eq!(codes, [""; 0], "{said}");
        for part in ["kind       an access token", FILES, "files:read", "ada (u_", "Test client (pc_r_", "ES256, key", "Good: this server accepts it"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        let (codes, said) = reasons(&server, tokens.refresh(), &[]);
        assert_eq!(codes, [""; 0], "{said}");
        assert!(said.contains("a refresh token") && said.contains("ada"), "{said}");
        let by_argument = server.cli(&["token", "inspect", &tokens.access]).expect();
        assert!(by_argument.stdout.contains("Good"), "{by_argument:?}");
    }

    async fn a_refused_token_says_why_in_words(store: Store) {
        let mut server = Server::start(store).await;
        let client = server.client().await;
        let tokens = client.connect(&mut server.person("ada")).await;
        let (head, rest) = tokens.access.split_once('.').unwrap();
        let (claims, signature) = rest.split_once('.').unwrap();
        let forged = |member: &str, value: Value| {
            let mut all: Value = serde_json::from_slice(&BASE64URL.decode(claims).unwrap()).unwrap();
            all[member] = value;
            format!("{head}.{}.{signature}", BASE64URL.encode(all.to_string()))
        };
        let with_header = |header: Value| format!("{}.{claims}.{signature}", BASE64URL.encode(header.to_string()));
        for (token, code, words) in [
            (forged("scope", json!("files:write")), "wrong_signature", "it was changed, or made up"),
            (with_header(json!({"alg": "ES256", "kid": "x", "typ": "at+jwt"})), "unknown_key", "this server has no key x"),
            (with_header(json!({"alg": "none", "kid": "x", "typ": "at+jwt"})), "malformed", "alg none is not one"),
            (with_header(json!({"alg": "ES256", "kid": "x", "typ": "JWT"})), "wrong_type", "an access token's is at+jwt"),
            (format!("{head}.{claims}"), "malformed", "this is no token of this server"),
            ("x.y.z".to_owned(), "malformed", "a part may be missing"),
        ] {
            let (codes, said) = reasons(&server, &token, &[]);
            assert_eq!(codes, [code], "{said}");
            assert!(said.contains(words), "{words}: {said}");
        }
        let (codes, said) = reasons(&server, &tokens.access, &["--resource", MAIL]);
        assert_eq!(codes, ["wrong_audience"]);
        assert!(said.contains(&format!("it is for {FILES}, and was sent to {MAIL}")), "{said}");

        // A rotated refresh token, then all that hangs on the grant.
        let next = crate::harness::Tokens::of(&client.refresh(tokens.refresh()).await);
        assert_eq!(reasons(&server, tokens.refresh(), &[]).0, [""; 0], "within the grace it still works");
        server.cli(&["grant", "revoke", "--user", "ada", "--yes"]).expect();
        let (codes, said) = reasons(&server, &next.access, &[]);
        assert_eq!(codes, ["grant_revoked"]);
        assert!(said.contains("its grant was revoked") && said.contains("the operator revoked it"), "{said}");
        assert_eq!(reasons(&server, next.refresh(), &[]).0, ["grant_revoked"]);
        server.cli(&["user", "disable", "ada", "--yes"]).expect();
        assert_eq!(reasons(&server, &next.access, &[]).0, ["grant_revoked", "user_disabled"]);
        server.cli(&["client", "remove", &client.id, "--yes"]).expect();
        assert_eq!(reasons(&server, &next.access, &[]).0, ["client_removed", "grant_gone"]);

        server.restart_at(Some("+20 minutes")).await;
        let (codes, said) = reasons(&server, &next.access, &[]);
        assert_eq!(codes[0], "expired");
        assert!(said.contains("it expired 5 minutes ago") || said.contains("it expired 4 minutes ago"), "{said}");
    }

    async fn a_key_that_left_is_named(store: Store) {
        let mut server = Server::start(store).await;
        let tokens = server.client().await.connect(&mut server.person("ada")).await;
        server.cli(&["key", "rotate", "--yes"]).expect();
        assert_eq!(reasons(&server, &tokens.access, &[]).0, [""; 0]);
        server.restart_at(Some("+3 hours")).await;
        let (codes, said) = reasons(&server, &tokens.access, &[]);
        assert_eq!(codes, ["unknown_key"]);
        assert!(said.contains("left the JWKS 1 hour ago"), "{said}");
    }

    async fn a_token_of_another_issuer_is_told_so(store: Store) {
        let [one, other] = [Server::start(store).await, Server::start(store).await];
        let tokens = one.client().await.connect(&mut one.person("ada")).await;
        let (codes, said) = reasons(&other, &tokens.access, &[]);
        assert_eq!(codes, ["wrong_issuer"]);
        assert!(said.contains(&format!("it says that {} issued it; this server is {}", one.issuer, other.issuer)), "{said}");
        let secret = other.cli_with_input(&["token", "inspect"], "pc_secret_abc");
        assert!(super::told(&secret, REFUSED).contains("a client's secret: only its hash is kept"));
        assert_eq!(other.cli(&["token", "inspect", "a", "b"]).status.code(), Some(WRONGLY_USED));
    }

    async fn a_personal_token_is_explained(store: Store) {
        let mut server = Server::start(store).await;
        server.cli(&["resource", "add", "https://notes.example.com/mcp", "--scope", "notes:read=Read your notes"]).expect();
        let add = |name: &str, resource: &str, scope: &str| {
            let made = server.cli(&["token", "add", name, "--user", "ada", "--resource", resource, "--scope", scope, "--expires-in", "8h", "--json"]).expect().json();
            made["token"].as_str().unwrap().to_owned()
        };
        let (token, notes) = (add("Backup", FILES, "files:read"), add("Notes", "https://notes.example.com/mcp", "notes:read"));
        let (codes, said) = reasons(&server, &token, &["--resource", FILES]);
        assert_eq!(codes, [""; 0], "{said}");
        for part in ["kind       a personal access token", "Backup", FILES, "files:read", "ada (u_", "never", "Good: this server accepts it"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert_eq!(reasons(&server, &token, &["--resource", MAIL]).0, ["wrong_audience"]);
        let made_up = Token::<PersonalAccessToken>::new([9; 32]);
        assert_eq!(reasons(&server, made_up.wire(), &[]).0, ["malformed"]);
        assert_eq!(reasons(&server, &crate::harness::spoiled(&token), &[]).0, ["malformed"]);
        // the resource loses the scope, then is gone
        server.cli(&["resource", "add", "https://notes.example.com/mcp", "--scope", "notes:write=Change your notes", "--replace"]).expect();
        assert_eq!(reasons(&server, &notes, &[]).0, ["nothing_left"]);
        server.cli(&["resource", "remove", "https://notes.example.com/mcp", "--yes"]).expect();
        let (codes, said) = reasons(&server, &notes, &[]);
        assert_eq!(codes, ["revoked", "wrong_audience"]);
        assert!(said.contains("it was revoked") && said.contains("the resource was removed"), "{said}");
        server.cli(&["user", "disable", "ada", "--yes"]).expect();
        assert_eq!(reasons(&server, &token, &[]).0, ["revoked", "user_disabled"]);
        server.restart_at(Some("+9 hours")).await;
        assert_eq!(reasons(&server, &token, &[]).0, ["revoked", "expired", "user_disabled"]);
    }
}
