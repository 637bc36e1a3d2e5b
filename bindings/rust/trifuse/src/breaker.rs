// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use trifuse_sys::{TRIFUSE_NEVER, TRIFUSE_OK};

use crate::builder::BreakerBuilder;
use crate::classify::Classification;
use crate::clock::Clock;
use crate::config::Config;
use crate::event::{CallReport, Listeners, Transition, tell};
use crate::name::Name;
use crate::raw::breaker::{Event, RawBreaker};
use crate::refused::Refused;
use crate::text::Outcome;
use crate::text_refusal::{PolicyKind, RefusalReason};
use crate::timing::{Asker, Beginning, Timing};

/// A circuit breaker: lets calls to one dependency pass while it is well, refuses them while it is
/// not, and tries it again with a few probes.
///
/// Clones are handles to the same breaker and cheap; it is `Send + Sync` and never locks while a
/// call is admitted or reported.
///
/// ```
/// use std::time::Duration;
/// use trifuse::{CircuitBreaker, Preset};
///
/// let breaker = CircuitBreaker::builder("payments")
///     .preset(Preset::Aggressive)
///     .open_duration(Duration::from_secs(15))
///     .build()?;
/// let length = breaker.call(|| std::fs::metadata(".").map(|file| file.len()))?;
/// # let _ = length;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct CircuitBreaker {
    pub(crate) shared: Arc<Shared>,
}

/// One breaker. Aligned so that the counters of the `Arc` share no cache line with what calls read.
#[repr(align(128))]
pub(crate) struct Shared {
    pub(crate) raw: RawBreaker,
    pub(crate) timing: Timing,
    pub(crate) clock: Clock,
    pub(crate) listeners: Listeners,
    pub(crate) name: Name,
    /// As asked for when it was made; what registries compare.
    pub(crate) requested: Config,
    reconfiguring: Mutex<()>,
}

/// One admitted call. `started` is 0 where durations are not measured.
#[derive(Clone, Copy)]
pub(crate) struct Admission {
    pub(crate) permit: u64,
    pub(crate) started: u64,
}

/// A call that was not admitted; small enough for registers.
#[derive(Clone, Copy)]
pub(crate) struct Refusal {
    result: i32,
    wait: u64,
}

impl Shared {
    pub(crate) fn new(
        raw: RawBreaker,
        name: Name,
        requested: Config,
        clock: Clock,
        listeners: Listeners,
    ) -> Self {
        let timing = Timing::default();
        timing.set(&raw.config(), &listeners);
        Self { raw, timing, clock, listeners, name, requested, reconfiguring: Mutex::new(()) }
    }

    #[inline]
    pub(crate) fn admit(&self, asker: Asker) -> Result<Admission, Refusal> {
        match self.timing.beginning(asker) {
            Beginning::Unasked => self.acquire(0, self.clock.stamp()),
            Beginning::Coarse => self.acquire(self.clock.coarse(), self.clock.stamp()),
            Beginning::Exact => {
                let now = self.clock.now();
                self.acquire(now, now)
            }
        }
    }

    #[inline]
    fn acquire(&self, started: u64, now: u64) -> Result<Admission, Refusal> {
        let (mut permit, mut event) = (0, Event::new());
        let result = self.raw.try_acquire(now, &mut permit, &mut event);
        if event.transition().is_some() {
            self.tell_transition(&event);
        }
        if result == TRIFUSE_OK {
            Ok(Admission { permit, started })
        } else {
            Err(Refusal { result, wait: event.retry_after_ns() })
        }
    }

    /// Makes a refusal what the caller sees.
    pub(crate) fn refuse(&self, refusal: Refusal) -> Refused {
        let Refusal { result, wait } = refusal;
        debug_assert!(result > 0, "{}", crate::raw::text::result(result));
        let known = wait != TRIFUSE_NEVER;
        let refused = Refused::new(
            PolicyKind::CircuitBreaker,
            self.name.clone(),
            RefusalReason::from_raw(result),
            known.then(|| Duration::from_nanos(wait)),
        );
        if !self.listeners.refused.is_empty() {
            tell(&self.listeners.refused, &refused);
        }
        refused
    }

    /// Now and how long the call has run; (0, 0) lets the core read its clock.
    #[inline]
    pub(crate) fn measure(&self, admission: Admission) -> (u64, u64) {
        if admission.started == 0 {
            return (self.clock.stamp(), 0);
        }
        let now = self.clock.now();
        (now, now.saturating_sub(admission.started))
    }

