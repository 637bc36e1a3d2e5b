// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a call in progress tells the calls within it: its deadline, and that it is being retried. It is
//! kept for the thread while the call runs, for a future while it is polled.
use std::cell::{Cell, RefCell};
use std::time::Duration;
#[cfg(feature = "tokio")]
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use crate::clock::Clock;
use crate::name::Name;
use crate::text_refusal::TimeoutSetting;

/// Until when.
#[derive(Clone)]
#[cfg_attr(not(feature = "tokio"), allow(dead_code))]
pub(crate) struct Limit {
    pub(crate) clock: Clock,
    pub(crate) at: u64,
    pub(crate) name: Name,
    pub(crate) duration: Duration,
    pub(crate) setting: TimeoutSetting,
}

impl Limit {
    pub(crate) fn left(&self) -> Duration {
        Duration::from_nanos(self.at.saturating_sub(self.clock.now()))
    }
}

/// The deadline of what is called within, in place of the caller's own.
pub(crate) struct Until(Option<Limit>);

/// What is called within is being retried.
pub(crate) struct Retrying(bool);

// A thread that ends and makes calls from its destructors may have dropped `LIMIT`: then there is none.
thread_local! {
    static LIMIT: RefCell<Option<Limit>> = const { RefCell::new(None) };
    static RETRYING: Cell<bool> = const { Cell::new(false) };
}

/// What a call can be within.
pub(crate) trait Scope {
    /// Puts it in place of what is there; twice is as never.
    fn exchange(&mut self);

    /// Runs a call within.
    #[inline]
    fn run<R>(&mut self, call: impl FnOnce() -> R) -> R
    where
        Self: Sized,
    {
        struct Back<'a, S: Scope>(&'a mut S);
        impl<S: Scope> Drop for Back<'_, S> {
            fn drop(&mut self) {
                self.0.exchange();
            }
        }
        self.exchange();
        let _back = Back(self);
        call()
    }
}

impl Until {
    pub(crate) fn new(limit: Limit) -> Self {
        Self(Some(limit))
    }
}

#[cfg(feature = "tower")]
impl Until {
    /// Its limit, while nothing runs in it.
    pub(crate) fn limit(&self) -> Option<&Limit> {
        self.0.as_ref()
    }
}

impl Scope for Until {
    fn exchange(&mut self) {
        let _ = LIMIT.try_with(|current| std::mem::swap(&mut *current.borrow_mut(), &mut self.0));
    }
}

impl Retrying {
    pub(crate) fn new() -> Self {
        Self(true)
    }
}

impl Scope for Retrying {
    #[inline]
    fn exchange(&mut self) {
        self.0 = RETRYING.replace(self.0);
    }
}

/// Whether the caller is within a retry.
pub(crate) fn is_retrying() -> bool {
    RETRYING.get()
}

/// The deadline that the caller is under.
pub(crate) fn limit() -> Option<Limit> {
    LIMIT.try_with(|limit| limit.borrow().clone()).unwrap_or(None)
}

/// What is left of the deadline that the caller is under.
#[inline]
pub(crate) fn time_left() -> Option<Duration> {
    LIMIT.try_with(|limit| limit.borrow().as_ref().map(Limit::left)).unwrap_or(None)
}

/// The shorter of a wait and what is left of the deadline.
pub(crate) fn cut(wait: Option<Duration>) -> Option<Duration> {
    match (wait, time_left()) {
        (Some(wait), Some(left)) => Some(wait.min(left)),
        (wait, left) => wait.or(left),
    }
}

/// A future that is polled within a scope.
#[cfg(feature = "tokio")]
pub(crate) struct Scoped<F, S> {
    /// Pinned.
    pub(crate) future: F,
    pub(crate) scope: S,
}

#[cfg(feature = "tokio")]
impl<F, S: Scope> Scoped<F, S> {
    /// Makes a future within the scope, and polls it so.
    pub(crate) fn new(mut scope: S, make: impl FnOnce() -> F) -> Self {
        let future = scope.run(make);
        Self { future, scope }
    }
}

#[cfg(feature = "tokio")]
impl<F: Future, S: Scope> Future for Scoped<F, S> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let (future, scope) = self.project();
        scope.run(|| future.poll(cx))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_ends_with_its_call_also_by_a_panic() {
        let mut scope = Retrying::new();
        assert!(scope.run(is_retrying));
        assert!(!is_retrying());
        let panics = std::panic::AssertUnwindSafe(|| scope.run(|| panic!("on purpose")));
        assert!(std::panic::catch_unwind(panics).is_err());
        assert!(!is_retrying());
    }
}
