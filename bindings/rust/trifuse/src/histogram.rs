// SPDX-License-Identifier: MIT OR Apache-2.0
use std::sync::Arc;
use std::time::Duration;

use crate::builder_basics::{builder_basics, named};
use crate::clock::Clock;
use crate::config::to_ns;
use crate::error::ConfigError;
use crate::name::Name;
use crate::policy_config::policy_config;
use crate::raw::latency::RawHistogram;
use crate::snapshot_policy::HistogramSnapshot;

/// A histogram of durations: any quantile within 5 %, in fixed memory, without a lock.
///
/// Over its lifetime, or sliding: then what is read spans from half of `sliding` to all of it. Clones are
/// handles to the same histogram.
///
/// ```
/// use std::time::Duration;
///
/// let latency = trifuse::LatencyHistogram::builder("search").build()?;
/// for ms in 1..=100 {
///     latency.record(Duration::from_millis(ms));
/// }
/// let p95 = latency.quantile(0.95).unwrap();
/// assert!(p95 >= Duration::from_millis(90) && p95 <= Duration::from_millis(100));
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct LatencyHistogram {
    pub(crate) shared: Arc<HistogramShared>,
}

pub(crate) struct HistogramShared {
    raw: RawHistogram,
    clock: Clock,
    name: Name,
}

/// Makes a [`LatencyHistogram`].
///
/// ```
/// use std::time::Duration;
/// let latency = trifuse::LatencyHistogram::builder("search").sliding(Duration::from_secs(60)).build()?;
/// # let _ = latency;
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[must_use]
pub struct LatencyHistogramBuilder {
    pub(crate) name: Name,
    pub(crate) config: LatencyHistogramConfig,
    pub(crate) clock: Clock,
}

policy_config! {
    /// The configuration of a [`LatencyHistogram`].
    ///
    /// ```
    /// assert_eq!(trifuse::LatencyHistogramConfig::DEFAULT.sliding(), None);
    /// ```
    LatencyHistogramConfig(trifuse_histogram_config), RawHistogram::check,
    LatencyHistogramBuilder of LatencyHistogram, "builder(\"search\")";
    DEFAULT { sliding_ns: 0, }
    maybe Option<Duration>, sliding, with_sliding, sliding_ns, "Some(Duration::from_secs(60))",
        "What is read spans from half of this to all of it, 1 ms to 365 days; `None` (default): the lifetime.";
}

builder_basics! { LatencyHistogram, "builder(\"search\")", LatencyHistogramBuilder }

impl LatencyHistogramBuilder {
    /// Makes the histogram.
    ///
    /// # Errors
    /// An empty name, or a field that is out of its range.
    ///
    /// ```
    /// use std::time::Duration;
    /// let builder = trifuse::LatencyHistogram::builder("search").sliding(Duration::from_nanos(1));
    /// assert_eq!(builder.build().unwrap_err().field, "sliding");
    /// ```
    pub fn build(self) -> Result<LatencyHistogram, ConfigError> {
        named(&self.name)?;
        let raw = RawHistogram::new(&self.config.raw, self.clock.stamp())?;
        Ok(LatencyHistogram { shared: Arc::new(HistogramShared { raw, clock: self.clock, name: self.name }) })
    }
}

impl LatencyHistogram {
    /// Starts a histogram over the lifetime.
    ///
    /// ```
    /// let latency = trifuse::LatencyHistogram::builder("search").build()?;
    /// assert_eq!(latency.quantile(0.5), None);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn builder(name: impl Into<Name>) -> LatencyHistogramBuilder {
        LatencyHistogramBuilder {
            name: name.into(),
            config: LatencyHistogramConfig::DEFAULT,
            clock: Clock::default(),
        }
    }

    /// Takes a duration in; those over 78 hours as 78 hours.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let latency = trifuse::LatencyHistogram::builder("search").build()?;
    /// latency.record(Duration::from_millis(3));
    /// assert_eq!(latency.snapshot().count, 1);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn record(&self, duration: Duration) {
        self.shared.raw.record(to_ns(duration), self.shared.clock.stamp());
    }

    /// The duration that this share (0 to 1) of them does not exceed, within 5 %. `None` when it is empty,
    /// and for a share outside of 0 to 1.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let latency = trifuse::LatencyHistogram::builder("search").build()?;
    /// latency.record(Duration::from_millis(100));
    /// assert!(latency.quantile(0.99).unwrap().abs_diff(Duration::from_millis(100)) <= Duration::from_millis(5));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        self.shared.raw.quantile(share, self.shared.clock.stamp()).map(Duration::from_nanos)
    }

    /// Adds what another one holds now; that one is not changed.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use trifuse::LatencyHistogram;
    /// let (all, shard) = (LatencyHistogram::builder("all").build()?, LatencyHistogram::builder("1").build()?);
    /// shard.record(Duration::from_millis(3));
    /// all.merge(&shard);
    /// assert_eq!(all.snapshot().count, 1);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn merge(&self, from: &Self) {
        self.shared.raw.merge(&from.shared.raw, self.shared.clock.stamp());
    }

    /// Count, sum and the usual quantiles.
    ///
    /// ```
    /// # let latency = trifuse::LatencyHistogram::builder("search").build()?;
    /// assert_eq!(latency.snapshot().total, 0);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn snapshot(&self) -> HistogramSnapshot {
        HistogramSnapshot::from_raw(&self.shared.name, &self.shared.raw.snapshot(self.shared.clock.stamp()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_are_the_cores() {
        assert_eq!(LatencyHistogramConfig::DEFAULT.raw, RawHistogram::defaults());
    }
}
