//! temp
#[derive(Debug, askama::Template)]
#[template(
    source = "<form method=post action='{{action}}'><input type=hidden name=csrf value='{{csrf}}'>{% for s in scopes %}<input type=checkbox name=scope value='{{s.token}}' checked>{{s.sentence}}{% endfor %}<button name=decision value=allow>Allow</button><button name=decision value=deny>Deny</button></form>{{client_name}}",
    ext = "html"
)]
pub struct ConsentPage {
    pub action: String,
    pub csrf: String,
    pub client_name: String,
    pub scopes: Vec<ScopeView>,
}
#[derive(Debug)]
pub struct ScopeView {
    pub token: String,
    pub sentence: String,
}
use crate::{
    app::App,
    oauth::flow::Pending,
    protocol::{authorize::RefusedRequest, consent::Question},
};
pub fn of(app: &App, pending: &Pending, q: Question, csrf: String) -> ConsentPage {
    ConsentPage {
        action: pending.path(app, "/decision"),
        csrf,
        client_name: q.client_name,
        scopes: q.scopes.into_iter().map(|s| ScopeView { token: s.token.to_string(), sentence: s.sentence }).collect(),
    }
}
pub fn return_to(app: &App, _p: &Pending, r: &RefusedRequest) -> crate::http::page::ErrorPage {
    crate::http::page::ErrorPage {
        title: "x".into(),
        what: crate::protocol::authorize::error_location(r, &app.config.issuer),
        advice: String::new(),
    }
}
