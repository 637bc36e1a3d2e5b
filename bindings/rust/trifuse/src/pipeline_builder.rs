// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::breaker::CircuitBreaker;
use crate::bulkhead::{AdaptiveLimit, Bulkhead};
use crate::classify::ErrIsFailure;
use crate::fallback::Fallback;
#[cfg(feature = "tokio")]
use crate::hedge::Hedge;
use crate::layer::{Describe, PolicyDescription};
use crate::limiter::RateLimiter;
use crate::name::Name;
use crate::pipeline::{Chain, End, Pipeline};
use crate::places::Places;
use crate::retry::Retry;
use crate::text_refusal::PolicyKind;
use crate::throttle::Throttle;
use crate::timeout::Timeout;

/// Makes a [`Pipeline`]; each method puts a policy within those before it.
///
/// ```
/// use trifuse::{Fallback, Pipeline, Timeout};
///
/// let pipeline = Pipeline::builder("search")
///     .fallback(Fallback::<u8, std::num::ParseIntError>::new("search").value(0))
///     .timeout(Timeout::default())
///     .build();
/// assert_eq!(pipeline.call(|| "x".parse()), Ok(0));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct PipelineBuilder<L, C = ErrIsFailure> {
    name: Name,
    layers: L,
    classifier: C,
}

impl PipelineBuilder<End> {
    pub(crate) fn new(name: Name) -> Self {
        Self { name, layers: End, classifier: ErrIsFailure }
    }
}

/// Puts a policy at the inner end of those so far.
///
/// ```
/// use trifuse::{Append, Chain, End, Timeout};
/// fn within<P>(policies: impl Append<P>, policy: P) -> impl Sized {
///     policies.append(policy)
/// }
/// let _ = within(End, Timeout::default());
/// ```
pub trait Append<P> {
    /// The type with the policy within.
    ///
    /// ```
    /// use trifuse::{Append, Chain, End, Timeout};
    /// let _: <End as Append<Timeout>>::With = Chain { outer: Timeout::default(), inner: End };
    /// ```
    type With;

    /// These with the policy within.
    ///
    /// ```
    /// use trifuse::{Append, Chain, End, Timeout};
    /// let _: Chain<Timeout, End> = End.append(Timeout::default());
    /// ```
    fn append(self, policy: P) -> Self::With;
}

impl<P> Append<P> for End {
    type With = Chain<P, End>;

    fn append(self, policy: P) -> Self::With {
        Chain { outer: policy, inner: End }
    }
}

impl<P, O, I: Append<P>> Append<P> for Chain<O, I> {
    type With = Chain<O, I::With>;

    fn append(self, policy: P) -> Self::With {
        Chain { outer: self.outer, inner: self.inner.append(policy) }
    }
}

macro_rules! within {
    ($($(#[$meta:meta])* $method:ident($policy:ident): $type:ty, $what:literal, $sample:literal;)*) => {$(
        #[doc = concat!("Puts ", $what, " within the policies so far.")]
        #[doc = concat!(
            "\n\n```\n# #[allow(unused_imports)] use std::time::Duration;\n",
            "# #[allow(unused_imports)] use trifuse::*;\n",
            "let pipeline = Pipeline::builder(\"search\").", stringify!($method), "(", $sample, ").build();\n",
            "assert_eq!(pipeline.describe().len(), 1);\n# Ok::<(), trifuse::ConfigError>(())\n```"
        )]
        $(#[$meta])*
        pub fn $method(self, $policy: $type) -> PipelineBuilder<L::With, C>
        where
            L: Append<$type>,
        {
            self.policy($policy)
        }
    )*};
}

impl<L, C> PipelineBuilder<L, C> {
    within! {
        retry(retry): Retry, "a retry", "Retry::builder(\"search\").build()?";
        circuit_breaker(breaker): CircuitBreaker, "a circuit breaker", "CircuitBreaker::builder(\"search\").build()?";
        rate_limit(limiter): RateLimiter, "a rate limiter", "RateLimiter::per_second(100.0).build()?";
        bulkhead(bulkhead): Bulkhead, "a bulkhead", "Bulkhead::builder(\"search\").build()?";
        adaptive_limit(limit): AdaptiveLimit, "an adaptive limit", "AdaptiveLimit::gradient2(\"search\").build()?";
        throttle(throttle): Throttle, "a throttle", "Throttle::builder(\"search\").build()?";
        timeout(timeout): Timeout, "a timeout", "Timeout::after(Duration::from_secs(2))";
        #[cfg(feature = "tokio")]
        #[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
        hedge(hedge): Hedge, "a hedge (asynchronous calls only)", "Hedge::after_quantile(\"search\", 0.95).build()?";
    }

    /// Puts a fallback within the policies so far; mostly it is the outermost.
    ///
    /// ```
    /// use trifuse::{Fallback, Pipeline};
    /// let pipeline = Pipeline::builder("search").fallback(Fallback::<_, ()>::new("search").value(7)).build();
    /// assert_eq!(pipeline.call(|| Err(())), Ok(7));
    /// ```
    pub fn fallback<T, E, W>(self, fallback: Fallback<T, E, W>) -> PipelineBuilder<L::With, C>
    where
        L: Append<Fallback<T, E, W>>,
    {
        self.policy(fallback)
    }

