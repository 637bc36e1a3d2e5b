// SPDX-License-Identifier: MIT OR Apache-2.0
use std::sync::Arc;
use std::time::Duration;

use trifuse_sys::{TRIFUSE_ALGORITHM_FIXED, TRIFUSE_ALGORITHM_GRADIENT2, trifuse_concurrency_config};

use crate::builder_basics::{builder_basics, named, seeded};
use crate::bulkhead::{AdaptiveLimit, Bulkhead, Line};
use crate::clock::Clock;
use crate::error::{ConfigError, ConfigValue};
use crate::name::Name;
use crate::places::Places;
use crate::policy_config::policy_config;
use crate::queue::Queue;
use crate::raw::limits::RawConcurrency;
use crate::text_policy::Algorithm;
use crate::text_refusal::PolicyKind;

/// Makes a [`Bulkhead`].
///
/// ```
/// let bulkhead = trifuse::Bulkhead::builder("search").limit(50).max_queue(10).build()?;
/// assert_eq!(bulkhead.limit(), 50);
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[must_use]
pub struct BulkheadBuilder {
    pub(crate) name: Name,
    pub(crate) config: BulkheadConfig,
    pub(crate) clock: Clock,
    pub(crate) line: Line,
}

/// Makes an [`AdaptiveLimit`]; every field of [`AdaptiveLimitConfig`] has a method of its name.
///
/// ```
/// let limit = trifuse::AdaptiveLimit::gradient2("search").min_limit(5).max_limit(100).build()?;
/// assert_eq!(limit.limit(), 20);
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[must_use]
pub struct AdaptiveLimitBuilder {
    pub(crate) name: Name,
    pub(crate) config: AdaptiveLimitConfig,
    pub(crate) clock: Clock,
    pub(crate) line: Line,
}

policy_config! {
    /// The configuration of a [`Bulkhead`].
    ///
    /// ```
    /// const SEARCH: trifuse::BulkheadConfig = trifuse::BulkheadConfig::DEFAULT.with_limit(50);
    /// assert_eq!(SEARCH.limit(), 50);
    /// ```
    BulkheadConfig(trifuse_concurrency_config), RawConcurrency::check,
    BulkheadBuilder of Bulkhead, "builder(\"search\")";
    DEFAULT {
        algorithm: TRIFUSE_ALGORITHM_FIXED, limit: 20, min_limit: 1, max_limit: 1000, probe_every: 30,
        long_window: 600, timeout_ns: 0, backoff_ratio: 0.9, alpha: 3.0, beta: 6.0, tolerance: 1.5,
        smoothing: 0.2, queue_size: 4.0, long_decay: 0.95, seed: 0,
    }
    plain u32, limit, with_limit, limit, "50", "Calls in flight at once, 1 to 1,000,000, by default 20.";
}

policy_config! {
    /// The configuration of an [`AdaptiveLimit`].
    ///
    /// ```
    /// use trifuse::{AdaptiveLimitConfig, Algorithm};
    ///
    /// const SEARCH: AdaptiveLimitConfig =
    ///     AdaptiveLimitConfig::DEFAULT.with_algorithm(Algorithm::Vegas).with_max_limit(200);
    /// assert_eq!((SEARCH.limit(), SEARCH.max_limit()), (20, 200));
    /// ```
    AdaptiveLimitConfig(trifuse_concurrency_config), RawConcurrency::check,
    AdaptiveLimitBuilder of AdaptiveLimit, "gradient2(\"search\")";
    DEFAULT {
        algorithm: TRIFUSE_ALGORITHM_GRADIENT2, limit: 20, min_limit: 1, max_limit: 1000, probe_every: 30,
        long_window: 600, timeout_ns: 0, backoff_ratio: 0.9, alpha: 3.0, beta: 6.0, tolerance: 1.5,
        smoothing: 0.2, queue_size: 4.0, long_decay: 0.95, seed: 0,
    }
    choice Algorithm, algorithm, with_algorithm, algorithm, "Algorithm::Vegas",
        "How the limit moves, by default by gradient2; `Algorithm::Fixed` is a bulkhead and refused here.";
    plain u32, limit, with_limit, limit, "10", "The first limit, within `min_limit` to `max_limit`, by default 20.";
    plain u32, min_limit, with_min_limit, min_limit, "5", "The least limit, 1 (default) to 1,000,000.";
    plain u32, max_limit, with_max_limit, max_limit, "200", "The greatest limit, `min_limit` to 1,000,000, by default 1000.";
    maybe Option<Duration>, timeout, with_timeout, timeout_ns, "Some(Duration::from_millis(300))",
        "Aimd: a longer call is a failure; `None` (default) is off.";
    plain f64, backoff_ratio, with_backoff_ratio, backoff_ratio, "0.8",
        "Aimd, gradient2: the limit times this on failure, 0.1 to 0.999, by default 0.9.";
    plain f64, alpha, with_alpha, alpha, "2.0",
        "Vegas: grows while the queue is below this times max(1, log10 N), 0.1 to 100, by default 3.";
    plain f64, beta, with_beta, beta, "8.0",
        "Vegas: shrinks when the queue is above this times max(1, log10 N), `alpha` to 100, by default 6.";
    plain u32, probe_every, with_probe_every, probe_every, "50",
        "Vegas: the time without load is taken anew every so many samples times N, 1 to 1,000,000, by default 30.";
    plain u32, long_window, with_long_window, long_window, "300",
        "Gradient2: samples of the long moving average, 1 to 1,000,000, by default 600.";
    plain f64, tolerance, with_tolerance, tolerance, "2.0",
        "Gradient2: how many times the long time may be exceeded, 1 to 100, by default 1.5.";
    plain f64, smoothing, with_smoothing, smoothing, "0.5",
        "Gradient2: the weight of a new limit, 0.001 to 1, by default 0.2.";
    plain f64, queue_size, with_queue_size, queue_size, "8.0",
        "Gradient2: calls that may wait in the server, 0 to 1000, by default 4.";
    plain f64, long_decay, with_long_decay, long_decay, "0.9",
        "Gradient2: the long time times this while it is over twice the short, 0.5 to 1, by default 0.95.";
    seed Option<u64>, seed, with_seed, seed, "Some(7)",
        "Vegas: makes the jitter of its probes the same in every run; `None` (default): the system's entropy.";
}

