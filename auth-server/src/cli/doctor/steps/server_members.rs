//! What the authorization server says it can do, and what clients need (MCP-AS-07, K-01, K-12).

use serde_json::Value;
use url::Url;

use crate::cli::doctor::{
    client::Client,
    document::{Members, is_secure, list, text},
    finding::Kind,
    report::{Notes, Step},
};

const ENDPOINTS: [&str; 4] = ["authorization_endpoint", "token_endpoint", "registration_endpoint", "revocation_endpoint"];
const NEEDED: [&str; 2] = ["authorization_endpoint", "token_endpoint"];

pub(in crate::cli::doctor) fn judge(members: &Members, is_local: bool, client: Client) -> Notes {
    let mut notes = Notes::of(Step::ServerMembers, client);
    for name in ENDPOINTS {
        match text(members, name) {
            Some(endpoint) if Url::parse(endpoint).is_ok_and(|url| is_secure(&url, is_local)) => {}
            Some(endpoint) => notes.find(Kind::EndpointInsecure, [format!("{name}   {endpoint}")]),
            None if NEEDED.contains(&name) => notes.find(Kind::EndpointMissing, [name]),
            None => {}
        }
    }
    flow(members, &mut notes);
    registration(members, client, &mut notes);
    if matches!(client, Client::Any | Client::Chatgpt) && !says(members, "authorization_response_iss_parameter_supported") {
        notes.find(Kind::NoIss, Vec::<String>::new());
    }
    if notes.findings.is_empty() {
        notes.pass("the server has all that is needed: endpoints, PKCE with S256, registration, refresh");
    }
    notes
}

fn says(members: &Members, name: &str) -> bool {
    members.get(name).and_then(Value::as_bool).unwrap_or_default()
}

fn flow(members: &Members, notes: &mut Notes) {
    let shown = |name: &str| format!("{name}   {}", members.get(name).map_or_else(|| "is not there".to_owned(), Value::to_string));
    let has = |name: &str, value: &str| list(members, name).map(|values| values.contains(&value));
    if has("code_challenge_methods_supported", "S256") != Some(true) {
        notes.find(Kind::NoS256, [shown("code_challenge_methods_supported")]);
    }
    if has("response_types_supported", "code") != Some(true) {
        notes.find(Kind::NoCodeFlow, [shown("response_types_supported")]);
    }
    // Absent means authorization_code and implicit (RFC 8414, section 2).
    if has("grant_types_supported", "authorization_code") == Some(false) {
        notes.find(Kind::NoCodeFlow, [shown("grant_types_supported")]);
    }
    if has("grant_types_supported", "refresh_token") != Some(true) {
        notes.find(Kind::NoRefresh, [shown("grant_types_supported")]);
    }
}

/// K-01: Claude takes its document only where `none` is listed beside the flag.
fn registration(members: &Members, client: Client, notes: &mut Notes) {
    let by_document = says(members, "client_id_metadata_document_supported");
    let methods = list(members, "token_endpoint_auth_methods_supported");
    let lists_none = methods.as_ref().is_some_and(|methods| methods.contains(&"none"));
    let needs_none = matches!(client, Client::Any | Client::Claude);
    if by_document && needs_none && !lists_none {
        notes.find(
            Kind::DocumentsWithoutNone,
            [format!("token_endpoint_auth_methods_supported   {}", methods.unwrap_or_default().join(" "))],
        );
    }
    let is_known_by_document = by_document && (lists_none || !needs_none);
    if !is_known_by_document && !members.contains_key("registration_endpoint") {
        notes.find(Kind::NoRegistration, ["no registration_endpoint, and no client id metadata document that it would use"]);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn good() -> Members {
        let document = json!({
            "authorization_endpoint": "https://auth.example.com/authorize", "token_endpoint": "https://auth.example.com/token",
            "registration_endpoint": "https://auth.example.com/register", "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"], "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"], "client_id_metadata_document_supported": true,
            "authorization_response_iss_parameter_supported": true,
        });
        document.as_object().unwrap().clone()
    }

    /// The good document with members changed; null takes one out.
    fn with(changes: &[(&str, Value)], client: Client) -> Vec<Kind> {
        let mut members = good();
        for (name, value) in changes {
            members.insert((*name).to_owned(), value.clone());
        }
        members.retain(|_, value| !value.is_null());
        judge(&members, false, client).kinds()
    }

    fn one(name: &str, value: Value) -> Vec<Kind> {
        with(&[(name, value)], Client::Any)
    }

    #[test]
    fn a_complete_server_is_fine_for_all() {
        for client in [Client::Any, Client::Claude, Client::Chatgpt, Client::Inspector, Client::Fastmcp] {
            assert_eq!(with(&[], client), []);
        }
    }

    // MCP-AS-06, MCP-AS-07, MCP-CL-04
    #[test]
    fn what_every_client_needs_is_missed_where_it_is_not_there() {
        assert_eq!(one("token_endpoint", Value::Null), [Kind::EndpointMissing]);
        assert_eq!(one("authorization_endpoint", json!("http://auth.example.com/authorize")), [Kind::EndpointInsecure]);
        assert_eq!(one("token_endpoint", json!("/token")), [Kind::EndpointInsecure]);
        assert_eq!(one("code_challenge_methods_supported", Value::Null), [Kind::NoS256]);
        assert_eq!(one("code_challenge_methods_supported", json!(["plain"])), [Kind::NoS256]);
        assert_eq!(one("response_types_supported", json!(["token"])), [Kind::NoCodeFlow]);
        assert_eq!(one("grant_types_supported", json!(["refresh_token"])), [Kind::NoCodeFlow]);
        assert_eq!(one("grant_types_supported", json!(["authorization_code"])), [Kind::NoRefresh]);
    }

    // K-01
    #[test]
    fn claude_uses_its_document_only_where_none_is_listed() {
        let confidential = ("token_endpoint_auth_methods_supported", json!(["client_secret_basic"]));
        assert_eq!(with(std::slice::from_ref(&confidential), Client::Claude), [Kind::DocumentsWithoutNone]);
        assert_eq!(with(std::slice::from_ref(&confidential), Client::Vscode), []);
        let alone = [confidential, ("registration_endpoint", Value::Null)];
        assert_eq!(with(&alone, Client::Claude), [Kind::DocumentsWithoutNone, Kind::NoRegistration]);
        assert_eq!(with(&alone, Client::Vscode), []);
        let neither = [("registration_endpoint", Value::Null), ("client_id_metadata_document_supported", Value::Null)];
        assert_eq!(with(&neither, Client::Cursor), [Kind::NoRegistration]);
    }

    // K-12
    #[test]
    fn chatgpt_wants_iss() {
        let silent = [("authorization_response_iss_parameter_supported", json!(false))];
        assert_eq!(with(&silent, Client::Chatgpt), [Kind::NoIss]);
        assert_eq!(with(&silent, Client::Claude), []);
    }
}
