//! Rows that are told in code: races, raw bytes, faults from inside.

mod down;
mod framing;
mod inside;
mod races;
mod resource;
mod sign_in;
mod start;

use std::sync::Arc;

use tracing::instrument::WithSubscriber as _;

use super::{events, stage::Stage};
use crate::harness::{Answer, Store};

/// Tells the story of this name, as far as it belongs to this row.
pub(super) async fn tell(name: String, row: String, store: Store) {
    match name.as_str() {
        "the store is down" => down::the_store_is_down(&row, store).await,
        "no key can sign" => inside::no_key_can_sign(store).await,
        "a handler panics" => inside::a_handler_panics().await,
        "a code is redeemed by one of many" => races::one_of_many_redeems(store).await,
        "two hundred refreshes at once" => races::two_hundred_refreshes(store).await,
        "another issuer's key" => resource::a_key_signs_for_its_own_issuer_only(store).await,
        "a revoked token" => resource::a_revoked_token_is_refused(store).await,
        "an old sign-in" => resource::an_old_sign_in_is_not_enough(store).await,
        "nobody can be asked" => resource::what_can_not_be_checked_is_no_fault_of_the_token(store).await,
        "a server of such an issuer does not start" => start::such_an_issuer_is_refused(),
        "a request that can be read in two ways" => framing::two_readings_are_refused().await,
        "a wrong password looks like an unknown user" => sign_in::a_wrong_password_looks_like_an_unknown_user(store).await,
        "nothing in a link says where a sign-in leads" => sign_in::no_link_says_where_a_sign_in_leads(store).await,
        _ => panic!("nobody knows the story {name}"),
    }
}

/// Exactly this error event, for this answer.
#[track_caller]
fn one_error(stage: &Stage, answer: &Answer, event: &str) {
    let id = answer.header("x-request-id").expect("a correlation id");
    let errors: Vec<_> = events::of(&stage.server.log(), &[id]).into_iter().filter(|event| events::is_error(event)).collect();
    assert_eq!(errors, [event], "{}", answer.body);
}

/// What a future in this process logs, beside what it gives.
async fn recorded<T>(future: impl Future<Output = T>) -> (T, String) {
    let log = Log::default();
    let format = tracing_subscriber::fmt().json().flatten_event(true).with_current_span(true).with_max_level(tracing::Level::DEBUG);
    let given = future.with_subscriber(format.with_writer(log.clone()).finish()).await;
    (given, log.text())
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<std::sync::Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'w> tracing_subscriber::fmt::MakeWriter<'w> for Log {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}
