//! Public documents, answered before the router.
//!
//! Clients and resource servers ask for them more often than for anything else, and
//! they are bytes made once: neither a route nor a layer has anything to add. Every
//! other request, and whatever is not quite the plain question, goes on to the
//! router, which gives the same answer.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    Router,
    body::{Body, HttpBody},
    extract::ConnectInfo,
    http::{Method, Request, header},
    response::Response,
};
use bytes::Bytes;
use tower::{BoxError, Service};

use crate::{app::App, http::layers};

/// The router, with the documents in front.
#[derive(Clone, Debug)]
pub struct Front {
    app: App,
    router: Router,
}

impl Front {
    /// Puts the documents in front.
    pub fn of(app: App, router: Router) -> Self {
        Self { app, router }
    }

    fn document<B>(&self, request: &Request<B>) -> Option<Response> {
        let app = &self.app;
        let (uri, headers) = (request.uri(), request.headers());
        if request.method() != Method::GET || uri.query().is_some() || headers.contains_key(header::IF_NONE_MATCH) {
            return None;
        }
        let document = app.documents.at(uri.path())?;
        let ConnectInfo(peer) = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
        let is_plain = layers::one_target(request).is_ok() && app.hosts.allows(uri, headers, peer.ip());
        if !is_plain || layers::access_is_logged() {
            return None;
        }
        let mut response = Response::new(Body::from(document.body.clone()));
        *response.headers_mut() = document.public_headers.clone();
        layers::identify(&app.request_ids.fresh(), response.headers_mut());
        Some(response)
    }
}

impl<B> Service<Request<B>> for Front
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Answering<<Router as Service<Request<B>>>::Future>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match self.document(&request) {
            Some(response) => Answering::Answered(Some(response)),
            None => Answering::Routed(Box::pin(self.router.call(request))),
        }
    }
}

/// The answer, at once or from the router.
#[derive(Debug)]
pub enum Answering<F> {
    /// At once; taken by the first look.
    Answered(Option<Response>),
    /// By the router.
    Routed(Pin<Box<F>>),
}

impl<F: Future<Output = Result<Response, Infallible>>> Future for Answering<F> {
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Answered(response) => Poll::Ready(Ok(response.take().unwrap_or_default())),
            Self::Routed(future) => future.as_mut().poll(context),
        }
    }
}
