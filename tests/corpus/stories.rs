//! Quirks that one client's way of connecting does not show by itself.

use serde_json::{Value, json};

use super::{
    card::cards,
    replay::{Mode, Stage},
};
use crate::harness::{Answer, CALLBACK, Client, FILES, Reply, Setup, Store, Tokens, free_port, http, on_both_stores, until};

fn quoted<'a>(header: &'a str, name: &str) -> &'a str {
    let rest = header.split_once(&format!("{name}=\"")).unwrap_or_else(|| panic!("no {name} in {header}")).1;
    rest.split_once('"').unwrap().0
}

// MCP-RS-02, MCP-RS-03, MCP-RS-05, MCP-RS-06, MCP-RS-07, MCP-AS-80, K-05, K-19, K-23, K-25
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn challenge_metadata_and_token_say_the_same_of_an_mcp_server() {
    let address = format!("127.0.0.1:{}", free_port());
    let setup = Setup::on(Store::Sqlite).argument("--sample").argument("--sample-listen").argument(&address);
    let server = setup.start().await;
    let mcp = format!("http://{address}/mcp");
    let mut challenges = Vec::new();
    for method in ["GET", "POST", "HEAD", "DELETE"] {
        let refused = Answer::to(http().request(method.parse().unwrap(), &mcp)).await.expect(401);
        challenges.push(refused.header("www-authenticate").expect("a challenge"));
    }
    let challenge = challenges.pop().unwrap();
    assert!(challenges.iter().all(|other| *other == challenge), "{challenges:?}");
    assert!(challenge.starts_with("Bearer "), "{challenge}");
    let at = quoted(&challenge, "resource_metadata");
    assert!(at.ends_with("/.well-known/oauth-protected-resource/mcp"), "with the path: {at}");
    let document = Answer::to(http().get(at)).await.expect(200).json();
    assert_eq!((&document["resource"], &document["authorization_servers"][0]), (&json!(mcp), &json!(server.issuer)));

    let scope = quoted(&challenge, "scope");
    let client = server.client().await;
    let ask = client.ask().with("resource", document["resource"].as_str().unwrap()).with("scope", scope);
    let tokens = client.connect_with(&mut server.person("ada"), ask).await;
    assert_eq!((tokens.scope.as_str(), &tokens.claims()["aud"]), (scope, &document["resource"]));
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "whoami", "arguments": {}}});
    let request = http().post(&mcp).bearer_auth(&tokens.access).header("accept", "application/json, text/event-stream");
    Answer::to(request.json(&call)).await.expect(200);
}

