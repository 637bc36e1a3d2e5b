// SPDX-License-Identifier: MIT OR Apache-2.0
//! Events and spans of [tracing](https://docs.rs/tracing), all of the target [`TARGET`].
//!
//! ```
//! use trifuse::{Registry, telemetry::tracing};
//!
//! let registry = Registry::builder()
//!     .on_transition(tracing::transition)
//!     .on_refused(tracing::refused)
//!     .build();
//! # let _ = registry;
//! ```

use std::error::Error;

use ::tracing::{Level, event};

use crate::error::CallError;
use crate::event::Transition;
use crate::name::Name;
use crate::refused::Refused;
use crate::text::{Cause, State};

pub use crate::telemetry::tracing_spans::{SpanCall, Spans};

/// The target of all events and spans: `RUST_LOG=trifuse=info`.
///
/// ```
/// assert_eq!(trifuse::telemetry::tracing::TARGET, "trifuse");
/// ```
pub const TARGET: &str = "trifuse";

/// What a change of state is called: `opened`, `reopened`, `half_open`, `closed`, `reset`, `forced_open`, `disabled`,
/// `metrics_only`, and in shadow mode `would_have_opened`.
///
/// ```
/// use trifuse::{CircuitBreaker, telemetry::tracing::event_of};
/// let breaker = CircuitBreaker::builder("search").on_transition(|t| assert_eq!(event_of(t), "opened")).build()?;
/// breaker.trip(None);
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[must_use]
pub fn event_of(transition: &Transition) -> &'static str {
    match (transition.from, transition.to) {
        (State::HalfOpen, State::Open) => "reopened",
        (_, State::Open) => "opened",
        (_, State::HalfOpen) => "half_open",
        (_, State::Closed) if transition.cause == Cause::Reset => "reset",
        (_, State::Closed) => "closed",
        (_, State::ForcedOpen) => "forced_open",
        (_, State::Disabled) => "disabled",
        (State::MetricsOnly, State::MetricsOnly) if transition.cause != Cause::Forced => "would_have_opened",
        (_, State::MetricsOnly) => "metrics_only",
    }
}

/// A listener for `on_transition`: an event for each change of state, a warning where calls are refused from
/// then on, with name, states, cause, failure rate and counts.
///
/// ```
/// use trifuse::{CircuitBreaker, telemetry::tracing};
/// let search = CircuitBreaker::builder("search").on_transition(tracing::transition).build()?;
/// # let _ = search;
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
pub fn transition(transition: &Transition) {
    let Transition { name, from, to, cause, window, .. } = transition;
    let rate = if window.total == 0 { 0.0 } else { window.failed as f64 / window.total as f64 };
    let open_for_ms = transition.open_for.map(|wait| wait.as_secs_f64() * 1e3);
    macro_rules! tell {
        ($level:expr) => {
            event!(
                target: TARGET,
                $level,
                event = event_of(transition),
                circuit_breaker.name = name.as_str(),
                circuit_breaker.from = from.as_str(),
                circuit_breaker.state = to.as_str(),
                circuit_breaker.cause = cause.as_str(),
                circuit_breaker.failure_rate = rate,
                circuit_breaker.calls = window.total,
                circuit_breaker.failures = window.failed,
                circuit_breaker.slow_calls = window.slow,
                circuit_breaker.probe_successes = transition.probe_successes,
                circuit_breaker.probe_failures = transition.probe_failures,
                circuit_breaker.open_for_ms = open_for_ms,
                "circuit breaker {:?}: {} to {} ({})",
                name.as_str(),
                from,
                to,
                cause
            )
        };
    }
    if matches!(to, State::Open | State::ForcedOpen) { tell!(Level::WARN) } else { tell!(Level::INFO) }
}

/// A listener for `on_refused`: an event at level DEBUG for each refused call.
///
/// ```
/// use trifuse::{CircuitBreaker, telemetry::tracing};
/// let search = CircuitBreaker::builder("search").on_refused(tracing::refused).build()?;
/// # let _ = search;
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
pub fn refused(refused: &Refused) {
    event!(
        target: TARGET,
        Level::DEBUG,
        event = "refused",
        policy.kind = refused.policy.as_str(),
        policy.name = refused.name.as_str(),
        reason = refused.reason.as_str(),
        retry_after_ms = refused.retry_after.map(|wait| wait.as_secs_f64() * 1e3),
        "call refused"
    );
}

/// A listener for `on_answer` of the [`Fallback`](crate::Fallback) of this name: an event for each answer, with the
/// level that gave it and the kind of the error (`refused`, `timeout`, `operation`), never its text.
///
/// ```
/// use trifuse::{Fallback, telemetry::tracing};
/// let answers = Fallback::<_, ()>::new("search").value(7).on_answer(tracing::answered("search"));
/// assert_eq!(answers.call(|| Err(())), Ok(7));
/// ```
pub fn answered<E>(name: impl Into<Name>) -> impl Fn(&'static str, &CallError<E>) + Send + Sync + 'static {
    let name = name.into();
    move |level, error| {
        let kind = match error {
            CallError::Refused(_) => "refused",
            CallError::TimedOut(_) => "timeout",
            CallError::Operation(_) => "operation",
        };
        event!(
            target: TARGET,
            Level::INFO,
            event = "fallback",
            fallback.name = name.as_str(),
            fallback.level = level,
            fallback.error = kind,
            "fallback {:?} answered by {:?}",
            name.as_str(),
            level
        );
    }
}

/// The log has the text of the error that health reports leave out.
#[cfg_attr(not(feature = "health"), allow(dead_code))]
pub(crate) fn check_failed(name: &Name, error: &(dyn Error + 'static)) {
    event!(
        target: TARGET,
        Level::WARN,
        event = "health_check_failed",
        health.check = name.as_str(),
        error = error,
        "health check {:?} failed",
        name.as_str()
    );
}
