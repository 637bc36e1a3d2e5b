// SPDX-License-Identifier: MIT OR Apache-2.0
//! The longest time of a call as a constant: the one piece of the core's arithmetic that is here again.
//! A test holds it against the core's.
use std::time::Duration;

use trifuse_sys::{
    TRIFUSE_JITTER_DECORRELATED, TRIFUSE_JITTER_EQUAL, TRIFUSE_JITTER_FULL, TRIFUSE_JITTER_PROPORTIONAL,
    TRIFUSE_NEVER, TRIFUSE_STRATEGY_EXPONENTIAL, TRIFUSE_STRATEGY_LINEAR, trifuse_retry_config,
};

use crate::config::to_ns;
use crate::retry_config::RetryConfig;

const NANO: u64 = 1_000_000_000;

impl RetryConfig {
    /// The longest that a call can take: `max_retries + 1` attempts of `attempt_timeout` each, and the
    /// longest delay before each retry; the server's word apart. With `max_elapsed`: the last attempt that it
    /// leaves time for, begun as late as can be. `None`: attempts have no limit, and so nor has the call.
    ///
    /// ```
    /// use std::time::Duration;
    /// use trifuse::RetryConfig;
    ///
    /// const LONGEST: Option<Duration> = RetryConfig::DEFAULT.max_total_time(Some(Duration::from_secs(5)));
    /// assert_eq!(LONGEST, Some(Duration::from_millis(20_770))); // 4 x 5 s, 110 + 220 + 440 ms
    /// assert_eq!(RetryConfig::DEFAULT.max_total_time(None), None);
    /// ```
    #[must_use]
    pub const fn max_total_time(&self, attempt_timeout: Option<Duration>) -> Option<Duration> {
        let timeout = match attempt_timeout {
            Some(timeout) => to_ns(timeout),
            None => TRIFUSE_NEVER,
        };
        let total = at_most(&self.raw, timeout);
        if total == TRIFUSE_NEVER { None } else { Some(Duration::from_nanos(total)) }
    }
}

const fn min(a: u64, b: u64) -> u64 {
    if a < b { a } else { b }
}

const fn saturated(value: u128) -> u64 {
    if value > u64::MAX as u128 { u64::MAX } else { value as u64 }
}

const fn max(a: u64, b: u64) -> u64 {
    if a > b { a } else { b }
}

/// As `total_at_most` of the core: an attempt may begin at any time from `soonest` to `latest`.
const fn at_most(c: &trifuse_retry_config, timeout: u64) -> u64 {
    let deadline = if c.max_elapsed_ns == 0 { TRIFUSE_NEVER } else { c.max_elapsed_ns };
    let multiplier = (c.multiplier * 1e9 + 0.5) as u64;
    let (mut whole, mut fraction) = (c.delay_ns, 0);
    let (mut soonest, mut latest, mut total, mut previous) = (0u64, 0u64, timeout, c.delay_ns);
    let mut k = 0;
    while k < c.max_retries {
        if k > 0 && c.strategy == TRIFUSE_STRATEGY_EXPONENTIAL && whole < c.max_delay_ns {
            (whole, fraction) = grown(whole, fraction, multiplier);
        }
        let delay = if c.strategy == TRIFUSE_STRATEGY_LINEAR {
            saturated(c.delay_ns as u128 + c.increment_ns as u128 * k as u128)
        } else {
            whole
        };
        let (least, most) = range(c, min(delay, c.max_delay_ns), previous);
        let mut end = latest.saturating_add(timeout);
        soonest = soonest.saturating_add(least);
        if deadline != TRIFUSE_NEVER {
            if soonest >= deadline {
                break;
            }
            end = min(end, deadline - least - 1);
        }
        previous = most;
        latest = min(end.saturating_add(most), deadline);
        total = max(total, latest.saturating_add(timeout));
        k += 1;
    }
    total
}

/// Times the multiplier, in units of 1e-9 ns, rounded down.
const fn grown(whole: u64, fraction: u64, multiplier: u64) -> (u64, u64) {
    let product = whole as u128 * multiplier as u128 + (fraction as u128 * multiplier as u128) / NANO as u128;
    let units = NANO as u128;
    if product / units > u64::MAX as u128 {
        return (u64::MAX, 0);
    }
    ((product / units) as u64, (product % units) as u64)
}

/// A delay with the least and with the most jitter.
const fn range(c: &trifuse_retry_config, delay: u64, previous: u64) -> (u64, u64) {
    match c.jitter {
        TRIFUSE_JITTER_PROPORTIONAL => {
            let low = min(delay, (c.max_delay_ns as u128 * 10 / 11) as u64);
            (low, low + low / 10)
        }
        TRIFUSE_JITTER_DECORRELATED => {
            let low = min(c.delay_ns, c.max_delay_ns);
            (low, min(max(previous.saturating_mul(3), low), c.max_delay_ns))
        }
        TRIFUSE_JITTER_FULL => (0, delay),
        TRIFUSE_JITTER_EQUAL => (delay / 2, delay),
        _ => (delay, delay),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raw::retry::max_total;

    /// A small generator: values that are mostly ordinary, at times on an edge.
    struct Draw(u64);

    impl Draw {
        fn next(&mut self) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            self.0 >> 33
        }

        fn of<T: Copy>(&mut self, values: &[T]) -> T {
            values[self.next() as usize % values.len()]
        }
    }

    fn config(draw: &mut Draw) -> RetryConfig {
        let year = 31_536_000_000_000_000;
        let times = [0, 1, 7, 999_999_937, 100_000_000, 1_500_000_001, 86_400_000_000_000, year];
        let mut config = RetryConfig::DEFAULT;
        let raw = &mut config.raw;
        raw.strategy = draw.of(&[0, 1, 2, 2]);
        raw.jitter = draw.of(&[0, 1, 2, 3, 4]);
        raw.max_retries = draw.of(&[0, 1, 2, 3, 5, 17, 64, 300]);
        raw.multiplier = draw.of(&[1.0, 1.000_000_001, 1.1, 1.5, 2.0, std::f64::consts::PI, 1000.0]);
        (raw.delay_ns, raw.increment_ns) = (draw.of(&times), draw.of(&times));
        raw.max_delay_ns = draw.of(&times).max(raw.delay_ns);
        raw.max_elapsed_ns = draw.of(&[0, 0, 1, 200_000_000, 30_000_000_000, year]);
        config
    }

    // RETRY-TOTAL-01, RETRY-TOTAL-02
    #[test]
    fn the_longest_time_is_the_cores_for_any_configuration() {
        let mut draw = Draw(1);
        for round in 0..50_000 {
            let config = config(&mut draw);
            let timeout = draw.of(&[0, 1, 5_000_000_000, 31_536_000_000_000_000, TRIFUSE_NEVER]);
            let given = (timeout != TRIFUSE_NEVER).then(|| Duration::from_nanos(timeout));
            let core = max_total(&config.raw, timeout).expect("a legal configuration");
            let core = (core != TRIFUSE_NEVER).then(|| Duration::from_nanos(core));
            assert_eq!(config.max_total_time(given), core, "round {round}: {config:?}, {given:?}");
        }
    }
}
