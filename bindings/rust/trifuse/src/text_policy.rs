// SPDX-License-Identifier: MIT OR Apache-2.0
//! The choices of the other policies.
use std::fmt;
use std::str::FromStr;

use trifuse_sys as sys;

use crate::raw;
use crate::text::{UnknownName, core_enum};

core_enum! {
    /// How a rate limiter counts.
    LimiterKind, limiter_kind, SlidingLog {
        /// Tokens at a steady rate, saved up to a capacity.
        TokenBucket = TRIFUSE_LIMITER_TOKEN_BUCKET,
        /// Never more than N in any window, exactly; 8 bytes a permit.
        SlidingLog = TRIFUSE_LIMITER_SLIDING_LOG,
        /// Two weighted windows: near the log, in constant memory.
        SlidingCounter = TRIFUSE_LIMITER_SLIDING_COUNTER,
        /// N per aligned window; lets 2 N pass around a boundary.
        FixedWindow = TRIFUSE_LIMITER_FIXED_WINDOW,
    }
}

core_enum! {
    /// How a concurrency limit moves.
    Algorithm, algorithm, Gradient2 {
        /// Not at all: a bulkhead.
        Fixed = TRIFUSE_ALGORITHM_FIXED,
        /// One more on success, a share less on failure.
        Aimd = TRIFUSE_ALGORITHM_AIMD,
        /// By the queue that the latency speaks of.
        Vegas = TRIFUSE_ALGORITHM_VEGAS,
        /// By the ratio of the long-term to the present latency.
        Gradient2 = TRIFUSE_ALGORITHM_GRADIENT2,
    }
}

core_enum! {
    /// How the delay grows from one retry to the next.
    Strategy, strategy, Linear {
        /// Always the same.
        Fixed = TRIFUSE_STRATEGY_FIXED,
        /// By `increment` more each time.
        Linear = TRIFUSE_STRATEGY_LINEAR,
        /// `multiplier` times as long each time.
        Exponential = TRIFUSE_STRATEGY_EXPONENTIAL,
    }
}
