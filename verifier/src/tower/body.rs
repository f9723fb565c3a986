//! Bodies: one that was read and is handed on, one that passes as it comes.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use pin_project_lite::pin_project;

pin_project! {
    /// The body of a request that was let in: read already, or as it came.
    #[derive(Debug)]
    pub struct RequestBody<B> {
        #[pin]
        either: Either<B>,
    }
}

pin_project! {
    /// The body of an answer: the layer's own, or the protected server's.
    #[derive(Debug)]
    pub struct ResponseBody<B> {
        #[pin]
        either: Either<B>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = EitherProjection]
    enum Either<B> {
        Whole { #[pin] body: Full<Bytes> },
        Passed { #[pin] body: B },
    }
}

impl<B> RequestBody<B> {
    pub(super) fn read(bytes: Bytes) -> Self {
        Self { either: Either::Whole { body: Full::new(bytes) } }
    }

    pub(super) fn passed(body: B) -> Self {
        Self { either: Either::Passed { body } }
    }
}

impl<B> ResponseBody<B> {
    pub(super) fn ours(body: Full<Bytes>) -> Self {
        Self { either: Either::Whole { body } }
    }

    pub(super) fn theirs(body: B) -> Self {
        Self { either: Either::Passed { body } }
    }
}

impl<B: Body<Data = Bytes>> Body for Either<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project() {
            EitherProjection::Whole { body } => body.poll_frame(context).map_err(|never| match never {}),
            EitherProjection::Passed { body } => body.poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole { body } => body.is_end_stream(),
            Self::Passed { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole { body } => body.size_hint(),
            Self::Passed { body } => body.size_hint(),
        }
    }
}

macro_rules! is_either {
    ($body:ident) => {
        impl<B: Body<Data = Bytes>> Body for $body<B> {
            type Data = Bytes;
            type Error = B::Error;

            fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
                self.project().either.poll_frame(context)
            }

            fn is_end_stream(&self) -> bool {
                self.either.is_end_stream()
            }

            fn size_hint(&self) -> SizeHint {
                self.either.size_hint()
            }
        }
    };
}

is_either!(RequestBody);
is_either!(ResponseBody);
