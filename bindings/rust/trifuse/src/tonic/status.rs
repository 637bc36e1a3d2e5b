// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a status says about the service, and what ours look like.
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use ::http::{HeaderMap, StatusCode};
use ::tonic::metadata::{MetadataMap, MetadataValue};
use ::tonic::{Code, Status, TimeoutExpired};

use crate::classify::{Classification, Classifier};
use crate::client::Verdict;
use crate::error::TimedOut;
use crate::http::{classify_grpc, classify_head, grpc_status, retry_after};
use crate::refused::Refused;
use crate::text::Outcome;
use crate::text_refusal::PolicyKind;
use crate::tonic::retry_info::retry_info;

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

const PUSHBACK: &str = "grpc-retry-pushback-ms";

/// Judges calls of generated clients by their status: for a breaker or a [`Retry`](crate::Retry) around a whole
/// call, where there is no [`GuardLayer`](crate::tonic::GuardLayer).
///
/// | status | outcome |
/// |---|---|
/// | `DEADLINE_EXCEEDED` | timeout |
/// | `UNAVAILABLE`, `INTERNAL`, `UNKNOWN`, `RESOURCE_EXHAUSTED`, `ABORTED`, `DATA_LOSS` | failure |
/// | `CANCELLED` and the caller's mistakes (`INVALID_ARGUMENT`, `NOT_FOUND`, ...) | ignored |
///
/// `grpc-retry-pushback-ms` and `retry-after` in its metadata are the server's word when to come back. A refusal
/// of a policy within is a failure if it was a circuit breaker's, else ignored.
///
/// ```
/// use tonic::Status;
/// use trifuse::tonic::StatusClassifier;
/// use trifuse::{Classifier, Outcome};
///
/// let outcome = |status| StatusClassifier.classify(&Err::<(), Status>(status)).outcome();
/// assert_eq!(outcome(Status::unavailable("away")), Outcome::Failure);
/// assert_eq!(outcome(Status::deadline_exceeded("late")), Outcome::Timeout);
/// assert_eq!(outcome(Status::not_found("no such order")), Outcome::Ignored);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatusClassifier;

impl<T> Classifier<T, Status> for StatusClassifier {
    fn classify(&self, result: &Result<T, Status>) -> Classification {
        match result {
            Ok(_) => Outcome::Success.into(),
            Err(status) => {
                let verdict = of_status(status);
                match verdict.retry_after.filter(|_| verdict.outcome == Outcome::Failure) {
                    Some(wait) if !wait.is_zero() => Classification::retry_after(wait),
                    _ => verdict.outcome.into(),
                }
            }
        }
    }
}

/// Whether a call with this status may be made again: what says so itself by a negative
/// `grpc-retry-pushback-ms`, a refusal and what is no failure may not. For
/// [`when`](crate::Retrying::when) of a retry.
///
/// ```
/// use tonic::Status;
/// use trifuse::tonic::may_retry;
///
/// let mut busy = Status::unavailable("busy");
/// assert!(may_retry(&busy) && !may_retry(&Status::invalid_argument("no")));
/// busy.metadata_mut().insert("grpc-retry-pushback-ms", "-1".parse()?);
/// assert!(!may_retry(&busy));
/// # Ok::<(), tonic::metadata::errors::InvalidMetadataValue>(())
/// ```
pub fn may_retry(status: &Status) -> bool {
    of_status(status).again
}

/// The refusal that a status is, if the call was not made.
///
/// ```
/// assert!(trifuse::tonic::refused(&tonic::Status::unavailable("the server's own")).is_none());
/// ```
pub fn refused(status: &Status) -> Option<&Refused> {
    status.source()?.downcast_ref()
}

/// The timeout that a status is, if `request_timeout`, `total_timeout` or the call's own timeout ended it here.
///
/// ```
/// assert!(trifuse::tonic::timed_out(&tonic::Status::deadline_exceeded("the server's own")).is_none());
/// ```
pub fn timed_out(status: &Status) -> Option<&TimedOut> {
    status.source()?.downcast_ref()
}

