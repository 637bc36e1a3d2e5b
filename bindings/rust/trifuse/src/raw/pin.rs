// SPDX-License-Identifier: MIT OR Apache-2.0
//! Pin projections. The rules they keep: a field that is pinned here is never moved out of its
//! struct, no struct here has a `Drop` of its own or is `repr(packed)`, and `Unpin` is the automatic
//! one, so that a struct is `Unpin` only if its pinned fields are.
use std::ops::Deref;
use std::pin::Pin;

use crate::future::{CallFuture, CallState};
#[cfg(feature = "tokio")]
use crate::limiter_future::{Wait, WaitState};
use crate::places::{Enter, EnterState, Places};
#[cfg(feature = "tokio")]
use crate::retry_future::{ExhaustedFuture, RetryFuture, RetryState};
#[cfg(feature = "tokio")]
use crate::scope::{Retrying, Scoped};
#[cfg(feature = "stream")]
use crate::stream::{GuardedStream, StreamState};
use crate::timer::Timer;

impl<F, C> CallFuture<F, C> {
    /// The pinned future, the pinned timer, and the rest.
    #[allow(clippy::type_complexity)]
    pub(crate) fn project(self: Pin<&mut Self>) -> (Pin<&mut Option<F>>, Pin<&mut Timer>, &mut CallState<C>) {
        // SAFETY: see the rules above; `state` is never pinned.
        unsafe {
            let this = self.get_unchecked_mut();
            (Pin::new_unchecked(&mut this.operation), Pin::new_unchecked(&mut this.timer), &mut this.state)
        }
    }
}

#[cfg(feature = "stream")]
impl<S, C> GuardedStream<S, C> {
    /// The pinned stream, the pinned timer, and the rest.
    #[allow(clippy::type_complexity)]
    pub(crate) fn project(
        self: Pin<&mut Self>,
    ) -> (Pin<&mut Option<S>>, Pin<&mut Timer>, &mut StreamState<C>) {
        // SAFETY: see the rules above; `state` is never pinned.
        unsafe {
            let this = self.get_unchecked_mut();
            (Pin::new_unchecked(&mut this.stream), Pin::new_unchecked(&mut this.timer), &mut this.state)
        }
    }
}

#[cfg(feature = "tokio")]
impl<F, S> Scoped<F, S> {
    /// The pinned future, and its scope.
    pub(crate) fn project(self: Pin<&mut Self>) -> (Pin<&mut F>, &mut S) {
        // SAFETY: see the rules above; `scope` is never pinned.
        unsafe {
            let this = self.get_unchecked_mut();
            (Pin::new_unchecked(&mut this.future), &mut this.scope)
        }
    }
}

#[cfg(feature = "tokio")]
impl<F, A, W, N, C> RetryFuture<F, A, W, N, C> {
    /// The pinned attempt, the pinned timer, and the rest.
    #[allow(clippy::type_complexity)]
    pub(crate) fn project(
        self: Pin<&mut Self>,
    ) -> (Pin<&mut Option<Scoped<A, Retrying>>>, Pin<&mut Timer>, &mut RetryState<F, W, N, C>) {
        // SAFETY: see the rules above; `state` is never pinned.
        unsafe {
            let this = self.get_unchecked_mut();
            (Pin::new_unchecked(&mut this.attempt), Pin::new_unchecked(&mut this.timer), &mut this.state)
        }
    }
}

#[cfg(feature = "tokio")]
impl<R> ExhaustedFuture<R> {
    /// The pinned future.
    pub(crate) fn project(self: Pin<&mut Self>) -> Pin<&mut R> {
        // SAFETY: see the rules above.
        unsafe { self.map_unchecked_mut(|this| &mut this.future) }
    }
}

impl<H: Deref<Target = Places> + Clone + Unpin> Enter<H> {
    /// The pinned timer, and the rest.
    pub(crate) fn project(self: Pin<&mut Self>) -> (Pin<&mut Timer>, &mut EnterState<H>) {
        // SAFETY: see the rules above; `state` is never pinned.
        unsafe {
            let this = self.get_unchecked_mut();
            (Pin::new_unchecked(&mut this.timer), &mut this.state)
        }
    }
}

#[cfg(feature = "tokio")]
impl Wait {
    /// The pinned timer, and the rest.
    pub(crate) fn project(self: Pin<&mut Self>) -> (Pin<&mut Timer>, &mut WaitState) {
        // SAFETY: see the rules above; `state` is never pinned.
        unsafe {
            let this = self.get_unchecked_mut();
            (Pin::new_unchecked(&mut this.timer), &mut this.state)
        }
    }
}

#[cfg(feature = "tokio")]
impl Timer {
    /// The pinned sleep.
    pub(crate) fn sleep(self: Pin<&mut Self>) -> Pin<&mut Option<tokio::time::Sleep>> {
        // SAFETY: see the rules above.
        unsafe { self.map_unchecked_mut(|timer| &mut timer.sleep) }
    }
}
