// SPDX-License-Identifier: MIT OR Apache-2.0
//! The timer behind request and idle timeouts: tokio's, or none.
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// Without the feature `tokio`, or outside of a tokio runtime, it never fires. It is never `Unpin`, so
/// that switching the feature on takes nothing away from anybody.
#[derive(Default)]
pub(crate) struct Timer {
    #[cfg(feature = "tokio")]
    pub(crate) sleep: Option<tokio::time::Sleep>,
    _pinned: std::marker::PhantomPinned,
}

#[cfg(feature = "tokio")]
impl Timer {
    /// Fires `after` from now.
    pub(crate) fn arm(self: Pin<&mut Self>, after: Duration) {
        if tokio::runtime::Handle::try_current().is_ok() {
            self.sleep().set(Some(tokio::time::sleep(after)));
        }
    }

    /// Fires `after` from now; panics, as tokio does, where there is no timer.
    pub(crate) fn arm_surely(self: Pin<&mut Self>, after: Duration) {
        self.sleep().set(Some(tokio::time::sleep(after)));
    }

    pub(crate) fn disarm(self: Pin<&mut Self>) {
        self.sleep().set(None);
    }

    pub(crate) fn is_armed(&self) -> bool {
        self.sleep.is_some()
    }

    pub(crate) fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.sleep().as_pin_mut() {
            Some(sleep) => sleep.poll(cx),
            None => Poll::Pending,
        }
    }
}

#[cfg(not(feature = "tokio"))]
#[allow(clippy::unused_self)]
impl Timer {
    pub(crate) fn arm(self: Pin<&mut Self>, _: Duration) {}

    pub(crate) fn disarm(self: Pin<&mut Self>) {}

    pub(crate) fn is_armed(&self) -> bool {
        false
    }

    pub(crate) fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

#[cfg(feature = "tokio")]
use std::future::Future as _;
