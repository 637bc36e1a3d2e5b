// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::opentelemetry::metrics::{AsyncInstrument, Counter, Histogram, Meter};
use ::opentelemetry::{KeyValue, StringValue, global};

use crate::event::CallReport;
use crate::name::Name;
use crate::snapshot::Snapshot;
use crate::source::Breakers;
use crate::text::{Outcome, State};

/// The instruments of a meter. Clones share them.
///
/// [`watch`](Self::watch) takes breakers, [`duration`](Self::duration) is a listener for their calls, and as an
/// [`Observer`](crate::telemetry::Observer) it watches rate limiters, retries, bulkheads and adaptive limits.
///
/// ```
/// use std::sync::Arc;
/// use trifuse::telemetry::{Observed, opentelemetry::Reliability};
/// use trifuse::{Config, Pipeline, RateLimiter, Registry, Retry};
///
/// let reliability = Reliability::global();
/// let registry = Arc::new(Registry::builder().on_call(reliability.duration()).build());
/// reliability.watch(registry.clone());
///
/// let search = Pipeline::builder("search")
///     .policy(Observed::new(Retry::builder("search").build()?, reliability.clone()))
///     .circuit_breaker(registry.breaker("search", Config::DEFAULT)?)
///     .policy(Observed::new(RateLimiter::per_second(100.0).name("search").build()?, reliability.clone()))
///     .build();
/// assert_eq!(search.call(|| "12".parse::<u8>()), Ok(12));
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Reliability {
    pub(super) meters: Arc<Meters>,
    watched: Watched,
}

pub(super) struct Meters {
    pub(super) allowed: Counter<u64>,
    pub(super) rejected: Counter<u64>,
    pub(super) attempts: Histogram<u64>,
    pub(super) successes: Counter<u64>,
    pub(super) failures: Counter<u64>,
    pub(super) wait_time: Histogram<f64>,
    duration: Histogram<f64>,
}

type Watched = Arc<Mutex<Vec<Arc<dyn Breakers>>>>;

impl Reliability {
    /// The instruments of this meter. Make them once: a second `Reliability` of the same meter has the same series.
    ///
    /// ```
    /// let meter = opentelemetry::global::meter("shop");
    /// let reliability = trifuse::telemetry::opentelemetry::Reliability::new(&meter);
    /// # let _ = reliability;
    /// ```
    #[must_use]
    pub fn new(meter: &Meter) -> Self {
        let watched = Watched::default();
        observe(meter, &watched);
        let counter = |name, what| meter.u64_counter(name).with_description(what).build();
        let times = |name, what| meter.f64_histogram(name).with_unit("ms").with_description(what).build();
        let meters = Meters {
            allowed: counter("reliability.rate_limit.allowed", "Calls that a rate limit let through"),
            rejected: counter("reliability.rate_limit.rejected", "Calls that a rate limit refused"),
            attempts: meter
                .u64_histogram("reliability.retry.attempts")
                .with_description("Retries of a call, where there were any")
                .build(),
            successes: counter("reliability.retry.successes", "Calls through a retry that ended well"),
            failures: counter("reliability.retry.failures", "Calls through a retry that did not"),
            wait_time: times("reliability.queue.wait_time", "Time that calls waited for their turn"),
            duration: times("reliability.request.duration", "From admission to outcome"),
        };
        Self { meters: Arc::new(meters), watched }
    }

    /// The instruments of the meter `trifuse` of the global provider, which has to be set before.
    ///
    /// ```
    /// let reliability = trifuse::telemetry::opentelemetry::Reliability::global();
    /// # let _ = reliability;
    /// ```
    #[must_use]
    pub fn global() -> Self {
        Self::new(&global::meter("trifuse"))
    }

