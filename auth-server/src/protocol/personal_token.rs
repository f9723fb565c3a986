//! Personal access tokens: what a person makes for a client that can only send a header.
//!
//! Each is for one resource, within the scopes that it has, and for a time. It is good for
//! nothing at this server: the resource server shows it to `/introspect` and is told what it is.

use chrono::{DateTime, TimeDelta, Utc};
use portcullis_verifier::vocabulary::{Issuer, Scope};

use super::{
    introspection::TokenClaims,
    resource::ProtectedResource,
    vocabulary::{ClientId, is_seen},
};

/// How long one lives, unless its maker says otherwise.
pub const DEFAULT_LIFETIME: TimeDelta = TimeDelta::days(90);
/// Nobody remembers for longer what it was for.
pub const LONGEST_LIFETIME: TimeDelta = TimeDelta::days(365);
/// Whoever finds a browser that was left alone is not to take a token away from it.
const RECENT: TimeDelta = TimeDelta::minutes(10);
const LONGEST_NAME: usize = 64;

/// Whether somebody who signed in then may make a token now.
pub fn is_recent(signed_in: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now - signed_in <= RECENT
}

/// What somebody wants.
#[derive(Clone, Debug)]
pub struct Wish<'a> {
    /// What they call it.
    pub name: &'a str,
    /// For whom it speaks, by user name.
    pub person: &'a str,
    /// What it is for.
    pub resource: &'a ProtectedResource,
    /// What it may do there.
    pub scope: Scope,
    /// How long.
    pub lifetime: TimeDelta,
}

/// Why a token is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WishError {
    /// Not between a moment and a year.
    #[error("A token lives for at least a minute and at most a year.")]
    Lifetime,
    /// Nothing by which it would be known later.
    #[error("Give it a name of 1 to 64 characters, all of which can be seen.")]
    Name,
    /// Nothing was chosen, where there is something to choose.
    #[error("Choose at least one thing that it may do.")]
    NoScope,
    /// The person may not use the resource themselves.
    #[error("This person may not use this server.")]
    NotAdmitted,
    /// The resource has no such scope.
    #[error("This server has no such scope.")]
    UnknownScope,
}

/// What a token will be: only [`Terms::of`] makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    name: String,
    resource: String,
    scope: Scope,
    expires_at: DateTime<Utc>,
}

impl Terms {
    /// Judges a wish. Nothing is left out silently: a script that got less than it asked
    /// for would find out much later.
    pub fn of(wish: Wish<'_>, now: DateTime<Utc>) -> Result<Self, WishError> {
        let Wish { name, person, resource, scope, lifetime } = wish;
        let name = name.trim();
        if !(1..=LONGEST_NAME).contains(&name.chars().count()) || !name.chars().all(is_seen) {
            return Err(WishError::Name);
        }
        if !resource.admits(person) {
            return Err(WishError::NotAdmitted);
        }
        if !scope.is_within(&resource.all_scopes()) {
            return Err(WishError::UnknownScope);
        }
        if scope.is_empty() && !resource.scopes.is_empty() {
            return Err(WishError::NoScope);
        }
        if !(TimeDelta::minutes(1)..=LONGEST_LIFETIME).contains(&lifetime) {
            return Err(WishError::Lifetime);
        }
        Ok(Self { name: name.to_owned(), resource: resource.identifier.to_string(), scope, expires_at: now + lifetime })
    }

    /// What its maker calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The one resource, in the registered spelling.
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// What it allows.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Its end.
    pub fn expires_at(&self) -> DateTime<Utc> {
        self.expires_at
    }
}

/// A token that was made; never the token itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonalToken {
    /// Names it in lists, and is its `jti`.
    pub id: String,
    /// Who made it.
    pub user_id: String,
    /// What they are called.
    pub user_name: String,
    /// Since when they are shut out.
    pub user_disabled_at: Option<DateTime<Utc>>,
    /// What they call it.
    pub name: String,
    /// The one resource.
    pub resource: String,
    /// What it allowed when it was made.
    pub scope: Scope,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Its end.
    pub expires_at: DateTime<Utc>,
    /// Its last use, give or take a minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it ended before its time, and why.
    pub revoked: Option<(DateTime<Utc>, String)>,
}

