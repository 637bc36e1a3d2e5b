// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the wrapper itself reads of the configuration in force, and which clock a call needs for it.
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use trifuse_sys::trifuse_breaker_config;

use crate::event::Listeners;

/// Durations matter to the nanosecond: a slow rule, or somebody who is told of them.
const EXACT: u8 = 1;
/// A call that is judged afterwards needs its beginning.
const LIMIT: u8 = 2;
/// ... for which the coarse clock is good enough.
const LONG_LIMIT: u8 = 4;
/// A cancelled call may be a timeout.
const CANCELLED: u8 = 8;

/// From here on the lag of the coarse clock, 10 ms, is at most 1 %.
const LONG: u64 = 1_000_000_000;

/// Who asks for the beginning of a call.
#[derive(Clone, Copy)]
pub(crate) enum Asker {
    /// A synchronous call, judged by `request_timeout` afterwards.
    Call,
    /// A future or stream, which is timed out and cancelled.
    Future,
    /// A permit, whose report is taken at its word.
    Permit,
}

/// Which clock tells the beginning.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beginning {
    Unasked,
    Coarse,
    Exact,
}

#[derive(Default)]
pub(crate) struct Timing {
    request_timeout: AtomicU64,
    cancelled_counts_after: AtomicU64,
    needs: AtomicU8,
}

impl Timing {
    pub(crate) fn set(&self, config: &trifuse_breaker_config, listeners: &Listeners) {
        let flag = |on: bool, flag: u8| if on { flag } else { 0 };
        let needs = flag(config.slow_call_duration_ns != 0 || !listeners.call.is_empty(), EXACT)
            | flag(config.request_timeout_ns != 0, LIMIT)
            | flag(config.request_timeout_ns >= LONG, LONG_LIMIT)
            | flag(config.cancelled_counts_after_ns != 0, CANCELLED);
        self.request_timeout.store(config.request_timeout_ns, Ordering::Relaxed);
        self.cancelled_counts_after.store(config.cancelled_counts_after_ns, Ordering::Relaxed);
        self.needs.store(needs, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn beginning(&self, asker: Asker) -> Beginning {
        let needs = self.needs.load(Ordering::Relaxed);
        let asked = match asker {
            Asker::Call => needs & (EXACT | LIMIT),
            Asker::Future => needs & (EXACT | LIMIT | CANCELLED),
            Asker::Permit => needs & EXACT,
        };
        if asked == 0 {
            Beginning::Unasked
        } else if matches!(asker, Asker::Call) && needs & (EXACT | LONG_LIMIT) == LONG_LIMIT {
            Beginning::Coarse
        } else {
            Beginning::Exact
        }
    }

    /// 0: none.
    #[inline]
    pub(crate) fn request_timeout(&self) -> u64 {
        self.request_timeout.load(Ordering::Relaxed)
    }

    /// 0: off.
    pub(crate) fn cancelled_counts_after(&self) -> u64 {
        self.cancelled_counts_after.load(Ordering::Relaxed)
    }
}
