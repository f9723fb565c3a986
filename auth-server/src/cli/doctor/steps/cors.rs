//! Whether a page in a browser may ask, and read what it gets (MCP-AS-190 to 192, MCP-RS-25).

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, HeaderName,
};
use url::Url;

use crate::cli::doctor::{
    client::Client,
    finding::Kind,
    outside::{Answer, NoAnswer},
    report::{Notes, Step},
};

/// Where the page of the Inspector comes from.
pub(in crate::cli::doctor) const ORIGIN: &str = "http://localhost:6274";

/// A request that a page makes.
#[derive(Clone, Debug)]
pub(in crate::cli::doctor) struct Wish {
    pub(in crate::cli::doctor) method: &'static str,
    pub(in crate::cli::doctor) url: Url,
    /// The headers that make a browser ask before.
    pub(in crate::cli::doctor) headers: &'static [&'static str],
}

/// What became of it.
#[derive(Clone, Debug)]
pub(in crate::cli::doctor) struct Seen {
    pub(in crate::cli::doctor) wish: Wish,
    pub(in crate::cli::doctor) preflight: Result<Answer, NoAnswer>,
    /// The answer to the request itself, where asking changes nothing.
    pub(in crate::cli::doctor) answer: Option<Result<Answer, NoAnswer>>,
    /// It is the MCP endpoint, whose challenge has to be read.
    pub(in crate::cli::doctor) is_challenge: bool,
}

pub(in crate::cli::doctor) fn judge(seen: &[Seen], client: Client) -> Notes {
    let mut notes = Notes::of(Step::Cors, client);
    for asked in seen {
        preflight(asked, &mut notes);
        answer(asked, &mut notes);
    }
    if notes.findings.is_empty() {
        notes.pass("a page in a browser may ask for all this, and read the answers");
    }
    notes
}

fn preflight(asked: &Seen, notes: &mut Notes) {
    let Wish { method, url, headers } = &asked.wish;
    let what = format!("OPTIONS {url}, for {method}");
    let said = match &asked.preflight {
        Ok(answer) if answer.status.is_success() && lets_in(answer) && allows_method(answer, method) => {
            let refused: Vec<&str> = headers.iter().copied().filter(|name| !lists(answer, ACCESS_CONTROL_ALLOW_HEADERS, name)).collect();
            if !refused.is_empty() {
                notes.find(Kind::PreflightHeader, [what, format!("not allowed: {}", refused.join(", "))]);
            }
            return;
        }
        Ok(answer) => {
            let shown = |name: &HeaderName| answer.header(name.clone()).unwrap_or("nothing").to_owned();
            let (origin, methods) = (shown(&ACCESS_CONTROL_ALLOW_ORIGIN), shown(&ACCESS_CONTROL_ALLOW_METHODS));
            format!("it answers {}, allows origin {origin} and methods {methods}", answer.status.as_u16())
        }
        Err(NoAnswer(reason)) => reason.clone(),
    };
    notes.find(Kind::PreflightRefused, [what, said]);
}

fn answer(asked: &Seen, notes: &mut Notes) {
    let Some(Ok(answer)) = &asked.answer else { return };
    let what = format!("{} {} answers {}", asked.wish.method, asked.wish.url, answer.status.as_u16());
    if !lets_in(answer) {
        notes.find(Kind::AnswerHidden, [what]);
    } else if asked.is_challenge && !lists(answer, ACCESS_CONTROL_EXPOSE_HEADERS, "www-authenticate") {
        notes.find(Kind::ChallengeHidden, [what]);
    }
}

fn lets_in(answer: &Answer) -> bool {
    answer.header(ACCESS_CONTROL_ALLOW_ORIGIN).is_some_and(|origin| origin == "*" || origin == ORIGIN)
}

/// Simple methods need not be listed.
fn allows_method(answer: &Answer, method: &str) -> bool {
    matches!(method, "GET" | "POST") || lists(answer, ACCESS_CONTROL_ALLOW_METHODS, method)
}

/// Whether a list has it. `*` stands for everything but Authorization.
fn lists(answer: &Answer, list: HeaderName, name: &str) -> bool {
    let lines = answer.headers.get_all(list).iter().filter_map(|line| line.to_str().ok());
    let is_it = |item: &str| item.eq_ignore_ascii_case(name) || (item == "*" && !name.eq_ignore_ascii_case("authorization"));
    lines.flat_map(|line| line.split(',')).any(|item| is_it(item.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::testing::{self, MCP, url};

    const ALLOWED: [(&str, &str); 2] =
        [("access-control-allow-origin", "*"), ("access-control-allow-headers", "Authorization, Content-Type, MCP-Protocol-Version")];
    const READABLE: [(&str, &str); 2] = [("access-control-allow-origin", "*"), ("access-control-expose-headers", "WWW-Authenticate")];

    fn judged(preflight: Result<Answer, NoAnswer>, answer: Answer) -> Vec<Kind> {
        let wish = Wish { method: "POST", url: url(MCP), headers: &["authorization", "content-type", "mcp-protocol-version"] };
        judge(&[Seen { wish, preflight, answer: Some(Ok(answer)), is_challenge: true }], Client::Inspector).kinds()
    }

    fn answer(status: u16, headers: &[(&'static str, &str)]) -> Answer {
        testing::answer(status, headers, "")
    }

    #[test]
    fn a_page_may_ask_and_read() {
        assert_eq!(judged(Ok(answer(204, &ALLOWED)), answer(401, &READABLE)), []);
        let by_name = [("access-control-allow-origin", ORIGIN), ALLOWED[1]];
        assert_eq!(judged(Ok(answer(200, &by_name)), answer(401, &READABLE)), []);
    }

    // MCP-AS-190, MCP-AS-191
    #[test]
    fn a_preflight_is_answered_without_token_and_lists_the_headers() {
        for refused in [answer(401, &ALLOWED), answer(204, &[]), answer(204, &[("access-control-allow-origin", "https://a.example")])] {
            assert_eq!(judged(Ok(refused), answer(401, &READABLE)), [Kind::PreflightRefused]);
        }
        assert_eq!(judged(Err(NoAnswer("gone".to_owned())), answer(401, &READABLE)), [Kind::PreflightRefused]);
        let everything = [ALLOWED[0], ("access-control-allow-headers", "*")];
        assert_eq!(judged(Ok(answer(204, &everything)), answer(401, &READABLE)), [Kind::PreflightHeader], "* is not Authorization");
    }

    // MCP-AS-192, MCP-RS-25
    #[test]
    fn errors_can_be_read_and_challenges_too() {
        assert_eq!(judged(Ok(answer(204, &ALLOWED)), answer(401, &[])), [Kind::AnswerHidden]);
        assert_eq!(judged(Ok(answer(204, &ALLOWED)), answer(401, &READABLE[..1])), [Kind::ChallengeHidden]);
    }
}
