//! `portcullis client` and `portcullis registration-token`.

use serde_json::json;

use super::{NOT_FOUND, REFUSED, WRONGLY_USED, json, refused, said};
use crate::harness::{CALLBACK, Client, FILES, MAIL, Server, Setup, on_both_stores, until};

on_both_stores! {
    // MCP-AS-100, MCP-AS-101
    async fn a_secret_is_shown_once_and_never_again(store: Store) {
        let server = Server::start(store).await;
        let made = json(&server, &["client", "add", "--name", "My app", "--confidential", "--redirect-uri", CALLBACK]);
        let (id, secret) = (made["client_id"].as_str().unwrap(), made["client_secret"].as_str().unwrap());
        assert_eq!(made["grant_types"], json!(["authorization_code", "refresh_token"]));
        for shown in [said(&server, &["client", "show", id]), json(&server, &["client", "show", id]).to_string(), said(&server, &["client", "list"])] {
            assert!(shown.contains(id) && !shown.contains(secret), "{shown}");
        }
        assert!(json(&server, &["client", "show", "My app"]).get("client_secret").is_none());
        let client = Client::known(&server, id, Some(secret), CALLBACK);
        client.connect(&mut server.person("ada")).await;
    }

    // MCP-AS-101, OA-CL-09
    async fn two_secrets_live_while_one_replaces_the_other(store: Store) {
        // Asking until a secret is taken fails more often than a client may.
        let server = Setup::on(store).unlimited().start().await;
        let machine = ["--machine", "https://files.example.com/mcp=files:read"];
        let first = Client::operator(&server, "Nightly", "", &machine);
        let rotate = |arguments: &[&str]| {
            let mut all = vec!["client", "secret", "Nightly"];
            all.extend(arguments);
            let made = json(&server, &all);
            Client::known(&server, &first.id, made["client_secret"].as_str(), "")
        };
        let second = rotate(&[]);
        until("the new secret to be taken", async || second.credentials(&[("resource", FILES)]).await.status == 200).await;
        first.credentials(&[("resource", FILES)]).await.expect(200);
        let stops = refused(&server, &["client", "secret", "Nightly"], REFUSED);
        assert!(stops.contains("can no longer authenticate with the older of its two secrets"), "{stops}");
        let third = rotate(&["--yes"]);
        until("the third secret to be taken", async || third.credentials(&[("resource", FILES)]).await.status == 200).await;
        second.credentials(&[("resource", FILES)]).await.expect(200);
        first.credentials(&[("resource", FILES)]).await.expect_error(401, "invalid_client");
        let only = rotate(&["--old-works-for", "0s", "--yes"]);
        until("the only secret to be taken", async || only.credentials(&[("resource", FILES)]).await.status == 200).await;
        third.credentials(&[("resource", FILES)]).await.expect_error(401, "invalid_client");
    }

    // OA-CC-03: the ceiling of a machine is real, and per resource
    async fn a_machine_has_what_the_operator_allows_at_each_resource(store: Store) {
        let server = Server::start(store).await;
        let machine = Client::operator(&server, "Nightly", "", &["--machine", &format!("{FILES}=files:read"), "--machine", MAIL]);
        let shown = json(&server, &["client", "show", "Nightly"]);
        assert_eq!(shown["grant_types"], json!(["client_credentials"]));
        assert_eq!(shown["machine_scopes"], json!([{"resource": FILES, "scope": "files:read"}, {"resource": MAIL, "scope": "mail:read"}]));
        let granted = machine.credentials(&[("resource", FILES), ("scope", "files:read files:write")]).await.expect(200).json();
        assert_eq!(granted["scope"], "files:read");
        machine.credentials(&[("resource", FILES), ("scope", "files:write")]).await.expect_error(400, "invalid_scope");
        let add = |machine: &str| refused(&server, &["client", "add", "--name", "x", "--machine", machine], WRONGLY_USED);
        assert!(add(&format!("{FILES}=files:delete")).contains("Files has no scope files:delete; it has files:read files:write"));
        let near = refused(&server, &["client", "add", "--name", "x", "--machine", "https://files.example.com/mpc=files:read"], NOT_FOUND);
        assert!(near.contains(&format!("did you mean {FILES}?")), "{near}");
    }

    async fn a_client_that_makes_no_sense_is_not_made(store: Store) {
        let server = Server::start(store).await;
        let add = |arguments: &[&str], code| {
            let mut all = vec!["client", "add"];
            all.extend(arguments);
            refused(&server, &all, code)
        };
        assert!(add(&["--name", "x"], WRONGLY_USED).contains("needs at least one redirect URI"));
        assert!(add(&["--name", "x", "--redirect-uri", "http://a.example/cb"], WRONGLY_USED).contains("http is only allowed for"));
        assert!(add(&["--name", "x", "--redirect-uri", CALLBACK, "--id", "u_1"], WRONGLY_USED).contains("does not begin with u_"));
        assert!(add(&["--preset", "claude"], NOT_FOUND).contains("did you mean claude-ai?"));
        let long = "x".repeat(101);
        // OA-AT-02
        assert!(add(&["--name", "x", "--redirect-uri", CALLBACK, "--id", &long], WRONGLY_USED).contains("at most 100 characters"));
        json(&server, &["client", "add", "--name", "x", "--redirect-uri", CALLBACK, "--id", "my-app"]);
        assert!(add(&["--name", "y", "--redirect-uri", CALLBACK, "--id", "my-app"], REFUSED).contains("there is a client my-app already"));
        assert_eq!(json(&server, &["client", "list"]).as_array().unwrap().len(), 1);
    }

    // MCP-AS-100
    async fn presets_are_exact_and_public_unless_they_say_otherwise(store: Store) {
        let server = Server::start(store).await;
        let list = json(&server, &["client", "presets"]);
        let presets = list.as_array().unwrap();
        assert!(presets.len() > 10);
        for preset in presets {
            let made = json(&server, &["client", "add", "--preset", preset["preset"].as_str().unwrap()]);
            assert_eq!(made["redirect_uris"], preset["redirect_uris"]);
            assert_eq!(made["token_endpoint_auth_method"], preset["token_endpoint_auth_method"]);
            assert_eq!(made["client_secret"].is_string(), made["token_endpoint_auth_method"] != "none", "{made}");
        }
    }

    async fn names_and_beginnings_that_mean_several_clients_list_them(store: Store) {
        let server = Server::start(store).await;
        for _ in 0..2 {
            json(&server, &["client", "add", "--name", "Twin", "--redirect-uri", CALLBACK]);
        }
        let said = refused(&server, &["client", "show", "Twin"], WRONGLY_USED);
        assert!(said.contains("Twin is the name of several; say which:") && said.matches("pc_c_").count() == 2, "{said}");
        let said = refused(&server, &["client", "show", "pc_c_"], WRONGLY_USED);
        assert!(said.contains("pc_c_ is the beginning of several; say which:"), "{said}");
    }

    async fn removing_a_client_says_for_how_many_it_ends(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let tokens = client.connect(&mut server.person("ada")).await;
        let resource_server = Client::operator(&server, "MCP server", "", &["--introspect", FILES]);
        let said = refused(&server, &["client", "remove", &client.id], REFUSED);
        assert!(said.contains("1 grant of 1 person ends, with all their tokens."), "{said}");
        let dry = server.cli(&["client", "remove", &client.id, "--dry-run"]).expect();
        assert_eq!(dry.stdout, "Nothing was changed\n");
        client.refresh(tokens.refresh()).await.expect(200);

        server.cli(&["client", "disable", &client.id, "--yes"]).expect();
        until("the client to be disabled", async || client.refresh(tokens.refresh()).await.status == 401).await;
        assert_eq!(resource_server.introspect(&tokens.access).await.json(), json!({"active": false}));
        server.cli(&["client", "enable", &client.id]).expect();
        until("the client to be enabled", async || resource_server.introspect(&tokens.access).await.json()["active"] == true).await;

        server.cli(&["client", "remove", &client.id, "--yes"]).expect();
        until("the client to be gone", async || client.refresh(tokens.refresh()).await.status == 401).await;
        assert_eq!(resource_server.introspect(&tokens.access).await.json(), json!({"active": false}));
        refused(&server, &["client", "show", &client.id], NOT_FOUND);
    }

    // OA-DR-03
    async fn a_registration_token_opens_registration_as_often_as_it_says(store: Store) {
        let server = Setup::on(store).table("registration", "mode = \"initial_access_token\"").start().await;
        let made = json(&server, &["registration-token", "add", "Workshop", "--uses", "1", "--expires-in", "8h"]);
        let token = made["token"].as_str().unwrap();
        let register = |token: &str| {
            let metadata = json!({"redirect_uris": [CALLBACK]});
            crate::harness::Answer::to(server.request("POST", "/register").bearer_auth(token).json(&metadata))
        };
        register(token).await.expect(201);
        register(token).await.expect(401);
        let list = json(&server, &["registration-tokens", "list"]);
        assert_eq!((&list[0]["name"], &list[0]["uses_left"]), (&json!("Workshop"), &json!(0)));
        assert!(!list.to_string().contains(token));
        let open = json(&server, &["registration-token", "add", "Machines"])["token"].as_str().unwrap().to_owned();
        register(&open).await.expect(201);
        refused(&server, &["registration-token", "revoke", "Machines"], REFUSED);
        server.cli(&["registration-token", "revoke", "Machines", "--yes"]).expect();
        register(&open).await.expect(401);
    }
}
