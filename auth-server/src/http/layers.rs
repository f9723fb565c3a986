//! What is around every request: an id, a span, a deadline, headers for every answer.

use std::{net::SocketAddr, time::Duration};

use axum::{
    extract::{ConnectInfo, MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use portcullis_verifier::vocabulary::Issuer;
use tokio::sync::Semaphore;
use tracing::Instrument as _;

use super::{ApiFailure, PageFailure, page, readers::Readers, request_id::RequestId};
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
    let readers = Readers::at(request.uri().path(), app.config.issuer.path());
    if let Err(reason) = one_target(&request) {
        return readers.marked(malformed(reason));
    }
    if !app.hosts.allows(request.uri(), request.headers(), peer.ip()) {
        return readers.marked(misdirected(app.hosts.expected()));
    }
    if request.uri().query().map_or(0, str::len) + request.uri().path().len() > MOST_TARGET_BYTES {
        return too_long(readers);
    }
    bounded(&app.in_flight, HANDLER_TIME, readers, next.run(request)).await
}

/// Works on a request if there is a place for it, and as long as there is time (OA-HT-11).
async fn bounded(in_flight: &Semaphore, time: Duration, readers: Readers, work: impl Future<Output = Response>) -> Response {
    let Ok(_place) = in_flight.try_acquire() else {
        return busy(readers);
    };
    tokio::time::timeout(time, work).await.unwrap_or_else(|_| overdue(readers))
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

fn too_long(readers: Readers) -> Response {
    const REASON: &str = "the address has more bytes than allowed";
    let api = || ApiFailure::refused(Step::Refused, OAuthError::invalid_request("the address is too long"), REASON);
    let page = || PageFailure::bad_request("The link is longer than this server reads.", REASON);
    readers.told(|| api().with_status(StatusCode::URI_TOO_LONG), || page().with_status(StatusCode::URI_TOO_LONG))
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
fn busy(readers: Readers) -> Response {
    const REASON: &str = "as many requests as the server works on at once";
    const AGAIN: Duration = Duration::from_secs(1);
    let api = || ApiFailure::refused(Step::LimitHit, OAuthError::TEMPORARILY_UNAVAILABLE, REASON).with_retry_after(AGAIN);
    readers.told(api, PageFailure::busy)
}

/// The same, but somebody should look.
fn overdue(readers: Readers) -> Response {
    const REASON: &str = "a request took too long";
    const AGAIN: Duration = Duration::from_secs(2);
    let api = || ApiFailure::refused(Step::Broken, OAuthError::TEMPORARILY_UNAVAILABLE, REASON).with_retry_after(AGAIN);
    readers.told(api, || PageFailure::overdue(REASON))
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    const EVERYBODY: [Readers; 3] = [Readers::People, Readers::Programs, Readers::Scripts];

    /// Overload is told as such, in the form that the readers understand, to whom may read it.
    #[track_caller]
    fn asks_to_come_again(response: &Response, readers: Readers) {
        let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{readers:?}");
        assert_eq!(header("access-control-allow-origin"), (readers == Readers::Scripts).then_some("*"), "{readers:?}");
        if readers != Readers::People {
            assert!(header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().unwrap() >= 1), "{readers:?}");
            assert_eq!((header("content-type"), header("cache-control")), (Some("application/json"), Some("no-store")), "{readers:?}");
        }
    }

    async fn error(response: Response) -> serde_json::Value {
        let body = axum::body::to_bytes(response.into_body(), 1 << 16).await.unwrap();
        serde_json::from_slice::<serde_json::Value>(&body).unwrap()["error"].clone()
    }

    // OA-HT-11, OA-TK-12, MCP-AS-192
    #[tokio::test]
    async fn a_request_that_takes_too_long_is_told_to_come_again() {
        let places = Semaphore::new(1);
        for readers in EVERYBODY {
            let answer = bounded(&places, Duration::from_millis(1), readers, pending()).await;
            asks_to_come_again(&answer, readers);
            if readers != Readers::People {
                assert_eq!(error(answer).await, "temporarily_unavailable");
            }
            assert_eq!(places.available_permits(), 1, "its place is free again");
        }
        let in_time = bounded(&places, HANDLER_TIME, Readers::Scripts, async { StatusCode::NO_CONTENT.into_response() }).await;
        assert_eq!(in_time.status(), StatusCode::NO_CONTENT);
    }

    // OA-HT-11, OA-TK-12, MCP-AS-190, MCP-AS-192
    #[tokio::test]
    async fn one_request_too_many_is_told_to_come_again_and_is_not_begun() {
        let places = Semaphore::new(2);
        let held = (places.try_acquire().unwrap(), places.try_acquire().unwrap());
        for readers in EVERYBODY {
            let answer = bounded(&places, HANDLER_TIME, readers, async { panic!("it was begun") }).await;
            asks_to_come_again(&answer, readers);
        }
        drop(held);
        let answer = bounded(&places, HANDLER_TIME, Readers::People, async { StatusCode::OK.into_response() }).await;
        assert_eq!(answer.status(), StatusCode::OK);
    }
}
