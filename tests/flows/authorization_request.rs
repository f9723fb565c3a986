//! The link that a client sends a person: what it may hold, and what it never does.

use portcullis::protocol::authorize::PageError;

use crate::harness::{Answer, Ask, CALLBACK, Client, FILES, MAIL, Server, Setup, Tokens, on_both_stores, spoiled};

const PENDING: &str = "SELECT COUNT(*) FROM authorization_requests";

on_both_stores! {
    // MCP-AS-26, OA-AZ-22, K-21: FastMCP's client fetches the link before it shows it
    async fn whoever_merely_fetches_the_link_changes_nothing(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let ask = client.ask();
        for _ in 0..3 {
            let answer = server.get(&ask.path()).await;
            assert_eq!(answer.status, 303);
            let location = answer.location().unwrap();
            assert!(location.starts_with("/authorize/"), "{location}");
            // the handle is of no use without the cookie that came with it
            assert_eq!(server.get(&location).await.status, 400);
        }
        for table in ["SELECT COUNT(*) FROM codes", "SELECT COUNT(*) FROM grants", "SELECT COUNT(*) FROM consents", "SELECT COUNT(*) FROM sessions"] {
            assert_eq!(server.count(table).await, 0, "{table}");
        }
        let code = ada.code_for(&ask).await;
        Tokens::of(&client.redeem(&code, &ask.verifier).await);
    }

    // OA-AZ-22, OA-AB-03
    async fn pending_requests_are_bounded_and_the_oldest_that_nobody_signed_in_for_give_way(store: Store) {
        let server = Setup::on(store).table("authorization", "most_pending = 10\nmost_pending_per_source = 1000").start().await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let page = ada.arrive(&client.ask()).await;
        for _ in 0..30 {
            assert_eq!(server.get(&client.ask().path()).await.status, 303);
        }
        assert!(server.count(PENDING).await <= 11, "{}", server.count(PENDING).await);
        assert!(ada.allow(&page).await.left, "a request that somebody signed in for stays");
    }

    // OA-AB-03: a session that is good now is somebody; a cookie alone is nobody
    async fn whoever_is_signed_in_keeps_their_place_in_a_crowd_of_strangers(store: Store) {
        let server = Setup::on(store).table("authorization", "most_pending = 10\nmost_pending_per_source = 1000").start().await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        ada.sign_in_at_home().await;
        let mut stranger = server.person("nobody");
        let (mut liar, mut late) = (ada.clone(), server.person("ada"));
        let session = liar.cookies.values_mut().last().unwrap();
        *session = spoiled(session);
        late.sign_in_at_home().await;
        let ended = late.cookies.clone();
        let account = late.open("/account").await;
        late.submit(&account.form("/sign-out"), None).await;
        late.cookies = ended;
        let mut pages = Vec::new();
        for browser in [&mut ada, &mut stranger, &mut liar, &mut late] {
            pages.push(browser.get(&client.ask().path()).await.location().unwrap());
        }
        for _ in 0..30 {
            assert_eq!(server.get(&client.ask().path()).await.status, 303);
        }
        assert!(server.count(PENDING).await <= 11, "{}", server.count(PENDING).await);
        let mut kept = Vec::new();
        for (browser, page) in [&mut ada, &mut stranger, &mut liar, &mut late].into_iter().zip(&pages) {
            kept.push(browser.get(page).await.status);
        }
        assert_eq!(kept, [200, 400, 400, 400]);
        let page = ada.open(&pages[0]).await;
        ada.allow(&page).await.code();
    }

    // OA-LG-07: a page that tells little, a log that tells which of the reasons it was
    async fn a_link_that_leads_nowhere_is_explained_in_the_log(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        for (path, reason) in [
            (Ask::new("nobody", CALLBACK).path(), PageError::ClientUnknown),
            (client.ask().without("redirect_uri").path(), PageError::RedirectMissing),
        ] {
            let page = server.get(&path).await;
            assert_eq!((page.status, page.location()), (400, None));
            let reason = reason.to_string();
            assert!(!page.body.contains(&reason), "{}", page.body);
            assert!(server.log().contains(&format!("\"reason\":\"{reason}\"")), "{reason}");
        }
    }

    // OA-AB-03
    async fn one_address_can_not_fill_the_waiting_room(store: Store) {
        let server = Setup::on(store).table("authorization", "most_pending_per_source = 5").start().await;
        let client = server.client().await;
        for _ in 0..5 {
            assert_eq!(server.get(&client.ask().path()).await.status, 303);
        }
        let refused = server.get(&client.ask().path()).await;
        assert_eq!((refused.status, refused.location()), (429, None));
        assert!(refused.header("retry-after").is_some());
        assert_eq!(server.count(PENDING).await, 5);
        // whoever is signed in counts for themselves, there and elsewhere
        let mut ada = server.person("ada");
        ada.sign_in_at_home().await;
        for status in [303, 303, 303, 303, 303, 429] {
            assert_eq!(ada.get(&client.ask().path()).await.status, status);
        }
        assert_eq!(server.count(PENDING).await, 10);
    }

    // OA-AZ-16: what is begun on the last minute of a mark can still be finished
    async fn a_request_that_is_kept_keeps_the_mark_of_its_browser(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let mut marks = Vec::new();
        for _ in 0..2 {
            let answer = ada.get(&client.ask().path()).await;
            let mark = answer.headers.get("set-cookie").expect("a mark").to_str().unwrap();
            assert!(mark.contains("portcullis-browser-") && mark.contains("; Max-Age=86400; "), "{mark}");
            marks.push(mark.to_owned());
        }
        assert_eq!(marks[0], marks[1], "the same browser, for longer");
    }

    // OA-AZ-01
    async fn get_head_and_post_begin_the_same_request(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let head = Answer::to(server.request("HEAD", &client.ask().path())).await;
        assert_eq!((head.status, head.body.as_str()), (303, ""));
        let ask = client.ask();
        let posted = Answer::to(
            server.request("POST", "/authorize").header("content-type", "application/x-www-form-urlencoded").body(ask.query()),
        ).await;
        assert_eq!(posted.status, 303);
        let mut ada = server.person("ada");
        for line in posted.headers.get_all("set-cookie") {
            let (name, value) = line.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            ada.cookies.insert(name.to_owned(), value.to_owned());
        }
        let page = ada.open(&posted.location().unwrap()).await;
        let page = ada.sign_in(&page).await;
        assert!(!page.left, "a post of the request is no decision");
        let code = ada.allow(&page).await.code();
        Tokens::of(&client.redeem(&code, &ask.verifier).await);
    }

    // OA-AZ-17: the client, the address and the scopes of the post do not count
    async fn a_decision_sent_to_the_endpoint_decides_nothing(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        ada.arrive(&client.ask()).await;
        let body = format!("{}&decision=allow", client.ask().query());
        let answer = { let request = ada.post("/authorize", &body); ada.send(request).await };
        assert!(answer.location().is_some_and(|location| location.starts_with("/authorize/")), "{answer:?}");
        assert_eq!(server.count("SELECT COUNT(*) FROM codes").await, 0);
    }

    // MCP-AS-27, OA-AZ-12, OA-AZ-13
    async fn state_comes_back_byte_for_byte_and_the_clients_own_query_stays(store: Store) {
        let server = Server::start(store).await;
        let client = Client::register(&server, "https://client.example.com/cb?tenant=a%20b&x=").await;
        let mut ada = server.person("ada");
        let longest = "s".repeat(4096);
        for state in ["a b+c&d=e#f%20%", "ünï çødé 你好", "{\"a\":\"/\\\\\"}", &longest] {
            let place = ada.arrive(&client.ask().with("state", state)).await;
            let back = ada.allow(&place).await;
            let raw = back.url.as_str();
            assert!(raw.starts_with("https://client.example.com/cb?tenant=a%20b&x=&code="), "{raw}");
            let states: Vec<_> = back.url.query_pairs().filter(|(name, _)| name == "state").map(|(_, value)| value.into_owned()).collect();
            assert_eq!(states, [state]);
            assert_eq!(raw.matches("code=").count(), 1, "{raw}");
        }
        let place = ada.arrive(&client.ask().with("state", "")).await;
        assert_eq!(ada.allow(&place).await.parameter("state"), None, "OA-AZ-03: an empty state is none");
    }

    // MCP-AS-28, MCP-AS-29, MCP-AS-30, OA-AZ-03, OA-AZ-05
    async fn what_is_unknown_or_empty_does_no_harm(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let ask = client.ask().with("access_type", "offline").and("access_type", "online").with("prompt", "sparkle")
            .with("nonce", "n").with("display", "popup").with("audience", "https://unknown.example").with("max_age", "")
            .with("response_mode", "").with("request", "").with("ui_locales", "de en");
        let code = ada.code_for(&ask).await;
        let tokens = Tokens::of(&client.redeem(&code, &ask.verifier).await);
        assert_eq!(tokens.claims()["aud"], FILES);
    }

    // MCP-AS-30, OA-AZ-20
    async fn prompt_none_never_shows_a_page(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let silent = client.ask().with("prompt", "none");
        let place = ada.open(&silent.path()).await;
        assert_eq!((place.left, place.parameter("error").as_deref()), (true, Some("login_required")));
        assert_eq!(place.parameter("iss").as_deref(), Some(server.issuer.as_str()));
        ada.code_for(&client.ask()).await;
        let place = ada.open(&silent.path()).await;
        assert_eq!(place.parameter("error").as_deref(), Some("consent_required"), "an unverified client is always asked for");
        assert_eq!(place.parameter("code"), None);

        // the operator's own client, allowed before, is answered without a page
        let known = server.operators_client(|record| record.name = Some("Known".to_owned())).await;
        let place = ada.arrive(&known.ask()).await;
        ada.allow(&place).await.code();
        let ask = known.ask().with("prompt", "none");
        let place = ada.open(&ask.path()).await;
        Tokens::of(&known.redeem(&place.code(), &ask.verifier).await);
        let more = known.ask().with("prompt", "none").with("scope", "files:read files:write");
        assert_eq!(ada.open(&more.path()).await.parameter("error").as_deref(), Some("consent_required"));
    }

    // MCP-AS-30, OA-AZ-20, OA-AZ-21: a sign-in made for this very request is recent enough
    async fn prompt_login_and_max_age_ask_for_a_new_sign_in_once(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let first = client.connect(&mut ada).await.claims()["auth_time"].as_u64().unwrap();
        for (name, value) in [("prompt", "login"), ("max_age", "0"), ("prompt", "login consent")] {
            let ask = client.ask().with(name, value);
            let place = ada.open(&ask.path()).await;
            let place = ada.sign_in(&place).await;
            let back = ada.allow(&place).await;
            let tokens = Tokens::of(&client.redeem(&back.code(), &ask.verifier).await);
            assert!(tokens.claims()["auth_time"].as_u64().unwrap() >= first);
        }
        let silently = client.ask().with("prompt", "none").with("max_age", "0");
        assert_eq!(ada.open(&silently.path()).await.parameter("error").as_deref(), Some("login_required"));
        let place = ada.open(&client.ask().with("max_age", "1000").path()).await;
        assert!(place.try_form("/sign-in").is_none(), "that sign-in is young enough");
    }

    // MCP-AS-30
    async fn a_hint_fills_in_the_name_and_nothing_more(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let place = ada.open(&client.ask().with("login_hint", "ada\"><script>").path()).await;
        let form = place.form("/sign-in");
        assert_eq!(form.field("username"), Some("ada\"><script>"));
        assert!(!place.answer.body.contains("<script>"), "{}", place.answer.body);
    }

    // MCP-AS-31, OA-AZ-16: nothing of the request travels through the sign-in
    async fn the_request_is_kept_by_the_server_while_the_person_signs_in(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let ask = client.ask().with("resource", MAIL).with("scope", "mail:read");
        let place = ada.open(&ask.path()).await;
        assert!(place.url.query().is_none(), "{}", place.url);
        for secret in [&ask.state, CALLBACK, "code_challenge"] {
            assert!(!place.answer.body.contains(secret), "{}", place.answer.body);
        }
        let place = ada.sign_in(&place).await;
        let tokens = Tokens::of(&client.redeem(&ada.allow(&place).await.code(), &ask.verifier).await);
        assert_eq!(tokens.claims()["aud"], MAIL);
    }

    // OA-AZ-26
    async fn two_tabs_do_not_answer_for_each_other(store: Store) {
        let server = Server::start(store).await;
        let (one, other) = (server.client().await, Client::register(&server, "https://other.example.com/cb").await);
        let mut ada = server.person("ada");
        ada.arrive(&one.ask()).await;
        let (first, second) = (one.ask(), other.ask().with("scope", "files:write"));
        let tab_one = ada.arrive(&first).await;
        let tab_two = ada.arrive(&second).await;

        // the second tab's form, sent to the first tab's request
        let mut mixed = tab_two.form("/decision");
        mixed.action = tab_one.form("/decision").action;
        let refused = ada.submit(&mixed, Some(("decision", "allow"))).await;
        assert_eq!((refused.answer.status, refused.left), (403, false));

        let back = ada.allow(&tab_two).await;
        assert!(back.url.as_str().starts_with("https://other.example.com/cb?"), "{}", back.url);
        assert_eq!(back.parameter("state").as_deref(), Some(second.state.as_str()));
        let back = ada.allow(&tab_one).await;
        assert_eq!(back.parameter("state").as_deref(), Some(first.state.as_str()));
        Tokens::of(&one.redeem(&back.code(), &first.verifier).await);
    }

    // MCP-AS-24, OA-AZ-27, OA-SE-07
    async fn the_same_answer_twice_gives_one_code(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let ask = client.ask();
        let place = ada.arrive(&ask).await;
        let form = place.form("/decision");
        let first = ada.submit_only(&form, Some(("decision", "allow"))).await;
        assert_eq!(first.status, 303, "never 307 or 308: the browser would post to the client");
        let twice = ada.submit(&form, Some(("decision", "allow"))).await;
        assert_eq!((twice.answer.status, twice.left), (400, false));
        let back = ada.open(&first.location().unwrap()).await;
        let code = back.code();
        let again = ada.submit(&form, Some(("decision", "allow"))).await;
        assert_eq!((again.answer.status, again.left), (400, false), "already answered");
        assert_eq!(server.count("SELECT COUNT(*) FROM codes").await, 1);
        Tokens::of(&client.redeem(&code, &ask.verifier).await);
    }

    // OA-AZ-27: the same question in two tabs, answered in each
    async fn a_second_thought_comes_too_late_and_is_told_so(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        for (first, second) in [("allow", "deny"), ("deny", "allow")] {
            let ask = client.ask();
            let place = ada.arrive(&ask).await;
            let other_tab = ada.open(place.url.path()).await;
            let taken = ada.submit_only(&place.form("/decision"), Some(("decision", first))).await.expect(303);
            let late = ada.decide(&other_tab, second).await;
            assert_eq!((late.answer.status, late.left), (400, false));
            let way_on = taken.location().unwrap();
            assert!(late.answer.body.contains("You have already answered this request."), "{}", late.answer.body);
            assert!(late.answer.body.contains(&format!("href=\"{way_on}\"")), "the way on: {}", late.answer.body);

            let back = ada.open(&way_on).await;
            assert_eq!(back.parameter("code").is_some(), first == "allow", "{}", back.url);
            assert_eq!(back.parameter("error").as_deref(), (first == "deny").then_some("access_denied"), "{}", back.url);
            let later = [ada.decide(&other_tab, second).await, ada.open(&way_on).await];
            for later in later {
                assert_eq!((later.answer.status, later.left), (400, false));
                assert!(later.answer.body.contains("You have already answered this request."), "{}", later.answer.body);
                assert!(!later.answer.body.contains(&way_on), "there is no way on any more");
            }
        }
        assert_eq!(server.count("SELECT COUNT(*) FROM codes").await, 1);
    }

    // OA-AZ-15, OA-SE-09
    async fn a_person_may_say_no(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        for no in ["deny", "not_me"] {
            let ask = client.ask();
            let place = ada.arrive(&ask).await;
            let back = if no == "deny" { ada.deny(&place).await } else { ada.decide(&place, no).await };
            assert_eq!(back.parameter("error").as_deref(), Some("access_denied"), "{}", back.url);
            assert_eq!(back.parameter("state").as_deref(), Some(ask.state.as_str()));
            assert_eq!(back.parameter("iss").as_deref(), Some(server.issuer.as_str()));
            assert_eq!(back.parameter("code"), None);
        }
        assert_eq!(server.count("SELECT COUNT(*) FROM codes").await, 0);
    }

    // OA-AZ-18, OA-RU-23
    async fn a_client_that_changed_while_the_person_decided_is_judged_anew(store: Store) {
        let server = Server::start(store).await;
        let client = server.operators_client(|_| {}).await;
        let mut ada = server.person("ada");
        let place = ada.arrive(&client.ask()).await;
        let ask = client.ask();
        let code = ada.code_for(&ask).await;
        let records = server.store().await;
        let mut record = records.client(&client.id.parse().unwrap()).await.unwrap().unwrap();
        record.redirect_uris = vec!["https://elsewhere.example.com/cb".parse().unwrap()];
        assert!(records.replace_client(&record).await.unwrap());
        let started = std::time::Instant::now();
        while server.get(&client.ask().path()).await.status != 400 {
            assert!(started.elapsed().as_secs() < 5, "nobody hears of it");
        }
        let back = ada.allow(&place).await;
        assert_eq!((back.answer.status, back.left), (400, false), "{}", back.url);
        client.redeem(&code, &ask.verifier).await.expect_error(400, "invalid_grant");
    }

    // MCP-AS-34, OA-AZ-11
    async fn request_objects_are_refused_and_never_fetched(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let bait = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        bait.set_nonblocking(true).unwrap();
        let url = format!("http://{}/request.jwt", bait.local_addr().unwrap());
        for (name, error) in [("request_uri", "request_uri_not_supported"), ("request", "request_not_supported")] {
            let place = ada.arrive(&client.ask().with(name, &url)).await;
            assert_eq!(place.parameter("error").as_deref(), Some(error), "{}", place.url);
        }
        assert!(bait.accept().is_err(), "somebody came to fetch it");
    }
}

