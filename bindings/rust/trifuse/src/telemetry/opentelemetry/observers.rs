// SPDX-License-Identifier: MIT OR Apache-2.0
//! The policies that `Reliability` watches call by call.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::bulkhead::{AdaptiveLimit, Bulkhead};
use crate::clock::Clock;
use crate::limiter::RateLimiter;
use crate::name::Name;
use crate::retry::Retry;
use crate::telemetry::observer::{Ended, ObservedCall, Observer};
use crate::telemetry::opentelemetry::instruments::{Meters, Reliability, millis, named, status};

/// A call that waits for its turn.
struct Turn {
    meters: Arc<Meters>,
    name: Name,
    clock: Clock,
    began: u64,
    passed: AtomicBool,
}

impl Turn {
    fn new(reliability: &Reliability, name: &Name, clock: &Clock) -> Self {
        let (meters, began) = (reliability.meters.clone(), clock.now());
        Self { meters, name: name.clone(), clock: clock.clone(), began, passed: AtomicBool::new(false) }
    }

    fn over(&self, how: &'static str) {
        let waited = Duration::from_nanos(self.clock.now().saturating_sub(self.began));
        self.meters.wait_time.record(millis(waited), &[named("policy.name", &self.name), status(how)]);
    }

    fn passed(&self) {
        self.passed.store(true, Ordering::Relaxed);
        self.over("admitted");
    }

    /// Whether it ended before its turn came.
    fn ended(&self, how: Ended) -> bool {
        let waiting = !self.passed.load(Ordering::Relaxed);
        if waiting {
            self.over(how.as_str());
        }
        waiting
    }
}

/// A call before a rate limiter.
///
/// ```
/// use trifuse::telemetry::{Observer, opentelemetry::{LimitedCall, Reliability}};
/// let limiter = trifuse::RateLimiter::per_second(5.0).build()?;
/// let call: Option<LimitedCall> = Reliability::global().begin(&limiter);
/// # assert!(call.is_some());
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
pub struct LimitedCall(Turn);

impl Observer<RateLimiter> for Reliability {
    type Call = LimitedCall;

    fn begin(&self, limiter: &RateLimiter) -> Option<LimitedCall> {
        Some(LimitedCall(Turn::new(self, &limiter.shared.name, &limiter.shared.clock)))
    }
}

impl ObservedCall for LimitedCall {
    fn passed(&self) {
        self.0.passed();
        self.0.meters.allowed.add(1, &[named("policy.name", &self.0.name)]);
    }

    fn ended(&self, how: Ended) {
        if self.0.ended(how) && how == Ended::Rejected {
            self.0.meters.rejected.add(1, &[named("policy.name", &self.0.name)]);
        }
    }
}

/// A call before a bulkhead or an adaptive limit.
///
/// ```
/// use trifuse::telemetry::{Observer, opentelemetry::{PlacedCall, Reliability}};
/// let bulkhead = trifuse::Bulkhead::builder("search").build()?;
/// let call: Option<PlacedCall> = Reliability::global().begin(&bulkhead);
/// # assert!(call.is_some());
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
pub struct PlacedCall(Turn);

impl Observer<Bulkhead> for Reliability {
    type Call = PlacedCall;

    fn begin(&self, bulkhead: &Bulkhead) -> Option<PlacedCall> {
        Some(PlacedCall(Turn::new(self, &bulkhead.shared.name, &bulkhead.shared.clock)))
    }
}

impl Observer<AdaptiveLimit> for Reliability {
    type Call = PlacedCall;

    fn begin(&self, limit: &AdaptiveLimit) -> Option<PlacedCall> {
        Some(PlacedCall(Turn::new(self, &limit.shared.name, &limit.shared.clock)))
    }
}

impl ObservedCall for PlacedCall {
    fn passed(&self) {
        self.0.passed();
    }

    fn ended(&self, how: Ended) {
        self.0.ended(how);
    }
}

/// A call through a retry.
///
/// ```
/// use trifuse::telemetry::{Observer, opentelemetry::{Reliability, RetriedCall}};
/// let retry = trifuse::Retry::builder("search").build()?;
/// let call: Option<RetriedCall> = Reliability::global().begin(&retry);
/// # assert!(call.is_some());
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
pub struct RetriedCall {
    meters: Arc<Meters>,
    name: Name,
    attempts: AtomicU64,
}

impl Observer<Retry> for Reliability {
    type Call = RetriedCall;

    fn begin(&self, retry: &Retry) -> Option<RetriedCall> {
        let name = retry.shared.name.clone();
        Some(RetriedCall { meters: self.meters.clone(), name, attempts: AtomicU64::new(0) })
    }
}

impl ObservedCall for RetriedCall {
    fn passed(&self) {
        self.attempts.fetch_add(1, Ordering::Relaxed);
    }

    fn ended(&self, how: Ended) {
        let name = named("policy.name", &self.name);
        let retries = self.attempts.load(Ordering::Relaxed).saturating_sub(1);
        if retries != 0 {
            self.meters.attempts.record(retries, &[name.clone(), status(how.as_str())]);
        }
        match how {
            Ended::Success => self.meters.successes.add(1, &[name]),
            Ended::Failure | Ended::Timeout | Ended::Rejected => self.meters.failures.add(1, &[name]),
            Ended::Ignored | Ended::Cancelled => {}
        }
    }
}

macro_rules! debug {
    ($($call:ident),*) => {$(
        impl std::fmt::Debug for $call {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($call)).finish_non_exhaustive()
            }
        }
    )*};
}
debug!(LimitedCall, PlacedCall, RetriedCall);
