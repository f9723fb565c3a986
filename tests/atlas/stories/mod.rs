//! Rows that are told in code: races, raw bytes, faults from inside.

mod down;
mod framing;
mod inside;
mod races;
mod sign_in;
mod start;

use super::{events, stage::Stage};
use crate::harness::{Answer, Store};

/// Tells the story of this name, as far as it belongs to this row.
pub(super) async fn tell(story: String, row: String, store: Store) {
    match story.as_str() {
        "the store is down" => down::the_store_is_down(&row, store).await,
        "no key can sign" => inside::no_key_can_sign(store).await,
        "a handler panics" => inside::a_handler_panics().await,
        "a code is redeemed by one of many" => races::one_of_many_redeems(store).await,
        "two hundred refreshes at once" => races::two_hundred_refreshes(store).await,
        "a server of such an issuer does not start" => start::such_an_issuer_is_refused(),
        "a request that can be read in two ways" => framing::two_readings_are_refused().await,
        "a wrong password looks like an unknown user" => sign_in::a_wrong_password_looks_like_an_unknown_user(store).await,
        "nothing in a link says where a sign-in leads" => sign_in::no_link_says_where_a_sign_in_leads(store).await,
        _ => panic!("nobody knows the story {story}"),
    }
}

/// Exactly this error event, for this answer.
#[track_caller]
fn one_error(stage: &Stage, answer: &Answer, event: &str) {
    let id = answer.header("x-request-id").expect("a correlation id");
    let errors: Vec<_> = events::of(&stage.server.log(), &[id]).into_iter().filter(|event| events::is_error(event)).collect();
    assert_eq!(errors, [event], "{}", answer.body);
}
