//! Finding what an operator means: by its name, its id, or the beginning of it.

use std::sync::Arc;

use portcullis_verifier::vocabulary::Resource;

use super::{desk::Desk, failure::Failure, table::harmless};
use crate::{
    config::nearest,
    protocol::resource::{ProtectedResource, Resources},
};

/// The resource that is meant by an address, in any spelling that clients may use.
pub(super) fn resource(resources: &Resources, given: &str, desk: &Desk) -> Result<Arc<ProtectedResource>, Failure> {
    let address = Resource::parse(given).map_err(|error| Failure::Usage(format!("{given} is not the address of a resource: {error}")))?;
    resources.named(&address).ok_or_else(|| {
        let known = resources.iter().map(|resource| resource.identifier.as_str());
        missing("resource", given, known, &desk.place())
    })
}

/// `no resource … for … in …; did you mean …?`
pub(super) fn missing<'a>(noun: &str, given: &str, known: impl IntoIterator<Item = &'a str>, place: &str) -> Failure {
    let hint = nearest(given, known).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    Failure::NotFound(format!("no {noun} {given} {place}{hint}"))
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
        many => {
            let shown: Vec<String> = many.iter().take(MOST_SHOWN).map(|one| harmless(&format!("{}  {}", id(one), title(one)))).collect();
            let more = many.len().checked_sub(MOST_SHOWN).filter(|more| *more > 0).map(|more| format!("\n  and {more} more"));
            let list = shown.join("\n  ");
            Err(Failure::Usage(format!("{given} is the beginning of several ids:\n  {list}{}", more.unwrap_or_default())))
        }
    }
}

/// What ids of a kind begin with.
const KINDS: &[&str] = &["pc_c_", "u_"];
const MOST_SHOWN: usize = 8;
