// SPDX-License-Identifier: MIT OR Apache-2.0
//! Retrying a blocking function, and the rules that the asynchronous form shares.
use std::marker::PhantomData;
use std::time::Duration;

use crate::classify::{Classifier, ErrIsFailure};
use crate::retry::{Progress, Retry, RetryShared};
use crate::retry_error::{RetriesExhausted, StopReason};
use crate::scope::{Retrying, Scope};
use crate::text::Outcome;

/// What is retried, and who hears of it.
#[derive(Clone)]
pub(crate) struct Rules<W, N, C> {
    pub(crate) when: W,
    pub(crate) notify: N,
    pub(crate) classifier: C,
}

/// Where no `when` is given.
pub(crate) type Always<E> = fn(&E) -> bool;
/// Where no `notify` is given.
pub(crate) type Nobody<E> = fn(&E, Duration);

impl<E> Rules<Always<E>, Nobody<E>, ErrIsFailure> {
    pub(crate) fn new() -> Self {
        Self { when: |_| true, notify: |_, _| (), classifier: ErrIsFailure }
    }
}

impl<W, N, C> Rules<W, N, C> {
    /// After an attempt: the delay before the next one, or why there is none.
    pub(crate) fn judge<T, E>(
        &mut self,
        shared: &RetryShared,
        progress: &mut Progress,
        result: &Result<T, E>,
    ) -> Result<Duration, StopReason>
    where
        W: FnMut(&E) -> bool,
        N: FnMut(&E, Duration),
        C: Classifier<T, E>,
    {
        let verdict = self.classifier.classify(result);
        let (outcome, error) = (verdict.outcome(), result.as_ref().err());
        let failed = matches!(outcome, Outcome::Failure | Outcome::Timeout);
        let decision = if failed && verdict.may_retry() && error.is_none_or(&mut self.when) {
            shared.next(progress, verdict.trip_for())
        } else {
            Err(StopReason::NotRetried)
        };
        match (&decision, error) {
            (Ok(delay), Some(error)) => (self.notify)(error, *delay),
            (Ok(_), None) => (),
            (Err(_), _) => shared.raw.settle(progress.call.retries, !failed && error.is_none()),
        }
        decision
    }
}

/// Calls of a function that are retried, made by [`RetryableBlocking::retry`].
///
/// ```
/// use std::time::Duration;
/// use trifuse::{Retry, RetryableBlocking};
///
/// let policy = Retry::builder("numbers").delay(Duration::ZERO).build()?;
/// let parse = || "12x".parse::<u8>();
/// let error = parse.retry(&policy).when(|e| e.to_string().contains("digit")).call().unwrap_err();
/// assert_eq!(error.to_string(), "invalid digit found in string");
/// assert_eq!(policy.snapshot().retries, 3);
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[must_use = "nothing is called before `call`"]
pub struct RetryingBlocking<R, F, T, E, W = Always<E>, N = Nobody<E>, C = ErrIsFailure> {
    operation: F,
    retry: R,
    rules: Rules<W, N, C>,
    result: PhantomData<fn() -> Result<T, E>>,
}

/// Gives every function that returns a `Result` a `retry` method.
///
/// ```
/// use trifuse::{Retry, RetryableBlocking};
///
/// let policy = Retry::builder("numbers").build()?;
/// assert_eq!((|| "12".parse::<u8>()).retry(&policy).call(), Ok(12));
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
pub trait RetryableBlocking<T, E>: FnMut() -> Result<T, E> + Sized {
    /// This function, retried as the policy says.
    ///
    /// ```
    /// # use trifuse::{Retry, RetryableBlocking};
    /// let policy = Retry::builder("numbers").build()?;
    /// assert_eq!((|| Ok::<_, ()>(7)).retry(&policy).call(), Ok(7));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    fn retry(self, policy: &Retry) -> RetryingBlocking<&Retry, Self, T, E> {
        RetryingBlocking { operation: self, retry: policy, rules: Rules::new(), result: PhantomData }
    }
}

