//! Another site, another browser, a link that somebody sends: the person's own
//! browser used against them (RFC 9700 §4.5, §4.7, §4.16).

use crate::harness::{Form, Person, Place, Server, Tokens, on_both_stores};

/// Sends the form with other headers than the browser's own.
async fn send_as(person: &mut Person, server: &Server, form: &Form, headers: &[(&str, &str)]) -> u16 {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&form.fields).append_pair("decision", "allow").finish();
    let mut request = server.request("POST", &form.action).header("content-type", "application/x-www-form-urlencoded").body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = person.send(request).await;
    assert!(answer.location().is_none_or(|location| location.starts_with('/')), "{answer:?}");
    answer.status
}

/// The first form of a page that ends like this.
fn form(place: &Place, ends: &str) -> Form {
    place.forms().into_iter().find(|form| form.action.ends_with(ends)).unwrap_or_else(|| panic!("no form {ends}: {}", place.answer.body))
}

on_both_stores! {
    // OA-SE-02, OA-SE-03, MCP-AS-44: token, and what the browser itself says
    async fn no_form_is_taken_from_another_site(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let sign_in_page = ada.open(&client.ask().path()).await;
        let mut sign_in = form(&sign_in_page, "/sign-in");
        sign_in.set("username", "ada");
        sign_in.set("password", &ada.password.clone());
        let elsewhere = [
            &[("origin", "https://evil.example")][..],
            &[("origin", "null")],
            &[("origin", "null"), ("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
            &[("origin", &server.issuer), ("sec-fetch-site", "cross-site")],
        ];
        for headers in elsewhere {
            assert_eq!(send_as(&mut ada, &server, &sign_in, headers).await, 403, "{headers:?}");
        }
        let mut without = sign_in.clone();
        without.remove("csrf");
        assert_eq!(send_as(&mut ada, &server, &without, &[]).await, 403);
        assert_eq!(server.count("SELECT COUNT(*) FROM sessions").await, 0);

        let ask = client.ask();
        let page = ada.arrive(&ask).await;
        let mut forms = vec![form(&page, "/decision"), form(&page, "/switch-account")];
        client.connect(&mut ada).await;
        let account = ada.open("/account").await;
        forms.extend([form(&account, "/revoke"), form(&account, "/sign-out")]);
        for form in &forms {
            for headers in elsewhere {
                assert_eq!(send_as(&mut ada, &server, form, headers).await, 403, "{} {headers:?}", form.action);
            }
            for token in [None, Some("x"), Some("")] {
                let mut forged = form.clone();
                forged.remove("csrf");
                if let Some(token) = token {
                    forged.set("csrf", token);
                }
                assert_eq!(send_as(&mut ada, &server, &forged, &[("origin", &server.issuer)]).await, 403, "{}", form.action);
            }
        }
        assert_eq!(server.count("SELECT COUNT(*) FROM grants WHERE revoked_at IS NOT NULL").await, 0);
        // a browser that has no referrer for the page, and one that says nothing at all
        let headers: &[(&str, &str)] = &[("origin", "null"), ("sec-fetch-site", "same-origin")];
        assert_eq!(send_as(&mut ada, &server, &forms[0], headers).await, 303);
        let back = ada.open(&ask_path(&page)).await;
        Tokens::of(&client.redeem(&back.code(), &ask.verifier).await);
    }

    // OA-AZ-16, OA-MX-12, MCP-AS-31: whoever sends the link of their own request to somebody else
    async fn a_request_is_finished_only_in_the_browser_that_began_it(store: Store) {
        let server = Server::start(store).await;
        server.add_account("mallory");
        let client = server.client().await;
        let (mut mallory, mut ada) = (server.person("mallory"), server.person("ada"));
        let ask = client.ask();
        let place = mallory.open(&ask.path()).await;
        ada.sign_in_at_home().await;
        let stranger = ada.open(place.url.path()).await;
        assert_eq!((stranger.answer.status, stranger.left), (400, false));
        let page = mallory.sign_in(&place).await;
        for form in [form(&place, "/sign-in"), form(&page, "/decision")] {
            let refused = ada.submit(&form, Some(("decision", "allow"))).await;
            assert_eq!((refused.answer.status, refused.left), (400, false), "{}", form.action);
        }
        // nor with the cookie of the browser but another person's session
        let (name, value) = ada.cookies.iter().find(|(name, _)| name.contains("session")).unwrap();
        mallory.cookies.insert(name.clone(), value.clone());
        let refused = mallory.submit(&form(&page, "/decision"), Some(("decision", "allow"))).await;
        assert_eq!((refused.answer.status, refused.left), (403, false));
        assert_eq!(server.count("SELECT COUNT(*) FROM codes").await, 0);
    }

    // OA-SE-04, OA-SE-05, OA-SE-06, MCP-AS-24, MCP-AS-32, MCP-AS-44, MCP-AS-45
    async fn no_page_of_the_flow_is_framed_sniffed_stored_or_scripted(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let sign_in = ada.open(&client.ask().path()).await;
        let consent = ada.sign_in(&sign_in).await;
        let account = ada.open("/account").await;
        let error = ada.open("/authorize?client_id=unknown").await;
        for place in [&sign_in, &consent, &account, &error] {
            let answer = &place.answer;
            let policy = answer.header("content-security-policy").unwrap_or_default();
            for part in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
                assert!(policy.contains(part), "{}: {policy}", place.url);
            }
            assert!(!policy.contains("unsafe") && !policy.contains("form-action"), "{}: {policy}", place.url);
            for (name, value) in [("x-frame-options", "DENY"), ("x-content-type-options", "nosniff"), ("cache-control", "no-store")] {
                assert_eq!(answer.header(name).as_deref(), Some(value), "{}", place.url);
            }
            let referrer = answer.header("referrer-policy");
            let expected = if place.forms().is_empty() { &["no-referrer", "same-origin"][..] } else { &["same-origin"] };
            assert!(referrer.as_deref().is_some_and(|referrer| expected.contains(&referrer)), "{}: {referrer:?}", place.url);
            assert_eq!(answer.header("cross-origin-opener-policy"), None, "it cuts clients off that open us in a window");
            assert_eq!(answer.header("access-control-allow-origin"), None);
            assert!(!answer.body.contains("<script") && !answer.body.contains(" onclick"), "{}", answer.body);
        }
    }
}

/// The dispatcher of the request that a page belongs to.
fn ask_path(page: &Place) -> String {
    form(page, "/decision").action.trim_end_matches("/decision").to_owned()
}
