// SPDX-License-Identifier: MIT OR Apache-2.0
//! The constants of the core as enums; their texts are the core's.
use std::fmt;
use std::str::FromStr;

use trifuse_sys as sys;

use crate::raw;

/// A text that names no value of the kind asked for.
///
/// ```
/// let error = "ajar".parse::<trifuse::State>().unwrap_err();
/// assert_eq!(error.to_string(), "\"ajar\" is no state");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownName {
    pub(crate) kind: &'static str,
    pub(crate) text: String,
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no {}", self.text, self.kind)
    }
}

impl std::error::Error for UnknownName {}

macro_rules! core_enum {
    ($(#[$doc:meta])* $name:ident, $kind:ident, $sample:ident { $($(#[$vdoc:meta])* $variant:ident = $value:ident,)* }) => {
        $(#[$doc])*
        #[doc = concat!(
            "\n\n```\nuse trifuse::", stringify!($name), ";\n\nlet value = ", stringify!($name), "::",
            stringify!($sample), ";\nassert_eq!(value.to_string().parse(), Ok(value));\n```"
        )]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr(u32)]
        pub enum $name {
            $($(#[$vdoc])* $variant = sys::$value,)*
        }

        impl $name {
            /// All values, in the order of the core's numbers.
            #[doc = concat!(
                "\n\n```\nassert!(trifuse::", stringify!($name), "::ALL.contains(&trifuse::", stringify!($name),
                "::", stringify!($sample), "));\n```"
            )]
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name that logs, metrics and configurations use.
            #[doc = concat!(
                "\n\n```\nlet value = trifuse::", stringify!($name), "::", stringify!($sample),
                ";\nassert_eq!(value.as_str(), value.to_string());\n```"
            )]
            #[must_use]
            pub fn as_str(self) -> &'static str {
                raw::text::$kind::text(self as u32)
            }

            #[allow(dead_code)]
            pub(crate) const fn of_raw(value: u32) -> Self {
                let mut at = 0;
                while at + 1 < Self::ALL.len() && Self::ALL[at] as u32 != value {
                    at += 1;
                }
                Self::ALL[at]
            }

            #[allow(dead_code)]
            pub(crate) fn from_raw(value: u32) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| *known as u32 == value)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, UnknownName> {
                raw::text::$kind::from_text(text)
                    .and_then(Self::from_raw)
                    .ok_or_else(|| UnknownName { kind: stringify!($kind), text: text.to_owned() })
            }
        }
    };
}

core_enum! {
    /// The state of a breaker.
    State, state, HalfOpen {
        /// All calls pass; outcomes are recorded and judged.
        Closed = TRIFUSE_STATE_CLOSED,
        /// All calls are refused until a deadline.
        Open = TRIFUSE_STATE_OPEN,
        /// A few probes pass and decide.
        HalfOpen = TRIFUSE_STATE_HALF_OPEN,
        /// Refuses all; set and left by a person or program only.
        ForcedOpen = TRIFUSE_STATE_FORCED_OPEN,
        /// Admits all and records nothing.
        Disabled = TRIFUSE_STATE_DISABLED,
        /// Admits all, records, never trips: shadow mode.
        MetricsOnly = TRIFUSE_STATE_METRICS_ONLY,
    }
}

core_enum! {
    /// What became of a call.
    Outcome, outcome, Timeout {
        /// The dependency did its work.
        Success = TRIFUSE_OUTCOME_SUCCESS,
        /// The dependency failed.
        Failure = TRIFUSE_OUTCOME_FAILURE,
        /// The dependency took too long: a failure that is counted apart as well.
        Timeout = TRIFUSE_OUTCOME_TIMEOUT,
        /// Says nothing about the dependency: a caller's mistake, a cancelled call.
        Ignored = TRIFUSE_OUTCOME_IGNORED,
    }
}

