//! `portcullis resource`.

use serde_json::json;

use super::{NOT_FOUND, REFUSED, WRONGLY_USED, json, refused, said};
use crate::harness::{Client, FILES, Server, on_both_stores, until};

const NOTES: &str = "https://notes.example.com/mcp";

on_both_stores! {
    // MCP-AS-70, MCP-AS-83
    async fn a_resource_is_one_command_away(store: Store) {
        let server = Server::start(store).await;
        let added = said(&server, &[
            "resource", "add", NOTES, "--name", "Notes", "--scope", "notes:read=Read your notes", "--scope", "notes:write=Change your notes",
        ]);
        assert_eq!(
            added,
            format!(
                "Added Notes, {NOTES}\n\
                 \x20 scopes  notes:read  Read your notes  (asked for by default)\n\
                 \x20         notes:write  Change your notes\n\
                 \x20 tokens  ES256, 15 minutes\n\
                 \n\
                 Next   portcullis resource export {NOTES} --for fastmcp-python\n\
                 \x20      prints code for its server; docs/protect-a-server.md says what else there is\n"
            )
        );
        let list = json(&server, &["resource", "list"]);
        let origins: Vec<&str> = list.as_array().unwrap().iter().map(|one| one["origin"].as_str().unwrap()).collect();
        assert_eq!(origins, ["configuration", "configuration", "command"]);
        let again = refused(&server, &["resource", "add", NOTES], REFUSED);
        assert!(again.contains("--replace replaces it"), "{again}");
        json(&server, &["resource", "add", NOTES, "--replace"]);
        assert_eq!(json(&server, &["resource", "show", NOTES])["scopes"], json!([]));
    }

    // MCP-AS-71…77, MCP-AS-173, OA-RI-06
    async fn every_property_of_a_resource_can_be_given(store: Store) {
        let server = Server::start(store).await;
        let made = json(&server, &[
            "resource", "add", NOTES, "--name", "Notes", "--scope", "read=Read", "--scope", "write=Write", "--default-scope", "write", "--alias",
            "https://old.example.com/mcp", "--token-lifetime", "5m", "--algorithm", "RS256", "--origin-alias", "--person", "ADA",
        ]);
        assert_eq!(made, json!({
            "resource": NOTES,
            "name": "Notes",
            "aliases": ["https://old.example.com/mcp"],
            "scopes": [{"scope": "read", "sentence": "Read"}, {"scope": "write", "sentence": "Write"}],
            "default_scopes": ["write"],
            "token_lifetime_seconds": 300,
            "signing_algorithm": "RS256",
            "origin_alias": true,
            "people": ["ada"],
            "origin": "command",
        }));
        // The spellings that clients may use are those that the command understands.
        assert_eq!(json(&server, &["resource", "show", "https://OLD.example.com/mcp/"]), made);
        let client = Client::operator(&server, "Nightly", "", &["--machine", NOTES]);
        until("the resource to be known", async || client.credentials(&[("resource", NOTES)]).await.status == 200).await;
        let tokens = crate::harness::Tokens::of(&client.credentials(&[("resource", "https://notes.example.com")]).await);
        assert_eq!((tokens.claims()["aud"].as_str(), tokens.expires_in), (Some(NOTES), 300));
        assert_eq!(tokens.header()["alg"], "RS256");
    }

    async fn what_makes_no_sense_is_said_and_nothing_is_added(store: Store) {
        let server = Server::start(store).await;
        let add = |arguments: &[&str], code| {
            let mut all = vec!["resource", "add"];
            all.extend(arguments);
            refused(&server, &all, code)
        };
        assert!(add(&["notes"], WRONGLY_USED).contains("notes cannot be a resource"));
        assert!(add(&["https://notes.example.com/#x"], WRONGLY_USED).contains("fragment"));
        assert!(add(&[NOTES, "--scope", "a b=c"], WRONGLY_USED).contains("--scope a b:"));
        assert!(add(&[NOTES, "--scope", "a=A", "--default-scope", "b"], WRONGLY_USED).contains("none of its scopes; they are a"));
        assert!(add(&[NOTES, "--token-lifetime", "2h"], WRONGLY_USED).contains("from 1m to 1h"));
        assert_eq!(server.cli(&["resource", "add", NOTES, "--algorithm", "none"]).status.code(), Some(WRONGLY_USED));
        assert!(add(&[NOTES, "--person", "eve"], NOT_FOUND).contains("no account eve"));
        assert!(add(&[NOTES, "--alias", FILES], REFUSED).contains("means Files"));
        let configured = add(&[FILES, "--replace"], REFUSED);
        assert!(configured.contains("stands in ") && configured.contains("portcullis-"), "{configured}");
        assert!(add(&[NOTES, "--scope", "a=A", "--scope", "a=B"], WRONGLY_USED).contains("given twice"));
        assert!(add(&[NOTES, "--name", " "], WRONGLY_USED).contains("1 to 100 characters"));
        assert!(add(&[NOTES, "--alias", &format!("{FILES}?tenant=7")], REFUSED).contains("means Files"));
        // OA-RI-09
        for (ours, arguments) in [
            (server.issuer.clone(), vec![server.issuer.clone()]),
            (format!("{}/token", server.issuer), vec![format!("{}/token", server.issuer)]),
            (format!("{}/jwks", server.issuer), vec![NOTES.to_owned(), "--alias".to_owned(), format!("{}/jwks", server.issuer)]),
            (server.issuer.clone(), vec![format!("{}/mcp", server.issuer), "--origin-alias".to_owned()]),
        ] {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let said = add(&arguments, REFUSED);
            assert!(said.contains(&format!("{ours} is an address of this server itself")), "{said}");
        }
        assert_eq!(json(&server, &["resource", "list"]).as_array().unwrap().len(), 2);
        let below = format!("{}/mcp", server.issuer);
        json(&server, &["resource", "add", &below]);
        server.cli(&["resource", "remove", &below, "--yes"]).expect();
        let near = refused(&server, &["resource", "show", "https://files.example.com/mpc"], NOT_FOUND);
        assert!(near.ends_with(&format!("; did you mean {FILES}?\n")), "{near}");
    }

    // OA-AT-02
    async fn what_no_token_has_room_for_is_not_added(store: Store) {
        let server = Server::start(store).await;
        let scopes: Vec<String> = (0..50).map(|at| format!("notes:scope-number-{at:02}")).collect();
        let mut all = vec!["resource", "add", NOTES];
        for scope in &scopes {
            all.extend(["--scope", scope]);
        }
        let large = refused(&server, &all, WRONGLY_USED);
        assert!(large.contains(&format!("{NOTES}: an access token with all its scopes would have 20")), "{large}");
        assert!(large.ends_with("has to stay below 2048: give it fewer scopes or shorter names for them, or make several resources of it\n"), "{large}");
        json(&server, &all[..all.len() - 10]);
        // the same scopes are too many where signatures are larger
        all.truncate(all.len() - 10);
        all.extend(["--replace", "--algorithm", "RS256"]);
        assert!(refused(&server, &all, WRONGLY_USED).contains("would have 2"));
        let other = format!("https://notes.example.com/{}", "x".repeat(1500));
        assert!(refused(&server, &["resource", "add", &other], WRONGLY_USED).contains("has to stay below 2048"));
    }

    // MCP-AS-73
    async fn a_name_that_two_places_give_away_is_told_at_the_start(store: Store) {
        let server = Server::start(store).await;
        json(&server, &["resource", "add", NOTES, "--alias", "https://old.example.com/mcp"]);
        json(&server, &["resource", "add", "https://new.example.com/mcp", "--alias", "https://older.example.com/mcp"]);
        let log = server.log();
        assert!(!log.contains("can't be reached") && !log.contains("default_resource"), "{log}");
        let file = std::fs::read_to_string(server.config()).unwrap();
        let names = format!("name = \"Files\", aliases = [\"{NOTES}\", \"https://older.example.com/mcp\"]");
        let default = "default_resource = \"https://none.example.com/mcp\"";
        let changed = file.replace("name = \"Files\"", &names).replace(&format!("default_resource = \"{FILES}\""), default);
        std::fs::write(server.config(), changed).unwrap();
        server.kill_and_restart().await;
        until("the log to tell of them", async || {
            let log = server.log();
            log.contains(&format!("{NOTES}, added by command, can't be reached"))
                && log.contains(&format!("https://older.example.com/mcp does not mean https://new.example.com/mcp, added by command, but {FILES}"))
                && log.contains("default_resource https://none.example.com/mcp is none of the resources")
        }).await;
        assert_eq!(json(&server, &["resource", "show", NOTES])["resource"], FILES);
        assert_eq!(json(&server, &["resource", "show", "https://new.example.com/mcp"])["aliases"], json!([]));
    }

    // OA-RI-05
    async fn what_was_allowed_at_a_removed_resource_does_not_come_back_with_it(store: Store) {
        let server = Server::start(store).await;
        let add = ["resource", "add", NOTES, "--name", "Notes", "--scope", "notes:read=Read your notes"];
        server.cli(&add).expect();
        let machine = Client::operator(&server, "MCP server", "", &["--machine", NOTES, "--introspect", NOTES]);
        until("the resource to be known", async || machine.credentials(&[("resource", NOTES)]).await.status == 200).await;
        let client = server.client().await;
        let ask = client.ask().with("resource", NOTES).with("scope", "notes:read");
        let tokens = client.connect_with(&mut server.person("ada"), ask).await;
        assert_eq!(machine.introspect(&tokens.access).await.json()["active"], true);

        let stops = refused(&server, &["resource", "remove", NOTES], REFUSED);
        assert!(stops.contains("1 grant of 1 person ends; 1 client of yours loses access there."), "{stops}");
        server.cli(&["resource", "remove", NOTES, "--yes"]).expect();
        until("the resource to be gone", async || machine.introspect(&tokens.access).await.json() == json!({"active": false})).await;
        until("the client to hear so", async || client.refresh(tokens.refresh()).await.error().as_deref() == Some("invalid_target")).await;
        server.cli(&add).expect();
        until("the resource to be back", async || client.refresh(tokens.refresh()).await.error().as_deref() == Some("invalid_grant")).await;
        assert_eq!(machine.introspect(&tokens.access).await.json(), json!({"active": false}));
        assert!(refused(&server, &["resource", "remove", FILES, "--yes"], REFUSED).contains("change it there"));
    }
    // MCP-AS-173, F-01
    async fn what_its_server_has_to_know_is_exported(store: Store) {
        let server = Server::start(store).await;
        json(&server, &["resource", "add", NOTES, "--scope", "read=Read", "--scope", "write=Write", "--default-scope", "write", "--algorithm", "RS256"]);
        let facts = json(&server, &["resource", "export", "https://NOTES.example.com/mcp/", "--for", "fastmcp-python"]);
        assert_eq!(facts, json!({
            "issuer": server.issuer,
            "jwks_uri": format!("{}/jwks", server.issuer),
            "introspection_endpoint": format!("{}/introspect", server.issuer),
            "audience": NOTES,
            "algorithm": "RS256",
            "scopes": ["read", "write"],
            "required_scopes": ["write"],
            "resource_metadata": "https://notes.example.com/.well-known/oauth-protected-resource/mcp",
        }));
        let code = said(&server, &["resource", "export", NOTES, "--for", "fastmcp-python"]);
        for line in ["algorithm=\"RS256\",", "required_scopes=[\"write\"],", "scopes_supported=[\"read\", \"write\"],"] {
            assert!(code.contains(line), "{line}: {code}");
        }
        assert!(refused(&server, &["resource", "export", "https://notes.example.com/", "--for", "fastmcp-python"], NOT_FOUND).contains("no resource"));
        let asking = |name: &str, client: &str, code| refused(&server, &["resource", "export", NOTES, "--for", name, "--introspect", client], code);
        let elsewhere = Client::operator(&server, "Files, the server", "", &["--introspect", FILES]);
        assert!(asking("fastmcp-python", &elsewhere.id, REFUSED).contains(&format!("may not ask about tokens for {NOTES}")));
        assert!(asking("fastmcp-python", "pc_c_nobody", NOT_FOUND).contains("no client"));
        assert!(asking("rmcp", &elsewhere.id, WRONGLY_USED).contains("goes with --for fastmcp-python"));
        let query = "https://tickets.example.com/mcp?tenant=7";
        json(&server, &["resource", "add", query]);
        assert!(refused(&server, &["resource", "export", query, "--for", "fastmcp-python"], REFUSED).contains("has a query"));
    }
}
