//! What the account page shows.

use askama::Template;
use chrono::{DateTime, Utc};
use portcullis_verifier::vocabulary::Scope;

use super::browser_name::browser_name;
use crate::{
    ago::{ago, timestamp},
    http::page::Frame,
    protocol::{
        client::ClientOrigin,
        consent,
        personal_token::PersonalToken,
        resource::{ProtectedResource, Resources},
    },
    store::{GrantSummary, SessionSummary},
};

/// What I have allowed, to whom, and where I am signed in (OA-SE-10).
#[derive(Debug, Template)]
#[template(path = "account.html")]
pub struct AccountPage<'a> {
    /// What is around it.
    pub frame: &'a Frame,
    /// The forms' token.
    pub csrf: String,
    /// Who is signed in.
    pub username: String,
    /// What they have allowed.
    pub grants: Vec<GrantView>,
    /// What they made for clients that can only send a header.
    pub tokens: Vec<TokenView>,
    /// Where they are signed in.
    pub sessions: Vec<SessionView>,
}

/// One app at one server.
#[derive(Debug)]
pub struct GrantView {
    /// Names the grant.
    pub id: String,
    /// The app.
    pub app: String,
    /// Whether the operator vouches for its name.
    pub is_verified: bool,
    /// What the operator calls the server.
    pub server_name: String,
    /// Its address.
    pub server_address: String,
    /// What the app may do, in sentences.
    pub scopes: Vec<String>,
    /// Since when.
    pub since: When,
    /// When its tokens were used last.
    pub used: When,
    /// When a connection of it ended, since a token or a code was used twice (OA-RT-06).
    pub ended: Option<When>,
}

/// One personal token.
#[derive(Debug)]
pub struct TokenView {
    /// Names it, without being of use for anything else.
    pub id: String,
    /// What the person calls it.
    pub name: String,
    /// What the operator calls the server.
    pub server_name: String,
    /// Its address.
    pub server_address: String,
    /// What it may do, in sentences.
    pub scopes: Vec<String>,
    /// When it was made.
    pub made: When,
    /// When it was used last, if it was.
    pub used: Option<When>,
    /// Its end.
    pub ends: When,
    /// Whether that is over.
    pub has_ended: bool,
}

/// One browser.
#[derive(Debug)]
pub struct SessionView {
    /// Names the session, without being of use for anything else.
    pub id: String,
    /// The browser, in words.
    pub browser: String,
    /// Whether it is the one that shows the page.
    pub is_this: bool,
    /// When somebody signed in there.
    pub since: When,
    /// When it was here last.
    pub seen: When,
}

/// A point in time, for people and for programs that read to them.
#[derive(Debug)]
pub struct When {
    /// As in `3 minutes ago`.
    pub words: String,
    /// RFC 3339.
    pub exact: String,
}

impl When {
    fn new(time: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        Self { words: ago(time, now), exact: timestamp(time) }
    }
}

const NO_LONGER_HERE: &str = "a server that is no longer here";

impl TokenView {
    /// How a token is shown, with the resource as it is now.
    pub fn new(token: &PersonalToken, resources: &Resources, now: DateTime<Utc>) -> Self {
        let resource = resources.by_identifier(&token.resource);
        Self {
            id: token.id.clone(),
            name: token.name.clone(),
            server_name: resource.as_ref().map_or_else(|| NO_LONGER_HERE.to_owned(), |resource| resource.name.clone()),
            server_address: token.resource.clone(),
            scopes: resource.map(|resource| sentences(&token.scope, &resource)).unwrap_or_default(),
            made: When::new(token.created_at, now),
            used: token.last_used_at.map(|used| When::new(used, now)),
            ends: When::new(token.expires_at, now),
            has_ended: token.expires_at <= now,
        }
    }
}

impl GrantView {
    /// How a grant is shown, with the resource as it is now.
    pub fn new(grant: &GrantSummary, resources: &Resources, now: DateTime<Utc>) -> Self {
        let resource = resources.by_identifier(&grant.resource);
        Self {
            id: grant.id.to_string(),
            app: consent::shortened(grant.client.display_name()),
            is_verified: grant.client.origin == ClientOrigin::Operator,
            server_name: resource.as_ref().map_or_else(|| NO_LONGER_HERE.to_owned(), |resource| resource.name.clone()),
            server_address: grant.resource.clone(),
            scopes: resource.map(|resource| sentences(&grant.scope, &resource)).unwrap_or_default(),
            since: When::new(grant.created_at, now),
            used: When::new(grant.last_used_at, now),
            ended: grant.ended_by_reuse_at.map(|ended| When::new(ended, now)),
        }
    }
}

fn sentences(allowed: &Scope, resource: &ProtectedResource) -> Vec<String> {
    let granted = resource.scopes.iter().filter(|scope| allowed.contains(scope.token.as_str()));
    granted.map(|scope| scope.sentence.clone()).collect()
}

