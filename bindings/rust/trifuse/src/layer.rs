// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a policy stands around a call: the inside of pipelines. Static dispatch all the way: a pipeline is
//! a nest of types, a call through it a nest of closures, an asynchronous one a nest of futures.
#[cfg(feature = "tokio")]
use std::future::Future;

use crate::classify::{Classification, Classifier};
use crate::error::CallError;
use crate::text::Outcome;
use crate::text_refusal::PolicyKind;

/// What came of a call, as policies pass it outwards.
pub struct Reply<T, E> {
    pub(crate) result: Result<T, CallError<E>>,
    /// A blocking call that ran longer than a timeout within; it could not be interrupted.
    pub(crate) late: bool,
}

impl<T, E> Reply<T, E> {
    pub(crate) fn of(result: Result<T, E>) -> Self {
        Self { result: result.map_err(CallError::Operation), late: false }
    }

    pub(crate) fn refused(error: impl Into<CallError<E>>) -> Self {
        Self { result: Err(error.into()), late: false }
    }
}

impl<T, E> From<Result<T, CallError<E>>> for Reply<T, E> {
    fn from(result: Result<T, CallError<E>>) -> Self {
        Self { result, late: false }
    }
}

/// What a result says about the dependency: a refusal from within nothing, a timeout that it is one, all
/// else what the classifier says.
pub(crate) fn classify<T, E>(
    classifier: &impl Classifier<T, E>,
    result: Result<T, CallError<E>>,
) -> (Classification, Result<T, CallError<E>>) {
    match result {
        Ok(value) => {
            let result = Ok(value);
            (classifier.classify(&result), result.map_err(CallError::Operation))
        }
        Err(CallError::Operation(error)) => {
            let result = Err(error);
            (classifier.classify(&result), result.map_err(CallError::Operation))
        }
        Err(CallError::TimedOut(late)) => (Outcome::Timeout.into(), Err(late.into())),
        Err(CallError::Refused(refused)) => (Outcome::Ignored.into(), Err(refused.into())),
    }
}

/// As `classify`; a call that ran too long is a timeout whatever it returned.
pub(crate) fn judge<T, E>(
    classifier: &impl Classifier<T, E>,
    reply: Reply<T, E>,
) -> (Classification, Reply<T, E>) {
    let (verdict, result) = classify(classifier, reply.result);
    let verdict = if reply.late { Outcome::Timeout.into() } else { verdict };
    (verdict, Reply { result, late: reply.late })
}

/// A policy that blocking calls can go through, for results of `T` and `E` that are judged by a `C`.
/// Implemented by the policies of this crate.
///
/// ```
/// fn check<P: trifuse::Layer<u8, std::io::Error, trifuse::ErrIsFailure>>(_: P) {}
/// check(trifuse::Retry::builder("search").build()?);
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
pub trait Layer<T, E, C>: Describe {
    #[doc(hidden)]
    fn run(&self, classifier: &C, next: impl FnMut() -> Reply<T, E>) -> Reply<T, E>;
}

