//! Somebody reads the logs, or steals the database: they hold nothing usable.

use std::fmt::Write as _;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};

use super::whole_run::{live_through_everything, start};
use crate::harness::{Setup, encoded, on_both_stores};

/// By what a secret is recognised: itself, however it is encoded; the random part
/// without prefix and checksum; the parts of a JWT.
fn traces(secret: &str) -> Vec<String> {
    assert!(secret.len() >= 8, "{secret} could be anywhere by chance");
    let form = encoded(&[("", secret)]).trim_start_matches('=').to_owned();
    let mut traces = vec![secret.to_owned(), form.replace('+', "%20"), form];
    if secret.contains('.') {
        traces.extend(secret.split('.').map(str::to_owned));
    }
    let middle = &secret[secret.len() / 4..secret.len() * 3 / 4];
    if middle.len() >= 16 {
        traces.push(middle.to_owned());
    }
    traces
}

/// The same in a database: also as bytes in hexadecimal digits, and as what the text stands for.
fn traces_of_bytes(secret: &str) -> Vec<String> {
    let random = secret.strip_prefix("pc_").and_then(|rest| rest.split_once('_')).map_or(secret, |(_, random)| random);
    // 43 characters are 256 bits
    let bytes = random.get(..43).and_then(|text| BASE64URL.decode(text.replace('+', "-").replace('/', "_")).ok());
    traces(secret).iter().map(|trace| in_hex(trace.as_bytes())).chain(bytes.map(|bytes| in_hex(&bytes))).collect()
}

fn in_hex(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        write!(digits, "{byte:02x}").unwrap();
    }
    digits
}

on_both_stores! {
    // OA-LG-03, OA-LG-04, MCP-AS-180, OA-CR-06
    async fn no_secret_of_a_whole_run_is_in_any_log(store: Store) {
        let server = start(Setup::on(store).table("log", "level = \"trace\"")).await;
        let run = live_through_everything(&server).await;
        run.misplace_everything(&server).await;
        let status = server.terminate();
        assert!(status.success(), "{status}");
        let log = server.log();
        for event in ["setup_done", "client_registered", "code_redeemed", "refresh_rotated", "refresh_grace", "revoked", "client_auth_fail"] {
            assert!(log.contains(&format!("\"event\":\"{event}\"")), "no {event} in {log}");
        }
        for (what, secret) in &run.secrets {
            for trace in traces(secret) {
                let line = log.lines().find(|line| line.contains(&trace));
                assert_eq!(line, None, "the {what} is in the log as {trace}");
            }
        }
        assert!(log.contains("\"client_id\":\"[redacted]\""), "a secret in place of a name was noticed");
        assert!(!log.contains("limit_hit"), "all of it was looked at");
        assert!(!log.contains("client.example.com/callback?"), "OA-LG-03: no full redirect");
    }

    // OA-CR-02, OA-RT-05, OA-CD-01, OA-CL-09, MCP-AS-95, MCP-AS-101
    async fn a_stolen_database_holds_no_usable_credential(store: Store) {
        let server = start(Setup::on(store)).await;
        let run = live_through_everything(&server).await;
        let mut ada = server.person("ada");
        let client = server.operators_client(|_| {}).await;
        let waiting = client.ask();
        let code = ada.code_for(&waiting).await;
        let dump = server.stolen_database();
        let (text, digits) = (String::from_utf8_lossy(&dump), in_hex(&dump));
        assert!(text.contains(&client.id) && digits.contains(&in_hex(client.id.as_bytes())), "this is the database");
        // what a client asked for waits in its request: `state` and the challenge are no credentials
        let credentials = run.secrets.iter().filter(|(what, _)| *what != "state");
        for (what, secret) in credentials.chain([&("code", code), &("verifier", waiting.verifier)]) {
            for trace in traces(secret) {
                assert!(!text.contains(&trace), "the {what} is in the database as {trace}");
            }
            for trace in traces_of_bytes(secret) {
                // PostgreSQL writes bytes in digits itself
                assert!(!text.contains(&trace) && !digits.contains(&trace), "the {what} is in the database as {trace}");
            }
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
