// SPDX-License-Identifier: MIT OR Apache-2.0
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use trifuse_sys::{
    TRIFUSE_ERROR_ARGUMENT, TRIFUSE_ERROR_OVER_CAPACITY, TRIFUSE_ERROR_UNSUPPORTED, TRIFUSE_OK,
};

use crate::builder_basics::{known, named};
use crate::clock::Clock;
use crate::error::{ConfigError, ConfigValue};
use crate::error_limits::{LimiterError, RateLimited};
use crate::limiter_config::{RateLimiterBuilder, RateLimiterConfig};
use crate::name::Name;
use crate::queue::Queue;
use crate::raw::limits::RawLimiter;
use crate::snapshot_policy::RateLimiterSnapshot;
use crate::text_policy::LimiterKind;

/// A rate limiter: lets so many calls pass in a time and tells the others, to the nanosecond, when to
/// come back.
///
/// Four [kinds](LimiterKind); a token bucket can also [`reserve`](Self::reserve) and settle estimates
/// afterwards. Clones are handles to the same limiter and cheap; it is `Send + Sync` and takes no lock
/// unless somebody waits.
///
/// ```
/// use std::time::Duration;
/// use trifuse::RateLimiter;
///
/// let limiter = RateLimiter::per(2, Duration::from_secs(60)).build()?;
/// assert!(limiter.try_acquire().is_ok());
/// assert!(limiter.try_acquire().is_ok());
/// let limited = limiter.try_acquire().unwrap_err();
/// assert!(limited.retry_after <= Some(Duration::from_secs(30)));
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct RateLimiter {
    pub(crate) shared: Arc<LimiterShared>,
}

/// One limiter. Aligned so that the counters of the `Arc` share no cache line with what calls read.
#[repr(align(128))]
pub(crate) struct LimiterShared {
    pub(crate) raw: RawLimiter,
    pub(crate) clock: Clock,
    pub(crate) name: Name,
    pub(crate) kind: LimiterKind,
    pub(crate) max_wait: Option<Duration>,
    /// The kinds that cannot reserve: who may ask next. One at a time, in line.
    pub(crate) line: Queue,
    pub(crate) asking: AtomicBool,
}

impl LimiterShared {
    /// A result and, if refused, the wait. Behind those who wait in line it is refused, the wait not known.
    #[inline]
    fn ask(&self, n: u64, now: u64) -> (i32, u64) {
        if self.asking.load(Ordering::Relaxed) {
            return self.behind_the_line(n);
        }
        let mut wait = 0;
        (self.raw.try_acquire(n, now, &mut wait), wait)
    }

    #[cold]
    fn behind_the_line(&self, n: u64) -> (i32, u64) {
        let capacity = self.raw.snapshot(self.clock.stamp()).capacity;
        match n {
            0 => (TRIFUSE_ERROR_ARGUMENT, 0),
            n if n > capacity => (TRIFUSE_ERROR_OVER_CAPACITY, 0),
            _ => (trifuse_sys::TRIFUSE_REFUSED_RATE_LIMITED, trifuse_sys::TRIFUSE_NEVER),
        }
    }

    #[cold]
    pub(crate) fn limited(&self, n: u64, wait: u64) -> RateLimited {
        RateLimited {
            name: self.name.clone(),
            retry_after: known(wait),
            requested: n,
            // One that is not there: no need to look.
            available: if n == 1 { 0 } else { self.raw.available(self.clock.stamp()) },
        }
    }

    #[cold]
    pub(crate) fn error(&self, result: i32, n: u64, wait: u64, operation: &'static str) -> LimiterError {
        let capacity = || self.raw.snapshot(self.clock.stamp()).capacity;
        match result {
            TRIFUSE_ERROR_OVER_CAPACITY => {
                LimiterError::OverCapacity { name: self.name.clone(), requested: n, capacity: capacity() }
            }
            TRIFUSE_ERROR_UNSUPPORTED => self.unsupported(operation),
            TRIFUSE_ERROR_ARGUMENT => {
                LimiterError::Argument(ConfigError::new("n", ConfigValue::Integer(n), "1 or more"))
            }
            _ => LimiterError::RateLimited(self.limited(n, wait)),
        }
    }

