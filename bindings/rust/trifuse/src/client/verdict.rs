// SPDX-License-Identifier: MIT OR Apache-2.0
use std::time::Duration;

use crate::classify::Classification;
use crate::text::Outcome;

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) outcome: Outcome,
    /// Whether the same request may have better luck.
    pub(crate) again: bool,
    /// The server's word when to come back.
    pub(crate) retry_after: Option<Duration>,
}

impl Verdict {
    pub(crate) const fn new(outcome: Outcome, again: bool) -> Self {
        Self { outcome, again, retry_after: None }
    }

    /// What failed may be asked again.
    pub(crate) fn of(classification: Classification, retry_after: Option<Duration>) -> Self {
        let made = Self::new(classification.outcome(), false);
        let again = made.failed();
        Self { again, retry_after: retry_after.filter(|_| again), ..made }
    }

    pub(crate) fn failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failure | Outcome::Timeout)
    }
}
