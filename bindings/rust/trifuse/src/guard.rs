// SPDX-License-Identifier: MIT OR Apache-2.0
use std::future::IntoFuture;

use crate::breaker::CircuitBreaker;
use crate::classify::Classifier;
use crate::error::CallError;
use crate::future::CallFuture;

/// A breaker with a [`Classifier`] of its own, made by [`CircuitBreaker::guard`].
///
/// ```
/// use std::io::ErrorKind;
/// use trifuse::{CircuitBreaker, Outcome};
///
/// let breaker = CircuitBreaker::builder("files").build()?;
/// let files = breaker.guard(|result: &std::io::Result<String>| match result {
///     Err(error) if error.kind() == ErrorKind::NotFound => Outcome::Ignored,
///     Err(_) => Outcome::Failure,
///     Ok(_) => Outcome::Success,
/// });
/// let _ = files.call(|| std::fs::read_to_string("no such file"));
/// assert_eq!(breaker.snapshot().totals.ignored, 1);
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Guard<C> {
    breaker: CircuitBreaker,
    classifier: C,
}

impl CircuitBreaker {
    /// This breaker with a classifier: which results are failures, which say nothing.
    ///
    /// ```
    /// use trifuse::{CircuitBreaker, Outcome};
    ///
    /// let breaker = CircuitBreaker::builder("sums").build()?;
    /// let sums = breaker.guard(|r: &Result<i32, ()>| match r {
    ///     Ok(sum) if *sum < 0 => Outcome::Failure, // an answer that cannot be right
    ///     Ok(_) => Outcome::Success,
    ///     Err(()) => Outcome::Failure,
    /// });
    /// assert_eq!(sums.call(|| Ok(-1)), Ok(-1));
    /// assert_eq!(breaker.snapshot().totals.failures, 1);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn guard<C>(&self, classifier: C) -> Guard<C> {
        Guard { breaker: self.clone(), classifier }
    }
}

impl<C> Guard<C> {
    /// The breaker.
    ///
    /// ```
    /// # let breaker = trifuse::CircuitBreaker::builder("files").build()?;
    /// assert!(breaker.guard(trifuse::ErrIsFailure).breaker().same_as(&breaker));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn breaker(&self) -> &CircuitBreaker {
        &self.breaker
    }

    /// As [`CircuitBreaker::call`].
    ///
    /// # Errors
    /// As there.
    ///
    /// ```
    /// # let breaker = trifuse::CircuitBreaker::builder("files").build()?;
    /// assert_eq!(breaker.guard(trifuse::ErrIsFailure).call(|| Ok::<_, ()>(1)), Ok(1));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn call<T, E>(&self, operation: impl FnOnce() -> Result<T, E>) -> Result<T, CallError<E>>
    where
        C: Classifier<T, E>,
    {
        self.breaker.call_judged(&self.classifier, operation)
    }

    /// As [`CircuitBreaker::call_async`].
    ///
    /// ```
    /// # let breaker = trifuse::CircuitBreaker::builder("files").build()?;
    /// let files = breaker.guard(trifuse::ErrIsFailure);
    /// # futures::executor::block_on(async {
    /// assert_eq!(files.call_async(async { Ok::<_, ()>(1) }).await, Ok(1));
    /// # });
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn call_async<F, T, E>(&self, operation: F) -> CallFuture<F::IntoFuture, C>
    where
        F: IntoFuture<Output = Result<T, E>>,
        C: Classifier<T, E> + Clone,
    {
        CallFuture::new(self.breaker.clone(), self.classifier.clone(), operation.into_future())
    }

    /// As [`CircuitBreaker::guard_stream`].
    ///
    /// ```
    /// use futures::stream::{self, StreamExt};
    ///
    /// # let breaker = trifuse::CircuitBreaker::builder("files").build()?;
    /// let files = breaker.guard(trifuse::ErrIsFailure);
    /// # futures::executor::block_on(async {
    /// let lines = files.guard_stream(stream::iter([Ok::<_, ()>(1), Ok(2)]));
    /// assert_eq!(lines.count().await, 2);
    /// # });
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[cfg(feature = "stream")]
    #[cfg_attr(docsrs, doc(cfg(feature = "stream")))]
    pub fn guard_stream<S, T, E>(&self, stream: S) -> crate::stream::GuardedStream<S, C>
    where
        S: futures_core::Stream<Item = Result<T, E>>,
        C: Classifier<T, E> + Clone,
    {
        crate::stream::GuardedStream::new(self.breaker.clone(), self.classifier.clone(), stream)
    }
}
