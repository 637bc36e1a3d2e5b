// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;
#[cfg(feature = "tokio")]
use std::future::Future;
use std::sync::Arc;

use crate::classify::ErrIsFailure;
use crate::error::CallError;
#[cfg(feature = "tokio")]
use crate::layer::{AsyncLayer, Failure, Fallible, Next, Operation, Value};
use crate::layer::{Describe, Layer, PolicyDescription, Reply};
use crate::name::Name;
use crate::pipeline_builder::PipelineBuilder;

/// A named, ordered list of policies around a call, the outermost first.
///
/// Built once, with static dispatch: nothing is boxed and nothing looked up when a call goes through. Any
/// order is allowed; the recommended one is fallback > retry > circuit breaker > rate limit > bulkhead >
/// hedge > timeout > call. Clones are handles to the same pipeline and cheap.
///
/// ```
/// use std::time::Duration;
/// use trifuse::{Bulkhead, CircuitBreaker, Pipeline, RateLimiter, Retry, Timeout};
///
/// let search = Pipeline::builder("search")
///     .retry(Retry::builder("search").max_retries(2).build()?)
///     .circuit_breaker(CircuitBreaker::builder("search").build()?)
///     .rate_limit(RateLimiter::per_second(100.0).build()?)
///     .bulkhead(Bulkhead::builder("search").limit(20).build()?)
///     .timeout(Timeout::after(Duration::from_secs(2)))
///     .build();
/// let answer = search.call(|| "12".parse::<u8>());
/// assert_eq!(answer, Ok(12));
/// assert!(search.to_string().starts_with("search: retry("));
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
pub struct Pipeline<L, C = ErrIsFailure> {
    shared: Arc<PipelineShared<L, C>>,
}

struct PipelineShared<L, C> {
    name: Name,
    layers: L,
    classifier: C,
}

impl Pipeline<End> {
    /// Starts a pipeline without policies.
    ///
    /// ```
    /// let bare = trifuse::Pipeline::builder("search").build();
    /// assert_eq!(bare.call(|| Ok::<_, ()>(1)), Ok(1));
    /// ```
    pub fn builder(name: impl Into<Name>) -> PipelineBuilder<End> {
        PipelineBuilder::new(name.into())
    }
}

impl<L, C> Pipeline<L, C> {
    pub(crate) fn new(name: Name, layers: L, classifier: C) -> Self {
        Self { shared: Arc::new(PipelineShared { name, layers, classifier }) }
    }

    /// Its name.
    ///
    /// ```
    /// assert_eq!(trifuse::Pipeline::builder("search").build().name(), "search");
    /// ```
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Makes a blocking call through all policies. The operation may be called several times.
    ///
    /// # Errors
    /// What the outermost policy made of it: a refusal that says which policy refused, its name, and when
    /// to try again; a timeout; or the operation's own error, unchanged.
    ///
    /// ```
    /// # use trifuse::{Pipeline, Retry};
    /// let retry = Retry::builder("search").build()?;
    /// let pipeline = Pipeline::builder("search").retry(retry).build();
    /// assert_eq!(pipeline.call(|| "12".parse::<u8>()), Ok(12));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[inline]
    pub fn call<T, E>(&self, mut operation: impl FnMut() -> Result<T, E>) -> Result<T, CallError<E>>
    where
        L: Layer<T, E, C>,
    {
        let shared = &*self.shared;
        shared.layers.run(&shared.classifier, || Reply::of(operation())).result
    }

    /// Makes an asynchronous call through all policies. The operation, a function of a future of a
    /// `Result<T, E>`, may be called several times; what comes of the call is a `Result<T, CallError<E>>`.
    ///
    /// # Cancel safety
    /// Dropped, everything within is dropped: the attempts in progress, what was waited for, and what the
    /// policies held is given back. The call says nothing about the dependency.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    ///
    /// # Panics
    /// When a policy has to wait outside of a tokio runtime with its timer on.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// use std::time::Duration;
    /// use trifuse::{Pipeline, Timeout};
    ///
    /// let pipeline = Pipeline::builder("search").timeout(Timeout::after(Duration::from_secs(2))).build();
    /// let answer = pipeline.call_async(|| async { Ok::<_, std::io::Error>("found") }).await;
    /// assert_eq!(answer.unwrap(), "found");
    /// # });
    /// ```
    #[cfg(feature = "tokio")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
    pub fn call_async<F, A>(
        &self,
        operation: F,
    ) -> impl Future<Output = Result<Value<A>, CallError<Failure<A>>>> + use<F, A, L, C>
    where
        F: Fn() -> A,
        A: Future<Output: Fallible>,
        L: AsyncLayer<Value<A>, Failure<A>, C>,
        C: Clone,
    {
        let (layers, classifier) = (self.shared.layers.clone(), self.shared.classifier.clone());
        async move { layers.run_async(classifier, Operation(Arc::new(operation))).await }
    }
}

