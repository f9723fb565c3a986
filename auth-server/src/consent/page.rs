//! What the consent page and the way back to a refused app show.

use askama::Template;
use chrono::TimeDelta;

use crate::{
    ago::span,
    app::App,
    http::page::Frame,
    oauth::flow::Pending,
    protocol::{
        authorize::{AuthorizationRequest, RefusedRequest},
        consent::{self, Question, ReturnsTo, Standing, Warning},
    },
};

/// The product's face: who asks, to do what, with what, where it goes, how it ends.
#[derive(Debug, Template)]
#[template(path = "consent.html")]
pub struct ConsentPage<'a> {
    /// What is around it.
    pub frame: &'a Frame,
    /// Where the answer goes.
    pub action: String,
    /// Where the form goes that lets somebody else sign in.
    pub switch: String,
    /// The forms' token.
    pub csrf: String,
    /// Who is asked.
    pub account: String,
    /// The app's name.
    pub app: String,
    /// How it came here.
    pub standing: String,
    /// Whether the operator vouches for its name.
    pub is_verified: bool,
    /// The server's name, by its operator.
    pub server_name: String,
    /// The server's address.
    pub server_address: String,
    /// What the app will be able to do.
    pub scopes: Vec<ScopeView>,
    /// Where the browser goes afterwards.
    pub returns_to: ReturnsTo,
    /// What the person should be told before the answer.
    pub warnings: Vec<&'static str>,
    /// For how long.
    pub lasts: String,
    /// Whether the same is not asked again.
    pub remembered: bool,
}

/// One thing that the app will be able to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeView {
    /// The value of its box.
    pub token: String,
    /// What it is.
    pub sentence: String,
    /// Whether it comes on top of what this app was allowed before.
    pub is_new: bool,
}

impl ConsentPage<'_> {
    /// The one thing that is asked for: there is nothing to leave out.
    fn only_scope(&self) -> Option<&ScopeView> {
        match self.scopes.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }
}

/// The page of this question.
pub fn of<'a>(app: &'a App, pending: &Pending, request: &AuthorizationRequest, question: Question, csrf: String) -> ConsentPage<'a> {
    let view = |scope: consent::AskedScope| ScopeView { token: scope.token.to_string(), sentence: scope.sentence, is_new: scope.is_new };
    ConsentPage {
        frame: &app.frame,
        action: pending.path(app, "/decision"),
        switch: pending.path(app, "/switch-account"),
        csrf,
        account: question.account,
        app: question.client_name,
        is_verified: question.standing == Standing::Verified,
        standing: standing(&question.standing),
        server_name: question.resource_name,
        server_address: question.resource_address,
        scopes: question.scopes.into_iter().map(view).collect(),
        warnings: question.warnings.into_iter().map(|warning| sentence(warning, &question.returns_to)).collect(),
        returns_to: question.returns_to,
        lasts: lasts(app, pending, request),
        remembered: question.remembered,
    }
}

fn standing(standing: &Standing) -> String {
    match standing {
        Standing::Published { host } => format!("This app says who it is at {host}."),
        Standing::Verified => "This app was registered by whoever runs this server.".to_owned(),
        Standing::Unverified { registered } if *registered < TimeDelta::seconds(2) => "This app registered itself just now.".to_owned(),
        Standing::Unverified { registered } => format!("This app registered itself {} ago.", span(*registered)),
    }
}

fn sentence(warning: Warning, returns_to: &ReturnsTo) -> &'static str {
    match (warning, returns_to) {
        (Warning::AnyProgramHere, ReturnsTo::Scheme { .. }) => {
            "Other apps on this computer can open such links too. Allow this only if you have just started it yourself."
        }
        (Warning::AnyProgramHere, ReturnsTo::ThisComputer { .. } | ReturnsTo::WebSite { .. }) => {
            "Any app on this computer can say that it is this one. Allow this only if you have just started it yourself."
        }
        (Warning::ForeignLetters, _) => "The address you go back to has letters beyond a to z, and may be made to look like another.",
        (Warning::NobodysScheme, _) => "Links of this kind belong to nobody: no app can reserve them for itself.",
    }
}

