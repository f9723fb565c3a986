//! Somebody reads the logs, or steals the database: they hold nothing usable.

use serde_json::json;

use crate::harness::{Answer, Client, FILES, Person, Server, Setup, Tokens, on_both_stores, random_text};

/// All secrets of a whole run: everything that would let its reader in.
async fn live_through_everything(server: &Server) -> Vec<(&'static str, String)> {
    let mut secrets = Vec::new();
    let mut ada = server.person("ada");
    secrets.push(("password", ada.password.clone()));
    let metadata = json!({ "redirect_uris": ["https://client.example.com/callback"], "token_endpoint_auth_method": "client_secret_post" });
    let client = Client::register_as(server, &metadata).await;
    secrets.push(("client secret", client.secret.clone().unwrap()));
    let rs = server.resource_server(&[FILES]).await;
    secrets.push(("client secret of the resource server", rs.secret.clone().unwrap()));

    let ask = client.ask();
    let place = ada.arrive(&ask).await;
    secrets.push(("handle", place.url.path().rsplit('/').next().unwrap().to_owned()));
    secrets.push(("form token", place.form("/decision").field("csrf").unwrap().to_owned()));
    let code = ada.allow(&place).await.code();
    secrets.extend([("code", code.clone()), ("verifier", ask.verifier.clone()), ("state", ask.state.clone())]);
    client.redeem(&code, &"w".repeat(43)).await;
    let first = Tokens::of(&client.redeem(&code, &ask.verifier).await);
    let second = Tokens::of(&client.refresh(first.refresh()).await);
    for tokens in [&first, &second] {
        secrets.extend([("access token", tokens.access.clone()), ("refresh token", tokens.refresh().to_owned())]);
    }
    rs.introspect(&second.access).await;
    secrets.extend(ada.cookies.values().map(|cookie| ("cookie", cookie.clone())));
    misuse(server, &client, &mut ada, &second, &mut secrets).await;
    secrets
}

/// Where things go wrong, more is logged.
async fn misuse(server: &Server, client: &Client, ada: &mut Person, tokens: &Tokens, secrets: &mut Vec<(&'static str, String)>) {
    let in_the_url = random_text();
    server.get(&format!("/authorize?client_id={}&code_challenge={in_the_url}&state={in_the_url}&redirect_uri=x", client.id)).await;
    server.post_form(&format!("/token?client_secret={in_the_url}&refresh_token={in_the_url}"), &[("grant_type", "refresh_token")]).await;
    Answer::to(
        server.request("GET", &format!("/nowhere?access_token={in_the_url}")).header("authorization", format!("Bearer {in_the_url}")),
    )
    .await;
    secrets.push(("text in a URL", in_the_url));
    let wrong = random_text();
    let guess = client.with_secret(&wrong);
    guess.refresh(tokens.refresh()).await;
    guess.revoke(&tokens.access).await;
    secrets.push(("wrong secret", wrong));
    let wrong = random_text();
    let mut stranger = server.person("ada");
    let place = stranger.open("/sign-in").await;
    stranger.sign_in_with(place.form("/sign-in"), &wrong).await;
    secrets.push(("wrong password", wrong));
    let wrong = random_text();
    server
        .post_form("/token", &[("grant_type", "authorization_code"), ("code", &wrong), ("code_verifier", &wrong), ("client_id", "unknown")])
        .await;
    Answer::to(server.request("POST", "/register").header("authorization", format!("Bearer {wrong}")).body("{")).await;
    ada.open(&format!("/authorize/{wrong}")).await;
    ada.open(&format!("/setup/{wrong}")).await;
    secrets.push(("made-up text", wrong));
    client.revoke(tokens.refresh()).await;
}

on_both_stores! {
    // OA-LG-03, OA-LG-04, MCP-AS-180, OA-CR-06
    async fn no_secret_of_a_whole_run_is_in_any_log(store: Store) {
        let server = Setup::on(store).table("log", "level = \"trace\"").unlimited().start().await;
        let secrets = live_through_everything(&server).await;
        let status = server.terminate();
        assert!(status.success(), "{status}");
        let log = server.log();
        assert!(log.contains("code_redeemed") && log.contains("refresh_rotated"), "{log}");
        for (what, secret) in &secrets {
            assert!(secret.len() >= 8 && !log.contains(secret.as_str()), "the {what} is in the log");
        }
        assert!(!log.contains("client.example.com/callback?"), "OA-LG-03: no full redirect");
    }

    // OA-CR-02, OA-RT-05, OA-CD-01, OA-CL-09, MCP-AS-95, MCP-AS-101
    async fn a_stolen_database_holds_no_usable_credential(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let secrets = live_through_everything(&server).await;
        let mut ada = server.person("ada");
        let client = server.client().await;
        let waiting = client.ask();
        let code = ada.code_for(&waiting).await;
        let dump = server.stolen_database();
        let text = String::from_utf8_lossy(&dump);
        assert!(text.contains(&client.id), "this is the database");
        // what a client asked for waits in its request: `state` and the challenge are no credentials
        let credentials = secrets.iter().filter(|(what, _)| *what != "state");
        for (what, secret) in credentials.chain([&("code", code.clone()), &("verifier", waiting.verifier.clone())]) {
            assert!(!text.contains(secret.as_str()), "the {what} is in the database");
            // the random part, without prefix and checksum
            let middle = &secret[secret.len() / 4..secret.len() * 3 / 4];
            assert!(middle.len() < 16 || !text.contains(middle), "a part of the {what} is in the database");
        }
        assert!(!text.contains("PRIVATE KEY") && !text.contains("\"d\":"), "signing keys are sealed");
    }

    // OA-CR-09: each sealed value belongs to its row
    async fn swapped_ciphertexts_are_noticed(store: Store) {
        let server = Setup::on(store).start().await;
        server.kill();
        server.tamper("UPDATE signing_keys SET sealed_private = (SELECT s.sealed_private FROM signing_keys s WHERE s.kid <> signing_keys.kid LIMIT 1)").await;
        server.run();
        let log = server.fails();
        assert!(log.contains("it was changed, or moved from another place"), "{log}");
    }
}
