//! The future: first the token is judged, then the request goes inside, or it is answered.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header::CACHE_CONTROL};
use http_body_util::Full;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{RequestBody, ResponseBody, cors};

type Judgement<B> = Result<Request<RequestBody<B>>, Response<Full<Bytes>>>;
type Judging<B> = Pin<Box<dyn Future<Output = Judgement<B>> + Send>>;

pin_project! {
    /// The answer to come of an [`Authorize`](super::Authorize).
    pub struct ResponseFuture<S, B>
    where
        S: Service<Request<RequestBody<B>>>,
    {
        #[pin]
        state: State<S, B, S::Future>,
        has_cors: bool,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, B, F> {
        Answered { answer: Option<Response<Full<Bytes>>> },
        Judging { judging: Judging<B>, inner: S },
        Inside { #[pin] inside: F },
    }
}

impl<S, B> ResponseFuture<S, B>
where
    S: Service<Request<RequestBody<B>>>,
{
    pub(super) fn answered(answer: Response<Full<Bytes>>) -> Self {
        Self { state: State::Answered { answer: Some(answer) }, has_cors: false }
    }

    pub(super) fn judging(judging: Judging<B>, inner: S, has_cors: bool) -> Self {
        Self { state: State::Judging { judging, inner }, has_cors }
    }
}

impl<S, B, R> Future for ResponseFuture<S, B>
where
    S: Service<Request<RequestBody<B>>, Response = Response<R>>,
{
    type Output = Result<Response<ResponseBody<R>>, S::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProjection::Answered { answer } => {
                    let answer = answer.take().unwrap_or_default();
                    return Poll::Ready(Ok(finished(answer.map(ResponseBody::ours), *this.has_cors)));
                }
                StateProjection::Judging { judging, inner } => match ready!(judging.as_mut().poll(context)) {
                    Ok(request) => State::Inside { inside: inner.call(request) },
                    Err(answer) => State::Answered { answer: Some(answer) },
                },
                StateProjection::Inside { inside } => {
                    let response = ready!(inside.poll(context))?;
                    return Poll::Ready(Ok(finished(response.map(ResponseBody::theirs), *this.has_cors)));
                }
            };
            this.state.set(next);
        }
    }
}

/// What is said to somebody with a token is not for a shared cache, unless the handler
/// says otherwise (OA-RS-10).
fn finished<R>(mut response: Response<R>, has_cors: bool) -> Response<R> {
    response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("private"));
    if has_cors {
        cors::expose(response.headers_mut());
    }
    response
}

impl<S, B> fmt::Debug for ResponseFuture<S, B>
where
    S: Service<Request<RequestBody<B>>>,
{
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
