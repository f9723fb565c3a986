//! The service: a protected one, with the verifier in front.

use std::{
    mem,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::{RequestBody, ResponseBody, ResponseFuture, admission, cors};
use crate::Verifier;

/// A service that is reached with a good token only. Made by
/// [`AuthorizeLayer`](super::AuthorizeLayer).
#[derive(Clone, Debug)]
pub struct Authorize<S> {
    inner: S,
    verifier: Verifier,
}

impl<S> Authorize<S> {
    pub(super) fn new(inner: S, verifier: Verifier) -> Self {
        Self { inner, verifier }
    }
}

impl<S, B, R> Service<Request<B>> for Authorize<S>
where
    S: Service<Request<RequestBody<B>>, Response = Response<R>> + Clone,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<ResponseBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, B>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let has_cors = self.verifier.parts().has_cors;
        if let Some(answer) = cors::preflight(request.method(), request.headers()).filter(|_| has_cors) {
            return ResponseFuture::answered(answer);
        }
        // The instance that said it is ready, not a fresh clone of it.
        let next = self.inner.clone();
        let ready = mem::replace(&mut self.inner, next);
        ResponseFuture::judging(Box::pin(admission::admit(self.verifier.clone(), request)), ready, has_cors)
    }
}
