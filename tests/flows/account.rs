//! What I have allowed, and taking it back.

use crate::harness::{FILES, MAIL, Person, Server, Setup, Tokens, on_both_stores};

on_both_stores! {
    // OA-SE-10, OA-RV-09, OA-RT-14: at once, for this grant and no other
    async fn one_click_ends_a_grant_and_all_its_tokens(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let (files, mail) = (server.resource_server(&[FILES]).await, server.resource_server(&[MAIL]).await);
        let mut ada = server.person("ada");
        let kept = client.connect_with(&mut ada, client.ask().with("resource", MAIL).with("scope", "mail:read")).await;
        let (one, two) = (client.connect(&mut ada).await, client.connect(&mut ada).await);
        let grant = one.claims()["grant_id"].as_str().unwrap().to_owned();

        let account = ada.open("/account").await;
        let revoke = account.forms().into_iter().filter(|form| form.action.ends_with("/revoke"));
        let form = revoke.clone().find(|form| form.action.contains(&grant)).expect("the grant is listed");
        assert_eq!(revoke.count(), 2);
        let place = ada.submit(&form, None).await;
        assert_eq!(place.answer.status, 200);
        assert!(!files.finds_active(&one.access).await && !files.finds_active(&two.access).await);
        for tokens in [&one, &two] {
            client.refresh(tokens.refresh()).await.expect_error(400, "invalid_grant");
        }
        assert!(mail.finds_active(&kept.access).await);
        Tokens::of(&client.refresh(kept.refresh()).await);
        let again = ada.submit(&form, None).await;
        assert_eq!(again.answer.status, 404, "it is gone");
        // whoever connects again has a new grant
        assert_ne!(client.connect(&mut ada).await.claims()["grant_id"].as_str(), Some(grant.as_str()));
    }

    // OA-RT-06: the person can see it, until the app is connected again
    async fn what_ended_by_reuse_or_replay_says_so(store: Store) {
        let server = Setup::on(store).env("PORTCULLIS_TOKENS_REFRESH_GRACE", "0s").start().await;
        let mut ada = server.person("ada");
        let (reused, replayed) = (server.client().await, server.client().await);
        let first = reused.connect(&mut ada).await;
        let ask = replayed.ask();
        let code = ada.code_for(&ask).await;
        replayed.redeem(&code, &ask.verifier).await.expect(200);
        let told = async |ada: &mut Person| ada.open("/account").await.answer.body.matches("<strong>A connection ended <time").count();
        assert_eq!(told(&mut ada).await, 0);
        reused.refresh(first.refresh()).await.expect(200);
        reused.refresh(first.refresh()).await.expect_error(400, "invalid_grant");
        assert_eq!(told(&mut ada).await, 1);
        replayed.redeem(&code, &ask.verifier).await.expect_error(400, "invalid_grant");
        assert_eq!(told(&mut ada).await, 2);
        reused.connect(&mut ada).await;
        assert_eq!(told(&mut ada).await, 1, "connected again");
    }

    // OA-MX-12: knowing the id of somebody's grant is of no use
    async fn nobody_ends_what_another_person_allowed(store: Store) {
        let server = Server::start(store).await;
        server.add_account("bob");
        let client = server.client().await;
        let (mut ada, mut bob) = (server.person("ada"), server.person("bob"));
        let hers = client.connect(&mut ada).await;
        client.connect(&mut bob).await;
        let account = bob.open("/account").await;
        let mut form = account.forms().into_iter().find(|form| form.action.ends_with("/revoke")).unwrap();
        form.action = format!("/account/grants/{}/revoke", hers.claims()["grant_id"].as_str().unwrap());
        assert_eq!(bob.submit(&form, None).await.answer.status, 404);
        assert!(!account.answer.body.contains(hers.claims()["grant_id"].as_str().unwrap()));
        Tokens::of(&client.refresh(hers.refresh()).await);
    }

    // OA-SE-10
    async fn another_browser_can_be_signed_out_from_here(store: Store) {
        let server = Server::start(store).await;
        let (mut here, mut there) = (server.person("ada"), server.person("ada"));
        there.sign_in_at_home().await;
        here.sign_in_at_home().await;
        let account = here.open("/account").await;
        // one's own session is the newest
        let ends = account.forms().into_iter().filter(|form| form.action.contains("/account/sessions/")).rev();
        let mut signed_out = false;
        for form in ends {
            here.submit(&form, None).await;
            signed_out |= there.open("/account").await.try_form("/sign-in").is_some();
            if signed_out {
                break;
            }
        }
        assert!(signed_out, "no form ended the other session");
    }

    // OA-SE-08, OA-MX-09
    async fn after_the_sign_in_nobody_is_sent_where_a_link_says(store: Store) {
        let server = Server::start(store).await;
        let mut ada = server.person("ada");
        let place = ada.open("/sign-in?next=//evil.example&return_to=https://evil.example").await;
        let place = ada.sign_in(&place).await;
        assert_eq!((place.left, place.url.path()), (false, "/account"));
    }
}
