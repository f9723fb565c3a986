//! The layer: what is put around a service.

use tower_layer::Layer;

use super::Authorize;
use crate::Verifier;

/// Puts a [`Verifier`] in front of a service. Made with [`Verifier::layer`].
#[derive(Clone, Debug)]
pub struct AuthorizeLayer {
    verifier: Verifier,
}

impl Verifier {
    /// The layer that lets in only requests with a good token. Put it around the
    /// protected server, and [`Verifier::metadata`] beside it.
    pub fn layer(&self) -> AuthorizeLayer {
        AuthorizeLayer { verifier: self.clone() }
    }
}

impl<S> Layer<S> for AuthorizeLayer {
    type Service = Authorize<S>;

    fn layer(&self, inner: S) -> Authorize<S> {
        Authorize::new(inner, self.verifier.clone())
    }
}
