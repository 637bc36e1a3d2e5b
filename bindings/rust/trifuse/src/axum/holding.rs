// SPDX-License-Identifier: MIT OR Apache-2.0
use std::thread::panicking;

use crate::classify::Classification;
use crate::future::Held as Permit;
use crate::http::BodyGuard;
use crate::places::Held as Place;
use crate::text::Outcome;

/// What a request holds until its response has been sent.
pub(crate) struct Holding {
    pub(crate) permit: Option<Permit>,
    pub(crate) place: Option<Place<'static>>,
    /// What the head of the response means to the circuit breaker and to the limit; before there is one,
    /// nothing.
    head: (Outcome, Outcome),
    panicking: bool,
}

impl Holding {
    pub(crate) fn new() -> Self {
        Self { permit: None, place: None, head: (Outcome::Ignored, Outcome::Ignored), panicking: panicking() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.permit.is_none() && self.place.is_none()
    }

    /// The head has come. What it says of a failure is final.
    pub(crate) fn head(&mut self, seen: Outcome, outcome: Outcome) {
        self.head = (seen, outcome);
        if seen != Outcome::Success {
            self.settle_permit(seen);
        }
    }

    /// Runs a step of the call; a panic of it is a failure, whoever catches it.
    pub(crate) fn watched<R>(&mut self, step: impl FnOnce() -> R) -> R {
        let unwinding = FailsOnDrop(self);
        let result = step();
        std::mem::forget(unwinding);
        result
    }

    pub(crate) fn settle(&mut self, seen: Outcome, outcome: Outcome) {
        self.settle_permit(seen);
        if let Some(place) = self.place.take() {
            place.report(outcome);
        }
    }

    fn settle_permit(&mut self, seen: Outcome) {
        if let Some(mut permit) = self.permit.take() {
            permit.report(seen.into());
        }
    }
}

struct FailsOnDrop<'a>(&'a mut Holding);

impl Drop for FailsOnDrop<'_> {
    fn drop(&mut self) {
        self.0.settle(Outcome::Failure, Outcome::Failure);
    }
}

impl BodyGuard for Holding {
    fn progress(&mut self) {
        if let Some(permit) = &self.permit {
            permit.renew();
        }
    }

    fn end(mut self, verdict: Classification) {
        match verdict.outcome() {
            Outcome::Success => {
                let (seen, outcome) = self.head;
                self.settle(seen, outcome);
            }
            broken => self.settle(broken, broken),
        }
    }
}

impl Drop for Holding {
    /// A panic is a failure. A response that nobody read to its end says nothing, unless its head did.
    fn drop(&mut self) {
        if panicking() && !self.panicking {
            self.settle(Outcome::Failure, Outcome::Failure);
        } else if self.head.1 != Outcome::Success && self.head.1 != Outcome::Ignored {
            self.settle(self.head.0, self.head.1);
        }
    }
}
