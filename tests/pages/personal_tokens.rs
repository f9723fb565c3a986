//! A person makes a personal token, sees it once and takes it back.

use serde_json::Value;

use crate::harness::{FILES, Form, MAIL, Person, Place, Server, Setup, encoded, on_both_stores};

const NEW: &str = "/account/tokens/new";

/// The form for a server.
async fn form(person: &mut Person, server: &str) -> Form {
    person.open(&format!("{NEW}?{}", encoded(&[("server", server)]))).await.form(NEW)
}

/// The token that a page shows.
fn shown(place: &Place) -> Option<String> {
    place.answer.body.split("<code>").find(|part| part.starts_with("pc_pat_"))?.split('<').next().map(str::to_owned)
}

fn events(server: &Server, name: &str) -> Vec<Value> {
    let log = server.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["event"] == name).collect()
}

on_both_stores! {
    async fn a_token_is_made_shown_once_and_revoked(store: Store) {
        let server = Server::start(store).await;
        let files = server.resource_server(&[FILES]).await;
        let mut ada = server.person("ada");
        ada.sign_in_at_home().await;
        let choice = ada.open(NEW).await;
        for server in [FILES, MAIL] {
            assert!(choice.answer.body.contains(&format!("{NEW}?{}", encoded(&[("server", server)]))), "{}", choice.answer.body);
        }
        let mut form = form(&mut ada, FILES).await;
        assert_eq!((form.field("days"), form.field("server")), (Some("90"), Some(FILES)));
        assert_eq!(form.boxes.len(), 2, "the scopes, to be chosen");
        let warned = async |ada: &mut Person, server: &str| {
            let page = ada.open(&format!("{NEW}?{}", encoded(&[("server", server)]))).await;
            page.answer.body.contains("would not let it in yet")
        };
        assert!(!warned(&mut ada, FILES).await && warned(&mut ada, MAIL).await, "nobody asks about tokens for mail");
        form.set("name", "Backup");
        form.fields.retain(|(name, _)| name != "scope");
        form.fields.push(("scope".to_owned(), "files:write".to_owned()));
        form.set("days", "7");
        let made = ada.submit(&form, None).await;
        assert_eq!(made.answer.header("cache-control").as_deref(), Some("no-store"));
        let token = shown(&made).expect("it is shown");
        assert!(made.answer.body.contains("Change and delete your files") && !made.answer.body.contains("Read your files"), "{}", made.answer.body);
        let answer = files.introspect(&token).await.expect(200).json();
        assert_eq!((&answer["scope"], &answer["active"]), (&"files:write".into(), &true.into()));
        assert_eq!(answer["exp"].as_i64().unwrap() - answer["iat"].as_i64().unwrap(), 7 * 86_400);

        let account = ada.open("/account").await;
        assert!(account.answer.body.contains("Backup") && !account.answer.body.contains("pc_pat_"), "{}", account.answer.body);
        let id = answer["jti"].as_str().unwrap();
        let revoke = account.forms().into_iter().find(|form| form.action == format!("/account/tokens/{id}/revoke")).unwrap();
        assert_eq!(ada.submit(&revoke, None).await.url.path(), "/account");
        assert!(!files.finds_active(&token).await);
        assert!(!ada.open("/account").await.answer.body.contains("Backup"));
        assert_eq!(ada.submit(&revoke, None).await.answer.status, 404, "it is gone");
        for (event, count) in [("personal_token_made", 1), ("personal_token_first_used", 1), ("personal_token_revoked", 1)] {
            let told = events(&server, event);
            assert_eq!(told.len(), count, "{event}");
            assert_eq!((&told[0]["reason"], &told[0]["user_id"]), (&answer["jti"], &answer["sub"]));
        }
    }

    async fn what_is_wrong_stands_beside_its_field_and_what_was_typed_stays(store: Store) {
        let server = Server::start(store).await;
        let mut ada = server.person("ada");
        ada.sign_in_at_home().await;
        let mut good = form(&mut ada, FILES).await;
        good.set("name", "Backup");
        for (field, value, said) in [
            ("name", " ", "1 to 64 characters"),
            ("name", "\u{202E}x", "1 to 64 characters"),
            ("days", "366", "at most a year"),
            ("days", "0", "at least a minute"),
            ("days", "-1", "at least a minute"),
            ("days", "soon", "at least a minute"),
            ("scope", "mail:read", "no such scope"),
            ("scope", "a\"b", "no such scope"),
        ] {
            let mut wrong = good.clone();
            wrong.set(field, value);
            let place = ada.submit(&wrong, None).await;
            assert!(shown(&place).is_none() && place.answer.body.contains(said), "{field} {value}: {}", place.answer.body);
            assert!(place.answer.body.contains("aria-describedby=\"mistake\""), "{}", place.answer.body);
            let kept = place.form(NEW);
            assert_eq!(kept.field("days"), wrong.field("days"));
        }
        let mut nothing = good.clone();
        nothing.remove("scope");
        assert!(ada.submit(&nothing, None).await.answer.body.contains("Choose at least one thing"));
        let mut elsewhere = good.clone();
        elsewhere.set("server", "https://nowhere.example.com");
        assert_eq!(ada.submit(&elsewhere, None).await.url.path(), NEW);
        assert!(shown(&ada.submit(&good, None).await).is_some());
        let twice = ada.submit(&good, None).await;
        assert!(shown(&twice).is_none() && twice.answer.body.contains("a token of this name already"), "sent twice, made once");
    }

    // OA-SE-02, OA-MX-12
    async fn only_the_person_themselves_makes_and_ends_their_tokens(store: Store) {
        let server = Setup::on(store).start().await;
        let files = server.resource_server(&[FILES]).await;
        server.add_account("bob");
        let (mut ada, mut bob) = (server.person("ada"), server.person("bob"));
        assert_eq!(ada.open(NEW).await.url.path(), "/sign-in", "whoever is not signed in sees nothing");
        ada.sign_in_at_home().await;
        bob.sign_in_at_home().await;
        let mut hers = form(&mut ada, FILES).await;
        hers.set("name", "Backup");
        let mut forged = hers.clone();
        forged.set("csrf", bob.open("/account").await.form("/sign-out").field("csrf").unwrap());
        assert_eq!(ada.submit(&forged, None).await.answer.status, 403);
        let elsewhere = [("sec-fetch-site".parse().unwrap(), "cross-site".parse().unwrap())].into_iter().collect();
        let cross = ada.post(NEW, &encoded(&hers.fields)).headers(elsewhere);
        assert_eq!(ada.send(cross).await.status, 403);
        let token = shown(&ada.submit(&hers, None).await).unwrap();
        let id = files.introspect(&token).await.json()["jti"].as_str().unwrap().to_owned();
        let mut revoke = ada.open("/account").await.form(&format!("/account/tokens/{id}/revoke"));
        revoke.set("csrf", bob.open("/account").await.form("/sign-out").field("csrf").unwrap());
        assert_eq!(bob.submit(&revoke, None).await.answer.status, 404, "knowing its id is of no use");
        assert!(files.finds_active(&token).await);
    }

    // whoever finds a browser that was left alone takes no token away from it
    async fn who_signed_in_a_while_ago_is_asked_once_more(store: Store) {
        let mut server = Server::start(store).await;
        server.add_account("bob");
        let mut ada = server.person("ada");
        ada.sign_in_at_home().await;
        let mut waiting = form(&mut ada, FILES).await;
        waiting.set("name", "Backup");
        server.restart_at(Some("+9m")).await;
        ada.move_to(&server);
        assert!(ada.open(NEW).await.try_form("/confirm").is_none());
        server.restart_at(Some("+11m")).await;
        ada.move_to(&server);
        let asked = ada.submit(&waiting, None).await;
        assert!(shown(&asked).is_none(), "{}", asked.answer.body);
        let confirm = asked.form("/account/tokens/confirm");
        let mut wrong = confirm.clone();
        wrong.set("password", "not this one");
        assert!(ada.submit(&wrong, None).await.answer.body.contains("The password is not right."));
        // with one's own password one does not become somebody else
        let mut other = confirm.clone();
        other.set("username", "bob");
        other.set("password", &ada.password.clone());
        assert_eq!(ada.submit(&other, None).await.answer.status, 403);
        let before = ada.cookies.clone();
        let mut right = confirm;
        right.set("password", &ada.password.clone());
        let place = ada.submit(&right, None).await;
        assert_ne!(ada.cookies, before, "another session");
        let mut form = place.form(NEW);
        assert_eq!(form.field("server"), Some(FILES), "at the server that was chosen");
        form.set("name", "Backup");
        assert!(shown(&ada.submit(&form, None).await).is_some());
    }

    // OA-RI-06
    async fn nobody_makes_a_token_for_a_server_they_may_not_use(store: Store) {
        let server = Server::start(store).await;
        server.add_account("bob");
        let closed = "https://closed.example.com/mcp";
        server.cli(&["resource", "add", closed, "--scope", "closed:read=Read", "--person", "bob"]).expect();
        let open = "https://open.example.com/mcp";
        server.cli(&["resource", "add", open, "--scope", "open:read=Read"]).expect();
        let mut ada = server.person("ada");
        ada.sign_in_at_home().await;
        crate::harness::until("the page to know the last server", async || ada.open(NEW).await.answer.body.contains("open.example.com")).await;
        assert!(!ada.open(NEW).await.answer.body.contains("closed.example.com"));
        let mut form = form(&mut ada, FILES).await;
        form.set("name", "x");
        form.set("server", closed);
        form.set("scope", "closed:read");
        assert!(shown(&ada.submit(&form, None).await).is_none());
    }
}