impl<L: Describe, C> Describe for Pipeline<L, C> {
    fn describe_into(&self, all: &mut Vec<PolicyDescription>) {
        self.shared.layers.describe_into(all);
    }
}

impl<L, C> Clone for Pipeline<L, C> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<L: Describe, C> fmt::Display for Pipeline<L, C> {
    /// The order and the numbers: `search: retry(max_retries=2, ...) > timeout(limit=2s) > call`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.name())?;
        for policy in self.describe() {
            write!(f, "{policy} > ")?;
        }
        f.write_str("call")
    }
}

impl<L: Describe, C> fmt::Debug for Pipeline<L, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline").field("name", &self.name()).field("policies", &self.describe()).finish()
    }
}

/// The inside of a pipeline: the call itself.
///
/// ```
/// let bare: trifuse::Pipeline<trifuse::End> = trifuse::Pipeline::builder("search").build();
/// # let _ = bare;
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct End;

/// A policy and what is within it.
///
/// ```
/// use trifuse::{Chain, End, Pipeline, Timeout};
/// let one: Pipeline<Chain<Timeout, End>> = Pipeline::builder("search").timeout(Timeout::default()).build();
/// # let _ = one;
/// ```
#[derive(Clone, Debug)]
pub struct Chain<O, I> {
    /// The policy.
    pub outer: O,
    /// What is within it.
    pub inner: I,
}

impl Describe for End {
    fn describe_into(&self, _: &mut Vec<PolicyDescription>) {}
}

impl<O: Describe, I: Describe> Describe for Chain<O, I> {
    fn describe_into(&self, all: &mut Vec<PolicyDescription>) {
        self.outer.describe_into(all);
        self.inner.describe_into(all);
    }
}

impl<T, E, C> Layer<T, E, C> for End {
    #[inline]
    fn run(&self, _: &C, mut next: impl FnMut() -> Reply<T, E>) -> Reply<T, E> {
        next()
    }
}

impl<T, E, C, O: Layer<T, E, C>, I: Layer<T, E, C>> Layer<T, E, C> for Chain<O, I> {
    #[inline]
    fn run(&self, classifier: &C, mut next: impl FnMut() -> Reply<T, E>) -> Reply<T, E> {
        self.outer.run(classifier, || self.inner.run(classifier, &mut next))
    }
}

#[cfg(feature = "tokio")]
impl<T, E, C> AsyncLayer<T, E, C> for End {
    fn run_async<N>(self, _: C, next: N) -> impl Future<Output = Result<T, CallError<E>>>
    where
        N: Next<T, E>,
    {
        next.start()
    }
}

#[cfg(feature = "tokio")]
impl<T, E, C, O, I> AsyncLayer<T, E, C> for Chain<O, I>
where
    C: Clone,
    O: AsyncLayer<T, E, C>,
    I: AsyncLayer<T, E, C>,
{
    fn run_async<N>(self, classifier: C, next: N) -> impl Future<Output = Result<T, CallError<E>>>
    where
        N: Next<T, E>,
    {
        let within = Within { inner: self.inner, classifier: classifier.clone(), next };
        self.outer.run_async(classifier, within)
    }
}

/// The inner policies of a chain with what is within them.
#[cfg(feature = "tokio")]
#[derive(Clone)]
struct Within<I, C, N> {
    inner: I,
    classifier: C,
    next: N,
}

#[cfg(feature = "tokio")]
impl<T, E, I, C, N> Next<T, E> for Within<I, C, N>
where
    C: Clone,
    I: AsyncLayer<T, E, C>,
    N: Next<T, E>,
{
    fn start(self) -> impl Future<Output = Result<T, CallError<E>>> {
        self.inner.run_async(self.classifier, self.next)
    }
}