/// How long a *yes* lasts, if nobody takes it back.
fn lasts(app: &App, pending: &Pending, request: &AuthorizationRequest) -> String {
    let tokens = &app.config.tokens;
    if pending.client.stays_connected(tokens.refresh_needs_offline_access, request.offline_access) {
        let (idle, absolute) = (span(tokens.refresh_idle_lifetime), span(tokens.refresh_absolute_lifetime));
        return format!("{absolute} at most, {idle} without use");
    }
    let own = pending.resource(app).and_then(|resource| resource.token_lifetime);
    span(own.unwrap_or(tokens.access_token_lifetime))
}

/// A stranger's request that will be refused, and a way back by a click (OA-AZ-23).
#[derive(Debug, Template)]
#[template(path = "return.html")]
pub struct ReturnPage<'a> {
    /// What is around it.
    pub frame: &'a Frame,
    /// Where the form goes.
    pub action: String,
    /// Its token.
    pub csrf: String,
    /// The app's name.
    pub app: String,
    /// Where the click leads in the end.
    pub returns_to: ReturnsTo,
    /// What is wrong, for the app's maker: one of our own sentences.
    pub reason: String,
}

/// The page of this refusal.
pub fn return_to<'a>(app: &'a App, pending: &Pending, refused: &RefusedRequest) -> ReturnPage<'a> {
    ReturnPage {
        frame: &app.frame,
        action: pending.path(app, "/return"),
        csrf: app.forms.token(pending.browser.as_bytes(), pending.handle.wire()),
        app: consent::shown_name(&pending.client, &refused.redirect_uri),
        returns_to: ReturnsTo::of(&refused.redirect_uri),
        reason: refused.reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::page::sample::frame;

    const HOSTILE: &str = "<script>alert(1)</script><img src=x>\"' onclick=x";

    fn scope(token: &str, is_new: bool) -> ScopeView {
        ScopeView { token: token.to_owned(), sentence: format!("Do {token}"), is_new }
    }

    fn page(frame: &Frame) -> ConsentPage<'_> {
        ConsentPage {
            frame,
            action: "/authorize/h/decision".to_owned(),
            switch: "/authorize/h/switch-account".to_owned(),
            csrf: "t".to_owned(),
            account: "ada".to_owned(),
            app: "App".to_owned(),
            standing: standing(&Standing::Unverified { registered: TimeDelta::minutes(3) }),
            is_verified: false,
            server_name: "Files".to_owned(),
            server_address: "https://files.example.com/mcp".to_owned(),
            scopes: vec![scope("files:read", false), scope("files:write", true)],
            returns_to: ReturnsTo::WebSite { host: "app.example".to_owned() },
            warnings: Vec::new(),
            lasts: "15 minutes".to_owned(),
            remembered: false,
        }
    }

    /// The text of the page's tags of one name.
    fn tags<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
        let begins = |tag: &&str| tag.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '>']));
        html.split('<').skip(1).filter(begins).map(|tag| tag.split('>').next().unwrap()).collect()
    }

    // MCP-AS-41, OA-SE-09: the order in which a person asks
    #[test]
    fn it_says_who_what_where_how_long_and_how_it_ends() {
        let html = page(&frame()).render().unwrap();
        let told = [
            "ada",
            "<bdi>App</bdi> wants to use <bdi>Files</bdi>",
            "This app registered itself 3 minutes ago. <b class=\"unverified\">Its name is not verified.</b>",
            "Do files:read",
            "https://files.example.com/mcp",
            "app.example",
            "15 minutes",
            "value=\"deny\"",
            "value=\"allow\"",
            "value=\"not_me\"",
            "undo",
        ];
        let places: Vec<_> = told.iter().map(|words| html.find(words).unwrap_or_else(|| panic!("{words} in {html}"))).collect();
        assert!(places.is_sorted(), "{places:?}");
        assert_eq!((tags(&html, "h1").len(), tags(&html, "fieldset").len(), tags(&html, "legend").len()), (1, 1, 1));
    }

    /// The page as it is read out.
    fn words(html: &str) -> String {
        let body = html.split("<body>").nth(1).unwrap();
        let text: String = body.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    // MCP-AS-41, OA-SE-09: the product's face, word by word
    #[test]
    fn the_page_reads_like_this() {
        let frame = frame();
        let html =
            ConsentPage { warnings: vec![sentence(Warning::ForeignLetters, &page(&frame).returns_to)], remembered: true, ..page(&frame) };
        assert_eq!(
            words(&html.render().unwrap()),
            "auth.example.com ada Not you? \
             App wants to use Files for you \
             This app registered itself 3 minutes ago. Its name is not verified. \
             It will be able to Do files:read Do files:write new \
             At the server Files https://files.example.com/mcp \
             You go back to app.example \
             Access lasts 15 minutes \
             The address you go back to has letters beyond a to z, and may be made to look like another. \
             Deny Allow I did not start this \
             You are asked again only when it wants more. You can undo this under Connected apps."
        );
    }

    // OA-SE-09: neither is easier to find
    #[test]
    fn both_answers_weigh_the_same() {
        let html = page(&frame()).render().unwrap();
        let answers: Vec<_> = tags(&html, "button").into_iter().filter(|tag| tag.contains("deny") || tag.contains("allow")).collect();
        assert_eq!(answers, ["button name=\"decision\" value=\"deny\"", "button name=\"decision\" value=\"allow\""]);
        assert!(!html.contains("autofocus"), "a key that is pressed too early must answer nothing");
    }

    // MCP-AS-46, MCP-AS-84, MCP-AS-85
    #[test]
    fn each_of_several_scopes_has_a_box_and_a_single_one_has_none() {
        let frame = frame();
        let html = page(&frame).render().unwrap();
        let boxes: Vec<_> = tags(&html, "input").into_iter().filter(|tag| tag.contains("checkbox")).collect();
        assert_eq!(boxes.len(), 2);
        assert!(boxes.iter().all(|tag| tag.ends_with(" checked")), "{boxes:?}");
        assert_eq!(html.matches(">new<").count(), 1);
        let single = ConsentPage { scopes: vec![scope("files:read", false)], ..page(&frame) }.render().unwrap();
        assert!(single.contains("Do files:read") && !single.contains("checkbox") && !single.contains("<fieldset"), "{single}");
        let whole = ConsentPage { scopes: Vec::new(), ..page(&frame) }.render().unwrap();
        assert!(whole.contains("whatever you can do there"), "{whole}");
    }

    // OA-SE-11, MCP-AS-43
    #[test]
    fn what_strangers_wrote_is_text_and_leads_nowhere() {
        let frame = frame();
        let hostile = || HOSTILE.to_owned();
        let html = ConsentPage {
            app: hostile(),
            account: hostile(),
            returns_to: ReturnsTo::Scheme { scheme: hostile() },
            scopes: vec![ScopeView { token: hostile(), sentence: hostile(), is_new: true }, scope("b", true)],
            ..page(&frame)
        }
        .render()
        .unwrap();
        assert!(tags(&html, "script").is_empty() && !html.contains("<img src=x"), "{html}");
        assert!(!html.contains("\"' onclick"), "{html}");
        let links: Vec<_> = tags(&html, "a");
        assert_eq!(links, ["a href=\"/tenant/account\""]);
        let name = html.find("&#60;script&#62;").unwrap();
        assert!(html[..name].ends_with("<bdi>"), "a name keeps its direction to itself");
    }

    // MCP-AS-42, OA-RU-13
    #[test]
    fn each_warning_is_said_in_words_of_its_own() {
        let places = [
            ReturnsTo::WebSite { host: "a.example".to_owned() },
            ReturnsTo::ThisComputer { address: "127.0.0.1:1".to_owned() },
            ReturnsTo::Scheme { scheme: "cursor".to_owned() },
        ];
        let mut all: Vec<_> = [Warning::AnyProgramHere, Warning::ForeignLetters, Warning::NobodysScheme]
            .into_iter()
            .flat_map(|warning| places.iter().map(move |place| sentence(warning, place)))
            .collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 4);
        let frame = frame();
        let html = ConsentPage { warnings: all, returns_to: places[2].clone(), ..page(&frame) }.render().unwrap();
        assert!(html.contains("the app that opens <span class=\"address\">cursor:</span> links on this computer"), "{html}");
        assert!(html.find("role=\"note\"").unwrap() < html.find("value=\"allow\"").unwrap(), "before the answer");
    }
}
