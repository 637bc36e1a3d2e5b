// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;

use crate::places::Held;
use crate::text::Outcome;

/// A place in a [`Bulkhead`](crate::Bulkhead) or [`AdaptiveLimit`](crate::AdaptiveLimit), given back
/// exactly once: when it is dropped, or with [`report`](Self::report).
///
/// Dropped, the call says nothing about the dependency; dropped by a panic that began after the
/// admission, it has failed. An adaptive limit moves by outcomes and by the time that the permit was held.
///
/// ```
/// let bulkhead = trifuse::Bulkhead::builder("search").limit(1).build()?;
/// let permit = bulkhead.try_acquire()?;
/// assert!(bulkhead.try_acquire().is_err());
/// drop(permit);
/// assert!(bulkhead.try_acquire().is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a permit that is dropped gives its place back"]
pub struct BulkheadPermit<'a>(pub(crate) Held<'a>);

impl BulkheadPermit<'_> {
    /// Gives the place back and says what became of the call.
    ///
    /// ```
    /// # use trifuse::{AdaptiveLimit, Outcome};
    /// let limit = AdaptiveLimit::aimd("search").build()?;
    /// limit.try_acquire()?.report(Outcome::Timeout);
    /// assert_eq!(limit.snapshot().failures, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn report(self, outcome: Outcome) {
        self.0.report(outcome);
    }

    /// Gives the place back after a success.
    ///
    /// ```
    /// # let limit = trifuse::AdaptiveLimit::aimd("search").build()?;
    /// limit.try_acquire()?.success();
    /// assert_eq!(limit.snapshot().released, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn success(self) {
        self.report(Outcome::Success);
    }

    /// Gives the place back after a failure.
    ///
    /// ```
    /// # let limit = trifuse::AdaptiveLimit::aimd("search").build()?;
    /// limit.try_acquire()?.failure();
    /// assert_eq!(limit.limit(), 18); // 20 * 0.9
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn failure(self) {
        self.report(Outcome::Failure);
    }
}

impl fmt::Debug for BulkheadPermit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BulkheadPermit").field(&self.0.places().name).finish()
    }
}