/// Why a token opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Useless {
    /// Its time is over.
    #[error("the personal token has expired")]
    Expired,
    /// The resource has lost its scopes, or the person may not use it any more.
    #[error("nothing is left of what the personal token allowed")]
    NothingLeft,
    /// The person is shut out.
    #[error("the person behind the personal token is disabled")]
    PersonDisabled,
    /// There is no such resource any more.
    #[error("the resource of the personal token is gone")]
    ResourceGone,
    /// It was taken back.
    #[error("the personal token was revoked")]
    Revoked,
}

impl PersonalToken {
    /// Every reason for which it opens nothing. `resource` is what its resource is now.
    pub fn endings(&self, resource: Option<&ProtectedResource>, now: DateTime<Utc>) -> Vec<Useless> {
        let nothing_left = resource.is_some_and(|resource| resource.left_of(&self.scope, &self.user_name).is_none());
        let all = [
            (self.revoked.is_some(), Useless::Revoked),
            (self.expires_at <= now, Useless::Expired),
            (self.user_disabled_at.is_some(), Useless::PersonDisabled),
            (resource.is_none(), Useless::ResourceGone),
            (nothing_left, Useless::NothingLeft),
        ];
        all.into_iter().filter(|(is_so, _)| *is_so).map(|(_, useless)| useless).collect()
    }

