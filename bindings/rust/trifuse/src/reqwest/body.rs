// SPDX-License-Identifier: MIT OR Apache-2.0
//! Answers whose bodies end a ticket.
use std::io;
use std::time::Duration;

use ::bytes::Bytes;
use ::http_body::Frame;
use ::reqwest::{Body, Response, ResponseBuilderExt};

use crate::client::{Bounded, Reads, Ticket, Total};
use crate::error::TimedOut;
use crate::reqwest::events::Events;
use crate::reqwest::verdict::of_body;
use crate::text::Outcome;

struct Reading {
    events: Option<Events>,
}

impl Reads<::reqwest::Error> for Reading {
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn frame(&mut self, frame: &Frame<Bytes>) -> Option<(Outcome, Option<Duration>)> {
        if let (Some(events), Some(chunk)) = (&mut self.events, frame.data_ref()) {
            events.saw(chunk);
        }
        None
    }

    fn end(&self) -> Outcome {
        Outcome::Success
    }

    fn broken(&self, error: ::reqwest::Error) -> (Outcome, Self::Error) {
        (of_body(&error), error.into())
    }

    /// An error that reqwest takes for a timeout.
    fn late(&self, late: TimedOut) -> Self::Error {
        io::Error::new(io::ErrorKind::TimedOut, late).into()
    }

    fn is_done(&self) -> bool {
        self.events.as_ref().is_some_and(Events::are_done)
    }
}

/// Whether no body follows the head.
pub(crate) fn is_empty(response: &Response) -> bool {
    response.content_length() == Some(0)
}

/// The same answer, with a body that ends the ticket.
pub(crate) fn guarded(response: Response, ticket: Ticket, total: Option<Total>) -> Response {
    let reading = Reading { events: Events::of(response.headers()) };
    let url = response.url().clone();
    let (mut parts, body) = ::http::Response::<Body>::from(response).into_parts();
    let guarded = Body::wrap(Bounded::new(body, reading, Some(ticket), total));
    // The one way to give an answer its URL back.
    let with_url = ::http::response::Builder::new().url(url).body(()).expect("no header was given");
    parts.extensions.extend(with_url.into_parts().0.extensions);
    ::http::Response::from_parts(parts, guarded).into()
}
