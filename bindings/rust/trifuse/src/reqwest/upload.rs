// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bodies of requests that are streams: when the caller's own stream breaks, the host did nothing wrong.
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use ::bytes::Bytes;
use ::http_body::{Frame, SizeHint};
use ::reqwest::{Body, Request};

/// Whether the body of a request has broken.
#[derive(Default)]
pub(crate) struct Upload(Option<Arc<AtomicBool>>);

impl Upload {
    /// Watches the body of a request, if it is a stream.
    pub(crate) fn watch(request: &mut Request) -> Self {
        let body = request.body_mut();
        let Some(stream) = body.take_if(|body| body.as_bytes().is_none()) else { return Self::default() };
        let broken = Arc::new(AtomicBool::new(false));
        *body = Some(Body::wrap(Watched { stream, broken: broken.clone() }));
        Self(Some(broken))
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.0.as_ref().is_some_and(|broken| broken.load(Ordering::Acquire))
    }
}

struct Watched {
    stream: Body,
    broken: Arc<AtomicBool>,
}

impl ::http_body::Body for Watched {
    type Data = Bytes;
    type Error = ::reqwest::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = ready!(Pin::new(&mut self.stream).poll_frame(cx));
        if matches!(frame, Some(Err(_))) {
            self.broken.store(true, Ordering::Release);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.stream.size_hint()
    }
}
