//! What was sent and what came back, for `--trace`: without secrets, whoever's they are.

use std::fmt::Write as _;

use http::header;
use serde_json::Value;
use url::Url;

use super::outside::{Answer, Ask, NoAnswer};
use crate::cli::table::harmless;

const REDACTED: &str = "[redacted]";
/// Parts of the names of what is secret, or may be.
const SECRET: [&str; 9] = ["assertion", "authorization", "cookie", "key", "password", "secret", "session", "state", "token"];
/// Names that are secret as a whole.
const SECRETS: [&str; 4] = ["code", "code_verifier", "jwt", "sig"];
/// Names that only look so.
const PUBLIC: [&str; 6] =
    ["authorization_endpoint", "authorization_servers", "token_endpoint", "token_type", "access-control-allow-headers", "keys"];

/// An exchange, line by line.
pub(super) fn exchange(ask: &Ask<'_>, answer: &Result<Answer, NoAnswer>) -> String {
    let mut text = format!("> {} {}\n", ask.method, harmless(&address(ask.url)));
    for (name, value) in &ask.headers {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "> {name}: {}", harmless(&header(name, value)));
    }
    if let Some(sent) = &ask.body {
        let _ = writeln!(text, ">\n> {}", harmless(&body(sent.as_bytes(), "what was sent")));
    }
    match answer {
        Err(NoAnswer(reason)) => {
            let _ = writeln!(text, "< {}", harmless(reason));
        }
        Ok(answer) => {
            let _ = writeln!(text, "< {}", answer.status.as_u16());
            for (name, value) in &answer.headers {
                let value = String::from_utf8_lossy(value.as_bytes());
                let _ = writeln!(text, "< {name}: {}", harmless(&header(name.as_str(), &value)));
            }
            if !answer.body.is_empty() {
                let kind = answer.header(header::CONTENT_TYPE).unwrap_or("an unnamed type");
                let _ = writeln!(text, "<\n< {}", harmless(&body(&answer.body, kind)));
            }
        }
    }
    text
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_supported_list = name.ends_with("_supported") || name.ends_with("_endpoint");
    let is_public = is_supported_list || PUBLIC.contains(&name.as_str());
    !is_public && (SECRETS.contains(&name.as_str()) || SECRET.iter().any(|part| name.contains(part)))
}

fn header(name: &str, value: &str) -> String {
    if name == "location" {
        // Where it is no address by itself, its parameters are found all the same.
        return Url::parse(value).map_or_else(|_| relative(value), |url| address(&url));
    }
    if is_secret(name) { REDACTED.to_owned() } else { value.to_owned() }
}

fn relative(value: &str) -> String {
    value
        .split(['?', '#'])
        .next()
        .map_or_else(String::new, |path| if path == value { path.to_owned() } else { format!("{path}?{REDACTED}") })
}

/// An address whose parameters say nothing that is secret.
fn address(url: &Url) -> String {
    let mut shown = url.clone();
    let _none_where_there_is_no_host = (shown.set_username(""), shown.set_password(None));
    shown.set_fragment(None);
    shown.set_query(None);
    let text = if url.query().is_some() { format!("{shown}?{}", form(url.query().unwrap_or_default())) } else { shown.to_string() };
    if url.fragment().is_some() { format!("{text}#{REDACTED}") } else { text }
}

fn form(text: &str) -> String {
    let pairs = text.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if is_secret(name) => format!("{name}={REDACTED}"),
        Some(_) | None => pair.to_owned(),
    });
    pairs.collect::<Vec<_>>().join("&")
}

/// JSON and forms are shown; a page may have anything in it.
fn body(bytes: &[u8], kind: &str) -> String {
    if let Ok(mut value) = serde_json::from_slice::<Value>(bytes) {
        redact(&mut value);
        return value.to_string();
    }
    match str::from_utf8(bytes) {
        Ok(text) if text.starts_with("grant_type=") => form(text),
        Ok(_) | Err(_) => format!("({} bytes of {kind})", bytes.len()),
    }
}

fn redact(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if is_secret(name) { *member = Value::from(REDACTED) } else { redact(member) }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::cli::doctor::testing::{answer, json, url};

    #[test]
    fn no_secret_is_shown_wherever_it_stands() {
        let url = url("https://me:hidden@auth.example.com/token?code=hidden&resource=shown#hidden");
        let ask = Ask::new(Method::POST, &url).with("authorization", "Basic hidden").with("accept", "shown");
        let ask = Ask { body: Some("grant_type=shown&code_verifier=hidden&client_assertion=hidden".to_owned()), ..ask };
        let body = r#"{"access_token":"hidden","token_type":"shown","nested":[{"client_secret":"hidden","scope":"shown"}]}"#;
        let text = exchange(&ask, &Ok(json(200, body)));
        assert!(!text.contains("hidden"), "{text}");
        assert_eq!(text.matches("shown").count(), 5, "{text}");
        for to in ["https://a.example/?code=hidden&iss=x", "/callback?code=hidden", "/callback#access_token=hidden"] {
            let moved = answer(302, &[("location", to), ("set-cookie", "hidden")], "<html>hidden");
            let text = exchange(&ask, &Ok(moved));
            assert!(!text.contains("hidden") && text.contains("bytes of"), "{text}");
        }
    }

    #[test]
    fn metadata_is_shown_whole() {
        let document =
            r#"{"authorization_endpoint":"a","token_endpoint":"b","token_endpoint_auth_methods_supported":["none"],"keys":[{"kid":"c"}]}"#;
        let text = exchange(&Ask::new(Method::GET, &url("https://a.example/")), &Ok(json(200, document)));
        assert!(text.contains(document) && !text.contains(REDACTED), "{text}");
        let broken = exchange(&Ask::new(Method::GET, &url("https://a.example/")), &Err(NoAnswer("gone\u{1b}[2J".to_owned())));
        assert_eq!(broken, "> GET https://a.example/\n< gone\u{fffd}[2J\n");
    }
}
