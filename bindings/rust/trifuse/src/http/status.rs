// SPDX-License-Identifier: MIT OR Apache-2.0
use std::time::Duration;

use ::http::{HeaderMap, Response, StatusCode};

use crate::classify::{Classification, Classifier};
use crate::http::grpc::{classify_grpc, grpc_status, is_grpc};
use crate::http::retry_after;
use crate::text::Outcome;

/// Judges responses by their status; `Err` is a failure.
///
/// | status | outcome |
/// |---|---|
/// | 1xx, 2xx, 3xx | success |
/// | 408, 504, 522, 524 | timeout |
/// | other 5xx, 409, 425, 429; 403 with a time to come back | failure |
/// | 402: no money is left | failure, which no retry mends |
/// | other 4xx | ignored: the caller's mistake |
///
/// A failure of 403, 429 or 5xx that [says when to come back](crate::http::retry_after) opens the circuit for
/// that time, a day at most, and is what a retry waits for. A response of gRPC is judged by its `grpc-status`
/// instead, see [`classify_grpc`](crate::http::classify_grpc), as far as that is in the headers; a
/// [`GuardedBody`](crate::http::GuardedBody) looks at the trailers.
///
/// ```
/// use http::Response;
/// use trifuse::http::StatusClassifier;
/// use trifuse::{Classifier, Outcome};
///
/// let outcome = |status: u16| {
///     let response = Response::builder().status(status).body(()).unwrap();
///     StatusClassifier.classify(&Ok::<_, std::io::Error>(response)).outcome()
/// };
/// assert_eq!((outcome(200), outcome(404)), (Outcome::Success, Outcome::Ignored));
/// assert_eq!((outcome(500), outcome(504)), (Outcome::Failure, Outcome::Timeout));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatusClassifier;

impl<B, E> Classifier<Response<B>, E> for StatusClassifier {
    fn classify(&self, result: &Result<Response<B>, E>) -> Classification {
        match result {
            Ok(response) => classify_head(response.status(), response.headers()),
            Err(_) => Outcome::Failure.into(),
        }
    }
}

/// What [`StatusClassifier`] says of a response with this status and these headers.
///
/// ```
/// use http::{HeaderMap, StatusCode};
/// use trifuse::Outcome;
/// use trifuse::http::classify_head;
///
/// let verdict = classify_head(StatusCode::BAD_GATEWAY, &HeaderMap::new());
/// assert_eq!(verdict.outcome(), Outcome::Failure);
/// ```
#[must_use]
pub fn classify_head(status: StatusCode, headers: &HeaderMap) -> Classification {
    if is_grpc(headers) && grpc_status(headers).is_some() {
        return classify_grpc(headers);
    }
    match status.as_u16() {
        408 | 504 | 522 | 524 => Outcome::Timeout.into(),
        402 => Classification::from(Outcome::Failure).without_retry(),
        409 | 425 => Outcome::Failure.into(),
        403 if retry_after(headers).is_some() => busy(headers),
        429 | 500..=599 => busy(headers),
        400..=499 => Outcome::Ignored.into(),
        100..=399 => Outcome::Success.into(),
        _ => Outcome::Failure.into(), // 600 and more are no statuses
    }
}

/// A header that is garbage must not cut a service off for longer than somebody looks after it.
pub(crate) const DAY: Duration = Duration::from_secs(86_400);

/// A failure, with the server's word when to come back. "At once" is no time to open a circuit for.
pub(crate) fn busy(headers: &HeaderMap) -> Classification {
    let verdict = match retry_after(headers) {
        Some(wait) if !wait.is_zero() => Classification::retry_after(wait.min(DAY)),
        _ => Outcome::Failure.into(),
    };
    if unwelcome(headers) { verdict.without_retry() } else { verdict }
}

/// A server of gRPC says by a negative time that it does not want to be asked again.
fn unwelcome(headers: &HeaderMap) -> bool {
    headers.get("grpc-retry-pushback-ms").is_some_and(|told| told.as_bytes().starts_with(b"-"))
}
