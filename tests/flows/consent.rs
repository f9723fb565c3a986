//! What a person is asked, and when they are not asked again.

use serde_json::json;

use crate::harness::{Ask, Client, FILES, MAIL, Person, Place, Server, Setup, Tokens, on_both_stores};

const BOTH: &str = "files:read files:write";
const READ: &str = "Read your files";
const WRITE: &str = "Change and delete your files";

/// Whether the request stops at the question.
async fn is_asked(person: &mut Person, ask: &Ask) -> bool {
    let place = person.arrive(ask).await;
    assert!(place.left || place.try_form("/decision").is_some(), "{}", place.answer.body);
    !place.left
}

/// The permissions on a consent page, and which of them are marked as new.
#[track_caller]
fn marks(place: &Place) -> Vec<(&'static str, bool)> {
    place.form("/decision");
    let page = &place.answer.body;
    let shown = [READ, WRITE, "Read your mail"].into_iter().filter_map(|sentence| Some((sentence, page.split_once(sentence)?.1)));
    let marked: Vec<_> = shown.map(|(sentence, rest)| (sentence, rest.split('\n').next().unwrap().contains(">new<"))).collect();
    assert_eq!(page.matches(">new<").count(), marked.iter().filter(|(_, new)| *new).count(), "{page}");
    marked
}

/// The log's lines on consent that came on top of what this client was granted.
fn elevations(server: &Server, client_id: &str) -> Vec<serde_json::Value> {
    let lines = server.log().lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok()).collect::<Vec<_>>();
    let ours = lines.into_iter().filter(|line| line["event"] == "consent_granted" && line["client_id"] == client_id);
    ours.filter(|line| line["reason"].as_str().is_some_and(|reason| reason.starts_with("on top"))).collect()
}

