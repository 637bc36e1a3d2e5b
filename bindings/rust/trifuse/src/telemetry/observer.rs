// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;

use crate::error::CallError;
use crate::text::Outcome;

/// Watches the calls of a policy of type `P`; see [`Observed`](crate::telemetry::Observed).
///
/// ```
/// use trifuse::telemetry::{Ended, Observed, ObservedCall, Observer};
/// use trifuse::{CircuitBreaker, Pipeline};
///
/// #[derive(Clone)]
/// struct Print;
/// struct Printed(String);
///
/// impl Observer<CircuitBreaker> for Print {
///     type Call = Printed;
///     fn begin(&self, breaker: &CircuitBreaker) -> Option<Printed> {
///         Some(Printed(breaker.name().to_owned()))
///     }
/// }
///
/// impl ObservedCall for Printed {
///     fn ended(&self, how: Ended) {
///         println!("{}: {how}", self.0);
///     }
/// }
///
/// let breaker = Observed::new(CircuitBreaker::builder("numbers").build()?, Print);
/// let numbers = Pipeline::builder("numbers").policy(breaker).build();
/// assert_eq!(numbers.call(|| "12".parse::<u8>()), Ok(12)); // numbers: success
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
pub trait Observer<P>: Clone {
    /// What is kept of one call.
    type Call: ObservedCall;

    /// A call has come to the policy, which has not been asked yet. `None`: this one is not watched.
    ///
    /// See [`Observer`] for an example.
    fn begin(&self, policy: &P) -> Option<Self::Call>;
}

/// One call that is watched. Its methods run on the threads of the call.
///
/// See [`Observer`] for an example.
pub trait ObservedCall {
    /// The policy has let the call through; of a retry each attempt. By default nothing.
    fn passed(&self) {}

    /// Runs a step of the call, of an asynchronous one each poll; by default as it is.
    fn within<R>(&self, step: impl FnOnce() -> R) -> R {
        step()
    }

    /// The call has ended; told once.
    fn ended(&self, how: Ended);
}

/// How a call ended, as a policy saw it.
///
/// ```
/// assert_eq!(trifuse::telemetry::Ended::Rejected.to_string(), "rejected");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ended {
    /// A success.
    Success,
    /// A failure, or a panic.
    Failure,
    /// A timeout.
    Timeout,
    /// It says nothing about the dependency.
    Ignored,
    /// This policy, or one within, refused it.
    Rejected,
    /// Its future was dropped.
    Cancelled,
}

impl Ended {
    /// The name that spans and metrics use.
    ///
    /// ```
    /// assert_eq!(trifuse::telemetry::Ended::Cancelled.as_str(), "cancelled");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Timeout => "timeout",
            Self::Ignored => "ignored",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
        }
    }

    pub(crate) fn of<T, E>(outcome: Outcome, result: &Result<T, CallError<E>>) -> Self {
        match (result, outcome) {
            (Err(CallError::Refused(_)), _) => Self::Rejected,
            (_, Outcome::Success) => Self::Success,
            (_, Outcome::Failure) => Self::Failure,
            (_, Outcome::Timeout) => Self::Timeout,
            (_, Outcome::Ignored) => Self::Ignored,
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A call that is told to have ended, whatever becomes of it.
pub(crate) struct Watched<C: ObservedCall> {
    pub(crate) call: C,
    over: std::sync::atomic::AtomicBool,
    panicking: bool,
}

impl<C: ObservedCall> Watched<C> {
    pub(crate) fn new(call: C) -> Self {
        let over = std::sync::atomic::AtomicBool::new(false);
        Self { call, over, panicking: std::thread::panicking() }
    }

    pub(crate) fn end(&self, how: Ended) {
        if !self.over.swap(true, std::sync::atomic::Ordering::Relaxed) {
            self.call.ended(how);
        }
    }

    /// Dropped on its way, or by a panic.
    pub(crate) fn abandon(&self) {
        let panicked = !self.panicking && std::thread::panicking();
        self.end(if panicked { Ended::Failure } else { Ended::Cancelled });
    }
}
