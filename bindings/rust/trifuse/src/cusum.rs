// SPDX-License-Identifier: MIT OR Apache-2.0
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use trifuse_sys::{TRIFUSE_DETECTOR_CUSUM, trifuse_cusum_design};

use crate::config::Config;
use crate::error::ConfigError;
use crate::raw;
use crate::text::Detector;

/// The cumulative sum that the core picks for three wishes, and what to expect of it.
///
/// The sum S rises by [`up`](Self::up) at a failure and falls by [`down`](Self::down) at a success,
/// never below 0; the breaker opens when it reaches [`threshold`](Self::threshold). Solving may take
/// some 100 ms for rates close together; the same wishes are solved once in a process.
///
/// ```
/// use trifuse::CusumDesign;
///
/// let design = CusumDesign::solve(0.05, 0.5, 10_000_000.0)?;
/// assert_eq!((design.up(), design.down(), design.threshold()), (7, 2, 44));
/// assert!(design.calls_to_detect_outage() < 18.0);
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CusumDesign(trifuse_cusum_design);

/// The three wishes, bit for bit.
type Wishes = (u64, u64, u64);

static SOLVED: Mutex<Option<HashMap<Wishes, CusumDesign>>> = Mutex::new(None);
const SOLVED_MAX: usize = 256;

impl CusumDesign {
    /// Solves it: live with failures at `tolerated_rate`, find those at `outage_rate`, open once in
    /// `false_open_every` calls at the tolerated rate.
    ///
    /// # Errors
    /// A value out of its range, or rates for which there is no design.
    ///
    /// ```
    /// let error = trifuse::CusumDesign::solve(0.5, 0.4, 1e6).unwrap_err();
    /// assert_eq!(error.field, "outage_failure_rate");
    /// ```
    pub fn solve(tolerated_rate: f64, outage_rate: f64, false_open_every: f64) -> Result<Self, ConfigError> {
        let wishes = (tolerated_rate.to_bits(), outage_rate.to_bits(), false_open_every.to_bits());
        if let Some(design) = cached(|solved| solved.get(&wishes).copied()) {
            return Ok(design);
        }
        let design = raw::config::solve(tolerated_rate, outage_rate, false_open_every).map(Self)?;
        cached(|solved| {
            if solved.len() >= SOLVED_MAX {
                solved.clear();
            }
            solved.insert(wishes, design);
        });
        Ok(design)
    }

    /// How much S rises at a failure.
    ///
    /// ```
    /// assert_eq!(trifuse::CusumDesign::solve(0.3, 0.7, 1e6)?.up(), 1);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn up(&self) -> u32 {
        self.0.up
    }

    /// How much S falls at a success.
    ///
    /// ```
    /// assert_eq!(trifuse::CusumDesign::solve(0.3, 0.7, 1e6)?.down(), 1);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn down(&self) -> u32 {
        self.0.down
    }

    /// Opens when S reaches this.
    ///
    /// ```
    /// assert_eq!(trifuse::CusumDesign::solve(0.3, 0.7, 1e6)?.threshold(), 15);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn threshold(&self) -> u32 {
        self.0.threshold
    }

    /// Calls between two openings at the tolerated rate, on average, exactly.
    ///
    /// ```
    /// assert!(trifuse::CusumDesign::solve(0.3, 0.7, 1e6)?.calls_to_false_open() >= 1e6);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn calls_to_false_open(&self) -> f64 {
        self.0.calls_to_false_open
    }

    /// Calls until an outage at the outage rate is found, on average.
    ///
    /// ```
    /// assert!(trifuse::CusumDesign::solve(0.3, 0.7, 1e6)?.calls_to_detect_outage() < 40.0);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn calls_to_detect_outage(&self) -> f64 {
        self.0.calls_to_detect_outage
    }

    /// Failures in a row that open it.
    ///
    /// ```
    /// assert_eq!(trifuse::CusumDesign::solve(0.3, 0.7, 1e6)?.calls_to_detect_total(), 15.0);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn calls_to_detect_total(&self) -> f64 {
        self.0.calls_to_detect_total
    }

    /// The wishes only: the design itself is found again in the cache.
    pub(crate) fn applied_to(self, config: Config) -> Config {
        config
            .with_detector(Detector::Cusum)
            .with_tolerated_failure_rate(self.0.tolerated_rate)
            .with_outage_failure_rate(self.0.outage_rate)
            .with_false_open_every(self.0.false_open_every)
    }
}

fn cached<R>(with: impl FnOnce(&mut HashMap<Wishes, CusumDesign>) -> R) -> R {
    let mut solved = SOLVED.lock().unwrap_or_else(PoisonError::into_inner);
    with(solved.get_or_insert_default())
}

/// The configuration with its designs filled in, so that making many breakers solves once.
pub(crate) fn solved(mut config: Config) -> Result<Config, ConfigError> {
    if config.raw.detector != TRIFUSE_DETECTOR_CUSUM {
        return Ok(config);
    }
    config.check()?;
    let every = config.raw.false_open_every;
    let failures =
        CusumDesign::solve(config.raw.tolerated_failure_rate, config.raw.outage_failure_rate, every)?;
    config.raw.cusum_up = failures.0.up;
    config.raw.cusum_down = failures.0.down;
    config.raw.cusum_threshold = failures.0.threshold;
    config.raw.cusum_calls_to_detect_outage = failures.0.calls_to_detect_outage;
    if config.raw.slow_call_duration_ns != 0 && config.raw.tolerated_slow_rate > 0.0 {
        let slow = CusumDesign::solve(config.raw.tolerated_slow_rate, config.raw.outage_slow_rate, every)
            .map_err(of_slow_rates)?;
        config.raw.slow_cusum_up = slow.0.up;
        config.raw.slow_cusum_down = slow.0.down;
        config.raw.slow_cusum_threshold = slow.0.threshold;
    }
    Ok(config)
}

/// The solver names the failure rates; here it was given those of slow calls.
fn of_slow_rates(mut error: ConfigError) -> ConfigError {
    error.field = match error.field {
        "tolerated_failure_rate" => "tolerated_slow_rate",
        "outage_failure_rate" => "outage_slow_rate",
        other => other,
    };
    error
}

/// The configuration without its designs: what a person would write.
pub(crate) fn unsolved(mut config: Config) -> Config {
    config.raw.cusum_up = 0;
    config.raw.cusum_down = 0;
    config.raw.cusum_threshold = 0;
    config.raw.cusum_calls_to_detect_outage = 0.0;
    config.raw.slow_cusum_up = 0;
    config.raw.slow_cusum_down = 0;
    config.raw.slow_cusum_threshold = 0;
    config
}