builder_basics! { Bulkhead, "builder(\"search\")", BulkheadBuilder }
builder_basics! { AdaptiveLimit, "gradient2(\"search\")", AdaptiveLimitBuilder }

macro_rules! line {
    ($builder:ident, $policy:ident, $make:literal, $kind:ident) => {
        impl $builder {
            pub(crate) fn new(name: Name, config: <Self as Configured>::Config) -> Self {
                Self { name, config, clock: Clock::default(), line: Line::default() }
            }

            /// How many calls may wait in line, by default 0: who finds no place is refused at once.
            #[doc = concat!(
                "\n\n```\nlet policy = trifuse::", stringify!($policy), "::", $make,
                "(\"search\").max_queue(100).build()?;\n# let _ = policy;\n",
                "# Ok::<(), trifuse::ConfigError>(())\n```"
            )]
            pub fn max_queue(mut self, calls: usize) -> Self {
                self.line.max_queue = calls;
                self
            }

            /// How long a call may wait in line; `None` (default): as long as it takes.
            #[doc = concat!(
                "\n\n```\nuse std::time::Duration;\n\nlet policy = trifuse::", stringify!($policy), "::", $make,
                "(\"search\")\n    .max_queue(100)\n    .max_wait(Duration::from_secs(1))\n    .build()?;\n",
                "# let _ = policy;\n# Ok::<(), trifuse::ConfigError>(())\n```"
            )]
            pub fn max_wait(mut self, wait: impl Into<Option<Duration>>) -> Self {
                self.line.max_wait = wait.into();
                self
            }

            /// Makes it.
            ///
            /// # Errors
            /// An empty name, or a field that is out of its range.
            #[doc = concat!(
                "\n\n```\nlet error = trifuse::", stringify!($policy), "::", $make,
                "(\"search\").limit(0).build().unwrap_err();\nassert_eq!(error.field, \"limit\");\n```"
            )]
            pub fn build(self) -> Result<$policy, ConfigError> {
                self.config.allowed()?;
                let shared = places(self.name, self.config.raw, self.clock, self.line, PolicyKind::$kind)?;
                Ok($policy { shared: Arc::new(shared) })
            }
        }

        impl Configured for $builder {
            type Config = concat_config!($policy);
        }
    };
}

/// The configuration of a builder.
pub(crate) trait Configured {
    type Config;
}

macro_rules! concat_config {
    (Bulkhead) => {
        BulkheadConfig
    };
    (AdaptiveLimit) => {
        AdaptiveLimitConfig
    };
}

line! { BulkheadBuilder, Bulkhead, "builder", Bulkhead }
line! { AdaptiveLimitBuilder, AdaptiveLimit, "gradient2", AdaptiveLimit }

impl BulkheadConfig {
    #[allow(clippy::unused_self)]
    fn allowed(&self) -> Result<(), ConfigError> {
        Ok(())
    }
}

impl AdaptiveLimitConfig {
    fn allowed(&self) -> Result<(), ConfigError> {
        if self.algorithm() == Algorithm::Fixed {
            let value = ConfigValue::Text("fixed".to_owned());
            return Err(ConfigError::new(
                "algorithm",
                value,
                "aimd, vegas or gradient2; fixed is a Bulkhead",
            ));
        }
        Ok(())
    }
}

fn places(
    name: Name,
    mut config: trifuse_concurrency_config,
    clock: Clock,
    line: Line,
    policy: PolicyKind,
) -> Result<Places, ConfigError> {
    named(&name)?;
    config.seed = seeded(config.seed);
    Ok(Places {
        raw: RawConcurrency::new(&config, clock.stamp())?,
        clock,
        name,
        policy,
        adaptive: config.algorithm != TRIFUSE_ALGORITHM_FIXED,
        line: Queue::default(),
        max_queue: line.max_queue,
        max_wait: line.max_wait,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_are_the_cores() {
        assert_eq!(BulkheadConfig::DEFAULT.raw, RawConcurrency::defaults(TRIFUSE_ALGORITHM_FIXED));
        for algorithm in [Algorithm::Aimd, Algorithm::Vegas, Algorithm::Gradient2] {
            let core = RawConcurrency::defaults(algorithm as u32);
            assert_eq!(AdaptiveLimitConfig::DEFAULT.with_algorithm(algorithm).raw, core);
        }
    }
}