    #[inline]
    pub(crate) fn report(&self, admission: Admission, outcome: Outcome) {
        let (now, duration) = self.measure(admission);
        self.report_at(admission, outcome, now, duration);
    }

    /// Reports a call that ran to its end: over `request_timeout` it is a timeout, whatever it says.
    #[inline]
    pub(crate) fn settle(&self, admission: Admission, verdict: Classification) {
        let (now, duration) = self.measure(admission);
        let limit = self.timing.request_timeout();
        let late = limit != 0 && duration > limit;
        let outcome = if late { Outcome::Timeout } else { verdict.outcome() };
        self.report_at(admission, outcome, now, duration);
        if let Some(wait) = verdict.trip_for() {
            self.trip(Some(wait));
        }
    }

    /// Reports a call that was cancelled from outside.
    pub(crate) fn cancel(&self, admission: Admission) {
        let (now, duration) = self.measure(admission);
        let after = self.timing.cancelled_counts_after();
        let outcome = if after != 0 && duration >= after { Outcome::Timeout } else { Outcome::Ignored };
        self.report_at(admission, outcome, now, duration);
    }

    #[inline]
    fn report_at(&self, admission: Admission, outcome: Outcome, now: u64, duration: u64) {
        if self.listeners.watch_reports() {
            self.report_aloud(admission, outcome, now, duration);
        } else {
            self.raw.report(admission.permit, outcome as u32, duration, now);
        }
    }

    #[cold]
    fn report_aloud(&self, admission: Admission, outcome: Outcome, now: u64, duration: u64) {
        let (in_time, event) = self.raw.report_event(admission.permit, outcome as u32, duration, now);
        self.tell_transition(&event);
        if !self.listeners.call.is_empty() {
            let duration = Duration::from_nanos(duration);
            let report = CallReport { name: self.name.clone(), outcome, duration, late: !in_time };
            tell(&self.listeners.call, &report);
        }
    }

    pub(crate) fn tell_transition(&self, event: &Event) {
        let told = event.transition().filter(|_| !self.listeners.transition.is_empty());
        if let Some(transition) = told.and_then(|event| Transition::from_raw(&self.name, event)) {
            tell(&self.listeners.transition, &transition);
        }
    }

    pub(crate) fn trip(&self, wait: Option<Duration>) {
        let event = self.raw.trip(self.clock.stamp(), crate::config::maybe_to_ns(wait));
        self.tell_transition(&event);
    }

    /// So that the core and `timing` take the same of two configurations that come together.
    pub(crate) fn reconfiguring(&self) -> MutexGuard<'_, ()> {
        self.reconfiguring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CircuitBreaker {
    /// Starts a breaker with the defaults; one breaker for each dependency.
    ///
    /// ```
    /// let breaker = trifuse::CircuitBreaker::builder("payments").build()?;
    /// assert_eq!(breaker.name(), "payments");
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn builder(name: impl Into<Name>) -> BreakerBuilder {
        BreakerBuilder::new(name.into())
    }

    /// Its name.
    ///
    /// ```
    /// # let breaker = trifuse::CircuitBreaker::builder("payments").build()?;
    /// assert_eq!(breaker.name(), "payments");
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Whether two handles belong to the same breaker.
    ///
    /// ```
    /// # let breaker = trifuse::CircuitBreaker::builder("payments").build()?;
    /// assert!(breaker.same_as(&breaker.clone()));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl fmt::Debug for CircuitBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreaker").field("name", &self.name()).field("state", &self.state()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_judged_by_its_duration_is_timed() {
        let beginning = |config: Config, asker| {
            let breaker = CircuitBreaker::builder("x").with_config(config).build().unwrap();
            breaker.shared.timing.beginning(asker)
        };
        let short = Config::DEFAULT.with_request_timeout(Some(Duration::from_millis(999)));
        let slow = Config::DEFAULT.with_slow_call_duration(Some(Duration::from_secs(1)));
        assert!(beginning(Config::DEFAULT, Asker::Call) == Beginning::Coarse);
        assert!(beginning(Config::DEFAULT, Asker::Future) == Beginning::Exact);
        assert!(beginning(Config::DEFAULT, Asker::Permit) == Beginning::Unasked);
        assert!(beginning(short, Asker::Call) == Beginning::Exact);
        assert!(beginning(slow, Asker::Call) == Beginning::Exact);
        assert!(beginning(slow, Asker::Permit) == Beginning::Exact);
    }
}
