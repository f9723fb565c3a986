//! Personal access tokens: for clients that can only send a header.

use chrono::{DateTime, TimeDelta, Utc};
use portcullis::{
    protocol::{
        personal_token::{Terms, Wish},
        resource::ProtectedResource,
        vocabulary::{PersonalAccessToken, SigningAlgorithm, Token},
    },
    store::{ClientLifetimes, NewPersonalToken, NotStored},
};
use portcullis_verifier::{
    Rejection, TrustedIssuer, Verifier,
    vocabulary::{Resource, Scope},
};
use serde_json::{Value, json};

use crate::harness::{Answer, CALLBACK, Client, FILES, MAIL, Ran, Server, Setup, Store, encoded, now, on_both_stores, spoiled, until};

/// A token that the operator makes for Ada; its JSON.
fn add(server: &Server, name: &str, more: &[&str]) -> Value {
    try_add(server, name, more).expect().json()
}

fn try_add(server: &Server, name: &str, more: &[&str]) -> Ran {
    server.cli(&[&["token", "add", name, "--user", "ada", "--json"], more].concat())
}

/// One that reads files.
fn reader(server: &Server, name: &str) -> (String, Value) {
    let made = add(server, name, &["--resource", FILES, "--scope", "files:read"]);
    (made["token"].as_str().unwrap().to_owned(), made)
}

/// What a command says that did not do it.
#[track_caller]
fn refused(ran: &Ran, code: i32) -> String {
    assert_eq!(ran.status.code(), Some(code), "{ran:?}");
    ran.stderr.clone()
}

/// A day of reading files.
fn terms(name: &str) -> Terms {
    terms_since(name, now())
}

fn terms_since(name: &str, begin: DateTime<Utc>) -> Terms {
    let files = ProtectedResource {
        identifier: Resource::parse(FILES).unwrap(),
        aliases: Vec::new(),
        name: "Files".to_owned(),
        scopes: Vec::new(),
        default_scopes: Scope::none(),
        token_lifetime: None,
        signing_algorithm: SigningAlgorithm::default(),
        origin_alias: false,
        people: None,
    };
    let wish = Wish { name, person: "ada", resource: &files, scope: Scope::none(), lifetime: TimeDelta::days(1) };
    Terms::of(wish, begin).unwrap()
}

/// The events of one kind in the server's log.
fn events(server: &Server, name: &str) -> Vec<Value> {
    let log = server.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["event"] == name).collect()
}