impl<F: FnMut() -> Result<T, E>, T, E> RetryableBlocking<T, E> for F {}

/// `when`, `notify` and `classify`, of both forms.
macro_rules! rules {
    ($type:ident<$($own:ident),*>, $trait:ident, $end:literal) => {
        impl<$($own,)* T, E, W, N, C> $type<$($own,)* T, E, W, N, C> {
            /// Retries only the errors that `when` says yes to.
            #[doc = concat!(
                "\n\n```\n# use trifuse::{Retry, RetryableBlocking};\n",
                "# let policy = Retry::builder(\"numbers\").build()?;\n",
                "let result = (|| Err::<(), _>(404)).retry(&policy).when(|status| *status >= 500).call();\n",
                "assert_eq!((result, policy.snapshot().retries), (Err(404), 0));\n",
                "# Ok::<(), trifuse::ConfigError>(())\n```"
            )]
            pub fn when<P: FnMut(&E) -> bool>(self, when: P) -> $type<$($own,)* T, E, P, N, C> {
                let Rules { notify, classifier, .. } = self.rules;
                $type { operation: self.operation, retry: self.retry, rules: Rules { when, notify, classifier }, result: PhantomData }
            }

            /// Calls `notify` with the error and the delay before each retry.
            #[doc = concat!(
                "\n\n```\n# use trifuse::{ManualClock, Retry, RetryableBlocking};\n",
                "# let policy = Retry::builder(\"numbers\").clock(ManualClock::new()).build()?;\n",
                "let mut heard = 0;\n",
                "let _ = (|| Err::<(), _>(503)).retry(&policy).notify(|_, _| heard += 1).call();\n",
                "assert_eq!(heard, 3);\n# Ok::<(), trifuse::ConfigError>(())\n```"
            )]
            pub fn notify<P: FnMut(&E, std::time::Duration)>(self, notify: P) -> $type<$($own,)* T, E, W, P, C> {
                let Rules { when, classifier, .. } = self.rules;
                $type { operation: self.operation, retry: self.retry, rules: Rules { when, notify, classifier }, result: PhantomData }
            }

            /// Judges results by the classifier that a circuit breaker has too: failures and timeouts are
            /// retried, after the time that the server said where it did; what is ignored is not.
            #[doc = concat!(
                "\n\n```\n# use trifuse::{ManualClock, Outcome, Retry, RetryableBlocking};\n",
                "# let policy = Retry::builder(\"numbers\").clock(ManualClock::new()).build()?;\n",
                "fn verdict(result: &Result<u16, u16>) -> Outcome {\n    match result {\n",
                "        Ok(500..) => Outcome::Failure, // an answer that is none\n",
                "        Err(400..=499) => Outcome::Ignored,\n        Err(_) => Outcome::Failure,\n",
                "        Ok(_) => Outcome::Success,\n    }\n}\n\n",
                "assert_eq!((|| Ok(503)).retry(&policy).classify(verdict).call(), Ok(503));\n",
                "assert_eq!((|| Err(404)).retry(&policy).classify(verdict).call(), Err(404));\n",
                "assert_eq!(policy.snapshot().retries, 3);\n# Ok::<(), trifuse::ConfigError>(())\n```"
            )]
            pub fn classify<P: crate::classify::Classifier<T, E>>(self, classifier: P) -> $type<$($own,)* T, E, W, N, P> {
                let Rules { when, notify, .. } = self.rules;
                $type { operation: self.operation, retry: self.retry, rules: Rules { when, notify, classifier }, result: PhantomData }
            }
        }

        impl<$($own,)* T, E, W, N, C> std::fmt::Debug for $type<$($own,)* T, E, W, N, C> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($type)).finish_non_exhaustive()
            }
        }
    };
}
#[cfg(feature = "tokio")]
pub(crate) use rules;

