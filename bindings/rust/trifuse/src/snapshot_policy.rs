// SPDX-License-Identifier: MIT OR Apache-2.0
//! Pictures of the other policies, consistent enough to print.
use std::time::Duration;

use trifuse_sys as sys;

use crate::config::maybe_from_ns;
use crate::name::Name;
use crate::text_policy::{Algorithm, LimiterKind};

/// A plain struct filled from the core's of the same members.
macro_rules! picture {
    (
        $(#[$doc:meta])*
        $name:ident of $raw:ident {
            $($(#[$fdoc:meta])* $field:ident: $type:ty = |$from:ident| $value:expr,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub struct $name {
            /// The name of the policy.
            pub name: Name,
            $($(#[$fdoc])* pub $field: $type,)*
        }

        impl $name {
            pub(crate) fn from_raw(name: &Name, raw: &sys::$raw) -> Self {
                Self { name: name.clone(), $($field: { let $from = raw; $value },)* }
            }
        }
    };
}

picture! {
    /// A picture of a [`RateLimiter`](crate::RateLimiter).
    ///
    /// ```
    /// let limiter = trifuse::RateLimiter::per_second(3.0).build()?;
    /// let picture = limiter.snapshot();
    /// assert_eq!((picture.rate, picture.capacity, picture.available), (3.0, 3, 3));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    RateLimiterSnapshot of trifuse_limiter_snapshot {
        /// How it counts.
        kind: LimiterKind = |raw| LimiterKind::of_raw(raw.kind),
        /// Tokens per second.
        rate: f64 = |raw| raw.rate,
        /// As configured; 0 where a rate was given.
        permits: u64 = |raw| raw.permits,
        /// As configured; zero where a rate was given.
        period: Duration = |raw| Duration::from_nanos(raw.period_ns),
        /// The most tokens at once.
        capacity: u64 = |raw| raw.capacity,
        /// Whole tokens now, at least 0.
        available: u64 = |raw| raw.available,
        /// Whole tokens below 0, rounded up.
        debt: u64 = |raw| raw.debt,
        /// Requests granted, reservations with them.
        granted: u64 = |raw| raw.granted,
        /// Requests refused; one over the capacity is neither. (Of the kinds with a window, one that has to
        /// wait was refused first, each time it looked.)
        refused: u64 = |raw| raw.refused,
        /// Tokens granted.
        granted_tokens: u64 = |raw| raw.granted_tokens,
        /// Tokens given back by cancellations and refunds.
        given_back: u64 = |raw| raw.given_back,
    }
}

picture! {
    /// A picture of a [`Bulkhead`](crate::Bulkhead) or an [`AdaptiveLimit`](crate::AdaptiveLimit).
    ///
    /// ```
    /// let bulkhead = trifuse::Bulkhead::builder("search").limit(7).build()?;
    /// let _one = bulkhead.try_acquire()?;
    /// assert_eq!((bulkhead.snapshot().limit, bulkhead.snapshot().in_flight), (7, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ConcurrencySnapshot of trifuse_concurrency_snapshot {
        /// How the limit moves.
        algorithm: Algorithm = |raw| Algorithm::of_raw(raw.algorithm),
        /// The limit now.
        limit: u32 = |raw| raw.limit,
        /// The limit with its fraction.
        limit_exact: f64 = |raw| raw.limit_exact,
        /// Calls in flight now.
        in_flight: u64 = |raw| raw.in_flight,
        /// Calls admitted, over the lifetime.
        admitted: u64 = |raw| raw.admitted,
        /// Calls refused, over the lifetime.
        refused: u64 = |raw| raw.refused,
        /// Calls that have ended, over the lifetime.
        released: u64 = |raw| raw.released,
        /// Of them failures, timeouts, and of AIMD those over its `timeout`.
        failures: u64 = |raw| raw.failures,
        /// Vegas: the time of a call without load; `None`: none yet.
        no_load: Option<Duration> = |raw| maybe_from_ns(raw.no_load_ns),
        /// Gradient2: the newest time; `None`: none yet.
        short: Option<Duration> = |raw| maybe_from_ns(raw.short_ns),
        /// Gradient2: the long moving average; `None`: none yet.
        long: Option<Duration> = |raw| maybe_from_ns(raw.long_ns),
    }
}

picture! {
    /// A picture of a [`Retry`](crate::Retry).
    ///
    /// ```
    /// let retry = trifuse::Retry::builder("search").build()?;
    /// retry.call(|| Ok::<_, ()>(1)).unwrap();
    /// assert_eq!((retry.snapshot().calls, retry.snapshot().successes), (1, 1));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    RetrySnapshot of trifuse_retry_snapshot {
        /// Calls that have ended.
        calls: u64 = |raw| raw.calls,
        /// Of them well, with or without retries.
        successes: u64 = |raw| raw.successes,
        /// Of them badly.
        failures: u64 = |raw| raw.failures,
        /// Of them with at least one retry.
        retried: u64 = |raw| raw.retried,
        /// Retries granted.
        retries: u64 = |raw| raw.retries,
        /// How often `max_retries` ended a call.
        stopped_retries: u64 = |raw| raw.stopped_retries,
        /// How often the deadline did.
        stopped_deadline: u64 = |raw| raw.stopped_deadline,
        /// How often the server's word did.
        stopped_retry_after: u64 = |raw| raw.stopped_retry_after,
        /// How often the budget did.
        refused_budget: u64 = |raw| raw.refused_budget,
    }
}

picture! {
    /// A picture of a [`RetryBudget`](crate::RetryBudget).
    ///
    /// ```
    /// let budget = trifuse::RetryBudget::builder("client").build()?;
    /// assert_eq!(budget.snapshot().available, 100);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    RetryBudgetSnapshot of trifuse_retry_budget_snapshot {
        /// Whole retries that would be granted now.
        available: u64 = |raw| raw.available,
        /// First attempts in the window.
        deposits: u64 = |raw| raw.deposits,
        /// Retries in the window.
        withdrawals: u64 = |raw| raw.withdrawals,
        /// First attempts over the lifetime.
        total_deposits: u64 = |raw| raw.total_deposits,
        /// Retries over the lifetime.
        total_withdrawals: u64 = |raw| raw.total_withdrawals,
        /// Retries refused over the lifetime.
        refused: u64 = |raw| raw.refused,
    }
}

picture! {
    /// A picture of a [`Throttle`](crate::Throttle).
    ///
    /// ```
    /// let throttle = trifuse::Throttle::builder("search").build()?;
    /// assert_eq!(throttle.snapshot().probability, 0.0);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    ThrottleSnapshot of trifuse_throttle_snapshot {
        /// Requests in the window, refused ones too.
        requests: u64 = |raw| raw.requests,
        /// Of them taken on by the backend.
        accepts: u64 = |raw| raw.accepts,
        /// Of refusing the next request.
        probability: f64 = |raw| raw.probability,
        /// Requests admitted, over the lifetime.
        admitted: u64 = |raw| raw.admitted,
        /// Requests refused, over the lifetime.
        refused: u64 = |raw| raw.refused,
        /// Requests taken on, over the lifetime.
        accepted: u64 = |raw| raw.accepted,
    }
}

