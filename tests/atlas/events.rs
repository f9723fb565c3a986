//! What the server wrote into its log while it answered.

use serde_json::Value;

/// The kinds of events that say that something was refused or broke (OA-LG-01).
const ERRORS: &[&str] = &[
    "authorize_refused",
    "broken",
    "client_auth_fail",
    "code_refused",
    "code_replay",
    "form_refused",
    "limit_hit",
    "login_fail",
    "refresh_refused",
    "refresh_reuse",
    "refresh_wrong_client",
    "refused",
    "registration_refused",
    "revocation_refused",
    "token_refused",
];

pub(super) fn is_error(event: &str) -> bool {
    ERRORS.contains(&event)
}

/// The events of these requests, by their `X-Request-Id`.
pub(super) fn of(log: &str, requests: &[String]) -> Vec<String> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .filter(|line| line["target"] == "portcullis::event")
        .filter(|line| line["span"]["id"].as_str().is_some_and(|id| requests.iter().any(|request| request == id)))
        .map(|line| line["event"].as_str().expect("an event has a name").to_owned())
        .collect()
}

/// The verifier's reasons, one for each request that was not let in.
pub(super) fn of_verifier(log: &str) -> Vec<String> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let messages = ["a request was refused", "a request came without an access token", "a token could not be checked"];
    lines.filter(|line| messages.iter().any(|message| line["message"] == *message)).map(|line| line.to_string()).collect()
}

/// How often somebody read the keys.
pub(super) fn key_fetches(log: &str) -> usize {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["message"] == "answered" && line["span"]["route"] == "/jwks").count()
}

/// OA-LG-05: each line stands for itself, whatever strangers sent.
#[track_caller]
pub(super) fn assert_well_formed(log: &str) {
    for line in log.lines() {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("a line of the log is no JSON ({error}): {line}"));
        assert!(value["timestamp"].is_string() && value["level"].is_string(), "{line}");
    }
}
