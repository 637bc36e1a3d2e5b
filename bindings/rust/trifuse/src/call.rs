// SPDX-License-Identifier: MIT OR Apache-2.0
//! Guarding a synchronous call.
use std::mem;

use crate::breaker::{Admission, CircuitBreaker, Shared};
use crate::classify::{Classifier, ErrIsFailure};
use crate::error::CallError;
use crate::text::Outcome;
use crate::timing::Asker;

impl CircuitBreaker {
    /// Makes a call if the circuit admits it. `Ok` is a success, `Err` and a panic are failures; see
    /// [`guard`](Self::guard) for finer verdicts.
    ///
    /// A synchronous call cannot be interrupted: one that takes longer than `request_timeout` is
    /// recorded as a timeout and its result is returned all the same.
    ///
    /// # Errors
    /// [`CallError::Refused`] when the call was not made, else the operation's own error.
    ///
    /// ```
    /// # let breaker = trifuse::CircuitBreaker::builder("numbers").build()?;
    /// assert_eq!(breaker.call(|| "12".parse::<u8>()), Ok(12));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[inline]
    pub fn call<T, E>(&self, operation: impl FnOnce() -> Result<T, E>) -> Result<T, CallError<E>> {
        self.call_judged(&ErrIsFailure, operation)
    }

    #[inline]
    pub(crate) fn call_judged<T, E>(
        &self,
        classifier: &impl Classifier<T, E>,
        operation: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, CallError<E>> {
        let shared = &*self.shared;
        let admission = match shared.admit(Asker::Call) {
            Ok(admission) => admission,
            Err(refusal) => return Err(CallError::Refused(shared.refuse(refusal))),
        };
        let unwinding = FailsOnDrop { shared, admission };
        let result = operation();
        let verdict = classifier.classify(&result);
        mem::forget(unwinding);
        shared.settle(admission, verdict);
        result.map_err(CallError::Operation)
    }
}

/// Dropped by a panic only: then the call has failed.
struct FailsOnDrop<'a> {
    shared: &'a Shared,
    admission: Admission,
}

impl Drop for FailsOnDrop<'_> {
    fn drop(&mut self) {
        self.shared.settle(self.admission, Outcome::Failure.into());
    }
}
