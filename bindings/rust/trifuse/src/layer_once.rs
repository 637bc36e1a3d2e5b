// SPDX-License-Identifier: MIT OR Apache-2.0
//! The policies that make a call at most once: rate limiter, bulkhead, adaptive limit, throttle, breaker.
use std::borrow::Borrow;
use std::convert::Infallible;
#[cfg(feature = "tokio")]
use std::future::Future;

use crate::breaker::CircuitBreaker;
use crate::bulkhead::{AdaptiveLimit, Bulkhead};
use crate::classify::{Classification, Classifier, ErrIsFailure};
use crate::error::CallError;
use crate::error_limits::LimiterError;
#[cfg(feature = "tokio")]
use crate::future::CallFuture;
#[cfg(feature = "tokio")]
use crate::layer::{AsyncLayer, Next, classify};
use crate::layer::{Layer, Reply, judge};
use crate::limiter::RateLimiter;
#[cfg(feature = "tokio")]
use crate::places::Enter;
use crate::places::{Held, Holder, Places};
use crate::refused::Refused;
use crate::text::Outcome;
use crate::text_refusal::{PolicyKind, RefusalReason};
use crate::throttle::Throttle;

impl RateLimiter {
    /// A single token is never over the capacity.
    pub(crate) fn refusal(&self, error: LimiterError) -> Refused {
        match error {
            LimiterError::RateLimited(limited) => limited.into(),
            _ => Refused::new(
                PolicyKind::RateLimit,
                self.shared.name.clone(),
                RefusalReason::RateLimited,
                None,
            ),
        }
    }

    fn once<T, E, C>(&self, _: &C, next: impl FnOnce() -> Reply<T, E>) -> Reply<T, E> {
        match self.admit_blocking(1) {
            Ok(()) => next(),
            Err(error) => Reply::refused(self.refusal(error)),
        }
    }

    #[cfg(feature = "tokio")]
    async fn once_async<T, E, C, A>(&self, _: &C, next: impl FnOnce() -> A) -> Result<T, CallError<E>>
    where
        A: Future<Output = Result<T, CallError<E>>>,
    {
        self.admit(1).await.map_err(|error| self.refusal(error))?;
        next().await
    }
}

impl Places {
    fn once<T, E, C>(&self, classifier: &C, next: impl FnOnce() -> Reply<T, E>) -> Reply<T, E>
    where
        C: Classifier<T, E>,
    {
        let entered = if self.max_queue == 0 { self.try_take() } else { self.take_blocking() };
        if let Err(refused) = entered {
            return Reply::refused(refused);
        }
        let held = Held::new(Holder::Borrowed(self));
        let (verdict, reply) = judge(classifier, next());
        held.report(verdict.outcome());
        reply
    }

    #[cfg(feature = "tokio")]
    async fn once_async<T, E, C, A>(
        &self,
        classifier: &C,
        next: impl FnOnce() -> A,
    ) -> Result<T, CallError<E>>
    where
        C: Classifier<T, E>,
        A: Future<Output = Result<T, CallError<E>>>,
    {
        if self.max_queue == 0 {
            self.try_take()?
        } else {
            Enter::new(self).await?
        }
        let held = Held::new(Holder::Borrowed(self));
        let (verdict, result) = classify(classifier, next().await);
        held.report(verdict.outcome());
        result
    }
}

/// What a throttle is told when a call ends: a call that is cancelled is no refusal of the backend, a
/// panic is.
pub(crate) struct Sent<H: Borrow<Throttle>> {
    throttle: H,
    pub(crate) outcome: Outcome,
    panicking: bool,
}

impl<H: Borrow<Throttle>> Sent<H> {
    pub(crate) fn new(throttle: H) -> Self {
        Self { throttle, outcome: Outcome::Ignored, panicking: std::thread::panicking() }
    }
}

impl<H: Borrow<Throttle>> Drop for Sent<H> {
    fn drop(&mut self) {
        if self.panicking || !std::thread::panicking() {
            self.throttle.borrow().report(self.outcome);
        }
    }
}

impl Throttle {
    fn once<T, E, C>(&self, classifier: &C, next: impl FnOnce() -> Reply<T, E>) -> Reply<T, E>
    where
        C: Classifier<T, E>,
    {
        if let Err(refused) = self.try_acquire() {
            return Reply::refused(refused);
        }
        let mut sent = Sent::new(self);
        let (verdict, reply) = judge(classifier, next());
        sent.outcome = verdict.outcome();
        reply
    }

    #[cfg(feature = "tokio")]
    async fn once_async<T, E, C, A>(
        &self,
        classifier: &C,
        next: impl FnOnce() -> A,
    ) -> Result<T, CallError<E>>
    where
        C: Classifier<T, E>,
        A: Future<Output = Result<T, CallError<E>>>,
    {
        self.try_acquire()?;
        let mut sent = Sent::new(self);
        let (verdict, result) = classify(classifier, next().await);
        sent.outcome = verdict.outcome();
        result
    }
}

/// To a breaker the refusal of another one within is a failure; a refusal before any call says nothing.
pub(crate) fn seen<T, E>(verdict: Classification, result: &Result<T, CallError<E>>) -> Classification {
    match result {
        Err(CallError::Refused(refused)) if refused.policy == PolicyKind::CircuitBreaker => {
            Outcome::Failure.into()
        }
        _ => verdict,
    }
}