    /// Shows these breakers: their state, changes of state and refusals, read when metrics are collected. Their calls
    /// cost nothing more.
    ///
    /// ```
    /// # use trifuse::{Registry, telemetry::opentelemetry::Reliability};
    /// Reliability::global().watch(Registry::global());
    /// ```
    pub fn watch(&self, breakers: impl Breakers + 'static) {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::new(breakers));
    }

    /// A listener for `on_call` of a breaker or registry: the durations of calls by their outcome; late ones are
    /// left out.
    ///
    /// ```
    /// # use trifuse::{CircuitBreaker, telemetry::opentelemetry::Reliability};
    /// let reliability = Reliability::global();
    /// let search = CircuitBreaker::builder("search").on_call(reliability.duration()).build()?;
    /// # let _ = search;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn duration(&self) -> impl Fn(&CallReport) + Send + Sync + 'static {
        let meters = self.meters.clone();
        move |call: &CallReport| {
            if !call.late {
                let status = status(outcome(call.outcome));
                meters
                    .duration
                    .record(millis(call.duration), &[named("circuit_breaker.name", &call.name), status]);
            }
        }
    }
}

fn observe(meter: &Meter, watched: &Watched) {
    let seen = watched.clone();
    meter
        .u64_observable_gauge("reliability.circuit_breaker.state")
        .with_description("Closed 0, open 1, half-open 2")
        .with_callback(move |gauge| {
            each(&seen, |seen, name| {
                let value = match seen.state {
                    State::Open | State::ForcedOpen => 1,
                    State::HalfOpen => 2,
                    State::Closed | State::Disabled | State::MetricsOnly => 0,
                };
                gauge.observe(value, &[name]);
            });
        })
        .build();
    let seen = watched.clone();
    meter
        .u64_observable_counter("reliability.circuit_breaker.transitions")
        .with_description("Changes of state")
        .with_callback(move |counter| each(&seen, |seen, name| transitions(counter, seen, &name)))
        .build();
    let seen = watched.clone();
    meter
        .u64_observable_counter("reliability.circuit_breaker.rejections")
        .with_description("Calls that were refused")
        .with_callback(move |counter| each(&seen, |seen, name| rejections(counter, seen, &name)))
        .build();
}

fn each(watched: &Watched, mut tell: impl FnMut(&Snapshot, KeyValue)) {
    let sources = watched.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for breaker in sources.iter().flat_map(|source| source.breakers()) {
        tell(&breaker.snapshot(), named("circuit_breaker.name", &breaker.shared.name));
    }
}

fn transitions(counter: &dyn AsyncInstrument<u64>, seen: &Snapshot, name: &KeyValue) {
    for from in State::ALL {
        for to in State::ALL {
            let times = seen.totals.transitions(*from, *to);
            if times != 0 {
                let (from, to) = (KeyValue::new("from", from.as_str()), KeyValue::new("to", to.as_str()));
                counter.observe(times, &[name.clone(), from, to]);
            }
        }
    }
}

fn rejections(counter: &dyn AsyncInstrument<u64>, seen: &Snapshot, name: &KeyValue) {
    let totals = &seen.totals;
    let reasons = [
        ("open", totals.refused_open),
        ("half_open_limit", totals.refused_half_open_limit),
        ("forced_open", totals.refused_forced_open),
    ];
    for (reason, times) in reasons.into_iter().filter(|(_, times)| *times != 0) {
        counter.observe(times, &[name.clone(), KeyValue::new("reason", reason)]);
    }
}

/// A name costs at most a reference count.
pub(super) fn named(key: &'static str, name: &Name) -> KeyValue {
    KeyValue::new(key, name.clone().into_other::<StringValue>())
}

pub(super) fn status(status: &'static str) -> KeyValue {
    KeyValue::new("status", status)
}

pub(super) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Success => "success",
        Outcome::Failure => "failure",
        Outcome::Timeout => "timeout",
        Outcome::Ignored => "ignored",
    }
}

impl fmt::Debug for Reliability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reliability").finish_non_exhaustive()
    }
}