    pub(crate) fn unsupported(&self, operation: &'static str) -> LimiterError {
        LimiterError::Unsupported { name: self.name.clone(), operation, kind: self.kind }
    }

    #[inline]
    pub(crate) fn try_take(&self, n: u64, now: u64) -> Result<(), LimiterError> {
        match self.ask(n, now) {
            (TRIFUSE_OK, _) => Ok(()),
            (result, wait) => Err(self.error(result, n, wait, "acquire")),
        }
    }
}

impl RateLimiter {
    /// So many tokens per second, and one second's worth (at least 1) saved up.
    ///
    /// ```
    /// let limiter = trifuse::RateLimiter::per_second(0.5).build()?;
    /// assert_eq!(limiter.available(), 1);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn per_second(rate: f64) -> RateLimiterBuilder {
        // 0 is the core's "permits per period", which nobody means here.
        let taken = if rate == 0.0 { f64::NAN } else { rate };
        RateLimiterBuilder::new(RateLimiterConfig::DEFAULT.with_rate(taken), rate == 0.0)
    }

    /// Exactly `permits` per `period`, and so many saved up.
    ///
    /// ```
    /// use std::time::Duration;
    /// let limiter = trifuse::RateLimiter::per(500, Duration::from_secs(60)).build()?;
    /// assert_eq!(limiter.available(), 500);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn per(permits: u64, period: Duration) -> RateLimiterBuilder {
        RateLimiterBuilder::new(RateLimiterConfig::DEFAULT.with_permits(permits).with_period(period), false)
    }

    pub(crate) fn made(builder: RateLimiterBuilder) -> Result<Self, ConfigError> {
        named(&builder.name)?;
        let RateLimiterBuilder { name, config, clock, max_wait, zero } = builder;
        let raw = RawLimiter::new(&config.raw, clock.stamp()).map_err(|error| match config.rate() {
            rate if rate.is_nan() && zero => RateLimiterConfig::no_rate(),
            _ => error,
        })?;
        let shared = LimiterShared {
            raw,
            clock,
            name,
            kind: config.kind(),
            max_wait,
            line: Queue::default(),
            asking: AtomicBool::new(false),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Takes a token if one is there.
    ///
    /// # Errors
    /// There is none; the error tells when.
    ///
    /// ```
    /// # let limiter = trifuse::RateLimiter::per_second(1.0).build()?;
    /// assert!(limiter.try_acquire().is_ok());
    /// assert!(limiter.try_acquire().is_err());
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[inline]
    pub fn try_acquire(&self) -> Result<(), RateLimited> {
        match self.shared.ask(1, self.shared.clock.stamp()) {
            (TRIFUSE_OK, _) => Ok(()),
            (_, wait) => Err(self.shared.limited(1, wait)),
        }
    }

    /// Takes `n` tokens if they are there, all or none.
    ///
    /// # Errors
    /// They are not there; or `n` is 0, or more than there can ever be.
    ///
    /// ```
    /// # let limiter = trifuse::RateLimiter::per(10, std::time::Duration::from_secs(1)).build()?;
    /// assert!(limiter.try_acquire_n(8).is_ok());
    /// assert!(limiter.try_acquire_n(8).unwrap_err().rate_limited().is_some());
    /// assert!(limiter.try_acquire_n(11).unwrap_err().to_string().contains("1 to 10"));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[inline]
    pub fn try_acquire_n(&self, n: u64) -> Result<(), LimiterError> {
        self.shared.try_take(n, self.shared.clock.stamp())
    }

    /// Puts `n` tokens in, up to the capacity: an estimate was too high. Token buckets only.
    ///
    /// # Errors
    /// `n` is 0; the limiter is of another kind.
    ///
    /// ```
    /// # let limiter = trifuse::RateLimiter::per(10, std::time::Duration::from_secs(60)).build()?;
    /// limiter.try_acquire_n(10)?;
    /// limiter.refund(4)?;
    /// assert_eq!(limiter.available(), 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn refund(&self, n: u64) -> Result<(), LimiterError> {
        let result = self.shared.raw.refund(n, self.shared.clock.stamp());
        if result == TRIFUSE_OK { Ok(()) } else { Err(self.shared.error(result, n, 0, "refund")) }
    }

    /// Takes `n` tokens, into debt if need be: an estimate was too low. Token buckets only.
    ///
    /// # Errors
    /// `n` is 0; the limiter is of another kind.
    ///
    /// ```
    /// # let limiter = trifuse::RateLimiter::per(10, std::time::Duration::from_secs(60)).build()?;
    /// limiter.debit(15)?;
    /// assert_eq!((limiter.available(), limiter.snapshot().debt), (0, 5));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn debit(&self, n: u64) -> Result<(), LimiterError> {
        let result = self.shared.raw.debit(n, self.shared.clock.stamp());
        if result == TRIFUSE_OK { Ok(()) } else { Err(self.shared.error(result, n, 0, "debit")) }
    }

    /// Another rate and capacity; the number of tokens stays, a debt too, and so do waits already given.
    /// Token buckets only; `config`'s kind must be one.
    ///
    /// # Errors
    /// A field that is out of its range; the limiter is of another kind.
    ///
    /// ```
    /// use trifuse::{RateLimiter, RateLimiterConfig};
    /// let limiter = RateLimiter::per_second(10.0).build()?;
    /// limiter.set_rate(RateLimiterConfig::DEFAULT.with_rate(2.0))?;
    /// assert_eq!(limiter.snapshot().rate, 2.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_rate(&self, config: RateLimiterConfig) -> Result<(), LimiterError> {
        let shared = &*self.shared;
        if shared.kind != LimiterKind::TokenBucket {
            return Err(shared.unsupported("set_rate"));
        }
        config.is_bucket()?;
        Ok(shared.raw.set_rate(&config.raw, shared.clock.stamp())?)
    }

    /// Another N, at once; what was granted stays counted. The kinds with a window only.
    ///
    /// # Errors
    /// An N out of its range (of a sliding log: over the one it was made with); a token bucket.
    ///
    /// ```
    /// use trifuse::{LimiterKind, RateLimiter};
    /// # use std::time::Duration;
    /// let limiter = RateLimiter::per(10, Duration::from_secs(1)).kind(LimiterKind::SlidingLog).build()?;
    /// limiter.set_permits(5)?;
    /// assert_eq!(limiter.available(), 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_permits(&self, permits: u64) -> Result<(), LimiterError> {
        let shared = &*self.shared;
        if shared.kind == LimiterKind::TokenBucket {
            return Err(shared.unsupported(crate::error_limits::SET_PERMITS));
        }
        Ok(shared.raw.set_permits(permits, shared.clock.stamp())?)
    }

    /// Whole tokens that a request could take now, at least 0.
    ///
    /// ```
    /// assert_eq!(trifuse::RateLimiter::per_second(7.0).build()?.available(), 7);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn available(&self) -> u64 {
        self.shared.raw.available(self.shared.clock.stamp())
    }

    /// Rate, tokens, debt and totals.
    ///
    /// ```
    /// # let limiter = trifuse::RateLimiter::per_second(1.0).build()?;
    /// let _ = (limiter.try_acquire(), limiter.try_acquire());
    /// assert_eq!((limiter.snapshot().granted, limiter.snapshot().refused), (1, 1));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn snapshot(&self) -> RateLimiterSnapshot {
        RateLimiterSnapshot::from_raw(&self.shared.name, &self.shared.raw.snapshot(self.shared.clock.stamp()))
    }
}