/// What a breaker within a pipeline guards: a reply that was judged already.
pub(crate) type Judged<R> = Result<(Classification, R), Infallible>;

pub(crate) fn verdict<R>(judged: &Judged<R>) -> Classification {
    match judged {
        Ok((verdict, _)) => *verdict,
        Err(never) => match *never {},
    }
}

/// The breaker's own refusals and timeouts, or what was guarded.
pub(crate) fn unwrapped<R, E>(
    judged: Result<(Classification, R), CallError<Infallible>>,
) -> Result<R, CallError<E>> {
    match judged {
        Ok((_, reply)) => Ok(reply),
        Err(CallError::Refused(refused)) => Err(refused.into()),
        Err(CallError::TimedOut(late)) => Err(late.into()),
        Err(CallError::Operation(never)) => match never {},
    }
}

impl<T, E, C: Classifier<T, E>> Layer<T, E, C> for CircuitBreaker {
    fn run(&self, classifier: &C, mut next: impl FnMut() -> Reply<T, E>) -> Reply<T, E> {
        let judged = self.call_judged(&verdict, || {
            let (verdict, reply) = judge(classifier, next());
            Ok((seen(verdict, &reply.result), reply))
        });
        unwrapped(judged).unwrap_or_else(Reply::refused)
    }
}

#[cfg(feature = "tokio")]
impl<T, E, C: Classifier<T, E>> AsyncLayer<T, E, C> for CircuitBreaker {
    async fn run_async<N: Next<T, E>>(self, classifier: C, next: N) -> Result<T, CallError<E>> {
        let guarded = async move {
            let (verdict, result) = classify(&classifier, next.start().await);
            Ok((seen(verdict, &result), result))
        };
        unwrapped(CallFuture::new(self, verdict, guarded).await)?
    }
}

/// A layer, `call` and `call_async` of a policy with `once` and `once_async`.
macro_rules! once {
    ($type:ident, $make:literal, |$self:ident| $inner:expr) => {
        impl<T, E, C: Classifier<T, E>> Layer<T, E, C> for $type {
            fn run(&self, classifier: &C, next: impl FnMut() -> Reply<T, E>) -> Reply<T, E> {
                let $self = self;
                $inner.once(classifier, next)
            }
        }

        #[cfg(feature = "tokio")]
        impl<T, E, C: Classifier<T, E>> AsyncLayer<T, E, C> for $type {
            async fn run_async<N: Next<T, E>>(self, classifier: C, next: N) -> Result<T, CallError<E>> {
                let $self = &self;
                $inner.once_async(&classifier, || next.start()).await
            }
        }

        impl $type {
            /// Makes a call if it is admitted; waits in line where that is configured. `Ok` is a success,
            /// `Err` and a panic are failures; a [`Pipeline`](crate::Pipeline) takes a classifier.
            ///
            /// # Errors
            /// [`CallError::Refused`] when the call was not made, else the operation's own error.
            #[doc = concat!(
                        "\n\n```\nlet policy = trifuse::", stringify!($type), "::", $make, ".build()?;\n",
                        "assert_eq!(policy.call(|| \"12\".parse::<u8>()), Ok(12));\n",
                        "# Ok::<(), trifuse::ConfigError>(())\n```"
                    )]
            pub fn call<T, E>(&self, operation: impl FnOnce() -> Result<T, E>) -> Result<T, CallError<E>> {
                let $self = self;
                $inner.once(&ErrIsFailure, || Reply::of(operation())).result
            }

            /// Makes an asynchronous call if it is admitted, which is asked at the first poll; waits in line
            /// where that is configured.
            ///
            /// # Cancel safety
            /// Dropped while it waits, it leaves the line and what it was given goes to the next. Dropped
            /// later, the operation is dropped and what it held is given back; the call says nothing about
            /// the dependency.
            ///
            /// # Panics
            /// When it has to wait outside of a tokio runtime with its timer on.
            #[doc = concat!(
                        "\n\n```\n# futures::executor::block_on(async {\n",
                        "let policy = trifuse::", stringify!($type), "::", $make, ".build()?;\n",
                        "assert_eq!(policy.call_async(async { Ok::<_, ()>(12) }).await, Ok(12));\n",
                        "# Ok::<(), trifuse::ConfigError>(())\n# }).unwrap();\n```"
                    )]
            #[cfg(feature = "tokio")]
            #[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
            pub fn call_async<A, T, E>(
                &self,
                operation: A,
            ) -> impl Future<Output = Result<T, CallError<E>>> + use<A, T, E>
            where
                A: Future<Output = Result<T, E>>,
            {
                let policy = self.clone();
                async move {
                    let $self = &policy;
                    let next = || async { operation.await.map_err(CallError::Operation) };
                    $inner.once_async(&ErrIsFailure, next).await
                }
            }
        }
    };
}

once! { RateLimiter, "per_second(5.0)", |policy| policy }
once! { Bulkhead, "builder(\"search\")", |policy| policy.shared }
once! { AdaptiveLimit, "gradient2(\"search\")", |policy| policy.shared }
once! { Throttle, "builder(\"search\")", |policy| policy }
