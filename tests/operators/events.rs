//! What operators do leaves events in the server's log: who, what and when.

use std::process::Command;

use chrono::TimeDelta;
use portcullis::{
    entropy,
    protocol::vocabulary::{SessionId, Token},
    store::NewSession,
};
use serde_json::{Value, json};

use super::json;
use crate::harness::{Answer, CALLBACK, Client, FILES, PASSWORD, Server, Setup, on_both_stores, until};

/// The events of the log, in their order.
fn events(server: &Server) -> Vec<Value> {
    let log = server.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["target"] == "portcullis::event").collect()
}

/// A server whose log has the event of Ada's account already.
async fn started(setup: Setup) -> Server {
    let server = setup.start().await;
    event(&server, "admin_user_added", 0).await;
    server
}

/// Waits for the event of this name after the first `before` ones.
async fn event(server: &Server, name: &str, before: usize) -> Value {
    let find = || events(server).into_iter().skip(before).find(|event| event["event"] == name);
    until(name, async || find().is_some()).await;
    find().unwrap()
}

/// Who runs the tests, as the system knows them.
fn me() -> String {
    let output = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Does it, and returns its event and what the command printed.
async fn done(server: &Server, arguments: &[&str], name: &str) -> (Value, Value) {
    let before = events(server).len();
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
    let ran = server.cli_with_input(&arguments, &format!("{PASSWORD}\n")).expect();
    assert!(!ran.stderr.contains(name), "the terminal is not the log: {}", ran.stderr);
    let event = event(server, name, before).await;
    let operator = event["operator"].as_str().unwrap_or_else(|| panic!("nobody did {event}"));
    assert!(operator == me() || operator.ends_with(&format!(" as {}", me())), "{operator} is not {}", me());
    let done_at = chrono::DateTime::parse_from_rfc3339(event["done_at"].as_str().unwrap()).unwrap();
    assert!((crate::harness::now() - done_at.to_utc()).abs() < TimeDelta::minutes(1), "{event}");
    assert_eq!(event["issuer"], server.issuer.as_str());
    (event, ran.json())
}

on_both_stores! {
    // OA-LG-01, OA-LG-02
    async fn whatever_an_operator_does_leaves_an_event(store: Store) {
        let server = started(Setup::on(store)).await;
        let (event, grace) = done(&server, &["user", "add", "grace", "--password-stdin"], "admin_user_added").await;
        assert_eq!(event["user_id"], grace["id"]);
        let (event, _) = done(&server, &["user", "passwd", "grace", "--password-stdin"], "admin_user_password").await;
        assert_eq!(event["user_id"], grace["id"]);
        let (event, _) = done(&server, &["user", "disable", "grace", "--yes"], "admin_user_disabled").await;
        assert_eq!((&event["user_id"], &event["reason"]), (&grace["id"], &json!("0 grants revoked")));
        done(&server, &["user", "enable", "grace"], "admin_user_enabled").await;

        let (event, app) = done(&server, &["client", "add", "--name", "App", "--confidential", "--redirect-uri", CALLBACK], "client_registered").await;
        assert_eq!(event["client_id"], app["client_id"]);
        for (verb, reason) in [("disable", "disabled"), ("enable", "enabled"), ("secret", "a new secret")] {
            let yes: &[&str] = if verb == "disable" { &["--yes"] } else { &[] };
            let (event, _) = done(&server, &[&["client", verb, "App"], yes].concat(), "client_changed").await;
            assert_eq!((&event["client_id"], &event["reason"]), (&app["client_id"], &json!(reason)));
        }
        let (event, _) = done(&server, &["client", "remove", "App", "--yes"], "client_deleted").await;
        assert_eq!(event["client_id"], app["client_id"]);

        let notes = "https://notes.example.com/mcp";
        let (event, _) = done(&server, &["resource", "add", notes], "config_change").await;
        assert_eq!((&event["resource"], &event["reason"]), (&json!(notes), &json!("the resource was added")));
        let (event, _) = done(&server, &["resource", "remove", notes, "--yes"], "config_change").await;
        assert_eq!((&event["resource"], &event["reason"]), (&json!(notes), &json!("the resource was removed, 0 grants revoked")));

        let (event, turns) = done(&server, &["key", "rotate", "--yes"], "key_rotated").await;
        let said = event["reason"].as_str().unwrap();
        assert!(["active", "retired", "standby"].iter().all(|key| said.contains(turns[0][key].as_str().unwrap())), "{said}");

        let (event, token) = done(&server, &["registration-token", "add", "Workshop"], "admin_registration_token_added").await;
        assert_eq!(event["reason"], token["id"]);
        done(&server, &["registration-token", "revoke", "Workshop", "--yes"], "admin_registration_token_revoked").await;

        let arguments = ["token", "add", "Backup", "--user", "ada", "--resource", FILES, "--scope", "files:read"];
        let (event, token) = done(&server, &arguments, "personal_token_made").await;
        assert_eq!((&event["user_id"], &event["resource"], &event["reason"]), (&token["user_id"], &json!(FILES), &token["id"]));
        assert!(!event.to_string().contains("pc_pat_"));
        let (event, _) = done(&server, &["token", "revoke", "Backup", "--yes"], "personal_token_revoked").await;
        assert_eq!((&event["user_id"], &event["reason"]), (&token["user_id"], &token["id"]));

        let tokens = server.client().await.connect(&mut server.person("ada")).await;
        let (event, _) = done(&server, &["grant", "revoke", "--user", "ada", "--yes"], "revoked").await;
        assert_eq!((&event["grant_id"], &event["resource"]), (&tokens.claims()["grant_id"], &json!(FILES)));
        let before = events(&server).len();
        json(&server, &["user", "disable", "grace", "--dry-run"]);
        server.cli(&["user", "disable", "grace"]);
        done(&server, &["user", "enable", "grace"], "admin_user_enabled").await;
        let quiet = events(&server).into_iter().skip(before).filter(|event| event["event"] == "admin_user_disabled").count();
        assert_eq!(quiet, 0, "nothing was done");
    }

    // OA-LG-01: what is done while no server runs is told by the next, and of several processes by one
    async fn what_was_done_without_a_server_is_told_once_by_the_next(store: Store) {
        let server = started(Setup::on(store)).await;
        server.kill();
        let before = events(&server).len();
        server.add_account("grace");
        assert_eq!(events(&server).len(), before);
        server.run();
        server.ready().await;
        event(&server, "admin_user_added", before).await;
        if store == crate::harness::Store::Postgres {
            let twin = server.twin().await;
            server.add_account("heidi");
            let both = || events(&server).into_iter().skip(before).chain(events(&twin)).filter(|event| event["event"] == "admin_user_added");
            until("one of the two to tell", async || both().count() >= 2).await;
            // Whoever comes later tells of this one as well, if it told of the other.
            done_by_either(&server, &twin).await;
            assert_eq!(both().count(), 2);
        }
    }

    // OA-LG-01, OA-JW-04: from its making to its removal, each change once
    async fn the_life_of_a_key_is_told(store: Store) {
        let setup = Setup::on(store).without_accounts();
        let (mut server, twin) = if store == crate::harness::Store::Postgres {
            let (server, twin) = setup.start_two().await;
            (server, Some(twin))
        } else {
            (setup.start().await, None)
        };
        let list = json(&server, &["key", "list"]);
        let kid = |state: &str| list.as_array().unwrap().iter().find(|key| key["state"] == state).unwrap()["kid"].as_str().unwrap().to_owned();
        let (active, standby) = (kid("active"), kid("standby"));
        let told = |name: &str| -> Vec<String> {
            let all = events(&server).into_iter().chain(twin.iter().flat_map(events)).filter(|event| event["event"] == name);
            let mut told: Vec<String> = all.map(|event| event["reason"].as_str().unwrap().to_owned()).collect();
            told.sort();
            told
        };
        until("the keys of the first start to be told", async || told("key_created").len() == 2).await;
        let mut made = vec![format!("ES256: {active} signs"), format!("ES256: {standby} is on standby")];
        made.sort();
        assert_eq!(told("key_created"), made);
        drop(twin);

        let before = events(&server).len();
        let (_, turns) = done(&server, &["key", "rotate", "--yes"], "key_rotated").await;
        let retired = event(&server, "key_retired", before).await;
        let said = format!("ES256: {active} signs no more, and is in the JWKS until ");
        let until_when = retired["reason"].as_str().unwrap().strip_prefix(&said).unwrap_or_else(|| panic!("{retired}"));
        assert!(chrono::DateTime::parse_from_rfc3339(until_when).unwrap().to_utc() > crate::harness::now());
        let fresh = event(&server, "key_created", before).await;
        assert_eq!(fresh["reason"], format!("ES256: {} is on standby", turns[0]["standby"].as_str().unwrap()));
        assert!(fresh["operator"].is_string() && retired["operator"].is_string());
        // keys of another algorithm, made by a command; what the server finds there it has not made
        let before = events(&server).len();
        json(&server, &["resource", "add", "https://rsa.example.com/mcp", "--algorithm", "EdDSA"]);
        event(&server, "config_change", before).await;
        let made: Vec<Value> = events(&server).into_iter().skip(before).filter(|event| event["event"] == "key_created").collect();
        assert!(made.len() == 2 && made.iter().all(|event| event["reason"].as_str().unwrap().starts_with("EdDSA: ")), "{made:?}");

        let before = events(&server).len();
        server.restart_at(Some("+32d")).await;
        let removed = event(&server, "key_removed", before).await;
        assert_eq!(removed["reason"], format!("{active} left the JWKS a month ago"));
        assert!(events(&server).iter().skip(before).all(|event| event["event"] != "key_created"), "none was missing");
    }

    // OA-LG-01: by their names, never their values; a server is held against its own last start
    async fn a_start_with_other_settings_is_told(store: Store) {
        let server = started(Setup::on(store)).await;
        let changes = |of: &Server| -> Vec<String> {
            let all = events(of).into_iter().filter(|event| event["event"] == "config_change");
            all.map(|event| event["reason"].as_str().unwrap().replace("started with other settings than before: ", "")).collect()
        };
        let first = std::fs::read_to_string(server.config()).unwrap();
        server.kill_and_restart().await;
        assert_eq!(changes(&server), [""; 0], "the same again");
        let other = first.replace("Read your mail", "Read all of your mail") + "[tokens]\ncode_lifetime = \"31s\"\naccess_token_lifetime = \"15m\"\n";
        for (settings, told) in [(&other, "resources, tokens.code_lifetime"), (&first, "resources, tokens.code_lifetime")] {
            let before = changes(&server).len();
            std::fs::write(server.config(), settings).unwrap();
            server.kill_and_restart().await;
            server.kill_and_restart().await;
            assert_eq!(changes(&server)[before..], [told], "once, and not what is as it comes");
            let noted = server.count("SELECT COUNT(*) FROM starts WHERE CAST(settings AS TEXT) LIKE '%resources%'").await;
            let readable = server.count("SELECT COUNT(*) FROM starts WHERE CAST(settings AS TEXT) LIKE '%of your mail%'").await;
            assert_eq!((noted, readable), (1, 0), "no value can be read");
        }
        assert!(!server.log().contains("of your mail"));
        assert_eq!(server.count("SELECT COUNT(*) FROM starts").await, 1);
        if store == crate::harness::Store::Postgres {
            let twin = server.twin().await;
            assert_eq!(changes(&twin), ["issuer, listen, trusted_proxies"], "a server that was not here before");
            for _ in 0..2 {
                server.kill_and_restart().await;
                twin.kill_and_restart().await;
            }
            assert_eq!((changes(&server).len(), changes(&twin).len()), (2, 1), "two servers that differ are no news");
        }
    }

    // OA-AB-08: the oldest dies, and an event says so
    async fn what_ends_since_there_is_too_much_of_it_leaves_an_event(store: Store) {
        let server = started(Setup::on(store).table("tokens", "families_per_client = 1")).await;
        let (client, mut ada) = (server.client().await, server.person("ada"));
        client.connect(&mut ada).await;
        let before = events(&server).len();
        client.connect(&mut ada).await;
        let told = event(&server, "cap_reached", before).await;
        assert_eq!(told["client_id"], client.id.as_str());
        assert!(told["reason"].as_str().unwrap().ends_with("codes that ended: 0, token families: 1, grants: 0"), "{told}");
        let before = events(&server).len();
        for _ in 0..2 {
            ada.code_for(&client.ask()).await;
        }
        let is_told = |event: &Value| event["reason"].as_str().is_some_and(|reason| reason.contains("codes that ended: 1,"));
        until("the second code to end the first", async || events(&server).iter().skip(before).any(is_told)).await;

        let user_id = json(&server, &["user", "show", "ada"])["id"].as_str().unwrap().to_owned();
        let (store, now, before) = (server.store().await, crate::harness::now(), events(&server).len());
        for number in 0..50_u8 {
            let (hash, id) = (Token::<SessionId>::new([number; 32]).hash(), entropy::identifier(now).unwrap().to_string());
            let user_id = user_id.clone();
            store.add_session(&NewSession { hash, id, user_id, user_agent: String::new(), auth_time: now, expires_at: now + TimeDelta::days(1) }).await.unwrap();
        }
        server.person("ada").sign_in_at_home().await;
        let told = event(&server, "cap_reached", before).await;
        assert_eq!((&told["user_id"], &told["reason"]), (&json!(user_id), &json!("1 of too many sessions ended, the longest unused")));
    }

    // OA-LG-01, MCP-AS-139
    async fn a_client_that_is_forgotten_leaves_an_event(store: Store) {
        let mut server = started(Setup::on(store)).await;
        let idle = server.kept_client(&json!({ "redirect_uris": [CALLBACK] })).await;
        let before = events(&server).len();
        server.restart_at(Some("+25h")).await;
        let told = event(&server, "client_deleted", before).await;
        assert_eq!((&told["client_id"], &told["operator"]), (&json!(idle.id), &json!(null)), "{told}");
    }

    // OA-LG-02: by privacy setting
    async fn no_more_of_an_address_is_logged_than_the_operator_wants(store: Store) {
        for (how, logged) in [("full", Some("203.0.113.77")), ("network", Some("203.0.113.0")), ("none", None)] {
            let setup = Setup::on(store).settings("trusted_proxies = [\"127.0.0.0/8\"]");
            let server = setup.table("log", &format!("source_address = \"{how}\"\nlevel = \"debug\"")).start().await;
            let unknown = server.request("POST", "/token").header("x-forwarded-for", "203.0.113.77");
            let unknown = unknown.header("content-type", "application/x-www-form-urlencoded").body("grant_type=refresh_token&client_id=gone");
            Answer::to(unknown).await.expect(401);
            let failed = event(&server, "client_auth_fail", 0).await;
            assert_eq!(failed["span"]["source"].as_str(), logged, "{failed}");
            assert_eq!(failed["issuer"], server.issuer.as_str());
            assert_eq!(server.log().contains("203.0.113.77"), how == "full");
        }
    }
}

/// One more action, so that both processes have looked.
async fn done_by_either(server: &Server, twin: &Server) {
    Client::operator(server, "Nightly", "", &["--machine", FILES]);
    let told = |of: &Server| events(of).iter().any(|event| event["event"] == "client_registered");
    until("the next action to be told", async || told(server) || told(twin)).await;
}
