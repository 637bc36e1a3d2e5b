// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use trifuse_sys::trifuse_reservation;

use crate::error_limits::LimiterError;
use crate::limiter::{LimiterShared, RateLimiter};

/// Tokens taken in advance, by [`RateLimiter::reserve`].
///
/// Wait [`wait`](Self::wait) with whatever timer you have, then go; or [`cancel`](Self::cancel) it. It is
/// plain data: dropped, it stays taken.
///
/// ```
/// use std::time::Duration;
/// use trifuse::{ManualClock, RateLimiter};
///
/// let clock = ManualClock::new();
/// let limiter = RateLimiter::per_second(1.0).clock(clock.clone()).build()?;
/// limiter.try_acquire()?;
/// let reservation = limiter.reserve(1, Duration::from_secs(5))?;
/// assert_eq!(reservation.wait(), Duration::from_secs(1));
/// clock.advance(reservation.wait());
/// // ... go ...
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the tokens are taken; wait, then use them, or cancel"]
pub struct Reservation {
    limiter: Arc<LimiterShared>,
    taken: trifuse_reservation,
}

impl Reservation {
    /// How long to wait, from when it was made, before the tokens may be used; zero: go at once.
    ///
    /// ```
    /// let reservation = trifuse::RateLimiter::per_second(1.0).build()?.reserve(1, None)?;
    /// assert!(reservation.wait().is_zero());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn wait(&self) -> Duration {
        Duration::from_nanos(self.taken.wait_ns)
    }

    /// How many tokens.
    ///
    /// ```
    /// assert_eq!(trifuse::RateLimiter::per_second(9.0).build()?.reserve(3, None)?.tokens(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.taken.n
    }

    /// Gives the tokens back, less what was granted after them, and tells how many that were.
    ///
    /// ```
    /// # use trifuse::{ManualClock, RateLimiter};
    /// let limiter = RateLimiter::per_second(4.0).clock(ManualClock::new()).build()?;
    /// let reservation = limiter.reserve(3, None)?;
    /// assert_eq!(reservation.cancel(), 3);
    /// assert_eq!(limiter.available(), 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cancel(self) -> u64 {
        self.limiter.raw.cancel(&self.taken, self.limiter.clock.stamp())
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation").field("tokens", &self.tokens()).field("wait", &self.wait()).finish()
    }
}

impl RateLimiter {
    /// Takes `n` tokens in advance and says how long to wait before using them; refused at once where that
    /// is longer than `max_wait` (`None`: any). Needs no runtime. Token buckets only.
    ///
    /// # Errors
    /// The wait would be too long (the error tells it); `n` is 0 or more than there can ever be; the
    /// limiter is of another kind.
    ///
    /// ```
    /// use std::time::Duration;
    /// # use trifuse::{ManualClock, RateLimiter};
    /// let limiter = RateLimiter::per_second(1.0).clock(ManualClock::new()).build()?;
    /// assert!(limiter.reserve(1, None)?.wait().is_zero());
    /// assert_eq!(limiter.reserve(1, None)?.wait(), Duration::from_secs(1));
    /// assert!(limiter.reserve(1, Duration::from_secs(1)).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reserve(
        &self,
        n: u64,
        max_wait: impl Into<Option<Duration>>,
    ) -> Result<Reservation, LimiterError> {
        let taken = self.shared.reserve(n, max_wait.into())?;
        Ok(Reservation { limiter: self.shared.clone(), taken })
    }
}
