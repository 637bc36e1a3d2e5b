// SPDX-License-Identifier: MIT OR Apache-2.0
//! What one request holds while it is on its way: the breaker's permit and a place, each given back once.
use std::time::Duration;

use crate::bulkhead_permit::BulkheadPermit;
use crate::client::policies::SharedHost;
use crate::error::TimedOut;
use crate::future::Held;
use crate::http::DAY;
use crate::refused::Refused;
use crate::text::Outcome;
use crate::text_refusal::TimeoutSetting;

/// Dropped before an outcome was told, the request was given up by its caller.
pub(crate) struct Ticket {
    held: Held,
    place: Option<BulkheadPermit<'static>>,
    outcome: Option<Outcome>,
    /// Keeps the host's policies from being forgotten meanwhile.
    pub(crate) host: SharedHost,
}

impl Ticket {
    /// Asks the breaker of a host.
    pub(crate) fn ask(host: SharedHost) -> Result<Self, Refused> {
        let mut held = Held::new(host.breaker.clone());
        held.ask()?;
        Ok(Self { held, place: None, outcome: None, host })
    }

    /// Takes a place along.
    pub(crate) fn has(&mut self, place: BulkheadPermit<'static>) {
        self.place = Some(place);
    }

    /// From sending an attempt to the head of its answer.
    pub(crate) fn request_timeout(&self) -> Option<Duration> {
        Some(self.held.request_timeout()).filter(|limit| !limit.is_zero())
    }

    /// Runs a step of the request; a panic of it is a failure.
    pub(crate) fn watched<R>(&mut self, step: impl FnOnce() -> R) -> R {
        self.held.watched(step)
    }

    /// Tells the breaker how the request ended; the first word counts.
    pub(crate) fn judge(&mut self, outcome: Outcome) {
        if self.outcome.is_none() {
            self.outcome = Some(outcome);
            self.held.report(outcome.into());
        }
    }

    /// As [`judge`](Self::judge), with the server's word when to come back.
    pub(crate) fn judge_until(&mut self, outcome: Outcome, wait: Option<Duration>) {
        let first = !self.is_judged();
        self.judge(outcome);
        let failed = matches!(outcome, Outcome::Failure | Outcome::Timeout);
        if let Some(wait) = wait.filter(|wait| first && failed && !wait.is_zero()) {
            self.host.breaker.trip(wait.min(DAY));
        }
    }

    pub(crate) fn time_out(&mut self, limit: Duration) -> TimedOut {
        self.outcome = Some(Outcome::Timeout);
        self.held.time_out(TimeoutSetting::RequestTimeout, limit)
    }

    pub(crate) fn is_judged(&self) -> bool {
        self.outcome.is_some()
    }

    pub(crate) fn has_place(&self) -> bool {
        self.place.is_some()
    }

    /// A part of the body has come: a probe lives on.
    pub(crate) fn renew(&self) {
        self.held.renew();
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let (Some(place), Some(outcome)) = (self.place.take(), self.outcome) {
            place.report(outcome);
        }
    }
}