rules! { RetryingBlocking<R, F>, RetryableBlocking, "call()" }

impl<F, T, E, W, N, C> RetryingBlocking<&Retry, F, T, E, W, N, C>
where
    F: FnMut() -> Result<T, E>,
    W: FnMut(&E) -> bool,
    N: FnMut(&E, Duration),
    C: Classifier<T, E>,
{
    /// Calls until it succeeds or is given up; the thread sleeps in between.
    ///
    /// # Errors
    /// The error of the last attempt, unchanged.
    ///
    /// ```
    /// # use trifuse::{Retry, RetryableBlocking};
    /// # let policy = Retry::builder("numbers").build()?;
    /// assert_eq!((|| "12".parse::<u8>()).retry(&policy).call(), Ok(12));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn call(self) -> Result<T, E> {
        self.run().0
    }

    fn run(mut self) -> (Result<T, E>, u32, StopReason) {
        let shared = &*self.retry.shared;
        let mut progress = shared.begin();
        let mut scope = Retrying::new();
        loop {
            let result = scope.run(&mut self.operation);
            match self.rules.judge(shared, &mut progress, &result) {
                Ok(delay) => shared.clock.sleep(delay),
                Err(reason) => return (result, progress.call.retries + 1, reason),
            }
        }
    }

    /// Returns what the call was given up for beside the last error.
    ///
    /// ```
    /// # use trifuse::{ManualClock, Retry, RetryableBlocking};
    /// # let policy = Retry::builder("numbers").clock(ManualClock::new()).build()?;
    /// let given_up = (|| Err::<(), _>("no")).retry(&policy).exhausted().call().unwrap_err();
    /// assert_eq!((given_up.attempts, given_up.last_error), (4, "no"));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn exhausted(self) -> Exhausted<Self> {
        Exhausted(self)
    }
}

/// Retried calls that end in [`RetriesExhausted`].
///
/// ```
/// use trifuse::{Retry, RetryableBlocking};
///
/// let policy = Retry::builder("numbers").build()?;
/// assert_eq!((|| Ok::<_, ()>(1)).retry(&policy).exhausted().call().unwrap(), 1);
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Debug)]
#[must_use = "nothing is called yet"]
pub struct Exhausted<R>(pub(crate) R);

impl<F, T, E, W, N, C> Exhausted<RetryingBlocking<&Retry, F, T, E, W, N, C>>
where
    F: FnMut() -> Result<T, E>,
    W: FnMut(&E) -> bool,
    N: FnMut(&E, Duration),
    C: Classifier<T, E>,
{
    /// As [`RetryingBlocking::call`].
    ///
    /// # Errors
    /// How often it was tried, why not once more, and the error of the last attempt.
    ///
    /// ```
    /// # use trifuse::{Retry, RetryableBlocking, StopReason};
    /// # let policy = Retry::builder("numbers").max_retries(0).build()?;
    /// let given_up = (|| Err::<(), _>("no")).retry(&policy).exhausted().call().unwrap_err();
    /// assert_eq!(given_up.reason, StopReason::Retries);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn call(self) -> Result<T, RetriesExhausted<E>> {
        let name = self.0.retry.shared.name.clone();
        let (result, attempts, reason) = self.0.run();
        result.map_err(|last_error| RetriesExhausted { name, attempts, reason, last_error })
    }
}

impl Retry {
    /// Calls a function until it succeeds or is given up; short for `operation.retry(&policy).call()`.
    ///
    /// # Errors
    /// The error of the last attempt, unchanged.
    ///
    /// ```
    /// let retry = trifuse::Retry::builder("numbers").build()?;
    /// assert_eq!(retry.call(|| "12".parse::<u8>()), Ok(12));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn call<T, E>(&self, operation: impl FnMut() -> Result<T, E>) -> Result<T, E> {
        RetryableBlocking::retry(operation, self).call()
    }
}
