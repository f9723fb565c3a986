//! What the MCP endpoint says to whoever has no token (MCP-RS-05 to 08, K-19, K-23).

use http::{StatusCode, header};
use url::Url;

use crate::cli::doctor::{
    client::Client,
    document::{is_loopback, is_secure},
    finding::Kind,
    outside::{Answer, NoAnswer},
    report::{Notes, Step},
};

/// The answers to requests without a token.
#[derive(Clone, Debug)]
pub(in crate::cli::doctor) struct Seen {
    pub(in crate::cli::doctor) post: Result<Answer, NoAnswer>,
    pub(in crate::cli::doctor) get: Result<Answer, NoAnswer>,
}

/// What the client does then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli::doctor) enum Next {
    /// It does not even begin to sign in.
    Stops,
    /// It looks for the resource metadata without being told where.
    Guesses,
    /// It reads the resource metadata here.
    Reads(Url),
}

pub(in crate::cli::doctor) fn judge(url: &Url, seen: &Seen, client: Client) -> (Notes, Next) {
    let mut notes = Notes::of(Step::Challenge, client);
    let post = match &seen.post {
        Ok(post) => post,
        Err(NoAnswer(reason)) => {
            notes.find(Kind::NoAnswer, [format!("POST {url}"), reason.clone()]);
            return (notes, Next::Stops);
        }
    };
    let status = post.status;
    if status != StatusCode::UNAUTHORIZED {
        let said = format!("POST is answered with {}", status.as_u16());
        if status.is_redirection() {
            notes.find(Kind::EndpointRedirects, [said, format!("to {}", post.header(header::LOCATION).unwrap_or("nowhere"))]);
        } else {
            notes.find(if status.is_success() { Kind::EndpointOpen } else { Kind::EndpointStatus }, [said]);
        }
        return (notes, Next::Stops);
    }
    let named = challenge(url, post, &mut notes);
    match &seen.get {
        Ok(get) if get.status == StatusCode::UNAUTHORIZED && (named.is_none() || get.headers.contains_key(header::WWW_AUTHENTICATE)) => {}
        Ok(get) => notes.find(Kind::GetNotChallenged, [format!("GET is answered with {}", described(get))]),
        Err(NoAnswer(reason)) => notes.find(Kind::GetNotChallenged, [format!("GET: {reason}")]),
    }
    if notes.findings.is_empty() {
        notes.pass("401 carries a Bearer challenge with resource_metadata, for POST and GET");
    }
    (notes, named.map_or(Next::Guesses, Next::Reads))
}

fn described(answer: &Answer) -> String {
    let without = if answer.headers.contains_key(header::WWW_AUTHENTICATE) { "" } else { " without WWW-Authenticate" };
    format!("{}{}", answer.status.as_u16(), if answer.status == StatusCode::UNAUTHORIZED { without } else { "" })
}

fn challenge(url: &Url, post: &Answer, notes: &mut Notes) -> Option<Url> {
    let lines: Vec<&str> = post.headers.get_all(header::WWW_AUTHENTICATE).iter().filter_map(|line| line.to_str().ok()).collect();
    let Some(first) = lines.first() else {
        notes.find(Kind::NoChallenge, Vec::<String>::new());
        return None;
    };
    if !is_bearer(first) {
        notes.find(Kind::ChallengeNotFirst, lines.clone());
    }
    let scopes = lines.iter().find_map(|line| parameter(line, "scope")).unwrap_or_default();
    if scopes.split(' ').any(|scope| scope == "offline_access") {
        notes.find(Kind::OfflineAccess, [format!("scope=\"{scopes}\" in the challenge")]);
    }
    let Some(named) = lines.iter().find_map(|line| parameter(line, "resource_metadata")) else {
        notes.find(Kind::NoResourceMetadata, lines);
        return None;
    };
    match Url::parse(&named) {
        Ok(at) if matches!(at.scheme(), "http" | "https") => {
            if at.origin() != url.origin() {
                notes.find(Kind::ResourceMetadataElsewhere, [format!("asked       {url}"), format!("challenge   {at}")]);
                // Nobody may send us, without TLS, to where only we can go.
                return is_secure(&at, is_loopback(url)).then_some(at);
            }
            Some(at)
        }
        Ok(_) | Err(_) => {
            notes.find(Kind::NoResourceMetadata, [format!("resource_metadata=\"{named}\" is no http address")]);
            None
        }
    }
}

fn is_bearer(line: &str) -> bool {
    line.split_whitespace().next().is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer"))
}

