//! Finding what an operator means: by its name, its id, or the beginning of it.

use std::sync::Arc;

use chrono::TimeDelta;
use portcullis_verifier::vocabulary::Resource;

use super::{desk::Desk, failure::Failure, table::harmless};
use crate::{
    app::load_resources,
    config::nearest,
    protocol::{
        client::Client,
        resource::{ProtectedResource, Resources},
    },
    store::User,
};

/// What ids of a kind begin with.
const KINDS: &[&str] = &["pc_c_", "u_"];
/// How many candidates are listed.
const MOST_SHOWN: usize = 8;

/// The resource that is meant by an address, in any spelling that clients may use.
pub(super) fn resource(resources: &Resources, given: &str, desk: &Desk) -> Result<Arc<ProtectedResource>, Failure> {
    let address = Resource::parse(given).map_err(|error| Failure::Usage(format!("{given} is not the address of a resource: {error}")))?;
    resources.named(&address).ok_or_else(|| {
        let known = resources.iter().map(|resource| resource.identifier.as_str());
        missing("resource", given, known, &desk.place())
    })
}

/// The registered spelling of a resource. One that was removed may still be named, as it was written.
pub(super) async fn any_resource(desk: &Desk, given: &str) -> Result<String, Failure> {
    let address = Resource::parse(given).map_err(|error| Failure::Usage(format!("{given} is not the address of a resource: {error}")))?;
    let resources = load_resources(&desk.config, &desk.store).await?;
    Ok(resources.named(&address).map_or_else(|| given.to_owned(), |resource| resource.identifier.to_string()))
}

/// By name or e-mail address as at the sign-in, else by the beginning of an id.
pub(super) async fn user(desk: &Desk, given: &str) -> Result<User, Failure> {
    if let Some(user) = desk.store.user_by_login(given).await? {
        return Ok(user);
    }
    let users = desk.store.users().await?;
    let found = by_prefix(&users, given, |user| &user.id, |user| user.name.clone())?;
    let names = users.iter().flat_map(|user| std::iter::once(user.name.as_str()).chain(user.email.as_deref()));
    found.cloned().ok_or_else(|| missing("account", given, names, &desk.place()))
}

/// By id or the beginning of it, or by name where only one client has it.
pub(super) async fn client(desk: &Desk, given: &str) -> Result<Client, Failure> {
    if let Ok(id) = given.parse()
        && let Some(client) = desk.store.client(&id).await?
    {
        return Ok(client);
    }
    let clients = desk.store.clients().await?;
    by_name_or_prefix("client", &clients, given, |client| client.id.as_str(), Client::display_name, desk).cloned()
}

/// By name where only one has it, else by the beginning of an id.
pub(super) fn by_name_or_prefix<'a, T>(
    noun: &str,
    all: &'a [T],
    given: &str,
    id: impl Fn(&T) -> &str,
    name: impl Fn(&T) -> String,
    desk: &Desk,
) -> Result<&'a T, Failure> {
    let named: Vec<&T> = all.iter().filter(|one| name(one) == given).collect();
    match named.as_slice() {
        [] => {}
        [only] => return Ok(only),
        many => return Err(ambiguous(given, "the name of several", many, &id, &name)),
    }
    let known: Vec<String> = all.iter().map(&name).collect();
    by_prefix(all, given, id, name)?.ok_or_else(|| missing(noun, given, known.iter().map(String::as_str), &desk.place()))
}

/// The only one whose id begins so. The part that all ids share may be left out.
pub(super) fn by_prefix<'a, T>(
    all: &'a [T],
    given: &str,
    id: impl Fn(&T) -> &str,
    title: impl Fn(&T) -> String,
) -> Result<Option<&'a T>, Failure> {
    if let Some(exact) = all.iter().find(|one| id(one) == given) {
        return Ok(Some(exact));
    }
    let bare = |id: &str| KINDS.iter().find_map(|kind| id.strip_prefix(kind)).is_some_and(|rest| rest.starts_with(given));
    let found: Vec<&T> = all.iter().filter(|one| !given.is_empty() && (id(one).starts_with(given) || bare(id(one)))).collect();
    match found.as_slice() {
        [] => Ok(None),
        [only] => Ok(Some(only)),
        many => Err(ambiguous(given, "the beginning of several", many, &id, &title)),
    }
}

fn ambiguous<T>(given: &str, what: &str, many: &[&T], id: &impl Fn(&T) -> &str, title: &impl Fn(&T) -> String) -> Failure {
    let mut lines: Vec<String> = many.iter().take(MOST_SHOWN).map(|one| harmless(&format!("{}  {}", id(one), title(one)))).collect();
    if let Some(more) = many.len().checked_sub(MOST_SHOWN).filter(|more| *more > 0) {
        lines.push(format!("and {more} more"));
    }
    Failure::Usage(format!("{} is {what}; say which:\n  {}", harmless(given), lines.join("\n  ")))
}

/// `no resource … for … in …; did you mean …?`
pub(super) fn missing<'a>(noun: &str, given: &str, known: impl IntoIterator<Item = &'a str>, place: &str) -> Failure {
    let hint = nearest(given, known).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    Failure::NotFound(harmless(&format!("no {noun} {given} {place}{hint}")))
}

/// `1 person`, `2 people`.
pub(super) fn people(number: i64) -> String {
    if number == 1 { "1 person".to_owned() } else { format!("{number} people") }
}

/// The longest life of an access token that may be about.
pub(super) async fn longest_token(desk: &Desk) -> Result<TimeDelta, Failure> {
    let resources = load_resources(&desk.config, &desk.store).await?;
    let lifetimes = resources.iter().filter_map(|resource| resource.token_lifetime);
    Ok(lifetimes.fold(desk.config.tokens.access_token_lifetime, Ord::max))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(given: &str) -> Result<Option<&'static str>, String> {
        const ALL: &[&str] = &["pc_c_abc", "pc_c_abd", "u_0199", "u_01"];
        by_prefix(ALL, given, |id| id, |_| String::new()).map(Option::<&&str>::copied).map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_beginning_is_enough_where_it_is_only_one() {
        assert_eq!(found("pc_c_abc"), Ok(Some("pc_c_abc")));
        assert_eq!(found("abd"), Ok(Some("pc_c_abd")));
        assert_eq!(found("u_01"), Ok(Some("u_01")), "the whole id is meant, though another one begins so");
        assert_eq!(found("x"), Ok(None));
        assert_eq!(found(""), Ok(None));
        let said = found("ab").unwrap_err();
        assert!(said.contains("pc_c_abc") && said.contains("pc_c_abd") && !said.contains("0199"), "{said}");
    }

    #[test]
    fn what_is_not_there_is_said_with_the_place_and_a_guess() {
        let known = ["https://mcp.example.com/mcp", "https://other.example/"];
        assert_eq!(
            missing("resource", "https://mcp.example.com/mpc", known, "in /data").to_string(),
            "portcullis: no resource https://mcp.example.com/mpc in /data; did you mean https://mcp.example.com/mcp?"
        );
    }
}
