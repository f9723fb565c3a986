//! What the pages about a new personal token show.

use askama::Template;
use chrono::TimeDelta;

use crate::{
    ago::date,
    http::{page::Frame, page_form::PageForm},
    protocol::{
        personal_token::{LONGEST_LIFETIME, Terms, WishError},
        resource::ProtectedResource,
        vocabulary::{PersonalAccessToken, Token},
    },
};

/// A server, as people know it.
#[derive(Debug)]
pub(super) struct ServerView {
    /// What the operator calls it.
    pub name: String,
    /// Its address.
    pub address: String,
    /// Where its form is.
    pub query: String,
}

impl ServerView {
    /// How a resource is shown.
    pub(super) fn of(resource: &ProtectedResource) -> Self {
        let address = resource.identifier.to_string();
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("server", &address).finish();
        Self { name: resource.name.clone(), address, query }
    }
}

/// Who is in front of the browser, after a while, is asked once more.
#[derive(Debug, Template)]
#[template(path = "token_confirm.html")]
pub(super) struct ConfirmPage<'a> {
    /// What is around it.
    pub frame: &'a Frame,
    /// The forms' token.
    pub csrf: String,
    /// Who is signed in.
    pub username: String,
    /// The server that was chosen before.
    pub server: String,
    /// What was wrong.
    pub mistake: Option<&'static str>,
}

/// For which server it is to be.
#[derive(Debug, Template)]
#[template(path = "token_server.html")]
pub(super) struct ChoicePage<'a> {
    /// What is around it.
    pub frame: &'a Frame,
    /// The forms' token.
    pub csrf: String,
    /// Who is signed in.
    pub username: String,
    /// Those there are.
    pub servers: Vec<ServerView>,
}

/// What it is to be.
#[derive(Debug, Template)]
#[template(path = "token_new.html")]
pub(super) struct FormPage<'a> {
    /// What is around it.
    pub frame: &'a Frame,
    /// The forms' token.
    pub csrf: String,
    /// Who is signed in.
    pub username: String,
    /// The server.
    pub server: ServerView,
    /// Whether it ever asks about a token: otherwise none is let in.
    pub is_asked_about: bool,
    /// What is in the form.
    pub draft: Draft,
}

impl FormPage<'_> {
    fn mistake_at(&self, field: Field) -> Option<&str> {
        self.draft.mistake.as_ref().filter(|(of, _)| *of == field).map(|(_, mistake)| mistake.as_str())
    }

    fn longest() -> i64 {
        LONGEST_LIFETIME.num_days()
    }

    fn only_scope(&self) -> Option<&Choice> {
        if let [only] = self.draft.scopes.as_slice() { Some(only) } else { None }
    }
}

/// A field of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// How long.
    Days,
    /// What it is called.
    Name,
    /// What it may do.
    Scope,
}

impl Field {
    /// Where a mistake stands.
    pub(super) fn of(error: WishError) -> Self {
        match error {
            WishError::Lifetime => Self::Days,
            WishError::Name => Self::Name,
            WishError::NoScope | WishError::NotAdmitted | WishError::UnknownScope => Self::Scope,
        }
    }
}

/// What is in the form.
#[derive(Debug)]
pub(super) struct Draft {
    /// What it is called.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Choice>,
    /// How long, in days.
    pub days: String,
    /// What was wrong, and where.
    pub mistake: Option<(Field, String)>,
}

/// A scope that can be chosen.
#[derive(Debug)]
pub(super) struct Choice {
    /// The token on the wire.
    pub token: String,
    /// What it allows, in words.
    pub sentence: String,
    /// Whether it is chosen.
    pub is_chosen: bool,
}

/// No more of a name comes back than one could have.
const MOST_SHOWN: usize = 64;
const MOST_DIGITS: usize = 8;

impl Draft {
    /// The form as it begins: what clients get that ask for nothing.
    pub(super) fn fresh(resource: &ProtectedResource, lifetime: TimeDelta) -> Self {
        let scopes = choices(resource, |token| resource.default_scopes.contains(token));
        Self { name: String::new(), scopes, days: lifetime.num_days().to_string(), mistake: None }
    }

    /// The form as it was sent.
    pub(super) fn sent(resource: &ProtectedResource, form: &PageForm, mistake: (Field, String)) -> Self {
        let text = |name, most| form.get(name).unwrap_or_default().chars().take(most).collect();
        let scopes = choices(resource, |token| form.all("scope").any(|chosen| chosen == token));
        Self { name: text("name", MOST_SHOWN), scopes, days: text("days", MOST_DIGITS), mistake: Some(mistake) }
    }
}

fn choices(resource: &ProtectedResource, is_chosen: impl Fn(&str) -> bool) -> Vec<Choice> {
    let choice =
        |token: &str, sentence: &str| Choice { is_chosen: is_chosen(token), token: token.to_owned(), sentence: sentence.to_owned() };
    resource.scopes.iter().map(|scope| choice(scope.token.as_str(), &scope.sentence)).collect()
}

/// The token, this once.
#[derive(Template)]
#[template(path = "token_made.html")]
pub(super) struct MadePage<'a> {
    frame: &'a Frame,
    csrf: String,
    username: &'a str,
    server: ServerView,
    name: &'a str,
    token: &'a str,
    scopes: Vec<&'a str>,
    ends: String,
}

impl<'a> MadePage<'a> {
    /// The page that shows what was made.
    pub(super) fn of(frame: &'a Frame, csrf: String, username: &'a str, made: Made<'a>) -> Self {
        let Made { token, terms, resource } = made;
        let allowed = resource.scopes.iter().filter(|scope| terms.scope().contains(scope.token.as_str()));
        Self {
            frame,
            csrf,
            username,
            server: ServerView::of(resource),
            name: terms.name(),
            token: token.wire(),
            scopes: allowed.map(|scope| scope.sentence.as_str()).collect(),
            ends: date(terms.expires_at()),
        }
    }
}

/// What was made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Made<'a> {
    /// The token itself.
    pub token: &'a Token<PersonalAccessToken>,
    /// What it may do.
    pub terms: &'a Terms,
    /// Where.
    pub resource: &'a ProtectedResource,
}
