//! One request and its answer over a connection that is there.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Request, StatusCode,
    header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HOST, IF_NONE_MATCH, USER_AGENT},
};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinSet,
};

use super::{Answer, Ask, Document, EgressError, MediaKind, freshness};

/// The head of an answer: far more than any server sends.
const MOST_HEAD_BYTES: usize = 32 * 1024;
const MOST_HEADERS: usize = 100;

/// Asks, and reads the answer within its bounds.
pub(super) async fn exchange<C>(connection: C, ask: &Ask<'_>) -> Result<Answer, EgressError>
where
    C: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, driver) = http1::Builder::new()
        .max_buf_size(MOST_HEAD_BYTES)
        .max_headers(MOST_HEADERS)
        .handshake::<_, Empty<Bytes>>(TokioIo::new(connection))
        .await
        .map_err(|error| unreachable(&error))?;
    // The connection ends with this call, however it ends.
    let mut driving = JoinSet::new();
    driving.spawn(driver);
    let response = sender.send_request(request(ask)?).await.map_err(|error| unreachable(&error))?;
    let (head, body) = response.into_parts();
    match head.status {
        StatusCode::OK => {}
        StatusCode::NOT_MODIFIED if ask.etag.is_some() => return Ok(Answer::NotModified { fresh_for: freshness::of(&head.headers) }),
        status if status.is_redirection() && status != StatusCode::NOT_MODIFIED => return Err(EgressError::Redirect(status.as_u16())),
        status => return Err(EgressError::Status(status.as_u16())),
    }
    acceptable(&head.headers, ask.kind)?;
    let body = read(body, ask.most_bytes).await?;
    let etag = head.headers.get(ETAG).and_then(|etag| etag.to_str().ok()).map(str::to_owned);
    Ok(Answer::Document(Document { body, etag, fresh_for: freshness::of(&head.headers) }))
}

/// Nothing in it tells who asks, but for the program's name (OA-CM-12).
fn request(ask: &Ask<'_>) -> Result<Request<Empty<Bytes>>, EgressError> {
    let mut request = Request::get(ask.url.path_and_query())
        .header(HOST, ask.url.authority())
        .header(ACCEPT, ask.kind.accept())
        .header(ACCEPT_ENCODING, "identity")
        .header(USER_AGENT, concat!("Portcullis/", env!("CARGO_PKG_VERSION")));
    if let Some(etag) = ask.etag.and_then(|etag| HeaderValue::from_str(etag).ok()) {
        request = request.header(IF_NONE_MATCH, etag);
    }
    request.body(Empty::new()).map_err(|error| EgressError::Unreachable(error.to_string()))
}

fn acceptable(headers: &HeaderMap, kind: MediaKind) -> Result<(), EgressError> {
    let text = |name| headers.get(name).map_or("", |value: &HeaderValue| value.to_str().unwrap_or("?"));
    if !matches!(text(CONTENT_ENCODING).to_ascii_lowercase().as_str(), "" | "identity") {
        return Err(EgressError::Encoded);
    }
    let essence = text(CONTENT_TYPE).split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if kind.is(&essence) { Ok(()) } else { Err(EgressError::MediaType(essence.chars().take(100).collect())) }
}

async fn read(body: Incoming, most_bytes: usize) -> Result<Vec<u8>, EgressError> {
    match Limited::new(body, most_bytes).collect().await {
        Ok(collected) => Ok(collected.to_bytes().to_vec()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(EgressError::TooLarge(most_bytes)),
        Err(error) => Err(EgressError::Unreachable(error.to_string())),
    }
}

fn unreachable(error: &hyper::Error) -> EgressError {
    EgressError::Unreachable(error.to_string())
}
