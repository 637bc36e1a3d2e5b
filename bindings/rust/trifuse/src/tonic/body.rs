// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use ::bytes::Bytes;
use ::http_body::{Body, Frame, SizeHint};
use ::tonic::Status;
use pin_project_lite::pin_project;

use crate::client::{Bounded, Reads, Ticket, Total};
use crate::error::TimedOut;
use crate::http::{classify_grpc, retry_after};
use crate::text::Outcome;
use crate::tonic::status::{BoxError, of_error, of_timeout};

pub(crate) struct Reading {
    respect_retry_after: bool,
}

impl<E: Into<BoxError>> Reads<E> for Reading {
    type Error = Status;

    fn frame(&mut self, frame: &Frame<Bytes>) -> Option<(Outcome, Option<Duration>)> {
        let trailers = frame.trailers_ref()?;
        let wait = retry_after(trailers).filter(|_| self.respect_retry_after);
        Some((classify_grpc(trailers).outcome(), wait))
    }

    /// Without trailers the server has not said how it ended.
    fn end(&self) -> Outcome {
        Outcome::Failure
    }

    fn broken(&self, error: E) -> (Outcome, Status) {
        let (status, verdict) = of_error(error.into());
        (verdict.outcome, status)
    }

    fn late(&self, late: TimedOut) -> Status {
        of_timeout(late)
    }

    fn is_done(&self) -> bool {
        false
    }
}

pin_project! {
    /// The messages of a [`GuardedChannel`](crate::tonic::GuardedChannel)'s answer. The outcome of the call is the
    /// status in the trailers at its end; dropped before, it is ignored.
    pub struct GuardedBody<B>
    where
        B: Body,
        B::Error: Into<BoxError>,
    {
        #[pin]
        body: Bounded<B, Reading>,
    }
}

impl<B> GuardedBody<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    pub(crate) fn new(body: B, ticket: Option<Ticket>, total: Option<Total>, respect: bool) -> Self {
        let reading = Reading { respect_retry_after: respect };
        Self { body: Bounded::new(body, reading, ticket, total) }
    }
}

impl<B> Body for GuardedBody<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.project().body.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> fmt::Debug for GuardedBody<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedBody").finish_non_exhaustive()
    }
}
