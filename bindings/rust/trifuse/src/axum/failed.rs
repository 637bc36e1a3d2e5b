// SPDX-License-Identifier: MIT OR Apache-2.0
use std::error::Error;
use std::fmt;

use ::axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;

use crate::error::{CallError, TimedOut};
use crate::error_limits::RateLimited;
use crate::refused::Refused;

/// The error of a handler that calls other services: every [`CallError`] becomes one by `?`.
///
/// Refused: 503 with `Retry-After`; timed out: 504; the operation's own error: 502. A refusal or a timeout
/// is found as well where a client library has wrapped it (as a source of its error). The client is told
/// neither names nor the text of an error: those stay in [`error`](Self::error) and, with the feature
/// `tracing`, in the log.
///
/// ```
/// use trifuse::CircuitBreaker;
/// use trifuse::axum::Failed;
///
/// async fn price(breaker: CircuitBreaker) -> Result<String, Failed> {
///     let price = breaker.call_async(async { "12".parse::<u32>() }).await?;
///     Ok(format!("{price} EUR"))
/// }
/// # let breaker = CircuitBreaker::builder("catalogue").build()?;
/// # assert_eq!(futures::executor::block_on(price(breaker)).unwrap(), "12 EUR");
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct Failed {
    error: CallError<Box<dyn Error + Send + Sync>>,
}

impl Failed {
    /// What happened.
    #[must_use]
    pub fn error(&self) -> &CallError<Box<dyn Error + Send + Sync>> {
        &self.error
    }
}

/// The refusal or timeout among an error and its sources.
fn ours(error: &(dyn Error + 'static)) -> Option<CallError<Box<dyn Error + Send + Sync>>> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(refused) = error.downcast_ref::<Refused>() {
            return Some(refused.clone().into());
        }
        if let Some(late) = error.downcast_ref::<TimedOut>() {
            return Some(late.clone().into());
        }
        next = error.source();
    }
    None
}

impl<E: Error + Send + Sync + 'static> From<CallError<E>> for Failed {
    fn from(error: CallError<E>) -> Self {
        let error = match error {
            CallError::Refused(refused) => refused.into(),
            CallError::TimedOut(late) => late.into(),
            CallError::Operation(own) => ours(&own).unwrap_or_else(|| CallError::Operation(Box::new(own))),
        };
        Self { error }
    }
}

/// For errors that are boxed, by [`CallError::boxed`].
impl From<Box<dyn Error + Send + Sync>> for Failed {
    fn from(error: Box<dyn Error + Send + Sync>) -> Self {
        Self { error: ours(&*error).unwrap_or(CallError::Operation(error)) }
    }
}

impl From<Refused> for Failed {
    fn from(refused: Refused) -> Self {
        Self { error: refused.into() }
    }
}

impl From<TimedOut> for Failed {
    fn from(late: TimedOut) -> Self {
        Self { error: late.into() }
    }
}

impl From<RateLimited> for Failed {
    fn from(limited: RateLimited) -> Self {
        Self { error: limited.into() }
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        match self.error {
            CallError::Refused(refused) => refused.into_response(),
            CallError::TimedOut(late) => late.into_response(),
            CallError::Operation(error) => {
                super::log::failed(&*error);
                let detail = "Something that this service needs failed.";
                super::problem::problem(StatusCode::BAD_GATEWAY, json!({ "detail": detail }))
            }
        }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl Error for Failed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.error {
            CallError::Refused(refused) => Some(refused),
            CallError::TimedOut(late) => Some(late),
            // Shown as this error itself, so its own source comes next.
            CallError::Operation(error) => error.source(),
        }
    }
}
