// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::breaker::{Admission, CircuitBreaker, Shared};
use crate::refused::Refused;
use crate::text::Outcome;
use crate::timing::Asker;

/// One admitted call, to be reported once.
///
/// The methods that report take it by value, so a call cannot be reported twice. Dropped, it is
/// ignored: it goes back and says nothing about the dependency. Dropped by a panic that began after
/// the admission, it is a failure. It measures the duration of the call by itself.
///
/// What is reported is taken at its word: only [`CircuitBreaker::call`] and its relatives turn a call
/// that took longer than `request_timeout` into a timeout.
///
/// ```
/// # let breaker = trifuse::CircuitBreaker::builder("payments").build()?;
/// match breaker.try_acquire() {
///     Ok(permit) => permit.success(),
///     Err(refused) => println!("{refused}"),
/// }
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[must_use = "a permit that is dropped is an ignored call"]
pub struct Permit<'a> {
    breaker: Holder<'a>,
    admission: Option<Admission>,
    panicking: bool,
}

enum Holder<'a> {
    Borrowed(&'a Shared),
    Owned(Arc<Shared>),
}

impl Holder<'_> {
    fn shared(&self) -> &Shared {
        match self {
            Self::Borrowed(shared) => shared,
            Self::Owned(shared) => shared,
        }
    }
}

impl CircuitBreaker {
    /// Asks for one call.
    ///
    /// # Errors
    /// The circuit refuses it.
    ///
    /// ```
    /// # let breaker = trifuse::CircuitBreaker::builder("payments").build()?;
    /// let permit = breaker.try_acquire()?;
    /// permit.success();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_acquire(&self) -> Result<Permit<'_>, Refused> {
        match self.shared.admit(Asker::Permit) {
            Ok(admission) => Ok(Permit::new(Holder::Borrowed(&self.shared), admission)),
            Err(refusal) => Err(self.shared.refuse(refusal)),
        }
    }

    /// As [`try_acquire`](Self::try_acquire), with a permit that can be sent anywhere.
    ///
    /// # Errors
    /// The circuit refuses it.
    ///
    /// ```
    /// # let breaker = trifuse::CircuitBreaker::builder("payments").build()?;
    /// let permit = breaker.try_acquire_owned()?;
    /// std::thread::spawn(move || permit.success()).join().unwrap();
    /// assert_eq!(breaker.snapshot().totals.successes, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_acquire_owned(&self) -> Result<Permit<'static>, Refused> {
        match self.shared.admit(Asker::Permit) {
            Ok(admission) => Ok(Permit::new(Holder::Owned(self.shared.clone()), admission)),
            Err(refusal) => Err(self.shared.refuse(refusal)),
        }
    }
}

impl<'a> Permit<'a> {
    fn new(breaker: Holder<'a>, admission: Admission) -> Self {
        Self { breaker, admission: Some(admission), panicking: std::thread::panicking() }
    }

    /// Reports what became of the call.
    ///
    /// ```
    /// # use trifuse::Outcome;
    /// # let breaker = trifuse::CircuitBreaker::builder("payments").build()?;
    /// breaker.try_acquire()?.report(Outcome::Timeout);
    /// assert_eq!(breaker.snapshot().totals.timeouts, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn report(mut self, outcome: Outcome) {
        self.give_back(outcome);
    }

    /// Reports a success.
    ///
    /// ```
    /// # let breaker = trifuse::CircuitBreaker::builder("payments").build()?;
    /// breaker.try_acquire()?.success();
    /// assert_eq!(breaker.snapshot().totals.successes, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn success(self) {
        self.report(Outcome::Success);
    }

    /// Reports a failure.
    ///
    /// ```
    /// # let breaker = trifuse::CircuitBreaker::builder("payments").build()?;
    /// breaker.try_acquire()?.failure();
    /// assert_eq!(breaker.snapshot().totals.failures, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn failure(self) {
        self.report(Outcome::Failure);
    }

    /// Reports a failure and opens the circuit for as long as the server said.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let breaker = trifuse::CircuitBreaker::builder("payments").build()?;
    /// breaker.try_acquire()?.failure_retry_after(Duration::from_secs(20));
    /// assert!(breaker.try_acquire().is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn failure_retry_after(mut self, wait: Duration) {
        self.give_back(Outcome::Failure);
        self.breaker.shared().trip(Some(wait));
    }

    /// Reports a timeout.
    ///
    /// ```
    /// # let breaker = trifuse::CircuitBreaker::builder("payments").build()?;
    /// breaker.try_acquire()?.timeout();
    /// assert_eq!(breaker.snapshot().totals.timeouts, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn timeout(self) {
        self.report(Outcome::Timeout);
    }

    /// Gives it back: the call says nothing about the dependency.
    ///
    /// ```
    /// # let breaker = trifuse::CircuitBreaker::builder("payments").build()?;
    /// breaker.try_acquire()?.ignore();
    /// assert_eq!(breaker.snapshot().totals.ignored, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn ignore(self) {
        self.report(Outcome::Ignored);
    }

    /// Extends the lease of a probe, for long calls; `false`: the breaker has moved on, and the
    /// outcome of this call will be late.
    ///
    /// ```
    /// # let breaker = trifuse::CircuitBreaker::builder("payments").build()?;
    /// let permit = breaker.try_acquire()?;
    /// assert!(permit.renew());
    /// breaker.reset();
    /// assert!(!permit.renew());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn renew(&self) -> bool {
        let shared = self.breaker.shared();
        self.admission.is_some_and(|admission| shared.raw.renew(admission.permit, shared.clock.stamp()))
    }

    fn give_back(&mut self, outcome: Outcome) {
        if let Some(admission) = self.admission.take() {
            self.breaker.shared().report(admission, outcome);
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.admission.is_some() {
            let panicked = !self.panicking && std::thread::panicking();
            self.give_back(if panicked { Outcome::Failure } else { Outcome::Ignored });
        }
    }
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("breaker", &self.breaker.shared().name).finish_non_exhaustive()
    }
}
