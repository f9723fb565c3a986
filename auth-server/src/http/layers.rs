//! What is around every request: an id, a span, a deadline, headers for every answer.

use std::{net::SocketAddr, time::Duration};

use axum::{
    extract::{ConnectInfo, MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use portcullis_verifier::vocabulary::Issuer;
use tracing::Instrument as _;

use super::{ApiFailure, PageFailure, cors, page, request_id::RequestId};
use crate::{
    app::App,
    events::{Event, Step},
    protocol::error::OAuthError,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const ACCESS: &str = "portcullis::access";
const HANDLER_TIME: Duration = Duration::from_secs(30);
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Wraps every request.
pub async fn envelope(State(app): State<App>, ConnectInfo(peer): ConnectInfo<SocketAddr>, mut request: Request, next: Next) -> Response {
    let id = app.request_ids.fresh();
    let source = app.sources.of(request.headers(), peer.ip());
    // The route, not the path: that may hold a handle or a one-time link (OA-LG-04).
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str);
    let shown = source.shown(app.config.log.source_address).map(tracing::field::display);
    let span = tracing::info_span!("request", id = id.as_str(), method = %request.method(), route, source = shown);
    request.extensions_mut().insert(id.clone());
    request.extensions_mut().insert(source);
    let method = request.method().clone();
    let response = guarded(&app, peer, request, next).instrument(span.clone()).await;
    let mut response = page::finish(response, &method, &app.frame, &id);
    identify(&id, response.headers_mut());
    protect(&app.config.issuer, response.headers_mut());
    span.in_scope(|| tracing::debug!(target: ACCESS, status = response.status().as_u16(), "answered"));
    response
}

/// Names the request in its answer.
pub fn identify(id: &RequestId, headers: &mut HeaderMap) {
    headers.insert(REQUEST_ID, id.header());
}

/// What every answer has.
pub fn protect(issuer: &Issuer, headers: &mut HeaderMap) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // what is no page can't be made one
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    if issuer.is_https() {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
}

/// Whether each answer leaves a line in the log.
pub fn access_is_logged() -> bool {
    tracing::enabled!(target: ACCESS, tracing::Level::DEBUG)
}

async fn guarded(app: &App, peer: SocketAddr, request: Request, next: Next) -> Response {
    if let Err(reason) = one_target(&request) {
        return malformed(reason);
    }
    if !app.hosts.allows(request.uri(), request.headers(), peer.ip()) {
        return misdirected(app.hosts.expected());
    }
    let is_page = is_page(request.uri().path());
    if request.uri().query().map_or(0, str::len) + request.uri().path().len() > MOST_TARGET_BYTES {
        return too_long(is_page);
    }
    let Ok(_slot) = app.in_flight.try_acquire() else {
        return busy(is_page);
    };
    match tokio::time::timeout(HANDLER_TIME, next.run(request)).await {
        Ok(response) => response,
        Err(_) if is_page => PageFailure::from(anyhow::anyhow!("a page took too long")).into_response(),
        Err(_) => ApiFailure::from(anyhow::anyhow!("a request took too long")).into_response(),
    }
}

/// Two readers could take another request for two different ones (OA-HT-10, OA-HT-12).
pub fn one_target<B>(request: &http::Request<B>) -> Result<(), &'static str> {
    if request.headers().get_all(header::HOST).iter().count() > 1 {
        return Err("two Host headers");
    }
    // In HTTP/2 the host is part of every target.
    if request.version() < Version::HTTP_2 && request.uri().authority().is_some() {
        return Err("this server is no proxy: the target has to be a path");
    }
    Ok(())
}

fn malformed(reason: &'static str) -> Response {
    Event::of(Step::Refused).because(reason).record();
    (StatusCode::BAD_REQUEST, [(header::CONNECTION, "close"), (header::CACHE_CONTROL, "no-store")], format!("{reason}\n")).into_response()
}

const MOST_TARGET_BYTES: usize = 16 * 1024;

fn too_long(is_page: bool) -> Response {
    const REASON: &str = "the address has more bytes than allowed";
    if is_page {
        return PageFailure::bad_request("The link is longer than this server reads.", REASON)
            .with_status(StatusCode::URI_TOO_LONG)
            .into_response();
    }
    let answer = OAuthError::invalid_request("the address is too long");
    for_scripts(ApiFailure::refused(Step::Refused, answer, REASON).with_status(StatusCode::URI_TOO_LONG))
}

fn misdirected(expected: &str) -> Response {
    Event::of(Step::Refused).because("the request names another host").record();
    let text = format!(
        "This server answers as {expected}. If that is not its public address, set `issuer`; if a proxy in front sends \
         another Host, list the proxy in `trusted_proxies`.\n"
    );
    (StatusCode::MISDIRECTED_REQUEST, [(header::CACHE_CONTROL, "no-store")], text).into_response()
}

/// The client keeps what it has and comes again (OA-TK-12, OA-HT-11).
fn busy(is_page: bool) -> Response {
    const REASON: &str = "as many requests as the server works on at once";
    const AGAIN: Duration = Duration::from_secs(1);
    if is_page {
        return PageFailure::busy().into_response();
    }
    for_scripts(ApiFailure::refused(Step::LimitHit, OAuthError::TEMPORARILY_UNAVAILABLE, REASON).with_retry_after(AGAIN))
}

/// Scripts of any origin may read it: it tells nothing of anybody (MCP-AS-192).
fn for_scripts(failure: ApiFailure) -> Response {
    let mut response = failure.into_response();
    cors::mark(response.headers_mut());
    response
}

/// Whether people, rather than programs, look at this address.
pub(crate) fn is_page(path: &str) -> bool {
    ["/authorize", "/sign-in", "/sign-out", "/account", "/setup"].iter().any(|page| path.contains(page))
}
