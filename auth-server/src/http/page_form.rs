//! Reading a form that a person sends from one of our pages.

use axum::{
    body::Body,
    http::{StatusCode, request::Parts},
};

use super::{PageFailure, form};
use crate::events::Step;

/// The fields of a form. Checkboxes share one name.
#[derive(Debug)]
pub struct PageForm(Vec<(String, String)>);

impl PageForm {
    /// The first field of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// All fields of that name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(given, _)| given == name).map(|(_, value)| value.as_str())
    }
}

impl Drop for PageForm {
    /// A password may be among them.
    fn drop(&mut self) {
        use zeroize::Zeroize as _;
        self.0.iter_mut().for_each(|(_, value)| value.zeroize());
    }
}

const MOST_FIELDS: usize = 200;

/// Reads the form.
pub async fn read(parts: &Parts, body: Body) -> Result<PageForm, PageFailure> {
    let refused = |reason: &dyn std::fmt::Display, status| {
        let (what, advice) = ("The form can not be read.", "Go back, load the page again and send the form once more.");
        PageFailure::refused(status, Step::FormRefused, "This form was not accepted", what, advice, reason)
    };
    if !form::is_form(&parts.headers) {
        return Err(refused(&"not a form", StatusCode::BAD_REQUEST));
    }
    let bytes = form::bytes(&parts.headers, body, form::MOST_BYTES).await.map_err(|error| refused(&error, error.status()))?;
    let fields = url::form_urlencoded::parse(&bytes).take(MOST_FIELDS);
    Ok(PageForm(fields.map(|(name, value)| (name.into_owned(), value.into_owned())).collect()))
}