on_both_stores! {
    // MCP-AS-176, OA-IN-03, OA-IN-04
    async fn its_resource_server_is_told_what_it_is_and_nobody_else(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let (files, mail) = (server.resource_server(&[FILES]).await, server.resource_server(&[MAIL]).await);
        let (token, made) = reader(&server, "Backup");
        assert!(token.starts_with("pc_pat_"), "secret scanners know it");
        assert_eq!(mail.introspect(&token).await.expect(200).body, r#"{"active":false}"#);
        assert!(server.cli(&["token", "list", "--json"]).expect().json()[0]["last_used_at"].is_null(), "that was no use");
        let (one, two, three) = tokio::join!(files.finds_active(&token), files.finds_active(&token), files.finds_active(&token));
        assert!(one && two && three);
        let answer = files.introspect(&token).await.expect(200).json();
        let time = |name: &str| DateTime::parse_from_rfc3339(made[name].as_str().unwrap()).unwrap().timestamp();
        let expected = json!({
            "active": true, "aud": FILES, "client_id": "portcullis-personal-token", "exp": time("expires_at"), "iat": time("created_at"),
            "iss": server.issuer, "jti": made["id"], "scope": "files:read", "sub": made["user_id"], "token_type": "Bearer",
        });
        assert_eq!(answer, expected);
        assert_eq!(time("expires_at") - time("created_at"), 90 * 86_400);
        assert!(!server.operators_client(|_| {}).await.finds_active(&token).await);
        server.client().await.introspect(&token).await.expect_error(401, "invalid_client");

        // used twice, told once, and not told of by those who were told nothing
        assert!(files.finds_active(&token).await);
        let used = events(&server, "personal_token_first_used");
        assert_eq!(used.len(), 1);
        assert_eq!((&used[0]["user_id"], &used[0]["resource"], &used[0]["reason"]), (&made["user_id"], &json!(FILES), &made["id"]));
        let listed = server.cli(&["token", "list", "--json"]).expect();
        assert!(listed.json()[0]["last_used_at"].is_string() && !listed.stdout.contains("pc_pat_"), "{}", listed.stdout);
    }

    async fn what_ends_a_token_ends_it_at_once(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let notes = "https://notes.example.com/mcp";
        server.cli(&["resource", "add", notes, "--scope", "notes:read=Read your notes"]).expect();
        let both = server.resource_server(&[FILES, notes]).await;
        let (revoked, by_account, by_password) = (reader(&server, "a").0, reader(&server, "b").0, reader(&server, "c").0);
        let at_notes = add(&server, "d", &["--resource", notes, "--scope", "notes:read"])["token"].as_str().unwrap().to_owned();
        for token in [&revoked, &by_account, &by_password] {
            assert!(both.finds_active(token).await);
        }
        until("the server to know the resource", async || both.finds_active(&at_notes).await).await;
        server.cli(&["token", "revoke", "a", "--yes"]).expect();
        assert!(!both.finds_active(&revoked).await && both.finds_active(&by_account).await);

        let said = server.cli(&["resource", "remove", notes, "--yes"]).expect();
        assert!(said.stderr.contains("1 personal token ends"), "{}", said.stderr);
        assert!(!both.finds_active(&at_notes).await);
        server.cli(&["resource", "add", notes, "--scope", "notes:read=Read your notes"]).expect();
        let again = add(&server, "e", &["--resource", notes, "--scope", "notes:read"])["token"].as_str().unwrap().to_owned();
        until("the server to know the resource", async || both.finds_active(&again).await).await;
        assert!(!both.finds_active(&at_notes).await, "it does not come back with the resource");

        server.cli_with_input(&["user", "passwd", "ada", "--password-stdin", "--end-grants"], "another good passphrase\n").expect();
        assert!(!both.finds_active(&by_password).await);
        let (last, _) = reader(&server, "f");
        let said = server.cli(&["user", "disable", "ada", "--yes"]).expect();
        assert!(said.stderr.contains("So is 1 personal token."), "{}", said.stderr);
        assert!(!both.finds_active(&last).await);
        server.cli(&["user", "enable", "ada"]).expect();
        assert!(!both.finds_active(&last).await, "it does not come back with the account");
    }

    // OA-IN-08: whoever only asks about tokens that were ours is never held back
    async fn made_up_tokens_are_guesses_and_ended_ones_are_not(store: Store) {
        let limits = "client_failures_per_minute = 5\nsource_failures_per_minute = 1000";
        let server = Setup::on(store).table("limits", limits).start().await;
        let (files, mail) = (server.resource_server(&[FILES]).await, server.resource_server(&[MAIL]).await);
        let (good, ended) = (reader(&server, "a").0, reader(&server, "b").0);
        server.cli(&["token", "revoke", "b", "--yes"]).expect();
        for _ in 0..10 {
            assert!(!files.finds_active(&ended).await && !mail.finds_active(&good).await);
        }
        let made_up = Token::<PersonalAccessToken>::new([7; 32]);
        let mut statuses = Vec::new();
        for guess in [spoiled(&good), made_up.wire().to_owned(), "pc_pat_x".to_owned(), "pc_pat_".to_owned(), spoiled(&ended), made_up.wire().to_owned()] {
            statuses.push(files.introspect(&guess).await.status);
        }
        assert_eq!(statuses, [200, 200, 200, 200, 200, 429]);
        assert!(files.finds_active(&good).await, "what is right goes through all the same");
    }

    // it is good for nothing at this server
    async fn it_opens_nothing_here(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let client = server.client().await;
        let files = server.resource_server(&[FILES]).await;
        let (token, made) = reader(&server, "Backup");
        client.refresh(&token).await.expect_error(400, "invalid_grant");
        client.redeem(&token, &"v".repeat(43)).await.expect_error(400, "invalid_grant");
        files.with_secret(&token).credentials(&[("resource", FILES)]).await.expect_error(401, "invalid_client");
        for (grant_type, parameter) in [("urn:ietf:params:oauth:grant-type:token-exchange", "subject_token"), ("urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion")] {
            client.post("/token", &[("grant_type", grant_type), (parameter, &token)]).await.expect_error(400, "unsupported_grant_type");
        }
        let own = Client::known(&server, "portcullis-personal-token", None, CALLBACK);
        own.refresh(&token).await.expect_error(401, "invalid_client");
        assert_eq!(server.get(&own.ask().path()).await.status, 400, "no client has the name");
        for path in ["/token", "/introspect", "/revoke"] {
            let request = server.request("POST", path).bearer_auth(&token).header("content-type", "application/x-www-form-urlencoded");
            let answer = Answer::to(request.body(format!("token={token}"))).await;
            assert!(matches!(answer.status, 400 | 401), "{path}: {}", answer.status);
        }
        let account = Answer::to(server.request("GET", "/account").bearer_auth(&token)).await;
        assert_eq!(account.location().as_deref(), Some("/sign-in"));
        // a client that found it does not end it, and is not told whose it is
        client.revoke(&token).await.expect(200);
        assert!(files.finds_active(&token).await);
        refused(&server.cli(&["client", "add", "--name", "x", "--id", "portcullis-personal-token", "--redirect-uri", CALLBACK]), 2);
        assert!(!server.log().contains(&token) && !server.log().contains(&token[8..40]), "it is in the log");
        assert_eq!(events(&server, "personal_token_first_used")[0]["reason"], made["id"]);
    }

    async fn a_wish_that_goes_too_far_is_refused(store: Store) {
        let server = Setup::on(store).start().await;
        let at_files = ["--resource", FILES, "--scope", "files:read"];
        for (more, said) in [
            (&["--resource", FILES][..], "Choose at least one thing"),
            (&["--resource", FILES, "--scope", "mail:read"], "no such scope"),
            (&["--resource", FILES, "--scope", "files:read", "--expires-in", "366d"], "at most a year"),
            (&["--resource", FILES, "--scope", "files:read", "--expires-in", "59s"], "at least a minute"),
            (&["--resource", FILES, "--scope", "files:read", "--expires-in", "soon"], "a length of time"),
        ] {
            let ran = refused(&try_add(&server, "x", more), 2);
            assert!(ran.contains(said), "{ran}");
        }
        assert!(refused(&try_add(&server, "\u{202E}x", &at_files), 2).contains("1 to 64 characters"));
        refused(&try_add(&server, "x", &["--resource", "https://nowhere.example.com"]), 3);
        reader(&server, "x");
        assert!(refused(&try_add(&server, "x", &at_files), 4).contains("a token of this name already"));
        server.cli(&["token", "revoke", "x", "--yes"]).expect();
        reader(&server, "x");
        server.cli(&["user", "disable", "ada", "--yes"]).expect();
        assert!(refused(&try_add(&server, "y", &at_files), 4).contains("disabled"));
    }

    async fn a_person_has_at_most_fifty(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let files = server.resource_server(&[FILES]).await;
        let ((used, made), other) = (reader(&server, "used"), reader(&server, "other").0);
        let store = server.store().await;
        for number in 0..48_u8 {
            let id = format!("filler {number}");
            let hash = Token::<PersonalAccessToken>::new([number; 32]).hash();
            // the last one is over already, though it was made just now
            let begin = if number == 47 { now() - TimeDelta::days(2) } else { now() };
            let new = NewPersonalToken { hash, terms: terms_since(&id, begin), id, user_id: made["user_id"].as_str().unwrap().to_owned() };
            assert_eq!(store.add_personal_token(&new, now()).await.unwrap(), Ok(0));
            if number != 47 {
                assert_eq!(store.add_personal_token(&new, now()).await.unwrap(), Err(NotStored::NameTaken));
            }
        }
        assert!(files.finds_active(&used).await && files.finds_active(&other).await);
        let nobody = NewPersonalToken {
            hash: Token::<PersonalAccessToken>::new([99; 32]).hash(),
            id: "x".to_owned(),
            user_id: "u_gone".to_owned(),
            terms: terms("x"),
        };
        assert_eq!(store.add_personal_token(&nobody, now()).await.unwrap(), Err(NotStored::NoPerson));
        reader(&server, "one more");
        let names = || -> Vec<String> {
            let listed = server.cli(&["token", "list", "--json"]).expect().json();
            listed.as_array().unwrap().iter().map(|token| token["name"].as_str().unwrap().to_owned()).collect()
        };
        let has = |name: &str| names().iter().any(|known| known == name);
        assert_eq!(names().len(), 50);
        assert!(has("one more") && has("filler 0") && !has("filler 47"), "first what is over: {:?}", names());
        let told = async |count| until("the event", async || events(&server, "cap_reached").len() == count).await;
        told(1).await;
        let mut ada = server.person("ada");
        ada.sign_in_at_home().await;
        let page = ada.open(&format!("/account/tokens/new?{}", encoded(&[("server", FILES)]))).await;
        let mut form = page.form("/account/tokens/new");
        form.set("name", "by hand");
        ada.submit(&form, None).await;
        told(2).await;
        assert!(has("by hand") && !has("filler 0") && has("filler 1"), "then what was unused for the longest: {:?}", names());
        assert!(files.finds_active(&used).await && files.finds_active(&other).await);
        let said = events(&server, "cap_reached");
        for event in &said {
            assert_eq!((&event["user_id"], &event["reason"]), (&made["user_id"], &json!("1 of too many personal tokens ended, the longest unused")));
        }
        assert!(said[0]["operator"].is_string() && said[1]["operator"].is_null());
    }

    // OA-DB-06: those that ended say so for a month, but nobody fills the table with them
    async fn what_has_ended_is_forgotten(store: Store) {
        let server = Setup::on(store).start().await;
        let store = server.store().await;
        let ada = store.user_by_login("ada").await.unwrap().unwrap().id;
        for number in 0..205_u8 {
            let id = format!("filler {number}");
            let hash = Token::<PersonalAccessToken>::new([number; 32]).hash();
            let new = NewPersonalToken { hash, terms: terms(&id), id, user_id: ada.clone() };
            store.add_personal_token(&new, now()).await.unwrap().unwrap();
            assert!(store.revoke_personal_token(&new.id, &ada, "by the person", now()).await.unwrap());
        }
        assert_eq!(server.count("SELECT COUNT(*) FROM personal_tokens").await, 201, "the last, and 200 before it");
        let stands = NewPersonalToken { hash: Token::<PersonalAccessToken>::new([255; 32]).hash(), id: "x".to_owned(), user_id: ada, terms: terms("x") };
        store.add_personal_token(&stands, now()).await.unwrap().unwrap();
        let lifetimes = ClientLifetimes { never_used: TimeDelta::days(1), idle: TimeDelta::days(90) };
        let left = async |days: i64| {
            while store.prune(lifetimes, now() + TimeDelta::days(days)).await.unwrap().rows > 0 {}
            server.count("SELECT COUNT(*) FROM personal_tokens").await
        };
        assert_eq!(left(29).await, 201);
        assert_eq!(left(30).await, 1, "it lives for a day, and is known for 30 more");
        assert_eq!(left(32).await, 0);
    }
}

// an opaque token goes the way of introspection, in the layer as whoever uses the crate meets it
#[tokio::test]
async fn the_verifier_lets_it_in_where_it_may_ask() {
    let server = Setup::on(Store::Sqlite).unlimited().start().await;
    let asker = server.resource_server(&[FILES]).await;
    let issuer = || TrustedIssuer::new(server.issuer.as_str());
    let asks = || issuer().introspection(asker.id.as_str(), asker.secret.as_deref().unwrap());
    let verifier = Verifier::builder(asks(), FILES).build().unwrap();
    let (token, made) = reader(&server, "Backup");
    let caller = verifier.check(&token).await.unwrap();
    assert_eq!(
        (caller.subject(), caller.client_id(), caller.scope().to_string().as_str()),
        (made["user_id"].as_str().unwrap(), "portcullis-personal-token", "files:read")
    );
    let elsewhere = Verifier::builder(asks(), MAIL).build().unwrap().check(&token).await.unwrap_err();
    assert!(matches!(elsewhere, Rejection::Audience { .. }), "{elsewhere:?}");
    let by_key = Verifier::builder(issuer(), FILES).build().unwrap();
    assert!(by_key.check(&token).await.is_err(), "who checks keys only can't read it");
    server.cli(&["token", "revoke", "Backup", "--yes"]).expect();
    assert_eq!(Verifier::builder(asks(), FILES).build().unwrap().check(&token).await.err(), Some(Rejection::Inactive));
}

#[tokio::test]
async fn it_ends_with_its_last_second_and_is_listed_as_expired() {
    let mut server = Server::start(Store::Sqlite).await;
    let files = server.resource_server(&[FILES]).await;
    let (token, made) = reader(&server, "Backup");
    assert!(made["expires_at"].as_str().unwrap() > (now() + TimeDelta::days(89)).to_rfc3339().as_str());
    server.restart_at(Some("+89 days")).await;
    assert!(files.finds_active(&token).await);
    server.restart_at(Some("+90 days")).await;
    assert!(!files.finds_active(&token).await);
}
