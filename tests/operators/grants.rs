//! `portcullis grant`.

use serde_json::json;

use super::{NOT_FOUND, REFUSED, WRONGLY_USED, json, refused, said};
use crate::harness::{FILES, MAIL, Server, on_both_stores};

on_both_stores! {
    async fn grants_are_listed_and_taken_back(store: Store) {
        let server = Server::start(store).await;
        server.add_account("grace");
        let client = server.client().await;
        let of_ada = client.connect(&mut server.person("ada")).await;
        let of_grace = client.connect(&mut server.person("grace")).await;
        let mut ada = server.person("ada");
        let mail = client.connect_with(&mut ada, client.ask().with("resource", MAIL).with("scope", "mail:read")).await;

        let all = json(&server, &["grant", "list"]);
        assert_eq!(all.as_array().unwrap().len(), 3);
        assert_eq!((&all[0]["resource"], &all[0]["scopes"]), (&json!(MAIL), &json!(["mail:read"])), "newest first");
        assert_eq!(json(&server, &["grant", "list", "--user", "ada"]).as_array().unwrap().len(), 2);
        assert_eq!(json(&server, &["grants", "list", "--user", "ada", "--resource", FILES]).as_array().unwrap().len(), 1);
        assert!(said(&server, &["grant", "list"]).lines().nth(1).unwrap().starts_with(all[0]["id"].as_str().unwrap()));

        let id = all[0]["id"].as_str().unwrap();
        let stops = refused(&server, &["grant", "revoke", id], REFUSED);
        assert!(stops.contains("1 grant and all their tokens end: Test client at https://mail.example.com/mcp for ada."), "{stops}");
        assert!(stops.contains("accepts them for up to 15 minutes"), "{stops}");
        json(&server, &["grant", "revoke", id, "--dry-run"]);
        client.refresh(mail.refresh()).await.expect(200);
        json(&server, &["grant", "revoke", id, "--yes"]);
        client.refresh(mail.refresh()).await.expect_error(400, "invalid_grant");
        client.refresh(of_ada.refresh()).await.expect(200);

        json(&server, &["grant", "revoke", "--user", "ada", "--yes"]);
        client.refresh(of_ada.refresh()).await.expect_error(400, "invalid_grant");
        client.refresh(of_grace.refresh()).await.expect(200);
        json(&server, &["grant", "revoke", "--client", &client.id, "--yes"]);
        client.refresh(of_grace.refresh()).await.expect_error(400, "invalid_grant");
        let empty = refused(&server, &["grant", "revoke", "--client", &client.id, "--yes"], NOT_FOUND);
        assert!(empty.contains("no such grants for "), "{empty}");
        assert!(said(&server, &["grant", "list"]).contains(&server.issuer), "where nothing is found the place is named");
        assert_eq!(server.cli(&["grant", "revoke", "--yes"]).status.code(), Some(WRONGLY_USED), "not all grants at once by a slip");
    }
}
