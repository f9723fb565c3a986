//! A person in a browser, in HTTP only: cookies, links, forms.

use std::collections::BTreeMap;

use url::Url;

use super::{
    Answer, Ask, Form, Server,
    html::forms,
    server::{PASSWORD, encoded},
};

/// A person and their browser. A clone is another browser with the same cookies.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) password: String,
    pub(crate) cookies: BTreeMap<String, String>,
    home: String,
    http: reqwest::Client,
}

/// Where a browser has come to.
#[derive(Debug)]
pub(crate) struct Place {
    /// The page's address, or where the server sent the browser outside of itself.
    pub(crate) url: Url,
    /// The last answer of the server.
    pub(crate) answer: Answer,
    /// Whether the browser has left the server.
    pub(crate) left: bool,
}

impl Place {
    pub(crate) fn forms(&self) -> Vec<Form> {
        forms(&self.answer.body)
    }

    /// The form whose action ends like this.
    #[track_caller]
    pub(crate) fn form(&self, action: &str) -> Form {
        self.try_form(action).unwrap_or_else(|| panic!("no form {action} at {}: {} {}", self.url, self.answer.status, self.answer.body))
    }

    pub(crate) fn try_form(&self, action: &str) -> Option<Form> {
        self.forms().into_iter().find(|form| form.action.split('?').next().is_some_and(|path| path.ends_with(action)))
    }

    /// A parameter of the address.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        self.url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }

    /// The code that the client was sent.
    #[track_caller]
    pub(crate) fn code(&self) -> String {
        assert!(self.left, "still at {}: {} {}", self.url, self.answer.status, self.answer.body);
        self.parameter("code").unwrap_or_else(|| panic!("no code in {}", self.url))
    }
}

impl Person {
    pub(crate) fn new(name: &str, server: &Server) -> Self {
        Self {
            name: name.to_owned(),
            password: PASSWORD.to_owned(),
            cookies: BTreeMap::new(),
            home: server.url(""),
            http: server.http().build().unwrap(),
        }
    }

    /// The same cookies at another process of the same server.
    pub(crate) fn move_to(&mut self, server: &Server) {
        self.home = server.url("");
    }

    /// A link that the person follows from elsewhere, and the redirects behind it.
    pub(crate) async fn open(&mut self, path: &str) -> Place {
        let url = self.absolute(path);
        let request = self.http.get(url.clone()).header("sec-fetch-site", "cross-site").header("sec-fetch-mode", "navigate");
        let answer = self.send(request).await;
        self.follow(url, answer).await
    }

    /// One request, no redirect followed.
    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        let request = self.http.get(self.absolute(path));
        self.send(request).await
    }

    /// Sends a form as the browser does, with the button if one is named.
    pub(crate) async fn submit(&mut self, form: &Form, button: Option<(&str, &str)>) -> Place {
        let answer = self.submit_only(form, button).await;
        let url = self.absolute(&form.action);
        self.follow(url, answer).await
    }

    /// The same, no redirect followed.
    pub(crate) async fn submit_only(&mut self, form: &Form, button: Option<(&str, &str)>) -> Answer {
        let mut fields: Vec<(&str, &str)> = form.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        fields.extend(button);
        assert_eq!(form.method, "post", "{form:?}");
        let request = self.post(&form.action, &encoded(&fields));
        self.send(request).await
    }

    /// A form post of one's own page, not sent yet.
    pub(crate) fn post(&self, path: &str, body: &str) -> reqwest::RequestBuilder {
        self.http
            .post(self.absolute(path))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("origin", &self.home)
            .header("sec-fetch-site", "same-origin")
            .header("sec-fetch-mode", "navigate")
            .body(body.to_owned())
    }

    /// Sends with the browser's cookies and keeps those of the answer.
    pub(crate) async fn send(&mut self, request: reqwest::RequestBuilder) -> Answer {
        let cookies = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let request = if cookies.is_empty() { request } else { request.header("cookie", cookies) };
        let answer = Answer::to(request.header("accept", "text/html,application/xhtml+xml")).await;
        for line in answer.headers.get_all("set-cookie") {
            self.keep(line.to_str().unwrap());
        }
        answer
    }

    fn keep(&mut self, line: &str) {
        let mut parts = line.split(';').map(str::trim);
        let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).expect("a cookie has a name and a value");
        let gone = value.is_empty() || parts.any(|attribute| attribute.eq_ignore_ascii_case("max-age=0"));
        if gone {
            self.cookies.remove(name);
        } else {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }

    async fn follow(&mut self, from: Url, answer: Answer) -> Place {
        let (mut url, mut answer) = (from, answer);
        for _ in 0..10 {
            if !(300..400).contains(&answer.status) {
                return Place { url, answer, left: false };
            }
            let location = answer.location().expect("a redirect says where to");
            url = url.join(&location).unwrap();
            if !url.as_str().starts_with(&format!("{}/", self.home)) {
                return Place { url, answer, left: true };
            }
            let request = self.http.get(url.clone());
            answer = self.send(request).await;
        }
        panic!("redirects go round in circles at {url}");
    }

    fn absolute(&self, path: &str) -> Url {
        Url::parse(&self.home).unwrap().join(path).unwrap()
    }

    /// Fills in the sign-in form of this place.
    pub(crate) async fn sign_in(&mut self, place: &Place) -> Place {
        let form = place.form("/sign-in");
        let password = self.password.clone();
        self.sign_in_with(form, &password).await
    }

    pub(crate) async fn sign_in_with(&mut self, mut form: Form, password: &str) -> Place {
        let name = self.name.clone();
        let field = form.fields.iter().map(|(name, _)| name.clone()).find(|field| matches!(field.as_str(), "username" | "name" | "login"));
        form.set(&field.expect("a field for the name"), &name);
        form.set("password", password);
        self.submit(&form, None).await
    }

    /// Follows the client's link and signs in where that is asked.
    pub(crate) async fn arrive(&mut self, ask: &Ask) -> Place {
        self.arrive_at(&ask.path()).await
    }

    pub(crate) async fn arrive_at(&mut self, path: &str) -> Place {
        let place = self.open(path).await;
        if !place.left && place.try_form("/sign-in").is_some() { self.sign_in(&place).await } else { place }
    }

    /// Answers the question of the consent page.
    pub(crate) async fn decide(&mut self, place: &Place, decision: &str) -> Place {
        let form = place.form("/decision");
        self.submit(&form, Some(("decision", decision))).await
    }

    pub(crate) async fn allow(&mut self, place: &Place) -> Place {
        self.decide(place, "allow").await
    }

    pub(crate) async fn deny(&mut self, place: &Place) -> Place {
        self.decide(place, "deny").await
    }

    /// The whole way to a code: sign in if asked, allow if asked.
    pub(crate) async fn code_for(&mut self, ask: &Ask) -> String {
        let place = self.arrive(ask).await;
        let place = if place.left { place } else { self.allow(&place).await };
        assert_eq!(place.parameter("state").as_deref(), Some(ask.state.as_str()), "{}", place.url);
        place.code()
    }

    /// Signs in outside of any request, for the account page.
    pub(crate) async fn sign_in_at_home(&mut self) {
        let place = self.open("/sign-in").await;
        let place = self.sign_in(&place).await;
        assert_eq!(place.answer.status, 200, "{}", place.answer.body);
    }
}
