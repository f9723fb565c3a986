//! Sends what a row says.

use std::collections::BTreeMap;

use serde_json::Value;
use url::Url;

use super::{
    row::{Input, Lines, Sheet, Template},
    world::World,
};
use crate::harness::{Answer, Form, encoded};

/// What came of a request.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) answer: Answer,
    /// Where the browser went, if it left the server.
    pub(super) left: Option<Url>,
    /// The path of the page it came to.
    pub(super) at: String,
    /// The correlation ids of all requests that it took.
    pub(super) requests: Vec<String>,
    /// The path that was asked first.
    pub(super) path: String,
    /// The address that the client expects its answer at.
    pub(super) redirect_uri: Option<String>,
    /// The state that was sent.
    pub(super) state: Option<String>,
}

impl Outcome {
    pub(super) fn of(path: &str) -> Self {
        let answer = Answer { status: 0, headers: reqwest::header::HeaderMap::new(), body: String::new() };
        Self { answer, left: None, at: path.to_owned(), requests: Vec::new(), path: path.to_owned(), redirect_uri: None, state: None }
    }

    pub(super) fn take(&mut self, answer: Answer) {
        self.requests.extend(answer.header("x-request-id"));
        self.answer = answer;
    }
}

/// Sends the input's request.
pub(super) async fn send(world: &mut World<'_>, sheet: &Sheet, input: &Input) -> Outcome {
    let name = input.request.as_deref().expect("a request to start from");
    let template = sheet.request.get(name).unwrap_or_else(|| panic!("there is no request {name}"));
    let outcome = if template.page.is_empty() { send_plain(world, template, input).await } else { send_form(world, template, input).await };
    world.keep(&outcome.answer);
    world.note_cookies();
    outcome
}

async fn send_plain(world: &mut World<'_>, template: &Template, input: &Input) -> Outcome {
    let to = world.fill(input.to.as_deref().unwrap_or(&template.to)).await;
    let (method, path) = to.split_once(' ').expect("a method and a path");
    let pairs = pairs(world, &template.form, input).await;
    let mut outcome = Outcome::of(path.split('?').next().unwrap());
    let sent = |wanted: &str| pairs.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    outcome.redirect_uri = sent("redirect_uri");
    outcome.state = sent("state");
    let mut form = encoded(&pairs);
    form.push_str(&world.fill(&input.more).await);
    let mut headers = headers(world, template, input).await;
    let in_query = method == "GET" || method == "HEAD";
    let target = if in_query && !form.is_empty() { format!("{path}?{form}") } else { path.to_owned() };
    let body = match (&input.body, &template.json) {
        (Some(body), _) => Some(world.fill(body).await),
        (None, Some(members)) => Some(json(world, members, input).await.to_string()),
        (None, None) if in_query => None,
        (None, None) => Some(form),
    };
    let kind = if template.json.is_some() { "application/json" } else { "application/x-www-form-urlencoded" };
    if body.is_some() {
        headers.entry("content-type".to_owned()).or_insert_with(|| vec![kind.to_owned()]);
    }
    let mut request = world.stage.request(&template.at, method, &target);
    for (name, lines) in &headers {
        for line in lines.iter().filter(|line| !line.is_empty()) {
            request = request.header(name, line);
        }
    }
    if let Some(body) = body {
        request = request.body(body);
    }
    if template.browser && !input.plain {
        let answer = world.person.send(request).await;
        outcome.take(answer);
        follow(world, &mut outcome).await;
    } else {
        outcome.take(Answer::to(request).await);
    }
    outcome
}

async fn pairs(world: &mut World<'_>, form: &BTreeMap<String, String>, input: &Input) -> Vec<(String, String)> {
    let mut wanted = form.clone();
    wanted.retain(|name, _| !input.without.iter().any(|without| without == name || without == "*"));
    wanted.extend(input.set.clone());
    let mut pairs = Vec::new();
    for (name, value) in wanted.iter().chain(&input.and) {
        pairs.push((name.clone(), world.fill(value).await));
    }
    pairs
}