    /// What it says as long as it is good: never more than was chosen, and never more than
    /// the resource has today.
    pub fn claims(&self, resource: Option<&ProtectedResource>, issuer: &Issuer, now: DateTime<Utc>) -> Result<TokenClaims, Useless> {
        if let Some(useless) = self.endings(resource, now).first() {
            return Err(*useless);
        }
        let scope = resource.and_then(|resource| resource.left_of(&self.scope, &self.user_name)).ok_or(Useless::NothingLeft)?;
        Ok(TokenClaims {
            iss: issuer.as_str().to_owned(),
            sub: self.user_id.clone(),
            aud: self.resource.clone(),
            client_id: ClientId::of_personal_tokens(),
            exp: self.expires_at.timestamp(),
            iat: self.created_at.timestamp(),
            jti: self.id.clone(),
            scope,
            grant_id: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::authorize::sample::{issuer, now, resource};

    const TOO_LONG: &str = "a name of more than sixty-four characters says no more than a short one";

    fn judge(change: impl FnOnce(&mut Wish<'_>)) -> Result<Terms, WishError> {
        let notes = resource("notes");
        let scope = Scope::parse("notes:read").unwrap();
        let mut wish = Wish { name: " Backup ", person: "ada", resource: &notes, scope, lifetime: DEFAULT_LIFETIME };
        change(&mut wish);
        Terms::of(wish, now())
    }

    fn token() -> PersonalToken {
        PersonalToken {
            id: "t_1".to_owned(),
            user_id: "u_1".to_owned(),
            user_name: "ada".to_owned(),
            user_disabled_at: None,
            name: "Backup".to_owned(),
            resource: "https://mcp.example/notes".to_owned(),
            scope: Scope::parse("notes:read notes:write").unwrap(),
            created_at: now(),
            expires_at: now() + TimeDelta::days(90),
            last_used_at: None,
            revoked: None,
        }
    }

    #[test]
    fn a_token_is_for_one_resource_within_its_scopes_and_for_a_time() {
        let terms = judge(|_| {}).unwrap();
        assert_eq!(
            (terms.name(), terms.resource(), terms.scope().to_string().as_str()),
            ("Backup", "https://mcp.example/notes", "notes:read")
        );
        assert_eq!(terms.expires_at(), now() + TimeDelta::days(90));
        for name in ["", " ", "a\nb", "\u{202E}evil", TOO_LONG] {
            assert_eq!(judge(|wish| wish.name = name), Err(WishError::Name), "{name:?}");
        }
        assert_eq!(judge(|wish| wish.scope = Scope::none()), Err(WishError::NoScope));
        assert_eq!(judge(|wish| wish.scope = Scope::parse("notes:read mail:read").unwrap()), Err(WishError::UnknownScope));
        for lifetime in [TimeDelta::zero(), TimeDelta::seconds(59), TimeDelta::seconds(-1), TimeDelta::days(365) + TimeDelta::seconds(1)] {
            assert_eq!(judge(|wish| wish.lifetime = lifetime), Err(WishError::Lifetime), "{lifetime}");
        }
        assert!(judge(|wish| wish.lifetime = TimeDelta::days(365)).is_ok());
        let closed = ProtectedResource { people: Some(["bob".to_owned()].into()), ..resource("notes") };
        let wish = Wish { name: "x", person: "ada", resource: &closed, scope: closed.all_scopes(), lifetime: DEFAULT_LIFETIME };
        assert_eq!(Terms::of(wish, now()), Err(WishError::NotAdmitted));
        let plain = ProtectedResource { scopes: Vec::new(), ..resource("plain") };
        let wish = Wish { name: "x", person: "ada", resource: &plain, scope: Scope::none(), lifetime: DEFAULT_LIFETIME };
        assert!(Terms::of(wish, now()).is_ok(), "there is nothing to choose");
    }

    #[test]
    fn only_whoever_has_just_signed_in_makes_one() {
        assert!(is_recent(now(), now()) && is_recent(now() - TimeDelta::minutes(10), now()));
        assert!(!is_recent(now() - TimeDelta::minutes(10) - TimeDelta::seconds(1), now()));
    }

    // MCP-AS-176
    #[test]
    fn a_good_token_speaks_of_its_person_and_of_no_client() {
        let claims = token().claims(Some(&resource("notes")), &issuer(), now()).unwrap();
        assert_eq!((claims.sub.as_str(), claims.client_id.as_str(), claims.jti.as_str()), ("u_1", "portcullis-personal-token", "t_1"));
        assert_eq!((claims.aud.as_str(), claims.iss.as_str()), ("https://mcp.example/notes", "https://auth.example"));
        assert_eq!((claims.iat, claims.exp), (now().timestamp(), now().timestamp() + 90 * 86_400));
        assert_eq!(claims.family(), None);
    }

    // OA-TK-16
    #[test]
    fn what_a_resource_gains_later_is_not_in_a_token_and_what_it_loses_is_out_of_it() {
        let mut notes = resource("notes");
        notes.scopes.retain(|scope| scope.token.as_str() == "notes:read");
        let said = |token: &PersonalToken, notes: &ProtectedResource| {
            token.claims(Some(notes), &issuer(), now()).map(|claims| claims.scope.to_string())
        };
        assert_eq!(said(&token(), &notes), Ok("notes:read".to_owned()));
        let narrow = PersonalToken { scope: Scope::parse("notes:read").unwrap(), ..token() };
        assert_eq!(said(&narrow, &resource("notes")), Ok("notes:read".to_owned()));
    }

    #[test]
    fn a_token_that_has_ended_says_every_reason() {
        let (notes, mail) = (resource("notes"), resource("mail"));
        let ended = |token: &PersonalToken, resource: Option<&ProtectedResource>, at| {
            let endings = token.endings(resource, at);
            assert_eq!(token.claims(resource, &issuer(), at).err(), endings.first().copied());
            endings
        };
        assert_eq!(ended(&token(), Some(&notes), now()), []);
        assert_eq!(ended(&token(), Some(&notes), token().expires_at), [Useless::Expired]);
        assert_eq!(ended(&token(), None, now()), [Useless::ResourceGone]);
        assert_eq!(ended(&token(), Some(&mail), now()), [Useless::NothingLeft]);
        let closed = ProtectedResource { people: Some(["bob".to_owned()].into()), ..resource("notes") };
        assert_eq!(ended(&token(), Some(&closed), now()), [Useless::NothingLeft]);
        let out = PersonalToken { user_disabled_at: Some(now()), revoked: Some((now(), "by the person".to_owned())), ..token() };
        assert_eq!(ended(&out, Some(&notes), now()), [Useless::Revoked, Useless::PersonDisabled]);
    }
}