picture! {
    /// A picture of a [`LatencyHistogram`](crate::LatencyHistogram); durations are within 5 %.
    ///
    /// ```
    /// let latency = trifuse::LatencyHistogram::builder("search").build()?;
    /// assert_eq!((latency.snapshot().count, latency.snapshot().p95), (0, None));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    HistogramSnapshot of trifuse_histogram_snapshot {
        /// Durations in the span that is read.
        count: u64 = |raw| raw.count,
        /// Of all of them together.
        sum: Duration = |raw| Duration::from_nanos(raw.sum_ns),
        /// The shortest; `None`: it is empty.
        min: Option<Duration> = |raw| some(raw, raw.min_ns),
        /// The longest; `None`: it is empty.
        max: Option<Duration> = |raw| some(raw, raw.max_ns),
        /// Half of them take no longer.
        p50: Option<Duration> = |raw| some(raw, raw.p50_ns),
        /// 95 % of them take no longer.
        p95: Option<Duration> = |raw| some(raw, raw.p95_ns),
        /// 99 % of them take no longer.
        p99: Option<Duration> = |raw| some(raw, raw.p99_ns),
        /// Durations over the lifetime.
        total: u64 = |raw| raw.total,
    }
}

fn some(raw: &sys::trifuse_histogram_snapshot, ns: u64) -> Option<Duration> {
    (raw.count != 0).then(|| Duration::from_nanos(ns))
}

picture! {
    /// A picture of a [`HedgeBudget`](crate::HedgeBudget).
    ///
    /// ```
    /// let budget = trifuse::HedgeBudget::builder("search").build()?;
    /// assert_eq!((budget.snapshot().saved, budget.snapshot().hedges), (0.0, 0));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    HedgeBudgetSnapshot of trifuse_hedge_snapshot {
        /// Hedges that could be made now, with the fraction.
        saved: f64 = |raw| raw.saved,
        /// Calls that paid in, over the lifetime.
        calls: u64 = |raw| raw.calls,
        /// Hedges made, over the lifetime.
        hedges: u64 = |raw| raw.hedges,
        /// Hedges refused, over the lifetime.
        refused: u64 = |raw| raw.refused,
    }
}
