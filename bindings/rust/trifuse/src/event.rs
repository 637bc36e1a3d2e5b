// SPDX-License-Identifier: MIT OR Apache-2.0
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use trifuse_sys::{TRIFUSE_NEVER, trifuse_breaker_event};

use crate::name::Name;
use crate::refused::Refused;
use crate::text::{Cause, Outcome, State};

/// How many outcomes a window held.
///
/// ```
/// # let breaker = trifuse::CircuitBreaker::builder("x").build()?;
/// breaker.try_acquire().expect("closed").failure();
/// let window = breaker.snapshot().window;
/// assert_eq!((window.total, window.failed, window.slow), (1, 1, 0));
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WindowCounts {
    /// All outcomes.
    pub total: u64,
    /// Failures, timeouts among them.
    pub failed: u64,
    /// Slow calls, whatever their outcome.
    pub slow: u64,
}

/// A change of state, told to exactly one caller and its listeners.
///
/// ```
/// use std::sync::mpsc;
/// use trifuse::{Cause, CircuitBreaker, State};
///
/// let (sender, seen) = mpsc::channel();
/// let breaker = CircuitBreaker::builder("payments")
///     .consecutive_failures(1)
///     .on_transition(move |transition| sender.send(transition.clone()).unwrap())
///     .build()?;
/// breaker.try_acquire().expect("closed").failure();
/// let transition = seen.recv().unwrap();
/// assert_eq!((transition.from, transition.to), (State::Closed, State::Open));
/// assert_eq!(transition.cause, Cause::Consecutive);
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transition {
    /// The name of the breaker.
    pub name: Name,
    /// The state before.
    pub from: State,
    /// The state after. Both [`State::MetricsOnly`]: it would have opened. Both closed: a reset.
    pub to: State,
    /// Why.
    pub cause: Cause,
    /// The generation after; it grows with every change.
    pub generation: u64,
    /// When, in nanoseconds of the breaker's clock.
    pub at_ns: u64,
    /// Entering [`State::Open`]: how long it refuses, where that is known.
    pub open_for: Option<Duration>,
    /// The window that was left.
    pub window: WindowCounts,
    /// Leaving [`State::HalfOpen`]: probes that succeeded.
    pub probe_successes: u32,
    /// Leaving [`State::HalfOpen`]: probes that failed.
    pub probe_failures: u32,
}

impl Transition {
    /// What the core told.
    pub(crate) fn from_raw(name: &Name, event: &trifuse_breaker_event) -> Option<Self> {
        let (from, to) = (State::from_raw(event.from)?, State::from_raw(event.to)?);
        let open_for = (to == State::Open && event.open_until_ns != TRIFUSE_NEVER)
            .then(|| Duration::from_nanos(event.open_until_ns.saturating_sub(event.at_ns)));
        Some(Self {
            name: name.clone(),
            from,
            to,
            cause: Cause::from_raw(event.cause)?,
            generation: event.generation,
            at_ns: event.at_ns,
            open_for,
            window: WindowCounts {
                total: event.window_total,
                failed: event.window_failed,
                slow: event.window_slow,
            },
            probe_successes: event.probe_successes,
            probe_failures: event.probe_failures,
        })
    }
}

/// One reported call, as `on_call` listeners see it.
///
/// ```
/// use trifuse::{CircuitBreaker, Outcome};
///
/// let breaker = CircuitBreaker::builder("payments")
///     .on_call(|call| assert_eq!((call.outcome, call.late), (Outcome::Success, false)))
///     .build()?;
/// breaker.call(|| Ok::<_, std::io::Error>(1)).unwrap();
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallReport {
    /// The name of the breaker.
    pub name: Name,
    /// What became of the call.
    pub outcome: Outcome,
    /// From admission to outcome.
    pub duration: Duration,
    /// The breaker had moved on: the outcome was counted as late and in nothing else.
    pub late: bool,
}

type Listener<T> = Arc<dyn Fn(&T) + Send + Sync>;

/// Whom to tell. They run on the caller's thread, after the core's step, with no lock held.
#[derive(Clone, Default)]
pub(crate) struct Listeners {
    pub(crate) transition: Vec<Listener<Transition>>,
    pub(crate) refused: Vec<Listener<Refused>>,
    pub(crate) call: Vec<Listener<CallReport>>,
}

impl Listeners {
    /// These, then `others`.
    pub(crate) fn followed_by(mut self, others: &Self) -> Self {
        self.transition.extend(others.transition.iter().cloned());
        self.refused.extend(others.refused.iter().cloned());
        self.call.extend(others.call.iter().cloned());
        self
    }

    /// Whether a report must say what happened.
    #[inline]
    pub(crate) fn watch_reports(&self) -> bool {
        !self.transition.is_empty() || !self.call.is_empty()
    }
}

/// Tells every listener; one that panics does not keep the others from hearing, nor the caller from
/// going on. The panic hook has then printed it.
pub(crate) fn tell<T>(listeners: &[Listener<T>], news: &T) {
    for listener in listeners {
        let _ = catch_unwind(AssertUnwindSafe(|| listener(news)));
    }
}