on_both_stores! {
    // MCP-AS-40, MCP-AS-47, OA-DR-17, OA-MX-15: remembered for who answers for its name, at a web address
    async fn what_was_allowed_is_not_asked_again_and_whatever_grows_is(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        server.add_account("bob");
        let client = server.operators_client(|record| {
            record.redirect_uris.push("http://127.0.0.1/cb".parse().unwrap());
        }).await;
        let (mut ada, mut bob) = (server.person("ada"), server.person("bob"));
        assert!(is_asked(&mut ada, &client.ask()).await);
        let place = ada.arrive(&client.ask().with("scope", "files:read")).await;
        ada.allow(&place).await.code();

        assert!(!is_asked(&mut ada, &client.ask()).await, "the same again");
        assert!(is_asked(&mut ada, &client.ask().with("scope", "files:read files:write")).await, "more scopes");
        assert!(is_asked(&mut ada, &client.ask().with("resource", MAIL).with("scope", "mail:read")).await, "another resource");
        assert!(is_asked(&mut ada, &client.ask().with("prompt", "consent")).await, "the client wants it asked");
        assert!(is_asked(&mut ada, &client.ask().with("prompt", "select_account")).await);
        assert!(is_asked(&mut ada, &client.ask().with("redirect_uri", "http://127.0.0.1:5000/cb")).await, "an address that anybody can take");
        assert!(is_asked(&mut bob, &client.ask()).await, "another person");

        // an answer to a smaller question does not shrink what is remembered by asking
        let wide = client.ask().with("scope", "files:read files:write");
        let place = ada.arrive(&wide).await;
        ada.allow(&place).await.code();
        assert!(!is_asked(&mut ada, &wide).await && !is_asked(&mut ada, &client.ask()).await);

        let records = server.store().await;
        let mut record = records.client(&client.id.parse().unwrap()).await.unwrap().unwrap();
        record.redirect_uris.push("https://new.example.com/cb".parse().unwrap());
        records.replace_client(&record).await.unwrap();
        let started = std::time::Instant::now();
        while !is_asked(&mut ada, &client.ask()).await {
            assert!(started.elapsed().as_secs() < 5, "the client answers elsewhere now, and nobody asks");
        }
    }

    // MCP-AS-84, MCP-AS-85: step-up; MCP-AS-83: which the log tells
    async fn when_more_is_asked_for_the_page_marks_what_is_new(store: Store) {
        let server = Server::start(store).await;
        for client in [server.operators_client(|_| {}).await, server.client().await] {
            let mut ada = server.person("ada");
            let (read, write, both) = (client.ask(), client.ask().with("scope", "files:write"), client.ask().with("scope", BOTH));
            assert_eq!(marks(&ada.arrive(&both).await), [(READ, false), (WRITE, false)], "at first nothing is new");
            client.connect_with(&mut ada, read).await;

            assert_eq!(marks(&ada.arrive(&both).await), [(READ, false), (WRITE, true)], "what was allowed is shown");
            assert_eq!(marks(&ada.arrive(&write).await), [(WRITE, true)], "also where it is asked for alone");
            let mail = client.ask().with("resource", MAIL).with("scope", "mail:read");
            assert_eq!(marks(&ada.arrive(&mail).await), [("Read your mail", false)], "another server");
            // what is left out is as new the next time
            let place = ada.arrive(&both).await;
            let mut form = place.form("/decision");
            form.untick("files:write");
            let back = ada.submit(&form, Some(("decision", "allow"))).await;
            assert_eq!(Tokens::of(&client.redeem(&back.code(), &both.verifier).await).scope, "files:read");
            assert_eq!(marks(&ada.arrive(&both).await), [(READ, false), (WRITE, true)]);
            assert_eq!(elevations(&server, &client.id).len(), 0, "nothing came on top yet");

            let place = ada.arrive(&both).await;
            let back = ada.allow(&place).await;
            assert_eq!(Tokens::of(&client.redeem(&back.code(), &both.verifier).await).scope, BOTH);
            let again = ada.arrive(&client.ask().with("scope", BOTH).with("prompt", "consent")).await;
            assert_eq!(marks(&again), [(READ, false), (WRITE, false)]);
            ada.allow(&again).await;
            let elevations = elevations(&server, &client.id);
            assert_eq!(elevations.len(), 1, "{elevations:?}");
            assert_eq!(elevations[0]["reason"], "on top of what was granted: files:write");
            assert!(elevations[0]["span"]["id"].is_string(), "{}", elevations[0]);
        }
    }

    // MCP-AS-40, MCP-AS-84: a question about more does not forget what was not in question
    async fn what_is_remembered_grows_with_each_answer(store: Store) {
        let server = Server::start(store).await;
        let client = server.operators_client(|_| {}).await;
        let mut ada = server.person("ada");
        let (read, write, both) = (client.ask(), client.ask().with("scope", "files:write"), client.ask().with("scope", BOTH));
        client.connect_with(&mut ada, read.clone()).await;
        assert!(is_asked(&mut ada, &write).await && is_asked(&mut ada, &both).await);
        client.connect_with(&mut ada, write.clone()).await;
        for ask in [&read, &write, &both] {
            assert!(!is_asked(&mut ada, ask).await, "{:?}", ask.parameters);
        }
        // being asked about less takes nothing back
        client.connect_with(&mut ada, read.clone().with("prompt", "consent")).await;
        assert!(!is_asked(&mut ada, &both).await);
        // and what is left out of an answer does
        let place = ada.arrive(&both.clone().with("prompt", "consent")).await;
        let mut form = place.form("/decision");
        form.untick("files:write");
        ada.submit(&form, Some(("decision", "allow"))).await.code();
        assert!(!is_asked(&mut ada, &read).await && is_asked(&mut ada, &write).await && is_asked(&mut ada, &both).await);
    }

    // MCP-AS-40, MCP-AS-141, OA-DR-17, OA-MX-10: confused deputy
    async fn no_client_inherits_another_clients_consent(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let known = server.operators_client(|record| record.name = Some("Famous".to_owned())).await;
        let mut ada = server.person("ada");
        let place = ada.arrive(&known.ask()).await;
        ada.allow(&place).await.code();
        // the same name and the same address, registered by a stranger
        let metadata = json!({ "client_name": "Famous", "redirect_uris": [known.redirect_uri] });
        let twin = Client::register_as(&server, &metadata).await;
        assert!(is_asked(&mut ada, &twin.ask()).await);
        let place = ada.arrive(&twin.ask()).await;
        ada.allow(&place).await.code();
        assert!(is_asked(&mut ada, &twin.ask()).await, "a client that registered itself is asked about each time");
        let other = server.operators_client(|record| record.name = Some("Famous".to_owned())).await;
        assert!(is_asked(&mut ada, &other.ask()).await);
    }

    // OA-RU-22, MCP-AS-48: the address of an app that the operator vouches for makes nobody that app
    async fn a_stranger_at_a_preset_apps_address_is_a_stranger_in_full(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let mut ada = server.person("ada");
        let preset = |more: &[&str]| {
            let added = server.cli(&[&["client", "add", "--preset", "claude-ai", "--json"], more].concat()).expect().json();
            let address = added["redirect_uris"][0].as_str().unwrap().to_owned();
            (Client::known(&server, added["client_id"].as_str().unwrap(), None, &address), added)
        };
        let (known, added) = preset(&[]);
        let (vouched, _) = preset(&["--trusted"]);
        let metadata = json!({ "client_name": added["name"], "redirect_uris": added["redirect_uris"], "token_endpoint_auth_method": "none" });
        let stranger = Client::register_as(&server, &metadata).await;
        assert_eq!(stranger.redirect_uri, known.redirect_uri);

        let place = ada.arrive(&known.ask()).await;
        assert!(!place.answer.body.contains("not verified"), "{}", place.answer.body);
        ada.allow(&place).await.code();
        assert!(!is_asked(&mut ada, &known.ask()).await && !is_asked(&mut ada, &vouched.ask()).await);

        // before it was ever allowed anything, and after
        for (ask, shown) in [(stranger.ask(), vec![(READ, false)]), (stranger.ask().with("scope", BOTH), vec![(READ, false), (WRITE, true)])] {
            assert_eq!(ada.open(&stranger.ask().with("prompt", "none").path()).await.parameter("error").as_deref(), Some("consent_required"));
            let place = ada.arrive(&ask).await;
            let page = &place.answer.body;
            assert!(page.contains("registered itself") && page.contains("Its name is not verified."), "{page}");
            assert!(page.contains("claude.ai") && !page.contains("You are asked again only when it wants more"), "{page}");
            assert_eq!(marks(&place), shown, "what the other was allowed is not this one's");
            ada.allow(&place).await.code();
            assert!(is_asked(&mut ada, &ask).await, "each time");
        }
        assert!(is_asked(&mut ada, &known.ask().with("scope", BOTH)).await, "nor the other way round");
        assert_eq!(ada.open("/account").await.answer.body.matches("Its name is not verified").count(), 1);

        // an error goes there at once only for the app that is vouched for
        let wrong = |client: &Client| client.ask().with("response_type", "token").path();
        let at_once = server.get(&wrong(&vouched)).await.location().unwrap();
        assert!(at_once.starts_with(&format!("{}?", known.redirect_uri)), "{at_once}");
        let kept = server.get(&wrong(&stranger)).await.location().unwrap();
        assert!(kept.starts_with("/authorize/"), "{kept}");
    }

    // MCP-AS-48: exact client and exact web address
    async fn a_trusted_client_is_not_asked_about_at_its_web_address_only(store: Store) {
        let server = Server::start(store).await;
        let client = server.operators_client(|record| {
            record.trusted = true;
            record.redirect_uris.push("http://localhost/cb".parse().unwrap());
        }).await;
        let mut ada = server.person("ada");
        let ask = client.ask();
        let place = ada.arrive(&ask).await;
        assert!(place.left);
        Tokens::of(&client.redeem(&place.code(), &ask.verifier).await);
        assert!(is_asked(&mut ada, &client.ask().with("redirect_uri", "http://localhost:1234/cb")).await);
        assert!(is_asked(&mut ada, &client.ask().with("prompt", "consent")).await);
    }

    // MCP-AS-40, OA-SE-10: taken back is asked again
    async fn a_grant_that_was_taken_back_is_asked_for_again(store: Store) {
        let server = Server::start(store).await;
        let client = server.operators_client(|_| {}).await;
        let mut ada = server.person("ada");
        client.connect(&mut ada).await;
        assert!(!is_asked(&mut ada, &client.ask()).await);
        let account = ada.open("/account").await;
        let revoke = account.forms().into_iter().find(|form| form.action.ends_with("/revoke")).expect("a grant to revoke");
        ada.submit(&revoke, None).await;
        assert!(is_asked(&mut ada, &client.ask()).await);
    }

    // MCP-AS-41, MCP-AS-43, OA-RI-08, OA-SE-11, OA-DR-13: what strangers wrote is text
    async fn the_page_says_who_asks_for_what_where(store: Store) {
        let server = Server::start(store).await;
        let metadata = json!({
            "client_name": "<script>alert(1)</script>\u{202e}Evil \"App\"", "redirect_uris": ["https://return.example.com/cb"],
            "client_uri": "https://home.example.com/<b>", "logo_uri": "https://logo.example.com/x.png",
        });
        let client = Client::register_as(&server, &metadata).await;
        let mut ada = server.person("ada");
        let place = ada.arrive(&client.ask().with("resource", "https://FILES.example.com:443/mcp/")).await;
        let page = &place.answer.body;
        assert!(!page.contains("<script>") && !page.contains('\u{202e}'), "{page}");
        assert!(!page.contains("logo.example.com"), "nothing of a third party is loaded");
        for told in ["return.example.com", "Files", FILES, "Read your files", "ada"] {
            assert!(page.contains(told), "{told} is missing in {page}");
        }
        assert!(!page.contains("FILES.example.com"), "the operator's spelling, not the client's");
        let form = place.form("/decision");
        for decision in ["allow", "deny"] {
            assert!(form.buttons.contains(&("decision".to_owned(), decision.to_owned())), "{form:?}");
        }
    }

    // OA-DR-13: pages are in English, and a name in any language is text of a stranger
    async fn an_app_is_called_by_its_english_name_or_the_one_without_a_language(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let mut ada = server.person("ada");
        for (names, shown) in [
            (json!({ "client_name": "Plain", "client_name#de": "Deutsch", "client_name#en-GB": "Engl\u{202e}ish" }), "<bdi>English</bdi>"),
            (json!({ "client_name": "Plain", "client_name#de": "Deutsch" }), "<bdi>Plain</bdi>"),
            (json!({ "client_name#fr": "Fran\u{200b}çais", "client_name#de": "<b>Deutsch</b>" }), "<bdi>&#60;b&#62;Deutsch&#60;/b&#62;</bdi>"),
            (json!({ "client_name#en": "\u{200b}" }), "<bdi>return.example.com</bdi>"),
        ] {
            let mut metadata = names;
            metadata["redirect_uris"] = json!(["https://return.example.com/cb"]);
            let client = Client::register_as(&server, &metadata).await;
            let page = ada.arrive(&client.ask()).await.answer.body;
            assert!(page.contains(shown), "{shown} is missing in {page}");
            assert!(!page.contains(['\u{202e}', '\u{200b}']), "{page}");
        }
    }

    // OA-AZ-17, OA-MX-12: a decision belongs to the person who made it
    async fn whoever_signs_in_next_is_asked_anew(store: Store) {
        let server = Server::start(store).await;
        server.add_account("bob");
        let client = server.client().await;
        let mut browser = server.person("ada");
        let ask = client.ask();
        let place = browser.arrive(&ask).await;
        let form = place.form("/decision");
        let switch = place.try_form("/switch-account").expect("a way to be somebody else");
        let place = browser.submit(&switch, None).await;
        assert!(place.try_form("/sign-in").is_some(), "{}", place.answer.body);
        // Ada's page is still open in another tab: its form is of no use any more
        let stale = browser.submit(&form, Some(("decision", "allow"))).await;
        assert!(!stale.left, "{}", stale.url);
        "bob".clone_into(&mut browser.name);
        let place = browser.arrive(&ask).await;
        let tokens = Tokens::of(&client.redeem(&browser.allow(&place).await.code(), &ask.verifier).await);
        let records = server.store().await;
        let bob = records.user_by_login("bob").await.unwrap().unwrap();
        assert_eq!(tokens.claims()["sub"].as_str(), Some(bob.id.as_str()));
    }
}
