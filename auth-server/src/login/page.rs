//! What the sign-in page shows.

use askama::Template;

use crate::http::page::Frame;

/// The sign-in page.
#[derive(Debug, Template)]
#[template(path = "login.html")]
pub struct LoginPage<'a> {
    /// What is around it.
    pub frame: &'a Frame,
    /// Where the form goes.
    pub action: String,
    /// The form's token.
    pub csrf: String,
    /// What somebody signs in for, so that nobody does without knowing.
    pub purpose: Purpose,
    /// What was typed before, or what the client thinks should be.
    pub username: String,
    /// What was wrong.
    pub mistake: Option<&'static str>,
}

/// What somebody signs in for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To see what they have allowed.
    Account,
    /// An app came with a request that will be refused.
    App {
        /// Its name.
        app: String,
    },
    /// An app asks to use a server.
    Use {
        /// The app's name.
        app: String,
        /// The server's.
        server: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::page::sample::frame;

    fn page(purpose: Purpose, username: &str, mistake: Option<&'static str>) -> String {
        let page = LoginPage {
            frame: &frame(),
            action: "/tenant/sign-in".to_owned(),
            csrf: "t".to_owned(),
            purpose,
            username: username.to_owned(),
            mistake,
        };
        page.render().unwrap()
    }

    // OA-SE-11, MCP-AS-43
    #[test]
    fn what_strangers_wrote_is_text() {
        let hostile = "<script>alert(1)</script>\"'";
        let html = page(Purpose::Use { app: hostile.to_owned(), server: "Files".to_owned() }, hostile, None);
        assert!(!html.contains("<script") && !html.contains("\"'"), "{html}");
        assert!(html.contains("<bdi>&#60;script&#62;"), "{html}");
        assert_eq!(html.matches("<h1>").count(), 1);
    }

    #[test]
    fn the_error_stands_beside_its_field_and_what_was_typed_stays() {
        let html = page(Purpose::Account, "ada", Some("The user name or the password is not right."));
        assert!(html.contains("value=\"ada\"") && html.contains("role=\"alert\""), "{html}");
        assert_eq!(html.matches("aria-describedby=\"mistake\"").count(), 2, "{html}");
        assert_eq!(html.matches("autofocus").count(), 1, "{html}");
        assert!(html.contains("<title>Not signed in: Sign in"), "{html}");
        for (typed, focused) in [("", "name=\"username\""), ("ada", "name=\"password\"")] {
            let html = page(Purpose::Account, typed, None);
            let input = html.split('<').find(|tag| tag.contains("autofocus")).unwrap();
            assert!(input.contains(focused) && !html.contains("mistake"), "{html}");
        }
    }
}