/// A policy that asynchronous calls can go through. Implemented by the policies of this crate.
///
/// Everything within a call is owned, so that the future of a call is `Send` wherever its parts are.
///
/// ```
/// fn check<P: trifuse::AsyncLayer<u8, std::io::Error, trifuse::ErrIsFailure>>(_: P) {}
/// check(trifuse::Retry::builder("search").build()?);
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[cfg(feature = "tokio")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
pub trait AsyncLayer<T, E, C>: Describe + Clone {
    #[doc(hidden)]
    fn run_async<N>(self, classifier: C, next: N) -> impl Future<Output = Result<T, CallError<E>>>
    where
        N: Next<T, E>;
}

/// What is within a policy: cloned for each attempt, started once.
#[doc(hidden)]
#[cfg(feature = "tokio")]
pub trait Next<T, E>: Clone {
    #[doc(hidden)]
    fn start(self) -> impl Future<Output = Result<T, CallError<E>>>;
}

/// The operation itself, shared by the attempts.
#[doc(hidden)]
#[cfg(feature = "tokio")]
pub struct Operation<F>(pub(crate) std::sync::Arc<F>);

#[cfg(feature = "tokio")]
impl<F> Clone for Operation<F> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

#[cfg(feature = "tokio")]
impl<F, A> Next<Value<A>, Failure<A>> for Operation<F>
where
    F: Fn() -> A,
    A: Future<Output: Fallible>,
{
    async fn start(self) -> Result<Value<A>, CallError<Failure<A>>> {
        (self.0)().await.into_result().map_err(CallError::Operation)
    }
}

/// `Result`, whose parts are so known from the future alone. As parameters of an asynchronous call they would
/// be parameters of its future too, and one of `&'static str` no longer provably `Send` within another.
#[doc(hidden)]
#[cfg(feature = "tokio")]
pub trait Fallible {
    type Value;
    type Error;
    fn into_result(self) -> Result<Self::Value, Self::Error>;
}

#[cfg(feature = "tokio")]
impl<T, E> Fallible for Result<T, E> {
    type Value = T;
    type Error = E;
    fn into_result(self) -> Self {
        self
    }
}

/// What a future of a `Result` gives when it is well.
#[cfg(feature = "tokio")]
pub(crate) type Value<A> = <<A as Future>::Output as Fallible>::Value;
/// Its error.
#[cfg(feature = "tokio")]
pub(crate) type Failure<A> = <<A as Future>::Output as Fallible>::Error;

/// What a policy says of itself: kind, name and the numbers in force.
///
/// ```
/// use trifuse::{Bulkhead, Describe, PolicyKind};
///
/// let bulkhead = Bulkhead::builder("search").limit(7).build()?;
/// let told = &bulkhead.describe()[0];
/// assert_eq!((told.kind, &*told.name), (PolicyKind::Bulkhead, "search"));
/// assert_eq!(told.to_string(), "bulkhead(limit=7)");
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
pub trait Describe {
    #[doc(hidden)]
    fn describe_into(&self, all: &mut Vec<PolicyDescription>);

    /// The policies of which it is made, outermost first.
    ///
    /// ```
    /// use trifuse::{Describe, Retry};
    /// let told = Retry::builder("search").max_retries(5).build()?.describe();
    /// assert!(told[0].settings.contains(&("max_retries", "5".to_owned())));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    fn describe(&self) -> Vec<PolicyDescription> {
        let mut all = Vec::new();
        self.describe_into(&mut all);
        all
    }
}

/// One policy as [`Describe`] tells it.
///
/// ```
/// use std::time::Duration;
/// use trifuse::{Describe, Timeout};
/// let told = Timeout::after(Duration::from_secs(2)).describe();
/// assert_eq!(told[0].to_string(), "timeout(limit=2s)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyDescription {
    /// Its kind.
    pub kind: PolicyKind,
    /// Its name.
    pub name: crate::name::Name,
    /// Its settings by their names, as text.
    pub settings: Vec<(&'static str, String)>,
}

impl PolicyDescription {
    pub(crate) fn new(kind: PolicyKind, name: &crate::name::Name) -> Self {
        Self { kind, name: name.clone(), settings: Vec::new() }
    }

    pub(crate) fn with(mut self, setting: &'static str, value: &dyn std::fmt::Debug) -> Self {
        self.settings.push((setting, format!("{value:?}")));
        self
    }

    pub(crate) fn with_wait(self, max_wait: Option<std::time::Duration>) -> Self {
        match max_wait {
            Some(wait) => self.with("max_wait", &wait),
            None => self,
        }
    }
}

impl std::fmt::Display for PolicyDescription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}(", self.kind)?;
        for (number, (setting, value)) in self.settings.iter().enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            write!(f, "{comma}{setting}={value}")?;
        }
        f.write_str(")")
    }
}
