//! Whether a request is let in, and what is taken from it before it goes on.

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Request, Response,
    header::{AUTHORIZATION, CONTENT_TYPE},
    request::Parts,
};
use http_body::Body;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};

use super::{Authorized, RequestBody, answer, identity_headers, json_rpc};
use crate::{AccessToken, Malformed, Refusal, Verifier, credential::has_token_parameter, rejection::shown, vocabulary::Scope};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

type Answer = Response<Full<Bytes>>;
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Judges a request: the token before method, content type or body are looked at, so
/// that whoever has none learns nothing else (MCP-RS-07).
pub(super) async fn admit<B>(verifier: Verifier, request: Request<B>) -> Result<Request<RequestBody<B>>, Answer>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let (mut parts, body) = request.into_parts();
    let token = authenticate(&verifier, &parts).await.map_err(|refusal| refuse(&verifier, &parts, &refusal, None))?;
    let request_id = parts.headers.get(REQUEST_ID).cloned();
    let body = if reads_body(&verifier, &parts, &body) {
        let bytes = collect(body, verifier.parts().most_body_bytes).await?;
        if is_form(&parts) && has_token_parameter(&bytes) {
            return Err(refuse(&verifier, &parts, &Refusal::Malformed(Malformed::AlsoElsewhere), Some(&token)));
        }
        let needed = needs(&verifier, &parts, &bytes)?;
        authorize(&verifier, &parts, &token, &needed)?;
        RequestBody::read(bytes)
    } else {
        authorize(&verifier, &parts, &token, verifier.needs())?;
        RequestBody::passed(body)
    };
    parts.headers.remove(AUTHORIZATION);
    identity_headers::strip(&mut parts.headers);
    parts.extensions.insert(token.clone());
    parts.extensions.insert(Authorized::new(token, verifier, request_id));
    Ok(Request::from_parts(parts, body))
}

async fn authenticate(verifier: &Verifier, parts: &Parts) -> Result<AccessToken, Refusal> {
    let token = verifier.token_of(&parts.headers, parts.uri.query())?;
    Ok(verifier.check(token).await?)
}

fn authorize(verifier: &Verifier, parts: &Parts, token: &AccessToken, needed: &Scope) -> Result<(), Answer> {
    verifier.authorize(token, needed, verifier.now()).map_err(|refusal| refuse(verifier, parts, &refusal, Some(token)))
}

/// A body is read where tools have scopes of their own, whatever its type says: the
/// server behind may not look at the type either. A form is read for a second token.
fn reads_body<B: Body>(verifier: &Verifier, parts: &Parts, body: &B) -> bool {
    !body.is_end_stream() && (verifier.has_tools() || is_form(parts))
}

fn is_form(parts: &Parts) -> bool {
    let media_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    media_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

async fn collect<B>(body: B, most_bytes: usize) -> Result<Bytes, Answer>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    match Limited::new(body, most_bytes).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(answer::too_large()),
        Err(_) => Err(answer::unreadable()),
    }
}

fn needs(verifier: &Verifier, parts: &Parts, body: &[u8]) -> Result<Scope, Answer> {
    if !verifier.has_tools() {
        return Ok(verifier.needs().clone());
    }
    let tools = json_rpc::tools_called(body).map_err(|reason| {
        tracing::info!(method = %parts.method, path = path(parts), request.id = id(parts), %reason, "a request was refused");
        answer::unreadable()
    })?;
    Ok(verifier.needs_of_tools(tools.iter().map(String::as_str)))
}

/// The name that the client, or a proxy in front, gave the request: what connects lines
/// of several logs (MCP-RS-28). For a log; empty where there is none.
fn id(parts: &Parts) -> Option<String> {
    said(parts.headers.get(REQUEST_ID))
}

pub(super) fn said(request_id: Option<&HeaderValue>) -> Option<String> {
    request_id.map(|id| shown(&String::from_utf8_lossy(id.as_bytes())))
}

/// Without the query, which may hold what is nobody's business.
fn path(parts: &Parts) -> String {
    shown(parts.uri.path())
}

/// Says why in the log, and to the caller only what it may know. Nothing of the token
/// is logged but its name, which is no secret.
fn refuse(verifier: &Verifier, parts: &Parts, refusal: &Refusal, token: Option<&AccessToken>) -> Answer {
    let challenge = verifier.challenge(refusal);
    let (status, method, path, id) = (challenge.status().as_u16(), &parts.method, path(parts), id(parts));
    match (refusal, token) {
        // Every client begins like this.
        (Refusal::NoCredential, _) => tracing::debug!(status, %method, path, request.id = id, "a request came without an access token"),
        (Refusal::Token(reason), _) if reason.is_our_fault() => {
            tracing::warn!(status, %method, path, request.id = id, %reason, "a token could not be checked");
        }
        (reason, Some(token)) => {
            let (client, jti) = (token.client_id(), token.jti());
            tracing::info!(status, %method, path, request.id = id, %reason, client.id = client, token.jti = jti, "a request was refused");
        }
        (reason, None) => tracing::info!(status, %method, path, request.id = id, %reason, "a request was refused"),
    }
    answer::challenge(&challenge)
}
