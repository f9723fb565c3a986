//! The bare server: for each request only the work that nobody can do without.
//!
//! It is made of the libraries that the server is made of, so that the difference is
//! what the server does with them: read HTTP and the form, hash, one signature, one
//! durable commit, answer JSON. It authenticates nobody and judges nothing.

mod commits;
mod work;

use std::{
    convert::Infallible,
    future::Future,
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::HttpBody,
    http::{HeaderValue, Request, Response, StatusCode, header},
};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::net::TcpListener;
use work::Work;

/// Serves until it is killed.
pub(crate) fn run(folder: &Path) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve(folder))
}

async fn serve(folder: &Path) -> anyhow::Result<()> {
    let work = Arc::new(Work::open(folder).await?);
    let listener = TcpListener::bind(std::fs::read_to_string(folder.join("listen"))?).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service = TowerToHyperService::new(Service(Arc::clone(&work)));
        tokio::spawn(async move {
            let _hung_up = auto::Builder::new(TokioExecutor::new()).http1_only().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

#[derive(Clone)]
struct Service(Arc<Work>);

impl<B> tower::Service<Request<B>> for Service
where
    B: HttpBody + Send + 'static,
    B::Data: Send,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let work = Arc::clone(&self.0);
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let Ok(body) = body.collect().await.map(http_body_util::Collected::to_bytes) else {
                return Ok(response(StatusCode::BAD_REQUEST, Bytes::new()));
            };
            Ok(match work.answer(&parts, &body).await {
                Ok(body) => response(StatusCode::OK, body),
                Err(error) => response(StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}").into()),
            })
        })
    }
}

fn response(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