async fn headers(world: &mut World<'_>, template: &Template, input: &Input) -> BTreeMap<String, Vec<String>> {
    let mut wanted: BTreeMap<&String, &Lines> = template.headers.iter().collect();
    wanted.extend(&input.headers);
    let mut filled = BTreeMap::new();
    for (name, lines) in wanted {
        let mut all = Vec::new();
        for line in lines.all() {
            all.push(world.fill(line).await);
        }
        filled.insert(name.to_lowercase(), all);
    }
    filled
}

async fn json(world: &mut World<'_>, members: &toml::Table, input: &Input) -> Value {
    let mut wanted = members.clone();
    wanted.retain(|name, _| !input.without.iter().any(|without| without == name || without == "*"));
    wanted.extend(input.json.clone().unwrap_or_default());
    let mut value = serde_json::to_value(wanted).unwrap();
    let mut texts = Vec::new();
    strings(&mut value, &mut texts);
    for text in texts {
        *text = world.fill(text).await;
    }
    value
}

fn strings<'v>(value: &'v mut Value, found: &mut Vec<&'v mut String>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(items) => items.iter_mut().for_each(|item| strings(item, found)),
        Value::Object(members) => members.values_mut().for_each(|member| strings(member, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Redirects inside the server.
pub(super) async fn follow(world: &mut World<'_>, outcome: &mut Outcome) {
    let home = Url::parse(&world.stage.server.url("/")).unwrap();
    let mut here = home.clone();
    for _ in 0..10 {
        if !(300..400).contains(&outcome.answer.status) {
            return;
        }
        let location = outcome.answer.location().expect("a redirect says where to");
        here = here.join(&location).unwrap_or_else(|error| panic!("{location}: {error}"));
        if here.origin() != home.origin() {
            outcome.left = Some(here);
            return;
        }
        let answer = world.person.get(here.as_str()).await;
        here.path().clone_into(&mut outcome.at);
        outcome.take(answer);
    }
    panic!("redirects go round in circles at {here}");
}

/// Opens the page whose form the template sends.
pub(super) async fn open(world: &mut World<'_>, template: &Template) {
    let place = world.person.open(&world.ask().path()).await;
    let form = place.form(&template.to);
    world.form = Some(form);
}

async fn send_form(world: &mut World<'_>, template: &Template, input: &Input) -> Outcome {
    if world.form.is_none() {
        open(world, template).await;
    }
    let mut form = world.form.clone().unwrap();
    form.fields.retain(|(name, _)| !input.without.contains(name));
    for (name, value) in template.form.iter().chain(&input.set) {
        if !input.without.contains(name) {
            form.set(name, &world.fill(value).await);
        }
    }
    for (name, value) in &input.and {
        form.fields.push((name.clone(), world.fill(value).await));
    }
    let action = match &input.to {
        Some(to) => world.fill(to).await,
        None => form.action.clone(),
    };
    post(world, &form, &action, input, template).await
}

async fn post(world: &mut World<'_>, form: &Form, action: &str, input: &Input, template: &Template) -> Outcome {
    let mut outcome = Outcome::of(action);
    outcome.redirect_uri = Some(world.client.redirect_uri.clone());
    outcome.state = Some(world.ask().state);
    let mut headers = headers(world, template, input).await;
    let usual = [
        ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ("origin", world.stage.server.url("")),
        ("sec-fetch-site", "same-origin".to_owned()),
        ("sec-fetch-mode", "navigate".to_owned()),
    ];
    for (name, value) in usual {
        headers.entry(name.to_owned()).or_insert_with(|| vec![value]);
    }
    let mut request = world.stage.server.request("POST", action).body(encoded(&form.fields));
    for (name, lines) in &headers {
        for line in lines.iter().filter(|line| !line.is_empty()) {
            request = request.header(name, line);
        }
    }
    if input.elsewhere {
        world.person = world.stage.server.person("ada");
        world.person.sign_in_at_home().await;
    }
    let answer = world.person.send(request).await;
    outcome.take(answer);
    follow(world, &mut outcome).await;
    outcome
}
