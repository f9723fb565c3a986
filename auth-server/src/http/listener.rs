//! Accepting connections, with bounds on time (OA-HT-11), and stopping.

use std::{
    convert::Infallible,
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use axum::{ServiceExt, http::Request, response::Response};
use axum_server::{
    Handle,
    tls_rustls::{RustlsAcceptor, RustlsConfig},
};
use hyper::body::Incoming;
use hyper_util::rt::TokioTimer;
use tower::Service;

use super::connections::Bounded;
use crate::keys::tls;

/// Each costs some kilobytes and a file descriptor.
const MOST_CONNECTIONS: usize = 8192;
const HEADER_TIME: Duration = Duration::from_secs(10);
/// Over HTTP/2 nothing else watches the heads after the first. Whoever is in the middle
/// of one can not answer a ping.
const PING_EVERY: Duration = Duration::from_secs(5);
const LAST_REQUESTS_TIME: Duration = Duration::from_secs(10);

/// Opens the port.
///
/// # Errors
/// The address can't be had, for which the error names what to do.
pub fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address)
        .with_context(|| format!("can not listen on {address}: choose another address with `--listen` or `listen` in the configuration"))?;
    listener.set_nonblocking(true).context("preparing the listening socket")?;
    Ok(listener)
}

/// Reads certificate and key; TLS 1.3 only.
///
/// # Errors
/// A file can't be used, or the two do not belong together.
pub fn tls(certificate: &Path, key: &Path) -> anyhow::Result<RustlsConfig> {
    let mut config = tls::tls_config(tls::certificate_chain(certificate)?, tls::private_key(key)?)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(RustlsConfig::from_config(Arc::new(config)))
}

/// Serves until `handle` is told to stop ([`stop`]).
pub async fn serve<S>(service: S, listener: TcpListener, tls: Option<RustlsConfig>, handle: Handle<SocketAddr>) -> anyhow::Result<()>
where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    let service = ServiceExt::<Request<Incoming>>::into_make_service_with_connect_info::<SocketAddr>(service);
    let mut server = axum_server::from_tcp(listener)
        .context("listening")?
        .handle(handle)
        .acceptor(Bounded::to(MOST_CONNECTIONS))
        .first_request_timeout(HEADER_TIME);
    server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIME);
    let mut http2 = server.http_builder().http2();
    http2.timer(TokioTimer::new()).max_concurrent_streams(128).keep_alive_interval(PING_EVERY).keep_alive_timeout(HEADER_TIME);
    match tls {
        Some(config) => server.map(|acceptor| RustlsAcceptor::new(config).acceptor(acceptor)).serve(service).await.context("serving"),
        None => server.serve(service).await.context("serving"),
    }
}

/// Stops accepting; requests under way have a while to end.
pub fn stop(handle: &Handle<SocketAddr>) {
    handle.graceful_shutdown(Some(LAST_REQUESTS_TIME));
}