core_enum! {
    /// Why a breaker changed its state.
    Cause, cause, WaitOver {
        /// Nothing has happened since it was made.
        None = TRIFUSE_CAUSE_NONE,
        /// The failure rate exceeded its threshold.
        FailureRate = TRIFUSE_CAUSE_FAILURE_RATE,
        /// The window held `failure_count_threshold` failures.
        FailureCount = TRIFUSE_CAUSE_FAILURE_COUNT,
        /// The slow rate exceeded its threshold, or the cusum of slow calls did.
        SlowRate = TRIFUSE_CAUSE_SLOW_RATE,
        /// `consecutive_failures` came in a row.
        Consecutive = TRIFUSE_CAUSE_CONSECUTIVE,
        /// The cusum reached its threshold.
        Cusum = TRIFUSE_CAUSE_CUSUM,
        /// Probes failed.
        ProbeFailed = TRIFUSE_CAUSE_PROBE_FAILED,
        /// Enough probes succeeded.
        ProbesSucceeded = TRIFUSE_CAUSE_PROBES_SUCCEEDED,
        /// The time of refusing was over and a caller came.
        WaitOver = TRIFUSE_CAUSE_WAIT_OVER,
        /// `trip`, or made open.
        Tripped = TRIFUSE_CAUSE_TRIPPED,
        /// `force_open`, `disable`, `metrics_only`, or made so.
        Forced = TRIFUSE_CAUSE_FORCED,
        /// `reset` or `close`.
        Reset = TRIFUSE_CAUSE_RESET,
    }
}

core_enum! {
    /// A configuration to start from; see [`Config::preset`](crate::Config::preset).
    Preset, preset, Aggressive {
        /// More than half of at least 10 calls in a minute; 30 s open; 5 probes; 5 s timeout.
        Default = TRIFUSE_PRESET_DEFAULT,
        /// The statistical detector, short waits that grow from 0.2 s to 5 s with full jitter.
        Adaptive = TRIFUSE_PRESET_ADAPTIVE,
        /// 30 % of at least 5 calls; 10 s open; 3 probes; 2 s timeout.
        Aggressive = TRIFUSE_PRESET_AGGRESSIVE,
        /// 70 % of at least 20 calls; 60 s open; 10 probes; 10 s timeout.
        Conservative = TRIFUSE_PRESET_CONSERVATIVE,
        /// For language models: half of at least 5 calls; 30 s open; 1 probe; 30 s timeout.
        Llm = TRIFUSE_PRESET_LLM,
        /// 3 failures in a row; 30 s open; 30 s timeout; 2 successes close.
        Critical = TRIFUSE_PRESET_CRITICAL,
        /// 5 failures in a row; 30 s open; 10 s timeout; 2 successes close.
        Normal = TRIFUSE_PRESET_NORMAL,
        /// 10 failures in a row; 60 s open; 60 s timeout; 2 successes close.
        Batch = TRIFUSE_PRESET_BATCH,
        /// 30 % of at least 5 calls; 10 s open; 3 probes; 3 s timeout.
        Payment = TRIFUSE_PRESET_PAYMENT,
        /// 60 % of at least 15 calls; 30 s open; 8 probes; 5 s timeout.
        User = TRIFUSE_PRESET_USER,
        /// 20 % of at least 3 calls; 5 s open; 2 probes; 1 s timeout.
        Recommendation = TRIFUSE_PRESET_RECOMMENDATION,
    }
}

core_enum! {
    /// What the window of outcomes is made of.
    WindowKind, window, Count {
        /// The last so many seconds.
        Time = TRIFUSE_WINDOW_TIME,
        /// The last so many outcomes.
        Count = TRIFUSE_WINDOW_COUNT,
    }
}

core_enum! {
    /// How failures are judged.
    Detector, detector, Cusum {
        /// By the failure rate of the window.
        Rate = TRIFUSE_DETECTOR_RATE,
        /// By a cumulative sum, in place of rate and minimum.
        Cusum = TRIFUSE_DETECTOR_CUSUM,
    }
}

core_enum! {
    /// How the time of refusing, or the delay of a retry, is spread.
    Jitter, jitter, Full {
        /// Not at all.
        None = TRIFUSE_JITTER_NONE,
        /// By `open_jitter_fraction` either way; of retries, plus 0 to 10 %.
        Proportional = TRIFUSE_JITTER_PROPORTIONAL,
        /// Uniform from 0 to the wait.
        Full = TRIFUSE_JITTER_FULL,
        /// Half, and uniform up to the other half; of retries only.
        Equal = TRIFUSE_JITTER_EQUAL,
        /// Uniform from the delay to three times the one before; of retries only.
        Decorrelated = TRIFUSE_JITTER_DECORRELATED,
    }
}

pub(crate) use core_enum;
