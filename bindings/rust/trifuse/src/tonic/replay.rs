// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests that may be sent again: the one message of a call is kept, up to a size.
use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::bytes::{Bytes, BytesMut};
use ::http::Request;
use ::http::request::Parts;
use ::http_body::{Body as _, Frame, SizeHint};
use ::tonic::Status;
use ::tonic::body::Body;

/// What is sent.
pub(crate) enum Outgoing {
    Once(Option<Request<Body>>),
    Again(Request<Whole>),
}

impl Outgoing {
    pub(crate) fn next(&mut self) -> Request<Body> {
        match self {
            Self::Once(request) => request.take().expect("it is sent once"),
            Self::Again(request) => request.clone().map(Body::new),
        }
    }
}

/// Reads the body of a request.
pub(crate) struct Keeping {
    request: Option<(Parts, Body)>,
    chunks: VecDeque<Bytes>,
    size: usize,
    most: usize,
}

impl Keeping {
    pub(crate) fn new(request: Request<Body>, most: usize) -> Self {
        Self { request: Some(request.into_parts()), chunks: VecDeque::new(), size: 0, most }
    }

    /// What is longer than may be kept is sent once.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Outgoing, Status>> {
        loop {
            let (_, body) = self.request.as_mut().expect("polled after its end");
            let frame = ready!(Pin::new(body).poll_frame(cx)).transpose()?;
            let ended = frame.is_none();
            let chunk = frame.and_then(|frame| frame.into_data().ok()).unwrap_or_default();
            self.size += chunk.len();
            self.chunks.push_back(chunk);
            if ended || self.size > self.most {
                let (parts, rest) = self.request.take().expect("it was there");
                let chunks = std::mem::take(&mut self.chunks);
                return Poll::Ready(Ok(if ended {
                    Outgoing::Again(Request::from_parts(parts, Whole(joined(chunks))))
                } else {
                    let body = Body::new(Rejoined { chunks, rest });
                    Outgoing::Once(Some(Request::from_parts(parts, body)))
                }));
            }
        }
    }
}

fn joined(mut chunks: VecDeque<Bytes>) -> Bytes {
    chunks.retain(|chunk| !chunk.is_empty());
    if chunks.len() < 2 {
        return chunks.pop_front().unwrap_or_default();
    }
    let mut all = BytesMut::new();
    chunks.iter().for_each(|chunk| all.extend_from_slice(chunk));
    all.freeze()
}

/// A body that has come as a whole.
#[derive(Clone)]
pub(crate) struct Whole(Bytes);

impl ::http_body::Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let all = std::mem::take(&mut self.0);
        Poll::Ready((!all.is_empty()).then(|| Ok(Frame::data(all))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.len() as u64)
    }
}

/// What was read, then the rest.
struct Rejoined {
    chunks: VecDeque<Bytes>,
    rest: Body,
}

impl ::http_body::Body for Rejoined {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match self.chunks.pop_front() {
            Some(chunk) => Poll::Ready(Some(Ok(Frame::data(chunk)))),
            None => Pin::new(&mut self.rest).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.chunks.is_empty() && self.rest.is_end_stream()
    }
}