/// What a link with this parameter changed leads a signed-in person to.
async fn error_of(server: &Server, ask: Ask) -> String {
    let mut ada = server.person("ada");
    let place = ada.arrive(&ask).await;
    assert_eq!(place.parameter("code"), None, "{}", place.url);
    assert_eq!(place.parameter("state").as_deref(), Some(ask.state.as_str()), "{}", place.url);
    place.parameter("error").unwrap_or_else(|| panic!("no error at {}: {}", place.url, place.answer.body))
}

on_both_stores! {
    // MCP-AS-20, OA-PK-01…04, OA-MX-03: for confidential clients as well
    async fn nobody_gets_a_code_without_a_challenge(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let public = server.client().await;
        let confidential = server.operators_client(|record| record.trusted = true).await;
        let challenge = "x".repeat(43);
        for client in [&public, &confidential] {
            let asks = [
                client.ask().without("code_challenge"),
                client.ask().without("code_challenge_method"),
                client.ask().without("code_challenge").without("code_challenge_method"),
                client.ask().with("code_challenge_method", "plain"),
                client.ask().with("code_challenge_method", "s256"),
                client.ask().with("code_challenge", &challenge[1..]),
                client.ask().with("code_challenge", &format!("{challenge}x")),
                client.ask().with("code_challenge", &format!("{}=", &challenge[1..])),
                client.ask().with("code_challenge", &format!("{}+", &challenge[1..])),
            ];
            for ask in asks {
                assert_eq!(error_of(&server, ask.clone()).await, "invalid_request", "{:?}", ask.parameters);
            }
        }
        assert_eq!(server.count("SELECT COUNT(*) FROM codes").await, 0);
    }
}
