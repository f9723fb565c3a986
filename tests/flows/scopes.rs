//! What a token may do: asked for, allowed, never more.

use portcullis::protocol::{
    resource::{ProtectedResource, ScopeDescription},
    vocabulary::SigningAlgorithm,
};
use portcullis_verifier::vocabulary::{Resource, Scope};

use crate::harness::{FILES, MAIL, Server, Setup, Tokens, now, on_both_stores, until};

const LARGE: &str = "https://large.example.com/mcp";

/// The first scopes of a resource that has more than a token has room for.
fn large_scopes(count: usize) -> String {
    (0..count).map(|at| format!("large:scope-number-{at:02}")).collect::<Vec<_>>().join(" ")
}

/// A resource as an earlier release may have added it.
async fn add_large(server: &Server, signing_algorithm: SigningAlgorithm) {
    let scopes: Scope = large_scopes(60).parse().unwrap();
    let described =
        |token: &portcullis_verifier::vocabulary::ScopeToken| ScopeDescription { token: token.clone(), sentence: "Do it".to_owned() };
    let resource = ProtectedResource {
        identifier: Resource::parse(LARGE).unwrap(),
        aliases: Vec::new(),
        name: "Large".to_owned(),
        scopes: scopes.iter().map(described).collect(),
        default_scopes: large_scopes(1).parse().unwrap(),
        token_lifetime: None,
        signing_algorithm,
        origin_alias: false,
        people: None,
    };
    server.store().await.put_resource(&resource, now()).await.unwrap();
}

