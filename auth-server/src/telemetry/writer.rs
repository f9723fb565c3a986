//! Whose log this is.

use portcullis_verifier::vocabulary::Issuer;
use tracing::{Dispatch, Subscriber, dispatcher};
use tracing_subscriber::Layer;

/// The part of a log that knows whose it is. It writes nothing: events ask for it.
#[derive(Clone, Debug)]
pub(super) struct OfIssuer(String);

impl OfIssuer {
    pub(super) fn new(issuer: &Issuer) -> Self {
        Self(issuer.as_str().to_owned())
    }
}

impl<S: Subscriber> Layer<S> for OfIssuer {}

/// What writes the lines of whoever asks.
#[derive(Clone, Debug)]
pub struct Writer(Dispatch);

impl Writer {
    /// The one that would write a line now.
    pub fn current() -> Self {
        // Taken out, since nothing is written while it is lent.
        Self(dispatcher::get_default(Clone::clone))
    }

    /// Whose log it writes, if it was told.
    pub fn issuer(&self) -> Option<&str> {
        self.0.downcast_ref::<OfIssuer>().map(|issuer| issuer.0.as_str())
    }
}
