//! A bound on open connections (OA-HT-11).

use std::{
    future::{Ready, ready},
    io,
    sync::Arc,
    task::{Context, Poll},
};

use axum_server::accept::Accept;
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tower::Service;

/// Takes connections as long as there is room; one too many is closed at once.
#[derive(Clone, Debug)]
pub(super) struct Bounded(Arc<Semaphore>);

impl Bounded {
    pub(super) fn to(most: usize) -> Self {
        Self(Arc::new(Semaphore::new(most)))
    }
}

impl<S> Accept<TcpStream, S> for Bounded {
    type Stream = TcpStream;
    type Service = Held<S>;
    type Future = Ready<io::Result<(TcpStream, Held<S>)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let Ok(place) = Arc::clone(&self.0).try_acquire_owned() else {
            return ready(Err(io::Error::new(io::ErrorKind::ConnectionRefused, "too many connections are open")));
        };
        ready(stream.set_nodelay(true).map(|()| (stream, Held { service, _place: Arc::new(place) })))
    }
}

/// What answers on one connection. The place is free again when the last clone is gone.
#[derive(Clone, Debug)]
pub(super) struct Held<S> {
    service: S,
    _place: Arc<OwnedSemaphorePermit>,
}

impl<S: Service<R>, R> Service<R> for Held<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: R) -> S::Future {
        self.service.call(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // OA-HT-11
    #[tokio::test]
    async fn one_connection_too_many_is_closed_and_a_place_comes_free_again() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let bounded = Bounded::to(1);
        let mut clients = Vec::new();
        let mut connect = async || {
            let (client, accepted) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
            clients.push(client.unwrap());
            accepted.unwrap().0
        };
        let first = bounded.accept(connect().await, ()).await.unwrap();
        assert!(bounded.accept(connect().await, ()).await.is_err());
        drop(first);
        assert!(bounded.accept(connect().await, ()).await.is_ok());
    }
}