/// A parameter of a challenge, with or without quotes, as clients look for it.
fn parameter(line: &str, name: &str) -> Option<String> {
    let lower = line.to_ascii_lowercase();
    let at = lower.match_indices(name).map(|(at, _)| at).find(|at| {
        let before = lower.get(..*at).and_then(|before| before.chars().next_back());
        let is_word = before.is_none_or(|before| before.is_whitespace() || before == ',');
        let after = lower.get(at.saturating_add(name.len())..).unwrap_or_default();
        is_word && after.trim_start().starts_with('=')
    })?;
    let value = line.get(at.saturating_add(name.len())..)?.trim_start().strip_prefix('=')?.trim_start();
    let quoted = value.strip_prefix('"').and_then(|value| value.split('"').next());
    let bare = || value.split([',', ' ']).next().unwrap_or_default();
    Some(quoted.unwrap_or_else(bare).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::testing::{MCP, answer, url};

    const GOOD: &str =
        "Bearer resource_metadata=\"https://mcp.example.com/.well-known/oauth-protected-resource/mcp\", scope=\"files:read\"";

    fn refusal(challenge: &str) -> Answer {
        answer(401, &[("www-authenticate", challenge)], "")
    }

    fn judged(post: Result<Answer, NoAnswer>, get: Result<Answer, NoAnswer>) -> (Vec<Kind>, Next) {
        let (notes, next) = judge(&url(MCP), &Seen { post, get }, Client::Any);
        (notes.kinds(), next)
    }

    // MCP-RS-05
    #[test]
    fn a_challenge_names_the_metadata() {
        let (kinds, next) = judged(Ok(refusal(GOOD)), Ok(refusal(GOOD)));
        assert_eq!(kinds, []);
        assert_eq!(next, Next::Reads(url("https://mcp.example.com/.well-known/oauth-protected-resource/mcp")));
    }

    #[test]
    fn without_a_401_nothing_begins() {
        let post = |status, headers: &[(&'static str, &str)]| judged(Ok(answer(status, headers, "")), Ok(refusal(GOOD)));
        assert_eq!(post(308, &[("location", "/mcp/")]), (vec![Kind::EndpointRedirects], Next::Stops));
        assert_eq!(post(200, &[]), (vec![Kind::EndpointOpen], Next::Stops));
        assert_eq!(post(404, &[]), (vec![Kind::EndpointStatus], Next::Stops));
        assert_eq!(post(500, &[]), (vec![Kind::EndpointStatus], Next::Stops));
        assert_eq!(judged(Err(NoAnswer("gone".to_owned())), Ok(refusal(GOOD))), (vec![Kind::NoAnswer], Next::Stops));
    }

    // K-19
    #[test]
    fn get_is_challenged_as_post() {
        for get in [Ok(answer(405, &[], "")), Ok(answer(401, &[], "")), Err(NoAnswer("gone".to_owned()))] {
            assert_eq!(judged(Ok(refusal(GOOD)), get).0, [Kind::GetNotChallenged]);
        }
    }

    // K-23, MCP-RS-06, MCP-RS-08, MCP-RS-15
    #[test]
    fn what_is_wrong_with_a_challenge_has_a_name() {
        let first = |challenge: &str| judged(Ok(refusal(challenge)), Ok(refusal(challenge))).0;
        assert_eq!(first(&format!("DPoP algs=\"ES256\", {GOOD}")), [Kind::ChallengeNotFirst]);
        assert_eq!(first("Bearer realm=\"x\""), [Kind::NoResourceMetadata]);
        assert_eq!(first("Bearer resource_metadata=\"/.well-known\""), [Kind::NoResourceMetadata]);
        assert_eq!(first("Bearer resource_metadata=\"https://other.example/x\""), [Kind::ResourceMetadataElsewhere]);
        assert_eq!(first(&GOOD.replace("files:read", "files:read offline_access")), [Kind::OfflineAccess]);
        let silent = || Ok(answer(401, &[], ""));
        assert_eq!(judged(silent(), silent()), (vec![Kind::NoChallenge], Next::Guesses));
    }

    #[test]
    fn a_challenge_sends_nobody_to_where_only_the_doctor_can_go() {
        let hostile = refusal("Bearer resource_metadata=\"http://169.254.169.254/latest\"");
        assert_eq!(judged(Ok(hostile.clone()), Ok(hostile)), (vec![Kind::ResourceMetadataElsewhere], Next::Guesses));
    }

    #[test]
    fn a_parameter_is_found_by_its_whole_name() {
        assert_eq!(parameter("Bearer x_scope=\"a\", scope = b, y=c", "scope").as_deref(), Some("b"));
        assert_eq!(parameter("bearer RESOURCE_METADATA=https://a/b", "resource_metadata").as_deref(), Some("https://a/b"));
        assert_eq!(parameter("Bearer error=\"scope\"", "scope"), None);
    }
}