/// `UNAVAILABLE`, with the time to come back where that is known: in the metadata and as `RetryInfo`.
pub(crate) fn of_refusal(refused: Refused) -> Status {
    let text = refused.to_string();
    let mut status = match refused.retry_after {
        None => Status::unavailable(text),
        Some(wait) => {
            let mut metadata = MetadataMap::new();
            let milliseconds = u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
            metadata.insert(PUSHBACK, MetadataValue::from(milliseconds));
            let details = retry_info(Code::Unavailable, &text, wait).into();
            Status::with_details_and_metadata(Code::Unavailable, text, details, metadata)
        }
    };
    status.set_source(Arc::new(refused));
    status
}

pub(crate) fn of_timeout(late: TimedOut) -> Status {
    let mut status = Status::deadline_exceeded(late.to_string());
    status.set_source(Arc::new(late));
    status
}

/// By the head of an answer; `None`: its trailers will tell.
pub(crate) fn of_head(status: StatusCode, headers: &HeaderMap) -> Option<Verdict> {
    let classification = if grpc_status(headers).is_some() {
        classify_grpc(headers)
    } else if status != StatusCode::OK {
        classify_head(status, headers)
    } else {
        return None;
    };
    let verdict = Verdict::of(classification, retry_after(headers));
    Some(Verdict { again: verdict.again && !is_held_off(headers), ..verdict })
}

/// A pushback that is negative or no number: not again.
fn is_held_off(headers: &HeaderMap) -> bool {
    let told = headers.get(PUSHBACK).map(|value| value.as_bytes());
    told.is_some_and(|told| told.is_empty() || !told.iter().all(u8::is_ascii_digit))
}

/// What an error of the channel is.
pub(crate) fn of_error(error: BoxError) -> (Status, Verdict) {
    let late = is_late(&*error);
    let status = Status::from_error(error);
    let verdict = if late { Verdict::new(Outcome::Timeout, true) } else { of_status(&status) };
    (status, verdict)
}

/// The channel's own time limit, which tonic makes a `CANCELLED`.
fn is_late(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |&error| error.source()).any(|error| error.is::<TimeoutExpired>())
}

fn of_status(status: &Status) -> Verdict {
    if let Some(refused) = refused(status) {
        let breaker = refused.policy == PolicyKind::CircuitBreaker;
        return Verdict::new(if breaker { Outcome::Failure } else { Outcome::Ignored }, false);
    }
    let outcome = match status.code() {
        Code::Ok => Outcome::Success,
        Code::DeadlineExceeded => Outcome::Timeout,
        Code::Unknown
        | Code::ResourceExhausted
        | Code::Aborted
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss => Outcome::Failure,
        _ => Outcome::Ignored,
    };
    let headers = status.metadata().clone().into_headers();
    let wait: Option<Duration> = retry_after(&headers);
    let verdict = Verdict::of(outcome.into(), wait);
    Verdict { again: verdict.again && !is_held_off(&headers), ..verdict }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The table of the statuses is in two places: by number for headers and trailers, and by code here.
    #[test]
    fn a_status_says_the_same_in_headers_and_as_an_error() {
        for number in 0..=16 {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-status", number.into());
            let status = Status::new(Code::from(number), "");
            let head = of_head(StatusCode::OK, &headers).expect("it has a status");
            assert_eq!(head, of_status(&status), "{number}");
        }
    }

    #[test]
    fn an_answer_without_a_status_is_judged_by_its_trailers_unless_http_has_failed() {
        assert_eq!(of_head(StatusCode::OK, &HeaderMap::new()), None);
        let busy = of_head(StatusCode::SERVICE_UNAVAILABLE, &HeaderMap::new()).unwrap();
        assert_eq!(busy, Verdict::new(Outcome::Failure, true));
    }

    #[test]
    fn a_pushback_is_the_wait_and_a_negative_one_the_end() {
        let head = |pushback: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-status", 14.into());
            headers.insert(PUSHBACK, pushback.parse().unwrap());
            of_head(StatusCode::OK, &headers).unwrap()
        };
        assert_eq!(head("250").retry_after, Some(Duration::from_millis(250)));
        assert!(head("250").again && head("0").again);
        assert!(!head("-1").again && !head("soon").again);
    }
}
