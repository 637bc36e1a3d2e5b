// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a call was refused or ended, and by what kind of policy.
use std::fmt;

use trifuse_sys as sys;

/// Why a call was refused.
///
/// ```
/// assert_eq!(trifuse::RefusalReason::Open.as_str(), "open");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefusalReason {
    /// The circuit is open.
    Open,
    /// The circuit is half-open and all probes are out.
    HalfOpenLimit,
    /// A person or program has isolated the dependency.
    ForcedOpen,
    /// The rate limiter has not enough tokens, or none within the time a call may wait.
    RateLimited,
    /// As many calls are in flight, and wait, as the bulkhead or adaptive limit allows.
    BulkheadFull,
    /// The adaptive throttle drew this call.
    Throttled,
    /// The retry budget is spent.
    RetryBudget,
}

impl RefusalReason {
    /// The name that logs and metrics use.
    ///
    /// ```
    /// assert_eq!(trifuse::RefusalReason::HalfOpenLimit.as_str(), "half_open_limit");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::HalfOpenLimit => "half_open_limit",
            Self::ForcedOpen => "forced_open",
            Self::RateLimited => "rate_limited",
            Self::BulkheadFull => "bulkhead_full",
            Self::Throttled => "throttled",
            Self::RetryBudget => "retry_budget",
        }
    }

    pub(crate) fn from_raw(result: std::ffi::c_int) -> Self {
        match result {
            sys::TRIFUSE_REFUSED_HALF_OPEN_LIMIT => Self::HalfOpenLimit,
            sys::TRIFUSE_REFUSED_FORCED_OPEN => Self::ForcedOpen,
            sys::TRIFUSE_REFUSED_RATE_LIMITED => Self::RateLimited,
            sys::TRIFUSE_REFUSED_BULKHEAD_FULL => Self::BulkheadFull,
            sys::TRIFUSE_REFUSED_THROTTLED => Self::Throttled,
            sys::TRIFUSE_REFUSED_RETRY_BUDGET => Self::RetryBudget,
            _ => Self::Open,
        }
    }
}

impl fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Which setting ended a call.
///
/// ```
/// assert_eq!(trifuse::TimeoutSetting::RequestTimeout.to_string(), "request_timeout");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TimeoutSetting {
    /// `request_timeout` of the configuration.
    RequestTimeout,
    /// `idle_timeout` of a guarded stream.
    IdleTimeout,
    /// A [`Timeout`](crate::Timeout).
    Timeout,
    /// A [`Deadline`](crate::Deadline) that the call was made under.
    Deadline,
}

impl fmt::Display for TimeoutSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::RequestTimeout => "request_timeout",
            Self::IdleTimeout => "idle_timeout",
            Self::Timeout => "timeout",
            Self::Deadline => "deadline",
        })
    }
}

/// The kinds of policies.
///
/// ```
/// assert_eq!(trifuse::PolicyKind::RateLimit.to_string(), "rate_limit");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PolicyKind {
    /// [`CircuitBreaker`](crate::CircuitBreaker).
    CircuitBreaker,
    /// [`RateLimiter`](crate::RateLimiter).
    RateLimit,
    /// [`Bulkhead`](crate::Bulkhead).
    Bulkhead,
    /// [`AdaptiveLimit`](crate::AdaptiveLimit).
    AdaptiveLimit,
    /// [`Throttle`](crate::Throttle).
    Throttle,
    /// [`Retry`](crate::Retry).
    Retry,
    /// [`RetryBudget`](crate::RetryBudget).
    RetryBudget,
    /// [`Timeout`](crate::Timeout).
    Timeout,
    /// [`Fallback`](crate::Fallback).
    Fallback,
    /// [`Hedge`](crate::Hedge).
    Hedge,
}

impl PolicyKind {
    /// The name that logs and metrics use.
    ///
    /// ```
    /// assert_eq!(trifuse::PolicyKind::CircuitBreaker.as_str(), "circuit_breaker");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CircuitBreaker => "circuit_breaker",
            Self::RateLimit => "rate_limit",
            Self::Bulkhead => "bulkhead",
            Self::AdaptiveLimit => "adaptive_limit",
            Self::Throttle => "throttle",
            Self::Retry => "retry",
            Self::RetryBudget => "retry_budget",
            Self::Timeout => "timeout",
            Self::Fallback => "fallback",
            Self::Hedge => "hedge",
        }
    }
}

impl fmt::Display for PolicyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
