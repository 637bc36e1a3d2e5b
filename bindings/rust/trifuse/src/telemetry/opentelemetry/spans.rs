// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ::opentelemetry::global::{self, BoxedTracer};
use ::opentelemetry::trace::{Span, Status, TraceContextExt, Tracer};
use ::opentelemetry::{Context, KeyValue};

use crate::breaker::CircuitBreaker;
use crate::telemetry::observer::{Ended, ObservedCall, Observer};
use crate::telemetry::opentelemetry::instruments::named;
use crate::telemetry::{SPAN, requests};
use crate::text::State;

/// A span `circuit_breaker.call` around each call of a breaker, a child of the current one, and current while the call
/// runs or is polled. Its attributes are those of the span of [tracing](https://docs.rs/tracing), each under
/// `circuit_breaker.`: `name`, `state`, `failure_rate`, `total_requests`, `action` (`rejected`, `half_open_test`) and
/// `result`. A failure or timeout makes its status an error.
///
/// ```
/// use trifuse::telemetry::{Observed, opentelemetry::Spans};
/// use trifuse::{CircuitBreaker, Pipeline};
///
/// let breaker = CircuitBreaker::builder("search").build()?;
/// let search = Pipeline::builder("search").policy(Observed::new(breaker, Spans::global())).build();
/// assert_eq!(search.call(|| "12".parse::<u8>()), Ok(12));
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
pub struct Spans<T = BoxedTracer> {
    tracer: Arc<T>,
}

impl Spans {
    /// Spans of the tracer `trifuse` of the global provider, which has to be set before.
    ///
    /// ```
    /// let spans = trifuse::telemetry::opentelemetry::Spans::global();
    /// # let _ = spans;
    /// ```
    #[must_use]
    pub fn global() -> Self {
        Self::new(global::tracer("trifuse"))
    }
}

impl<T> Spans<T> {
    /// Spans of this tracer.
    ///
    /// ```
    /// use trifuse::telemetry::opentelemetry::Spans;
    /// let spans = Spans::new(opentelemetry::global::tracer("shop"));
    /// # let _ = spans;
    /// ```
    #[must_use]
    pub fn new(tracer: T) -> Self {
        Self { tracer: Arc::new(tracer) }
    }
}

/// The span of one call.
///
/// ```
/// # use trifuse::{CircuitBreaker, telemetry::{Observer, opentelemetry::Spans}};
/// let breaker = CircuitBreaker::builder("search").build()?;
/// assert!(Spans::global().begin(&breaker).is_none()); // nobody records spans here
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
pub struct SpanCall {
    /// With the span.
    context: Context,
    breaker: CircuitBreaker,
    passed: AtomicBool,
}

impl<T: Tracer> Observer<CircuitBreaker> for Spans<T>
where
    T::Span: Send + Sync + 'static,
{
    type Call = SpanCall;

    fn begin(&self, breaker: &CircuitBreaker) -> Option<SpanCall> {
        let mut span = self.tracer.start(SPAN);
        // One that is not sampled still has to be the parent of those within.
        if !span.is_recording() && !span.span_context().is_valid() {
            return None;
        }
        if span.is_recording() {
            let seen = breaker.snapshot();
            span.set_attributes([
                named("circuit_breaker.name", &breaker.shared.name),
                KeyValue::new("circuit_breaker.state", seen.state.as_str()),
                KeyValue::new("circuit_breaker.failure_rate", seen.failure_rate),
                KeyValue::new("circuit_breaker.total_requests", whole(requests(&seen.totals))),
            ]);
        }
        let context = Context::current_with_span(span);
        Some(SpanCall { context, breaker: breaker.clone(), passed: AtomicBool::new(false) })
    }
}

impl ObservedCall for SpanCall {
    fn passed(&self) {
        self.passed.store(true, Ordering::Relaxed);
        if self.breaker.state() == State::HalfOpen {
            self.set("circuit_breaker.action", "half_open_test");
        }
    }

    fn within<R>(&self, step: impl FnOnce() -> R) -> R {
        let _current = self.context.clone().attach();
        step()
    }

    fn ended(&self, how: Ended) {
        if how == Ended::Rejected && !self.passed.load(Ordering::Relaxed) {
            self.set("circuit_breaker.action", "rejected");
        }
        self.set("circuit_breaker.result", how.as_str());
        if matches!(how, Ended::Failure | Ended::Timeout) {
            self.context.span().set_status(Status::error(how.as_str()));
        }
        self.context.span().end();
    }
}

impl SpanCall {
    fn set(&self, key: &'static str, value: &'static str) {
        self.context.span().set_attribute(KeyValue::new(key, value));
    }
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl<T> Clone for Spans<T> {
    fn clone(&self) -> Self {
        Self { tracer: self.tracer.clone() }
    }
}

impl<T> fmt::Debug for Spans<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spans").finish_non_exhaustive()
    }
}

impl fmt::Debug for SpanCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanCall").field("breaker", &self.breaker).finish_non_exhaustive()
    }
}
