// SPDX-License-Identifier: MIT OR Apache-2.0
//! What answers and errors say about the host, and whether to ask again.
use std::error::Error;

use ::http::StatusCode;
use ::reqwest::Response;

use crate::client::Verdict;
use crate::error::TimedOut;
use crate::http::{classify_head, retry_after};
use crate::text::Outcome;

/// By the status of an answer.
pub(crate) fn of_answer(response: &Response) -> Verdict {
    let (status, headers) = (response.status(), response.headers());
    let classification = classify_head(status, headers);
    if classification.outcome() == Outcome::Success {
        return Verdict::new(Outcome::Success, false);
    }
    let verdict = Verdict::of(classification, retry_after(headers));
    // No wait brings the money.
    Verdict { again: verdict.again && status != StatusCode::PAYMENT_REQUIRED, ..verdict }
}

/// Of an error before the head of an answer.
pub(crate) fn of_error(error: &::reqwest::Error) -> Verdict {
    if error.is_builder() {
        Verdict::new(Outcome::Ignored, false)
    } else if error.is_timeout() {
        Verdict::new(Outcome::Timeout, true)
    } else {
        Verdict::new(Outcome::Failure, true)
    }
}

/// Of an error within the body.
pub(crate) fn of_body(error: &::reqwest::Error) -> Outcome {
    if error.is_timeout() { Outcome::Timeout } else { Outcome::Failure }
}

/// The [`TimedOut`] of the client's `total_timeout` that ended the body of an answer, if it is what this
/// error came from. `reqwest::Error::is_timeout` is true of it as well.
///
/// ```
/// async fn text(response: reqwest::Response) -> Option<String> {
///     match response.text().await {
///         Ok(text) => Some(text),
///         Err(error) => {
///             if let Some(late) = trifuse::reqwest::timed_out(&error) {
///                 eprintln!("{late}");
///             }
///             None
///         }
///     }
/// }
/// # let _ = text;
/// ```
pub fn timed_out(error: &::reqwest::Error) -> Option<&TimedOut> {
    let mut source = error.source();
    while let Some(error) = source {
        let within = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if let Some(late) = within.and_then(|within| within.downcast_ref()) {
            return Some(late);
        }
        source = error.source();
    }
    None
}