impl SessionView {
    /// How a session is shown to the one named `here`.
    pub fn new(session: &SessionSummary, here: &str, now: DateTime<Utc>) -> Self {
        Self {
            id: session.id.clone(),
            browser: browser_name(&session.user_agent),
            is_this: session.id == here,
            since: When::new(session.auth_time, now),
            seen: When::new(session.last_seen_at, now),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::{
        http::page::sample::frame,
        protocol::{authorize::sample, client::Client, vocabulary::GrantId},
    };

    fn grant(resource: &str) -> GrantSummary {
        GrantSummary {
            id: "0192f0c1-2f5e-7b1a-9c3d-5e7f8a9b0c1d".parse::<GrantId>().unwrap(),
            user_id: "u".to_owned(),
            user_name: "ada".to_owned(),
            client: Client { name: Some(format!("<script>\u{202E}{}", "x".repeat(200))), ..sample::client() },
            resource: resource.to_owned(),
            scope: "notes:read gone:scope".parse().unwrap(),
            created_at: sample::now() - TimeDelta::days(3),
            last_used_at: sample::now() - TimeDelta::hours(2),
            ended_by_reuse_at: None,
        }
    }

    fn page(grants: &[GrantSummary]) -> String {
        page_with(grants, &[])
    }

    fn page_with(grants: &[GrantSummary], tokens: &[PersonalToken]) -> String {
        let session = |id: &str| SessionSummary {
            id: id.to_owned(),
            user_agent: "<script>".to_owned(),
            auth_time: sample::now(),
            last_seen_at: sample::now(),
        };
        AccountPage {
            frame: &frame(),
            csrf: "t".to_owned(),
            username: "<b>ada".to_owned(),
            grants: grants.iter().map(|grant| GrantView::new(grant, &sample::resources(), sample::now())).collect(),
            tokens: tokens.iter().map(|token| TokenView::new(token, &sample::resources(), sample::now())).collect(),
            sessions: [session("here"), session("there")].iter().map(|session| SessionView::new(session, "here", sample::now())).collect(),
        }
        .render()
        .unwrap()
    }

    // OA-SE-10, OA-SE-11
    #[test]
    fn it_says_to_whom_what_where_and_since_when() {
        let html = page(&[grant("https://mcp.example/notes"), grant("https://gone.example/mcp")]);
        for told in [
            "NOTES",
            "https://mcp.example/notes",
            "read your notes",
            "3 days ago",
            "2 hours ago",
            "Its name is not verified",
            "no longer here",
        ] {
            assert!(html.contains(told), "{told} is missing in {html}");
        }
        assert!(html.contains("/tenant/account/grants/0192f0c1-2f5e-7b1a-9c3d-5e7f8a9b0c1d/revoke"), "{html}");
        assert!(!html.contains("<script") && !html.contains("<b>ada") && !html.contains('\u{202E}'), "{html}");
        assert!(!html.contains(&"x".repeat(81)), "a long name is cut");
    }

    // OA-RT-06: the person can see it
    #[test]
    fn what_ended_since_a_token_was_used_twice_says_so() {
        let stands = grant("https://mcp.example/notes");
        let ended = GrantSummary { ended_by_reuse_at: Some(sample::now() - TimeDelta::hours(1)), ..stands.clone() };
        assert!(!page(&[stands]).contains("class=\"warning\""));
        let html = page(&[ended]);
        assert!(
            html.contains("A connection ended <time") && html.contains("1 hour ago") && html.contains("Connect again in the app"),
            "{html}"
        );
    }

    #[test]
    fn a_personal_token_says_what_it_may_where_and_until_when() {
        let token = PersonalToken {
            id: "t_1".to_owned(),
            user_id: "u".to_owned(),
            user_name: "ada".to_owned(),
            user_disabled_at: None,
            name: "<script>Backup".to_owned(),
            resource: "https://mcp.example/notes".to_owned(),
            scope: "notes:read".parse().unwrap(),
            created_at: sample::now() - TimeDelta::days(3),
            expires_at: sample::now() + TimeDelta::days(30),
            last_used_at: None,
            revoked: None,
        };
        let over = PersonalToken { id: "t_2".to_owned(), expires_at: sample::now(), last_used_at: Some(sample::now()), ..token.clone() };
        let html = page_with(&[], &[token]);
        for told in [
            "NOTES",
            "https://mcp.example/notes",
            "read your notes",
            "3 days ago",
            "never used",
            "in 30 days",
            "/tenant/account/tokens/t_1/revoke",
        ] {
            assert!(html.contains(told), "{told} is missing in {html}");
        }
        assert!(!html.contains("<script") && !html.contains("It has expired"), "{html}");
        assert!(page_with(&[], &[over]).contains("It has expired"));
    }

    #[test]
    fn this_browser_is_marked_and_signs_out_at_the_top() {
        let html = page(&[]);
        assert!(html.contains("No app is connected"), "{html}");
        assert_eq!(html.matches("this browser").count(), 1);
        assert!(!html.contains("/sessions/here/end") && html.contains("/tenant/account/sessions/there/end"), "{html}");
        assert!(html.contains("action=\"/tenant/sign-out\""));
    }
}
