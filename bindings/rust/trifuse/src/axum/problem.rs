// SPDX-License-Identifier: MIT OR Apache-2.0
use std::time::Duration;

use ::axum::body::Body;
use ::axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use serde_json::{Value, json};

use crate::error::{CallError, TimedOut};
use crate::error_limits::{LimiterError, RateLimited};
use crate::refused::Refused;

/// What `Retry-After` says where it is not known when to try again.
const UNKNOWN_WAIT: u64 = 1;

/// Answers with 429 and not 503: it is the client that asks too often.
///
/// For limits that a handler takes by itself; what [`ResilienceLayer`](crate::axum::ResilienceLayer) refuses
/// by its rate limit is answered so already.
///
/// ```
/// use axum::response::IntoResponse;
/// use trifuse::RateLimiter;
/// use trifuse::axum::TooManyRequests;
///
/// let uploads = RateLimiter::per_second(1.0).build()?;
/// uploads.try_acquire().unwrap();
/// let answer = TooManyRequests(uploads.try_acquire().unwrap_err().into()).into_response();
/// assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (429, &"1".parse().unwrap()));
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TooManyRequests(pub Refused);

/// Whole seconds, rounded up, at least 1.
fn told(wait: Option<Duration>) -> u64 {
    wait.map_or(UNKNOWN_WAIT, |wait| wait.as_secs().saturating_add((wait.subsec_nanos() != 0).into())).max(1)
}

/// The answer to a refusal. The name of what refused stays within.
fn refusal(status: StatusCode, refused: Refused) -> Response {
    let seconds = told(refused.retry_after);
    let detail = if status == StatusCode::TOO_MANY_REQUESTS {
        format!("There were too many requests. Try again in {seconds} s.")
    } else {
        format!("Something that this service needs is not available. Try again in {seconds} s.")
    };
    let mut response = problem(
        status,
        json!({
            "detail": detail,
            "policy": refused.policy.as_str(),
            "reason": refused.reason.as_str(),
            "retry_after": refused.retry_after.map(|wait| wait.as_secs_f64()),
        }),
    );
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    response.extensions_mut().insert(refused);
    response
}

/// The answer of a rate limit of the requests themselves.
pub(crate) fn too_many(error: LimiterError) -> Response {
    match error {
        LimiterError::RateLimited(limited) => TooManyRequests(limited.into()).into_response(),
        _ => problem(StatusCode::TOO_MANY_REQUESTS, json!({ "reason": "rate_limited", "retry_after": null })),
    }
}

/// A problem+json body with these members beside the standard ones.
pub(crate) fn problem(status: StatusCode, mut members: Value) -> Response {
    members["type"] = "about:blank".into();
    members["title"] = status.canonical_reason().unwrap_or_default().into();
    members["status"] = status.as_u16().into();
    answer(status, "application/problem+json", &members)
}

/// Plain data as an answer that nobody may cache.
pub(crate) fn answer(status: StatusCode, kind: &'static str, data: &Value) -> Response {
    let mut response = Response::new(Body::from(data.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

pub(crate) fn json_answer(status: StatusCode, data: &Value) -> Response {
    answer(status, "application/json", data)
}

impl IntoResponse for TooManyRequests {
    fn into_response(self) -> Response {
        refusal(StatusCode::TOO_MANY_REQUESTS, self.0)
    }
}

#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        refusal(StatusCode::SERVICE_UNAVAILABLE, self)
    }
}

#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
impl IntoResponse for RateLimited {
    fn into_response(self) -> Response {
        Refused::from(self).into_response()
    }
}

#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
impl IntoResponse for TimedOut {
    fn into_response(self) -> Response {
        let detail = "Something that this service needs did not answer in time.";
        let members = json!({ "detail": detail, "reason": self.setting.to_string() });
        let mut response = problem(StatusCode::GATEWAY_TIMEOUT, members);
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
impl<E: IntoResponse> IntoResponse for CallError<E> {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(refused) => refused.into_response(),
            Self::TimedOut(late) => late.into_response(),
            Self::Operation(error) => error.into_response(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_in_whole_seconds_rounded_up_and_never_as_none() {
        let waits = [
            (None, 1),
            (Some(Duration::ZERO), 1),
            (Some(Duration::from_nanos(1)), 1),
            (Some(Duration::from_secs(2)), 2),
            (Some(Duration::new(2, 1)), 3),
            (Some(Duration::MAX), u64::MAX),
        ];
        for (wait, seconds) in waits {
            assert_eq!(told(wait), seconds, "{wait:?}");
        }
    }
}
