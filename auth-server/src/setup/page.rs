//! What the page for the first account shows.

use askama::Template;

use crate::http::page::Frame;

/// The page for the first account.
#[derive(Debug, Template)]
#[template(path = "setup.html")]
pub struct SetupPage<'a> {
    /// What is around it.
    pub frame: &'a Frame,
    /// Where the form goes.
    pub action: String,
    /// The form's token.
    pub csrf: String,
    /// What was typed before.
    pub username: String,
    /// What was wrong, and with which field.
    pub mistake: Option<(Field, &'static str)>,
}

/// A field of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The user name.
    Username,
    /// The password.
    Password,
    /// The password once more.
    Repeat,
}

impl SetupPage<'_> {
    fn is_wrong(&self, field: Field) -> bool {
        self.mistake.is_some_and(|(wrong, _)| wrong == field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::page::sample::frame;

    #[test]
    fn each_mistake_stands_beside_its_field_which_has_the_focus_or_is_next_to_it() {
        for (field, id) in [(Field::Username, "username"), (Field::Password, "password"), (Field::Repeat, "repeat")] {
            let frame = frame();
            let mistake = Some((field, "Choose another."));
            let page = SetupPage { frame: &frame, action: String::new(), csrf: String::new(), username: "<b>".to_owned(), mistake };
            let html = page.render().unwrap();
            let invalid: Vec<_> = html.split('<').filter(|tag| tag.contains("aria-invalid")).collect();
            assert_eq!(invalid.len(), 1, "{html}");
            assert!(invalid[0].contains(&format!("id=\"{id}\"")), "{html}");
            assert_eq!((html.matches("id=\"mistake\"").count(), html.matches("autofocus").count()), (1, 1), "{html}");
            assert!(html.contains("value=\"&#60;b&#62;\"") && html.contains("<title>Not created yet"), "{html}");
            let secrets = html.split('<').filter(|tag| tag.contains("type=\"password\""));
            assert!(secrets.clone().count() == 2 && secrets.into_iter().all(|tag| !tag.contains(" value=")), "{html}");
        }
    }
}
