//! Refresh tokens: rotated, forgiving for a moment, then not.

use serde_json::json;

use crate::harness::{Client, FILES, MAIL, Server, Setup, Store, Tokens, on_both_stores, spoiled};

on_both_stores! {
    // OA-PK-09: with other grants it is an unknown parameter
    async fn a_code_verifier_is_ignored_where_there_is_no_code(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let tokens = client.connect(&mut server.person("ada")).await;
        for verifier in ["", "x", "not a verifier at all", &"v".repeat(200)] {
            let form = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh()), ("code_verifier", verifier)];
            client.post("/token", &form).await.expect(200);
            let machine = Client::operator(&server, "Nightly", "", &["--machine", FILES]);
            machine.credentials(&[("resource", FILES), ("code_verifier", verifier)]).await.expect(200);
        }
    }

    // MCP-AS-90, MCP-AS-91, OA-RT-03, OA-RT-04, K-22
    async fn a_token_that_was_just_used_gives_the_same_successor_again(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let first = client.connect(&mut ada).await;
        let second = Tokens::of(&client.refresh(first.refresh()).await);
        assert_ne!(second.refresh(), first.refresh());
        for _ in 0..3 {
            let again = Tokens::of(&client.refresh(first.refresh()).await);
            assert_eq!(again.refresh(), second.refresh());
            assert_ne!(again.access, second.access, "a new access token each time");
        }
        let third = Tokens::of(&client.refresh(second.refresh()).await);
        assert_ne!(third.refresh(), second.refresh());
        assert_eq!(server.count("SELECT COUNT(*) FROM token_families WHERE generation = 2").await, 1);
    }

    // MCP-AS-90, OA-RT-06, OA-RT-07, OA-CR-08: whoever of the two is the thief, both lose it
    async fn after_the_grace_a_reused_token_ends_the_family_its_access_tokens_and_the_codes_in_flight(store: Store) {
        let server = Setup::on(store).table("tokens", "refresh_grace = \"0s\"").start().await;
        let client = server.client().await;
        let files = server.resource_server(&[FILES]).await;
        let mut ada = server.person("ada");
        let bystander = client.connect(&mut ada).await;
        let first = client.connect(&mut ada).await;
        let second = Tokens::of(&client.refresh(first.refresh()).await);
        let ask = client.ask();
        let code = ada.code_for(&ask).await;
        assert!(files.finds_active(&second.access).await);

        let reuse = client.refresh(first.refresh()).await;
        reuse.expect_error(400, "invalid_grant");
        client.refresh(second.refresh()).await.expect_error(400, "invalid_grant");
        assert!(!files.finds_active(&first.access).await && !files.finds_active(&second.access).await);
        client.redeem(&code, &ask.verifier).await.expect_error(400, "invalid_grant");
        assert_eq!(reuse.body, client.refresh("pc_refresh_unknown").await.body, "nothing tells why");
        assert!(server.log().contains("refresh_reuse"), "the operator can see it");
        // the other family of the grant is another connection
        Tokens::of(&client.refresh(bystander.refresh()).await);
    }

    // OA-RT-02, OA-RT-07, OA-MX-05: a stranger must not end sessions, not even with an old token
    async fn another_clients_token_is_refused_and_nothing_ends(store: Store) {
        let server = Setup::on(store).unlimited().table("tokens", "refresh_grace = \"0s\"").start().await;
        let client = server.client().await;
        let thief = Client::register(&server, "https://thief.example.com/cb").await;
        let mut ada = server.person("ada");
        let first = client.connect(&mut ada).await;
        let second = Tokens::of(&client.refresh(first.refresh()).await);
        for token in [first.refresh(), second.refresh()] {
            thief.refresh(token).await.expect_error(400, "invalid_grant");
            thief.revoke(token).await.expect_error(400, "invalid_grant");
        }
        assert!(server.log().contains("refresh_wrong_client"));
        Tokens::of(&client.refresh(second.refresh()).await);
    }

    // MCP-AS-94, OA-RT-11, K-33: narrowing is for the access token, the family keeps its set
    async fn a_refresh_may_ask_for_less_and_never_gets_more(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let tokens = client.connect_with(&mut ada, client.ask().with("scope", "files:read files:write offline_access")).await;
        assert_eq!(tokens.scope, "files:read files:write");
        let mut refresh = tokens.refresh().to_owned();
        for (asked, granted) in [
            (Some("files:read"), "files:read"),
            (None, "files:read files:write"),
            (Some("files:write mail:read admin"), "files:write"),
            (Some("files:read files:write offline_access"), "files:read files:write"),
            (Some(" files:write  "), "files:write"),
            (Some(""), "files:read files:write"),
            (Some("admin"), "files:read files:write"),
        ] {
            let mut form = vec![("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
            form.extend(asked.map(|asked| ("scope", asked)));
            let tokens = Tokens::of(&client.post("/token", &form).await);
            assert_eq!((tokens.scope.as_str(), &tokens.claims()["scope"]), (granted, &json!(granted)), "{asked:?}");
            tokens.refresh().clone_into(&mut refresh);
        }
        let narrow = client.connect(&mut ada).await;
        let form = [("grant_type", "refresh_token"), ("refresh_token", narrow.refresh()), ("scope", "files:read files:write")];
        assert_eq!(Tokens::of(&client.post("/token", &form).await).scope, "files:read", "the older wider family lends it nothing");
    }

    // MCP-AS-74, OA-RT-12, OA-RT-13, OA-RI-04, OA-AZ-24
    async fn a_refused_refresh_rotates_nothing(store: Store) {
        let server = Setup::on(store).unlimited().table("tokens", "refresh_grace = \"0s\"").start().await;
        let client = server.operators_client(|_| {}).await;
        let mut ada = server.person("ada");
        let tokens = client.connect(&mut ada).await;
        let base = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh())];
        for (more, error) in [
            (("resource", MAIL), "invalid_target"),
            (("resource", "https://files.example.com/other"), "invalid_target"),
            (("resource", "not a uri"), "invalid_target"),
            (("scope", "a\\b"), "invalid_scope"),
        ] {
            client.post("/token", &[base[0], base[1], more]).await.expect_error(400, error);
        }
        let wrong = client.with_secret("wrong");
        wrong.refresh(tokens.refresh()).await.expect_error(401, "invalid_client");
        let resource = ("resource", "https://FILES.example.com:443/mcp/?from=chat");
        let next = Tokens::of(&client.post("/token", &[base[0], base[1], resource]).await);
        assert_eq!(next.claims()["aud"], FILES);
        client.refresh(tokens.refresh()).await.expect_error(400, "invalid_grant");
    }

    // OA-RT-01, OA-CR-03, OA-CR-07, MCP-AS-96: always JSON, never a 5xx
    async fn what_is_no_refresh_token_is_an_invalid_grant(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let ask = client.ask();
        let code = ada.code_for(&ask).await;
        let tokens = client.connect(&mut ada).await;
        let changed = spoiled(tokens.refresh());
        for token in [code.as_str(), &tokens.access, &changed, &tokens.refresh()[1..], "x", "é", &"x".repeat(20_000)] {
            client.refresh(token).await.expect_error(400, "invalid_grant");
        }
        let cookie = ada.cookies.values().next().unwrap().clone();
        client.refresh(&cookie).await.expect_error(400, "invalid_grant");
    }

    // OA-RT-14, OA-RT-16, OA-TK-16
    async fn refresh_tokens_end_with_the_person_and_with_what_they_may(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let files = server.resource_server(&[FILES]).await;
        let mut ada = server.person("ada");
        let tokens = client.connect(&mut ada).await;
        let records = server.store().await;
        let id = records.user_by_login("ada").await.unwrap().unwrap().id;
        records.set_user_disabled(&id, Some(crate::harness::now())).await.unwrap();
        client.refresh(tokens.refresh()).await.expect_error(400, "invalid_grant");
        assert!(!files.finds_active(&tokens.access).await, "OA-IN-03");
        // who may come back has to allow it again
        records.set_user_disabled(&id, None).await.unwrap();
        client.refresh(tokens.refresh()).await.expect_error(400, "invalid_grant");
    }

    // OA-RT-15: to sign out of the browser is not to disconnect the apps
    async fn signing_out_ends_no_connection(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let tokens = client.connect(&mut ada).await;
        let account = ada.open("/account").await;
        let sign_out = account.forms().into_iter().find(|form| form.action.ends_with("/sign-out")).expect("a way to sign out");
        ada.submit(&sign_out, None).await;
        assert!(ada.open("/account").await.try_form("/sign-in").is_some());
        Tokens::of(&client.refresh(tokens.refresh()).await);
    }

    // OA-RT-19, OA-AB-08
    async fn a_person_has_so_many_families_with_one_client_and_the_longest_idle_goes(store: Store) {
        let server = Setup::on(store).table("tokens", "families_per_client = 3").start().await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let idle = client.connect(&mut ada).await;
        let used = client.connect(&mut ada).await;
        client.connect(&mut ada).await;
        let used = Tokens::of(&client.refresh(used.refresh()).await);
        let newest = client.connect(&mut ada).await;
        client.refresh(idle.refresh()).await.expect_error(400, "invalid_grant");
        Tokens::of(&client.refresh(used.refresh()).await);
        Tokens::of(&client.refresh(newest.refresh()).await);
    }

    // OA-RT-19, OA-AB-08: a code in flight counts for the family that it will give
    async fn codes_in_flight_give_no_family_beyond_the_cap(store: Store) {
        for (most, codes_redeemed) in [(6, 5), (2, 2)] {
            let server = Setup::on(store).table("tokens", &format!("families_per_client = {most}")).start().await;
            let (client, mut ada) = (server.client().await, server.person("ada"));
            let mut given = Vec::new();
            for _ in 0..most {
                given.push(client.connect(&mut ada).await);
            }
            let mut in_flight = Vec::new();
            for _ in 0..5 {
                let ask = client.ask();
                in_flight.push((ada.code_for(&ask).await, ask.verifier));
            }
            for (code, verifier) in &in_flight {
                let answer = client.redeem(code, verifier).await;
                if answer.status == 200 {
                    given.push(Tokens::of(&answer));
                }
            }
            assert_eq!(given.len(), most + codes_redeemed, "of codes, too, no more than families");
            let mut live = Vec::new();
            for (number, tokens) in given.iter().enumerate() {
                if client.refresh(tokens.refresh()).await.status == 200 {
                    live.push(number);
                }
            }
            let newest: Vec<_> = (codes_redeemed..codes_redeemed + most).collect();
            assert_eq!(live, newest);
        }
    }

    // OA-RT-03: the operator may fix the token of clients that have a secret, and of no others
    async fn without_rotation_a_confidential_client_keeps_its_token(store: Store) {
        let server = Setup::on(store).table("tokens", "rotate_confidential = false").start().await;
        let confidential = server.operators_client(|_| {}).await;
        let public = server.client().await;
        let mut ada = server.person("ada");
        let tokens = confidential.connect(&mut ada).await;
        assert_eq!(Tokens::of(&confidential.refresh(tokens.refresh()).await).refresh(), tokens.refresh());
        let tokens = public.connect(&mut ada).await;
        assert_ne!(Tokens::of(&public.refresh(tokens.refresh()).await).refresh(), tokens.refresh());
    }

    // MCP-AS-92, MCP-AS-93: an operator's switch
    async fn a_refresh_token_comes_unasked_or_only_when_asked_for(store: Store) {
        let server = Setup::on(store).table("tokens", "refresh_needs_offline_access = true").start().await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        assert_eq!(client.connect(&mut ada).await.refresh, None);
        let tokens = client.connect_with(&mut ada, client.ask().with("scope", "files:read offline_access").with("prompt", "consent")).await;
        assert!(tokens.refresh.is_some());
        assert_eq!(tokens.scope, "files:read", "offline_access is the server's own and no scope of the resource");
        let without = json!({ "redirect_uris": ["https://client.example.com/callback"], "grant_types": ["authorization_code"] });
        let client = Client::register_as(&server, &without).await;
        let tokens = client.connect_with(&mut ada, client.ask().with("scope", "files:read offline_access")).await;
        assert_eq!(tokens.refresh, None, "the client has no such grant");
    }

    // OA-RI-05, OA-TK-16
    async fn a_resource_that_is_gone_gives_no_more_tokens(store: Store) {
        let server = Setup::on(store).start().await;
        let records = server.store().await;
        let notes = portcullis::protocol::resource::ProtectedResource {
            identifier: portcullis_verifier::vocabulary::Resource::parse("https://notes.example.com/mcp").unwrap(),
            aliases: Vec::new(),
            name: "Notes".to_owned(),
            scopes: vec![portcullis::protocol::resource::ScopeDescription { token: "notes:read".parse().unwrap(), sentence: "Read".to_owned() }],
            default_scopes: "notes:read".parse().unwrap(),
            token_lifetime: None,
            signing_algorithm: portcullis::protocol::vocabulary::SigningAlgorithm::Es256,
            origin_alias: false,
            people: None,
        };
        records.put_resource(&notes, crate::harness::now()).await.unwrap();
        let client = server.client().await;
        let mut ada = server.person("ada");
        let ask = client.ask().with("resource", "https://notes.example.com/mcp").with("scope", "notes:read");
        let started = std::time::Instant::now();
        let tokens = loop {
            let place = ada.arrive(&ask).await;
            if !place.left {
                break Tokens::of(&client.redeem(&ada.allow(&place).await.code(), &ask.verifier).await);
            }
            assert!(started.elapsed().as_secs() < 5, "nobody hears of the new resource: {}", place.url);
        };
        let rs = server.resource_server(&["https://notes.example.com/mcp"]).await;
        assert!(rs.finds_active(&tokens.access).await);
        assert!(records.remove_resource(notes.identifier.canonical()).await.unwrap());
        while rs.finds_active(&tokens.access).await {
            assert!(started.elapsed().as_secs() < 5, "nobody hears that it is gone");
        }
        client.refresh(tokens.refresh()).await.expect_error(400, "invalid_target");
        records.put_resource(&notes, crate::harness::now()).await.unwrap();
        while !rs.finds_active(&tokens.access).await {
            assert!(started.elapsed().as_secs() < 10, "nobody hears that it is back");
        }
        Tokens::of(&client.refresh(tokens.refresh()).await);
    }
}