    /// Puts any policy within the policies so far.
    ///
    /// ```
    /// use trifuse::{Describe, Pipeline, Timeout};
    /// let pipeline = Pipeline::builder("search").policy(Timeout::default()).build();
    /// assert_eq!(pipeline.describe().len(), 1);
    /// ```
    pub fn policy<P>(self, policy: P) -> PipelineBuilder<L::With, C>
    where
        L: Append<P>,
    {
        let Self { name, layers, classifier } = self;
        PipelineBuilder { name, layers: layers.append(policy), classifier }
    }

    /// Judges results by a classifier, for all policies of the pipeline: what is retried, what counts as a
    /// failure, when to come back.
    ///
    /// ```
    /// use trifuse::{CircuitBreaker, Outcome, Pipeline, Retry};
    ///
    /// fn verdict(result: &Result<u8, u16>) -> Outcome {
    ///     match result {
    ///         Ok(_) => Outcome::Success,
    ///         Err(400..=499) => Outcome::Ignored, // the caller's mistake: not retried, no failure
    ///         Err(_) => Outcome::Failure,
    ///     }
    /// }
    ///
    /// let breaker = CircuitBreaker::builder("api").build()?;
    /// let api = Pipeline::builder("api")
    ///     .classify(verdict)
    ///     .retry(Retry::builder("api").build()?)
    ///     .circuit_breaker(breaker.clone())
    ///     .build();
    /// let _ = api.call(|| Err(404));
    /// assert_eq!((breaker.snapshot().totals.ignored, breaker.snapshot().totals.failures), (1, 0));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn classify<D>(self, classifier: D) -> PipelineBuilder<L, D> {
        PipelineBuilder { name: self.name, layers: self.layers, classifier }
    }

    /// Makes the pipeline.
    ///
    /// ```
    /// let pipeline = trifuse::Pipeline::builder("search").build();
    /// assert_eq!(pipeline.to_string(), "search: call");
    /// ```
    pub fn build(self) -> Pipeline<L, C> {
        Pipeline::new(self.name, self.layers, self.classifier)
    }
}

macro_rules! described {
    ($($type:ident => $kind:ident, |$policy:ident, $all:ident| $told:expr;)*) => {$(
        impl Describe for $type {
            fn describe_into(&self, all: &mut Vec<PolicyDescription>) {
                let ($policy, $all) = (self, PolicyDescription::new(PolicyKind::$kind, self.described_name()));
                all.push($told);
            }
        }
    )*};
}

/// The numbers in force of a configuration's fields.
fn fields(
    mut told: PolicyDescription,
    each: impl FnOnce(&mut dyn FnMut(&'static str, &dyn std::fmt::Debug)),
) -> PolicyDescription {
    each(&mut |name, value| told.settings.push((name, format!("{value:?}"))));
    told
}

/// The line before a bulkhead, where there is one.
fn lined(told: PolicyDescription, places: &Places) -> PolicyDescription {
    match places.max_queue {
        0 => told,
        calls => told.with("max_queue", &calls).with_wait(places.max_wait),
    }
}

described! {
    CircuitBreaker => CircuitBreaker, |breaker, told| fields(told, |visit| breaker.config().each_field(visit));
    Retry => Retry, |retry, told| fields(told, |visit| retry.config().each_field(visit));
    RateLimiter => RateLimit, |limiter, told| {
        let picture = limiter.snapshot();
        let told = told.with("rate", &picture.rate).with("capacity", &picture.capacity);
        told.with("kind", &picture.kind).with_wait(limiter.shared.max_wait)
    };
    Bulkhead => Bulkhead, |bulkhead, told| lined(told.with("limit", &bulkhead.limit()), &bulkhead.shared);
    AdaptiveLimit => AdaptiveLimit, |limit, told| {
        let told = told.with("algorithm", &limit.snapshot().algorithm);
        lined(told.with("limit", &limit.limit()), &limit.shared)
    };
    Throttle => Throttle, |throttle, told| told.with("k", &throttle.shared.config.k());
    Timeout => Timeout, |timeout, told| told.with("limit", &timeout.limit());
}

#[cfg(feature = "tokio")]
impl Describe for Hedge {
    fn describe_into(&self, all: &mut Vec<PolicyDescription>) {
        let told = PolicyDescription::new(PolicyKind::Hedge, &self.shared.name);
        all.push(match &self.shared.after {
            crate::hedge::After::Fixed(wait) => told.with("after", wait),
            crate::hedge::After::Quantile(share, _) => told.with("after_quantile", share),
        });
    }
}

impl<T, E, W> Describe for Fallback<T, E, W> {
    fn describe_into(&self, all: &mut Vec<PolicyDescription>) {
        let told = PolicyDescription::new(PolicyKind::Fallback, &self.name);
        all.push(told.with("levels", &self.levels()));
    }
}

trait DescribedName {
    fn described_name(&self) -> &Name;
}

macro_rules! names {
    ($($type:ident)*) => {$(
        impl DescribedName for $type {
            fn described_name(&self) -> &Name {
                &self.shared.name
            }
        }
    )*};
}

names! { CircuitBreaker Retry RateLimiter Bulkhead AdaptiveLimit Throttle }

impl DescribedName for Timeout {
    fn described_name(&self) -> &Name {
        &self.name
    }
}
