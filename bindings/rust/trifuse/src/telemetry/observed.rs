// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::classify::Classifier;
use crate::layer::{Describe, Layer, PolicyDescription, Reply, judge};
use crate::telemetry::observer::{Ended, ObservedCall, Observer, Watched};

/// A policy whose calls are watched by an [`Observer`]: itself a policy, to be put in the place of the one that it
/// watches. Who does not use it pays nothing.
///
/// ```
/// # #[cfg(feature = "tracing")] {
/// use trifuse::telemetry::{Observed, tracing::Spans};
/// use trifuse::{CircuitBreaker, Pipeline, Retry};
///
/// let breaker = CircuitBreaker::builder("search").build()?;
/// let search = Pipeline::builder("search")
///     .retry(Retry::builder("search").build()?)
///     .policy(Observed::new(breaker, Spans)) // each attempt has its span
///     .build();
/// assert_eq!(search.call(|| "12".parse::<u8>()), Ok(12));
/// # }
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Observed<P, O> {
    pub(crate) policy: P,
    pub(crate) observer: O,
}

impl<P, O: Observer<P>> Observed<P, O> {
    /// This policy, watched.
    ///
    /// See [`Observed`] for an example.
    #[must_use]
    pub fn new(policy: P, observer: O) -> Self {
        Self { policy, observer }
    }
}

impl<P, O> Observed<P, O> {
    /// The policy.
    ///
    /// ```
    /// # #[cfg(feature = "tracing")] {
    /// # use trifuse::{CircuitBreaker, telemetry::{Observed, tracing::Spans}};
    /// let breaker = Observed::new(CircuitBreaker::builder("search").build()?, Spans);
    /// assert_eq!(breaker.get_ref().name(), "search");
    /// # }
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn get_ref(&self) -> &P {
        &self.policy
    }

    /// The policy, not watched any more.
    ///
    /// ```
    /// # #[cfg(feature = "tracing")] {
    /// # use trifuse::{CircuitBreaker, telemetry::{Observed, tracing::Spans}};
    /// let breaker = Observed::new(CircuitBreaker::builder("search").build()?, Spans);
    /// assert_eq!(breaker.into_inner().name(), "search");
    /// # }
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn into_inner(self) -> P {
        self.policy
    }
}

impl<P: Describe, O> Describe for Observed<P, O> {
    fn describe_into(&self, all: &mut Vec<PolicyDescription>) {
        self.policy.describe_into(all);
    }
}

impl<T, E, C, P, O> Layer<T, E, C> for Observed<P, O>
where
    C: Classifier<T, E>,
    P: Layer<T, E, C>,
    O: Observer<P>,
{
    fn run(&self, classifier: &C, mut next: impl FnMut() -> Reply<T, E>) -> Reply<T, E> {
        let Some(call) = self.observer.begin(&self.policy) else { return self.policy.run(classifier, next) };
        let watched = Abandoning(Watched::new(call));
        let call = &watched.0.call;
        let reply = call.within(|| {
            self.policy.run(classifier, || {
                call.passed();
                next()
            })
        });
        let (verdict, reply) = judge(classifier, reply);
        watched.0.end(Ended::of(verdict.outcome(), &reply.result));
        reply
    }
}

struct Abandoning<C: ObservedCall>(Watched<C>);

impl<C: ObservedCall> Drop for Abandoning<C> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}
