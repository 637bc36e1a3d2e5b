// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bodies of answers, guarded to their end: how a good head was meant is told by how its body ends.
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use ::bytes::Bytes;
use ::http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::time::Sleep;

use crate::client::limit::{Total, too_late};
use crate::client::ticket::Ticket;
use crate::error::TimedOut;
use crate::text::Outcome;

/// How the body of a protocol is read.
pub(crate) trait Reads<E> {
    type Error;

    /// A part that has come; the outcome, if it says one.
    fn frame(&mut self, frame: &Frame<Bytes>) -> Option<(Outcome, Option<Duration>)>;
    /// The body has ended.
    fn end(&self) -> Outcome;
    /// It broke half-way.
    fn broken(&self, error: E) -> (Outcome, Self::Error);
    fn late(&self, late: TimedOut) -> Self::Error;
    /// Whether a body that is dropped here has ended well all the same.
    fn is_done(&self) -> bool;
}

pin_project! {
    /// A body that ends a ticket; with a limit, in time.
    pub(crate) struct Bounded<B, R>
    where
        B: Body,
        R: Reads<B::Error>,
    {
        #[pin]
        body: Option<B>,
        ticket: Option<Ticket>,
        reads: R,
        total: Option<Total>,
        #[pin]
        sleep: Option<Sleep>,
    }

    impl<B: Body, R: Reads<B::Error>> PinnedDrop for Bounded<B, R> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            // However long it took: a body that has begun is no call that hangs.
            let outcome = if this.reads.is_done() { Outcome::Success } else { Outcome::Ignored };
            end(this.ticket, outcome, None);
        }
    }
}

impl<B: Body, R: Reads<B::Error>> Bounded<B, R> {
    pub(crate) fn new(body: B, reads: R, ticket: Option<Ticket>, total: Option<Total>) -> Self {
        Self { body: Some(body), ticket, reads, total, sleep: None }
    }
}

fn end(ticket: &mut Option<Ticket>, outcome: Outcome, wait: Option<Duration>) {
    if let Some(mut ticket) = ticket.take() {
        ticket.judge_until(outcome, wait);
    }
}

impl<B, R> Body for Bounded<B, R>
where
    B: Body<Data = Bytes>,
    R: Reads<B::Error>,
{
    type Data = Bytes;
    type Error = R::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let mut this = self.project();
        let Some(mut body) = this.body.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        if let Some(total) = this.total {
            if this.sleep.is_none() {
                this.sleep.set(Some(tokio::time::sleep(total.left())));
            }
            let sleep = this.sleep.as_mut().as_pin_mut().expect("just set");
            if sleep.poll(cx).is_ready() {
                let late = this.reads.late(too_late(total));
                this.body.set(None);
                end(this.ticket, Outcome::Timeout, None);
                return Poll::Ready(Some(Err(late)));
            }
        }
        // Taken out, so that a panic of the body is seen to drop it.
        let mut ticket = this.ticket.take();
        let mut poll = || body.as_mut().poll_frame(cx);
        let polled = match &mut ticket {
            Some(ticket) => ticket.watched(poll),
            None => poll(),
        };
        let Poll::Ready(polled) = polled else {
            *this.ticket = ticket;
            return Poll::Pending;
        };
        let frame = match polled {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                let (outcome, error) = this.reads.broken(error);
                end(&mut ticket, outcome, None);
                this.body.set(None);
                return Poll::Ready(Some(Err(error)));
            }
            None => {
                end(&mut ticket, this.reads.end(), None);
                this.body.set(None);
                return Poll::Ready(None);
            }
        };
        if let Some((outcome, wait)) = this.reads.frame(&frame) {
            end(&mut ticket, outcome, wait);
        } else if body.is_end_stream() {
            end(&mut ticket, this.reads.end(), None);
        } else if let Some(ticket) = &ticket {
            ticket.renew();
        }
        *this.ticket = ticket;
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