// MCP-AS-91, OA-RT-04, OA-RT-06: repeats do not extend the window
#[tokio::test]
async fn the_grace_ends_three_quarters_of_a_minute_after_the_first_use() {
    let mut server = Server::start(Store::Sqlite).await;
    let client = server.client().await;
    let mut ada = server.person("ada");
    let first = client.connect(&mut ada).await;
    let second = Tokens::of(&client.refresh(first.refresh()).await);
    server.restart_at(Some("+30s")).await;
    assert_eq!(Tokens::of(&client.refresh(first.refresh()).await).refresh(), second.refresh());
    server.restart_at(Some("+46s")).await;
    client.refresh(first.refresh()).await.expect_error(400, "invalid_grant");
    client.refresh(second.refresh()).await.expect_error(400, "invalid_grant");
}

// MCP-AS-95, OA-RT-10: the absolute end never moves
#[tokio::test]
async fn a_family_ends_when_it_is_idle_and_in_any_case_after_half_a_year() {
    let mut server = Server::start(Store::Sqlite).await;
    let client = server.client().await;
    let mut ada = server.person("ada");
    let mut busy = client.connect(&mut ada).await;
    let idle = client.connect(&mut ada).await;
    for days in [29, 58, 87, 116, 145, 174] {
        server.restart_at(Some(&format!("+{days}d"))).await;
        busy = Tokens::of(&client.refresh(busy.refresh()).await);
        if days == 29 {
            continue;
        }
        client.refresh(idle.refresh()).await.expect_error(400, "invalid_grant");
    }
    server.restart_at(Some("+180d")).await;
    client.refresh(busy.refresh()).await.expect_error(400, "invalid_grant");
}
