// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::bulkhead_permit::BulkheadPermit;
use crate::classify::Classification;
use crate::permit::Permit;

/// What a [`GuardedBody`](crate::http::GuardedBody) holds until its end: permits, one or several. Dropped
/// without an end the body was given up, which says nothing about the service.
///
/// ```
/// use trifuse::{Bulkhead, CircuitBreaker, Outcome};
/// use trifuse::http::BodyGuard;
///
/// let (breaker, bulkhead) =
///     (CircuitBreaker::builder("search").build()?, Bulkhead::builder("search").build()?);
/// let both = (breaker.try_acquire_owned()?, bulkhead.try_acquire_owned()?);
/// both.end(Outcome::Success.into());
/// assert_eq!((breaker.snapshot().totals.successes, bulkhead.in_flight()), (1, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait BodyGuard {
    /// A part of the body has come: leases of probes are renewed.
    fn progress(&mut self);

    /// The body has ended.
    fn end(self, verdict: Classification);
}

impl BodyGuard for Permit<'_> {
    fn progress(&mut self) {
        self.renew();
    }

    fn end(self, verdict: Classification) {
        match verdict.trip_for() {
            Some(wait) => self.failure_retry_after(wait),
            None => self.report(verdict.outcome()),
        }
    }
}

impl BodyGuard for BulkheadPermit<'_> {
    fn progress(&mut self) {}

    fn end(self, verdict: Classification) {
        self.report(verdict.outcome());
    }
}

impl<G: BodyGuard> BodyGuard for Option<G> {
    fn progress(&mut self) {
        if let Some(guard) = self {
            guard.progress();
        }
    }

    fn end(self, verdict: Classification) {
        if let Some(guard) = self {
            guard.end(verdict);
        }
    }
}

impl<A: BodyGuard, B: BodyGuard> BodyGuard for (A, B) {
    fn progress(&mut self) {
        self.0.progress();
        self.1.progress();
    }

    fn end(self, verdict: Classification) {
        self.0.end(verdict);
        self.1.end(verdict);
    }
}
