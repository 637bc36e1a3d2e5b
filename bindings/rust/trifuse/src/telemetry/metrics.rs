// SPDX-License-Identifier: MIT OR Apache-2.0
//! Breakers as metrics of the crate [metrics](https://docs.rs/metrics), for Prometheus and others.
//!
//! | metric | kind | |
//! |---|---|---|
//! | `circuit_breaker_state{service}` | gauge | closed 0, half-open 0.5, open 1; disabled and watching 0 |
//! | `circuit_breaker_rejections_total{service}` | counter | refused calls |
//! | `circuit_breaker_failure_rate{service}` | gauge | failures of the window, 0 to 1 |

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, PoisonError};

use ::metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};

use crate::breaker::CircuitBreaker;
use crate::name::Name;
use crate::source::Breakers;
use crate::text::State;

/// The gauge of the state.
///
/// ```
/// assert_eq!(trifuse::telemetry::metrics::STATE, "circuit_breaker_state");
/// ```
pub const STATE: &str = "circuit_breaker_state";

/// The counter of refused calls.
///
/// ```
/// assert_eq!(trifuse::telemetry::metrics::REJECTIONS, "circuit_breaker_rejections_total");
/// ```
pub const REJECTIONS: &str = "circuit_breaker_rejections_total";

/// The gauge of the failure rate.
///
/// ```
/// assert_eq!(trifuse::telemetry::metrics::FAILURE_RATE, "circuit_breaker_failure_rate");
/// ```
pub const FAILURE_RATE: &str = "circuit_breaker_failure_rate";

/// Breakers with series of their own.
const MOST: usize = 1000;

/// Hands what breakers have counted to the recorder of the crate `metrics`, whenever [`record`](Self::record) is
/// called: by the handler of `/metrics` before it renders, or by a [`Monitor`](crate::monitor::Monitor). Calls through
/// the breakers cost nothing more than without it, and no refusal is missed between two times.
///
/// Each breaker has its series by its name, registered once; at most 1,000 names have, for as long as this lives. The
/// gauges of a breaker that is gone from its registry are set to 0. Of two breakers of one name the first is shown.
///
/// Make one for each recorder: two would count refusals twice.
///
/// ```
/// use std::sync::Arc;
/// use trifuse::{Config, Registry, telemetry::metrics::BreakerMetrics};
///
/// let registry = Arc::new(Registry::new());
/// let metrics = BreakerMetrics::new(registry.clone());
/// registry.breaker("payments", Config::DEFAULT)?;
/// metrics.record(); // then let the exporter render
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
pub struct BreakerMetrics {
    breakers: Box<dyn Breakers>,
    series: Mutex<BTreeMap<Name, Series>>,
}

struct Series {
    state: Gauge,
    rejections: Counter,
    failure_rate: Gauge,
    /// Whose refusals were counted, up to how many; `None`: it is gone.
    counted: Option<(CircuitBreaker, u64)>,
}

impl BreakerMetrics {
    /// The metrics of these breakers.
    ///
    /// ```
    /// use trifuse::{Registry, telemetry::metrics::BreakerMetrics};
    /// let metrics = BreakerMetrics::new(Registry::global());
    /// # let _ = metrics;
    /// ```
    pub fn new(breakers: impl Breakers + 'static) -> Self {
        Self { breakers: Box::new(breakers), series: Mutex::default() }
    }

    /// Hands them to the recorder that is installed: the global one, or the one of this thread. Descriptions and series
    /// go to the recorder that is there the first time.
    ///
    /// ```
    /// use trifuse::{Registry, telemetry::metrics::BreakerMetrics};
    /// BreakerMetrics::new(Registry::global()).record();
    /// ```
    pub fn record(&self) {
        let (mut found, mut names) = (self.breakers.breakers(), BTreeSet::new());
        found.retain(|breaker| names.insert(breaker.shared.name.clone()));
        let mut all = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        if all.is_empty() && !found.is_empty() {
            describe();
        }
        let gone = all.iter_mut().filter(|(name, _)| !names.contains(*name));
        let mut gone: Vec<_> = gone.filter_map(|(_, series)| series.gone()).collect();
        for breaker in &found {
            if let Some(series) = all.get_mut(breaker.name()) {
                gone.extend(series.replaced_by(breaker));
                series.record(breaker);
            } else if all.len() < MOST {
                let mut series = Series::of(breaker.shared.name.clone());
                series.record(breaker);
                all.insert(breaker.shared.name.clone(), series);
            }
        }
        // What their listeners own is dropped with no lock held.
        drop(all);
        drop(gone);
    }
}

impl Series {
    fn of(name: Name) -> Self {
        let service = name.as_str().to_owned();
        Self {
            state: gauge!(STATE, "service" => service.clone()),
            rejections: counter!(REJECTIONS, "service" => service.clone()),
            failure_rate: gauge!(FAILURE_RATE, "service" => service),
            counted: None,
        }
    }

    fn record(&mut self, breaker: &CircuitBreaker) {
        let seen = breaker.snapshot();
        self.state.set(match seen.state {
            State::Open | State::ForcedOpen => 1.0,
            State::HalfOpen => 0.5,
            State::Closed | State::Disabled | State::MetricsOnly => 0.0,
        });
        self.failure_rate.set(seen.failure_rate);
        let before = self.counted.as_ref().map_or(0, |(_, refused)| *refused);
        let refused = seen.totals.refused().max(before);
        self.rejections.increment(refused - before);
        self.counted = Some((breaker.clone(), refused));
    }

    /// Another breaker of the name has its place.
    fn replaced_by(&mut self, breaker: &CircuitBreaker) -> Option<(CircuitBreaker, u64)> {
        let another = |(counted, _): &(CircuitBreaker, u64)| !counted.same_as(breaker);
        if self.counted.as_ref().is_some_and(another) { self.gone() } else { None }
    }

    fn gone(&mut self) -> Option<(CircuitBreaker, u64)> {
        let counted = self.counted.take()?;
        let more = counted.0.snapshot().totals.refused().saturating_sub(counted.1);
        self.rejections.increment(more);
        self.state.set(0.0);
        self.failure_rate.set(0.0);
        Some(counted)
    }
}

fn describe() {
    describe_gauge!(STATE, "State of the circuit breaker: closed 0, half-open 0.5, open 1");
    describe_counter!(REJECTIONS, "Calls that the circuit breaker refused");
    describe_gauge!(FAILURE_RATE, "Failures in the window of the circuit breaker, 0 to 1");
}

impl fmt::Debug for BreakerMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BreakerMetrics").finish_non_exhaustive()
    }
}