on_both_stores! {
    // MCP-AS-26, MCP-AS-59, OA-AZ-02, K-09, K-28, K-29
    async fn a_client_whose_registration_is_gone_hears_so_in_the_way_it_listens(store: Store) {
        let server = Setup::on(store).start().await;
        let mut ada = server.person("ada");
        let client = server.client().await;
        let tokens = client.connect(&mut ada).await;
        server.cli(&["client", "remove", &client.id, "--yes"]).expect();
        until("the client to be gone", async || client.refresh(tokens.refresh()).await.status == 401).await;
        client.refresh(tokens.refresh()).await.expect_error(401, "invalid_client");
        for accept in ["application/json", "application/json, */*"] {
            let request = server.request("GET", &client.ask().path()).header("accept", accept);
            Answer::to(request).await.expect_error(400, "invalid_client");
        }
        let place = ada.open(&client.ask().path()).await;
        assert_eq!((place.left, place.answer.status), (false, 400));
        assert!(place.answer.body.contains("Remove this server in the app and add it again"), "{}", place.answer.body);
        server.client().await.connect(&mut ada).await;
    }

    // MCP-AS-22, K-16: a port may differ, a path may not
    async fn a_loopback_path_that_differs_is_another_address(store: Store) {
        let server = Setup::on(store).start().await;
        let mut ada = server.person("ada");
        let listens_at = "http://127.0.0.1:19876/mcp/oauth/callback";
        let as_published = Client::register_as(&server, &json!({ "redirect_uris": ["http://127.0.0.1/callback", "http://localhost/callback"] })).await;
        let place = ada.arrive(&as_published.answered_at(listens_at).ask()).await;
        assert_eq!((place.left, place.answer.status), (false, 400), "{}", place.url);
        let made = server.cli(&["client", "add", "--preset", "opencode", "--json"]).expect().json();
        Client::known(&server, made["client_id"].as_str().unwrap(), None, listens_at).connect(&mut ada).await;
    }

    // MCP-AS-84, MCP-AS-94, K-31
    async fn a_client_that_only_refreshes_has_what_was_allowed_before(store: Store) {
        let resources = format!(
            r#"resources = [{{ url = "{FILES}", name = "Files", scopes = {{ "files:read" = "Read", "files:write" = "Write" }}, default_scopes = ["files:read", "files:write"] }}]"#
        );
        let both = "files:read files:write";
        let server = Setup::on(store).resources(&resources).start().await;
        let mut ada = server.person("ada");
        let client = server.client().await;
        let silent = client.connect_with(&mut ada, client.ask().without("scope")).await;
        assert_eq!(silent.scope, both, "the operator's defaults");
        assert_eq!(Tokens::of(&client.refresh(silent.refresh()).await).scope, both);

        let careful = Client::register(&server, CALLBACK).await;
        let first = careful.connect(&mut ada).await;
        assert_eq!(first.scope, "files:read");
        let narrow = Tokens::of(&careful.refresh(first.refresh()).await);
        assert_eq!(narrow.scope, "files:read", "a refresh never widens");
        let wide = careful.connect_with(&mut ada, careful.ask().with("scope", both)).await;
        assert_eq!(Tokens::of(&careful.refresh(wide.refresh()).await).scope, both, "what the person added stays");
    }
}

// MCP-AS-139, K-08: each connection of a hosted client is a client of its own
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vendor_that_registers_for_each_connection_is_not_held_up() {
    let server = Setup::on(Store::Sqlite).settings("trusted_proxies = [\"127.0.0.1/32\"]").start().await;
    let body: Value = json!({ "client_name": "Claude", "redirect_uris": ["https://claude.ai/api/mcp/auth_callback"] });
    let register = async |from: &str| Answer::to(server.request("POST", "/register").header("x-forwarded-for", from).json(&body)).await;
    let mut first = None;
    for connection in 0..60 {
        let client = register(&format!("160.79.104.{connection}")).await.expect(201).json();
        let id = client["client_id"].as_str().unwrap();
        if first.is_none() {
            let client = Client::known(&server, id, None, "https://claude.ai/api/mcp/auth_callback");
            let tokens = client.connect(&mut server.person("ada")).await;
            first = Some((client, tokens));
        }
    }
    let (client, tokens) = first.unwrap();
    Tokens::of(&client.refresh(tokens.refresh()).await);
}

// MCP-AS-121, MCP-AS-122, OA-CM-20, K-07: what was read before is good, and who was never read is told so
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vendor_that_challenges_robots_does_not_stop_who_is_known_here() {
    let mut stage = Stage::set(Store::Sqlite, Mode::Open).await;
    let cards = cards();
    let card = cards.iter().find(|card| card.file == "claude-code").unwrap();
    let (document, visit) = (&card.documents[0], &card.visits[0]);
    let known = stage.vendors.publish(document);
    stage.visit(card, visit, &known).await;
    let challenge = Reply::with("403 Forbidden", "content-type: text/html\r\n", b"<title>Just a moment...</title>");
    stage.vendors.answers(&document.url, challenge.clone());
    stage.server.kill_and_restart().await;
    stage.visit(card, visit, &known).await;
    stage.vendors.answers("https://never-read.example/client.json", challenge);
    let stranger = Client::known(&stage.server, &stage.vendors.here("https://never-read.example/client.json"), None, CALLBACK);
    let place = stage.server.person("ada").arrive(&stranger.ask()).await;
    assert_eq!((place.left, place.answer.status), (false, 400));
    assert!(place.answer.body.contains("could not be read from"), "{}", place.answer.body);
}