on_both_stores! {
    // MCP-AS-29, MCP-AS-80, MCP-AS-81, MCP-AS-82, MCP-AS-93, OA-AZ-24, K-17, K-18
    async fn what_a_resource_does_not_know_is_dropped_and_nothing_means_the_default(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        for (asked, granted) in [
            (Some(" files:write  files:read "), "files:read files:write"),
            (Some("files:read files:read files:read"), "files:read"),
            (Some("claudeai files:write"), "files:write"),
            (Some("openid email profile"), "files:read"),
            (Some("offline_access"), "files:read"),
            (Some("mail:read"), "files:read"),
            (Some("FILES:READ"), "files:read"),
            (Some(""), "files:read"),
            (None, "files:read"),
        ] {
            let ask = client.ask().without("scope");
            let ask = match asked { Some(asked) => ask.with("scope", asked), None => ask };
            assert_eq!(client.connect_with(&mut ada, ask).await.scope, granted, "{asked:?}");
        }
        let too_many = (0..101).map(|at| format!("s{at}")).collect::<Vec<_>>().join(" ");
        for malformed in ["a\"b", "a\\b", "fïles", &too_many] {
            let place = ada.arrive(&client.ask().with("scope", malformed)).await;
            assert_eq!(place.parameter("error").as_deref(), Some("invalid_scope"), "{malformed}");
        }
    }

    // OA-AT-02: nobody consents in vain to more than a token has room for
    async fn no_token_of_two_kilobytes_ever_leaves(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        add_large(&server, SigningAlgorithm::Es256).await;
        let (client, mut ada) = (server.client().await, server.person("ada"));
        let machine = server.operators_client(|record| {
            record.redirect_uris.clear();
            record.grant_types = std::iter::once("client_credentials".parse().unwrap()).collect();
            record.machine_scopes = [(LARGE.to_owned(), large_scopes(60).parse().unwrap())].into();
        }).await;
        let ask = |count| client.ask().with("resource", LARGE).with("scope", &large_scopes(count));
        let by_itself = async |count| machine.credentials(&[("resource", LARGE), ("scope", &large_scopes(count))]).await;
        until("the resource to be known", async || by_itself(1).await.status == 200).await;

        let place = ada.arrive(&ask(60)).await;
        assert_eq!(place.parameter("error").as_deref(), Some("invalid_scope"), "{}", place.url);
        assert!(place.parameter("error_description").unwrap().ends_with("ask for fewer scopes"), "{}", place.url);
        let fits = |tokens: &Tokens| (1500..2048).contains(&tokens.access.len());
        let tokens = client.connect_with(&mut ada, ask(40)).await;
        assert!(fits(&tokens), "{}", tokens.access.len());
        machine.credentials(&[("resource", LARGE)]).await.expect_error(400, "invalid_scope");
        by_itself(60).await.expect_error(400, "invalid_scope");
        assert!(fits(&Tokens::of(&by_itself(40).await)));

        // signatures of RSA are larger: what was allowed before has to leave in parts
        let before = ask(40);
        let code = ada.code_for(&before).await;
        add_large(&server, SigningAlgorithm::Ps256).await;
        until("the larger signature", async || by_itself(40).await.status == 400).await;
        client.redeem(&code, &before.verifier).await.expect_error(400, "invalid_scope");
        client.refresh(tokens.refresh()).await.expect_error(400, "invalid_scope");
        let form = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh()), ("scope", &large_scopes(20))];
        let tokens = Tokens::of(&client.post("/token", &form).await);
        assert!(fits(&tokens) && tokens.header()["alg"] == "PS256", "the refresh token was not used up");
    }

    // MCP-AS-46, MCP-AS-85, OA-MX-16: a subset is granted, told, and kept
    async fn a_person_may_leave_scopes_out(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let ask = client.ask().with("scope", "files:read files:write");
        let place = ada.arrive(&ask).await;
        let mut form = place.form("/decision");
        assert_eq!(form.boxes.len(), 2, "{form:?}");
        form.untick("files:write");
        let back = ada.submit(&form, Some(("decision", "allow"))).await;
        let tokens = Tokens::of(&client.redeem(&back.code(), &ask.verifier).await);
        assert_eq!(tokens.scope, "files:read");
        let form = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh()), ("scope", "files:read files:write")];
        assert_eq!(Tokens::of(&client.post("/token", &form).await).scope, "files:read");
    }

    // OA-AZ-17, MCP-AS-46: a box that the page did not have
    async fn the_form_can_not_add_to_the_request(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let ask = client.ask();
        let place = ada.arrive(&ask).await;
        let mut form = place.form("/decision");
        form.fields.push(("scope".to_owned(), "files:write".to_owned()));
        let refused = ada.submit(&form, Some(("decision", "allow"))).await;
        assert_eq!((refused.answer.status, refused.left), (400, false));
        // fields that are no business of the form are not read
        let mut form = place.form("/decision");
        for (name, value) in [("redirect_uri", "https://evil.example/"), ("client_id", "other"), ("resource", MAIL), ("state", "x")] {
            form.set(name, value);
        }
        let back = ada.submit(&form, Some(("decision", "allow"))).await;
        assert_eq!(back.parameter("state").as_deref(), Some(ask.state.as_str()));
        let tokens = Tokens::of(&client.redeem(&back.code(), &ask.verifier).await);
        assert_eq!((tokens.scope.as_str(), &tokens.claims()["aud"]), ("files:read", &serde_json::json!(FILES)));
    }

    // MCP-AS-84, OA-RT-20: the same grant grows; the older family keeps its own scopes
    async fn a_step_up_adds_to_the_same_grant(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let narrow = client.connect(&mut ada).await;
        let wide = client.connect_with(&mut ada, client.ask().with("scope", "files:read files:write")).await;
        assert_eq!(wide.scope, "files:read files:write");
        assert_eq!(wide.claims()["grant_id"], narrow.claims()["grant_id"]);
        assert_eq!(server.count("SELECT COUNT(*) FROM grants").await, 1);
        assert_eq!(Tokens::of(&client.refresh(narrow.refresh()).await).scope, "files:read");
        assert_eq!(Tokens::of(&client.refresh(wide.refresh()).await).scope, "files:read files:write");
        // another resource is another grant
        let mail = client.connect_with(&mut ada, client.ask().with("resource", MAIL).with("scope", "mail:read")).await;
        assert_ne!(mail.claims()["grant_id"], wide.claims()["grant_id"]);
        // and only what is asked is granted, however much was before
        assert_eq!(client.connect(&mut ada).await.scope, "files:read");
    }
}
