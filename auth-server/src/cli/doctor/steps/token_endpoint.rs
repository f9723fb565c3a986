//! What the token endpoint says to a client that it does not know, with a code that it has not issued (MCP-AS-55, MCP-AS-59, K-09).

use http::StatusCode;
use url::Url;

use crate::cli::doctor::{
    client::Client,
    document::{Members, text},
    finding::Kind,
    outside::{Answer, NoAnswer},
    report::{Notes, Step},
};

/// A request that nobody can mistake for a good one.
pub(in crate::cli::doctor) const WRONG_REQUEST: &str = "grant_type=authorization_code&code=portcullis-doctor&client_id=portcullis-doctor\
    &redirect_uri=http%3A%2F%2F127.0.0.1%2Fcallback&code_verifier=portcullis-doctor-portcullis-doctor-portcullis";

pub(in crate::cli::doctor) fn judge(url: &Url, answer: &Result<Answer, NoAnswer>, client: Client) -> Notes {
    let mut notes = Notes::of(Step::TokenEndpoint, client);
    let answer = match answer {
        Ok(answer) => answer,
        Err(NoAnswer(reason)) => {
            notes.find(Kind::NoAnswer, [format!("POST {url}"), reason.clone()]);
            return notes;
        }
    };
    let said = format!("POST {url} answers {}", answer.status.as_u16());
    if !answer.status.is_client_error() {
        notes.find(Kind::TokenErrorStatus, [said]);
        return notes;
    }
    let members: Option<Members> = serde_json::from_slice(&answer.body).ok().filter(|_| answer.is_json());
    match members.as_ref().and_then(|members| text(members, "error")) {
        None => notes.find(Kind::TokenErrorShape, [said]),
        Some("invalid_client") if answer.status != StatusCode::UNAUTHORIZED => {
            notes.find(Kind::UnknownClientStatus, [format!("{said}, with error invalid_client")]);
        }
        Some(error) => notes.pass(format!("the token endpoint refuses an unknown client with {} {error}", answer.status.as_u16())),
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::testing::{answer, json, url};

    fn kinds(answer: Answer) -> Vec<Kind> {
        judge(&url("https://auth.example.com/token"), &Ok(answer), Client::Any).kinds()
    }

    #[test]
    fn an_error_object_is_what_clients_read() {
        assert_eq!(kinds(json(401, r#"{"error":"invalid_client"}"#)), []);
        assert_eq!(kinds(json(400, r#"{"error":"invalid_grant"}"#)), [], "who looks at the code first has said no more than that");
    }

    // MCP-AS-55
    #[test]
    fn anything_else_has_a_name() {
        assert_eq!(kinds(answer(400, &[("content-type", "text/html")], "<html>")), [Kind::TokenErrorShape]);
        assert_eq!(kinds(answer(400, &[], r#"{"error":"invalid_grant"}"#)), [Kind::TokenErrorShape]);
        assert_eq!(kinds(json(400, r#"{"message":"no"}"#)), [Kind::TokenErrorShape]);
        for status in [200, 302, 500] {
            assert_eq!(kinds(json(status, r#"{"error":"invalid_grant"}"#)), [Kind::TokenErrorStatus], "{status}");
        }
        let gone = Err(NoAnswer("gone".to_owned()));
        assert_eq!(judge(&url("https://auth.example.com/token"), &gone, Client::Any).kinds(), [Kind::NoAnswer]);
    }

    // MCP-AS-59, K-09
    #[test]
    fn an_unknown_client_is_told_with_401() {
        assert_eq!(kinds(json(400, r#"{"error":"invalid_client"}"#)), [Kind::UnknownClientStatus]);
    }
}
