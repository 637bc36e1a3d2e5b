// SPDX-License-Identifier: MIT OR Apache-2.0
use std::sync::atomic::{AtomicBool, Ordering};

use ::tracing::{Level, Span, field, span};

use crate::breaker::CircuitBreaker;
use crate::telemetry::observer::{Ended, ObservedCall, Observer};
use crate::telemetry::{SPAN, requests};
use crate::text::State;

/// A span `circuit_breaker.call` around each call of a breaker, at level INFO, current while the call runs or is
/// polled. It has, each under `circuit_breaker.`:
///
/// | | |
/// |---|---|
/// | `name`, `state`, `failure_rate`, `total_requests` | as the call came; all calls until then, refused ones too |
/// | `action` | `rejected`, or `half_open_test` for a probe |
/// | `result` | `success`, `failure`, `timeout`, `ignored`, `rejected`, `cancelled` |
///
/// Where no subscriber wants the span, a call costs what asking that costs.
///
/// ```
/// use trifuse::telemetry::{Observed, tracing::Spans};
/// use trifuse::{CircuitBreaker, Pipeline};
///
/// let breaker = CircuitBreaker::builder("search").build()?;
/// let search = Pipeline::builder("search").policy(Observed::new(breaker, Spans)).build();
/// assert_eq!(search.call(|| "12".parse::<u8>()), Ok(12));
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Spans;

/// The span of one call.
///
/// ```
/// # use trifuse::{CircuitBreaker, telemetry::{Observer, tracing::Spans}};
/// let breaker = CircuitBreaker::builder("search").build()?;
/// assert!(Spans.begin(&breaker).is_none()); // there is no subscriber
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct SpanCall {
    span: Span,
    breaker: CircuitBreaker,
    passed: AtomicBool,
}

impl Observer<CircuitBreaker> for Spans {
    type Call = SpanCall;

    fn begin(&self, breaker: &CircuitBreaker) -> Option<SpanCall> {
        let span = span!(
            target: super::tracing::TARGET,
            Level::INFO,
            SPAN,
            circuit_breaker.name = breaker.name(),
            circuit_breaker.state = field::Empty,
            circuit_breaker.failure_rate = field::Empty,
            circuit_breaker.total_requests = field::Empty,
            circuit_breaker.action = field::Empty,
            circuit_breaker.result = field::Empty,
        );
        if span.is_disabled() {
            return None;
        }
        let seen = breaker.snapshot();
        span.record("circuit_breaker.state", seen.state.as_str());
        span.record("circuit_breaker.failure_rate", seen.failure_rate);
        span.record("circuit_breaker.total_requests", requests(&seen.totals));
        Some(SpanCall { span, breaker: breaker.clone(), passed: AtomicBool::new(false) })
    }
}

impl ObservedCall for SpanCall {
    fn passed(&self) {
        self.passed.store(true, Ordering::Relaxed);
        if self.breaker.state() == State::HalfOpen {
            self.span.record("circuit_breaker.action", "half_open_test");
        }
    }

    fn within<R>(&self, step: impl FnOnce() -> R) -> R {
        self.span.in_scope(step)
    }

    fn ended(&self, how: Ended) {
        if how == Ended::Rejected && !self.passed.load(Ordering::Relaxed) {
            self.span.record("circuit_breaker.action", "rejected");
        }
        self.span.record("circuit_breaker.result", how.as_str());
    }
}
