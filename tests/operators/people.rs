//! `portcullis user`.

use serde_json::json;

use super::{NOT_FOUND, REFUSED, WRONGLY_USED, json, members, refused, said, told};
use crate::harness::{FILES, Server, on_both_stores};

const PASSWORD: &str = "a long and lovely password\n";

on_both_stores! {
    async fn an_account_is_made_listed_and_shown(store: Store) {
        let server = Server::start(store).await;
        let added = server.cli_with_input(&["user", "add", "grace", "--email", "Grace@example.com", "--password-stdin"], PASSWORD).expect();
        assert_eq!(added.stdout, format!("Added grace, who can sign in at {}\n", server.issuer));
        let table = said(&server, &["user", "list"]);
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[0].starts_with("NAME   E-MAIL             ADDED"), "{table}");
        assert!(lines[1].starts_with("grace  Grace@example.com  "), "newest first: {table}");
        assert!(lines[2].starts_with("ada ") && lines[2].ends_with("active"), "{table}");
        let list = json(&server, &["users", "list"]);
        assert_eq!(list[0]["name"], "grace");
        assert_eq!(list[0]["disabled_at"], json!(null));
        let expected = ["created_at", "disabled_at", "email", "id", "last_signed_in_at", "name"];
        let mut names = members(&list[0]);
        names.sort_unstable();
        assert_eq!(names, expected);
        // By name in any letter case, by e-mail address, by the beginning of the id.
        let id = list[0]["id"].as_str().unwrap();
        for given in ["GRACE", "grace@example.com", id, &id[..id.len() - 2], id.strip_prefix("u_").unwrap()] {
            assert_eq!(json(&server, &["user", "show", given])["id"], id, "{given}");
        }
    }

    async fn what_is_wrong_with_a_new_account_is_said_in_a_line(store: Store) {
        let server = Server::start(store).await;
        let add = |name: &str, password: &str| server.cli_with_input(&["user", "add", name, "--password-stdin"], password);
        let said = told(&add("ADA", PASSWORD), REFUSED);
        assert_eq!(said, "portcullis: ADA was not added: another account has that name or e-mail address\n");
        assert_eq!(told(&add("bob", "short\n"), REFUSED), "portcullis: choose a password of at least 10 characters\n");
        assert!(told(&add("  ", PASSWORD), WRONGLY_USED).contains("a user name has 1 to 64 characters"));
        assert!(told(&add("a\u{202e}b", PASSWORD), WRONGLY_USED).contains("can be seen"));
        // Without a terminal there is nobody to ask.
        assert!(refused(&server, &["user", "add", "bob"], WRONGLY_USED).contains("--password-stdin"));
        let said = refused(&server, &["user", "show", "adda"], NOT_FOUND);
        assert!(said.contains("no account adda for ") && said.contains(&server.issuer) && said.ends_with("did you mean ada?\n"), "{said}");
        assert_eq!(json(&server, &["user", "list"]).as_array().unwrap().len(), 1);
    }

    async fn a_new_password_replaces_the_old_one_and_ends_sessions(store: Store) {
        let server = Server::start(store).await;
        let mut ada = server.person("ada");
        let client = server.client().await;
        client.connect(&mut ada).await;
        assert_eq!(ada.get("/account").await.status, 200);
        server.cli_with_input(&["user", "passwd", "ada", "--password-stdin"], PASSWORD).expect();
        assert_ne!(ada.get("/account").await.status, 200, "the session has ended");
        PASSWORD.trim().clone_into(&mut ada.password);
        client.connect(&mut ada).await;
    }

    // OA-RT-14: a password that somebody else knew may have allowed things
    async fn a_password_reset_ends_what_was_allowed_if_it_is_told_to(store: Store) {
        let server = Server::start(store).await;
        let mut ada = server.person("ada");
        let client = server.client().await;
        let files = server.resource_server(&[FILES]).await;
        let tokens = client.connect(&mut ada).await;
        let ask = client.ask();
        let code = ada.code_for(&ask).await;
        server.cli_with_input(&["user", "passwd", "ada", "--password-stdin"], PASSWORD).expect();
        client.refresh(tokens.refresh()).await.expect(200);
        client.redeem(&code, &ask.verifier).await.expect_error(400, "invalid_grant");
        let said = server.cli_with_input(&["user", "passwd", "ada", "--end-grants", "--password-stdin"], PASSWORD).expect().stdout;
        assert_eq!(said, "Changed the password of ada and ended their sessions, and revoked 1 grant\n");
        client.refresh(tokens.refresh()).await.expect_error(400, "invalid_grant");
        assert!(!files.finds_active(&tokens.access).await);
        assert_eq!(json(&server, &["grant", "list"]), json!([]));
    }

    // OA-SE: shutting somebody out ends all they had
    async fn a_disabled_person_is_out_at_once_and_so_are_their_apps(store: Store) {
        let server = Server::start(store).await;
        let mut ada = server.person("ada");
        let client = server.client().await;
        let tokens = client.connect(&mut ada).await;
        let introspecting = crate::harness::Client::operator(&server, "MCP server", "", &["--introspect", FILES]);
        assert_eq!(introspecting.introspect(&tokens.access).await.json()["active"], true);

        let said = refused(&server, &["user", "disable", "ada"], REFUSED);
        assert!(said.contains("ada can no longer sign in, their sessions end, and 1 grant to apps is revoked."), "{said}");
        assert!(said.contains("say --yes, or --dry-run"), "{said}");
        assert_eq!(json(&server, &["user", "disable", "ada", "--dry-run"])["disabled_at"], json!(null));
        assert_eq!(ada.get("/account").await.status, 200, "nothing has happened yet");

        assert_ne!(json(&server, &["user", "disable", "ada", "--yes"])["disabled_at"], json!(null));
        assert_ne!(ada.get("/account").await.status, 200);
        client.refresh(tokens.refresh()).await.expect_error(400, "invalid_grant");
        assert_eq!(introspecting.introspect(&tokens.access).await.json(), json!({"active": false}));
        assert_eq!(json(&server, &["grant", "list"]), json!([]));

        server.cli(&["user", "enable", "ada"]).expect();
        client.refresh(tokens.refresh()).await.expect_error(400, "invalid_grant");
        client.connect(&mut server.person("ada")).await;
    }
}
