// SPDX-License-Identifier: MIT OR Apache-2.0
//! Waiting for tokens. A token bucket reserves: the order is the core's, each waiter has its own wait. The
//! other kinds cannot; there one at a time asks, in line, and waits as long as it was told.
#[cfg(feature = "tokio")]
use std::future::Future;
use std::ops::Deref;
use std::sync::atomic::Ordering;
use std::time::Duration;

use trifuse_sys::{
    TRIFUSE_ERROR_ARGUMENT, TRIFUSE_ERROR_OVER_CAPACITY, TRIFUSE_NEVER, TRIFUSE_OK,
    TRIFUSE_REFUSED_RATE_LIMITED, trifuse_reservation,
};

use crate::config::to_ns;
use crate::error_limits::LimiterError;
use crate::limiter::{LimiterShared, RateLimiter};
#[cfg(feature = "tokio")]
use crate::limiter_future::Wait;
use crate::line::{InLine, Served};
use crate::queue::Queue;
use crate::raw::limits::no_reservation;
use crate::scope;
use crate::text_policy::LimiterKind;

impl LimiterShared {
    pub(crate) fn reserve(
        &self,
        n: u64,
        max_wait: Option<Duration>,
    ) -> Result<trifuse_reservation, LimiterError> {
        let mut taken = no_reservation();
        match self.raw.reserve(n, self.clock.stamp(), max_wait.map_or(TRIFUSE_NEVER, to_ns), &mut taken) {
            TRIFUSE_OK => Ok(taken),
            result => Err(self.error(result, n, taken.wait_ns, "reserve")),
        }
    }

    /// Looks once, whose turn it is: `None` is granted, else how long to wait before the next look.
    pub(crate) fn look(&self, n: u64, until: Option<u64>) -> Result<Option<Duration>, LimiterError> {
        let (now, mut wait) = (self.clock.now(), 0);
        match self.raw.try_acquire(n, now, &mut wait) {
            TRIFUSE_OK => Ok(None),
            TRIFUSE_REFUSED_RATE_LIMITED if until.is_none_or(|until| now.saturating_add(wait) <= until) => {
                Ok(Some(Duration::from_nanos(wait)))
            }
            result => Err(self.error(result, n, wait, "acquire")),
        }
    }

    /// Until when, on its own clock.
    pub(crate) fn until(&self, wait: Option<Duration>) -> Option<u64> {
        wait.map(|wait| self.clock.now().saturating_add(to_ns(wait)))
    }

    /// Whether nobody waits and the tokens are there. Who is let in at once takes no turn, so that nobody
    /// is refused behind one who does not wait. What no wait helps is refused before it lines up.
    pub(crate) fn let_in(&self, n: u64, until: Option<u64>) -> Result<bool, LimiterError> {
        if self.asking.load(Ordering::Relaxed) {
            return self.check(n).map(|()| false);
        }
        Ok(self.look(n, until)?.is_none())
    }

    fn check(&self, n: u64) -> Result<(), LimiterError> {
        let capacity = self.raw.snapshot(self.clock.stamp()).capacity;
        match n {
            0 => Err(self.error(TRIFUSE_ERROR_ARGUMENT, n, 0, "acquire")),
            n if n > capacity => Err(self.error(TRIFUSE_ERROR_OVER_CAPACITY, n, 0, "acquire")),
            _ => Ok(()),
        }
    }

    /// Nothing taken, nothing owed: as if it were new.
    pub(crate) fn is_full(&self) -> bool {
        let picture = self.raw.snapshot(self.clock.stamp());
        picture.available >= picture.capacity
    }

    pub(crate) fn in_vain(&self, n: u64) -> LimiterError {
        self.limited(n, TRIFUSE_NEVER).into()
    }
}

impl Served for LimiterShared {
    fn queue(&self) -> &Queue {
        &self.line
    }

    fn most(&self) -> usize {
        usize::MAX
    }

    fn take(&self) -> bool {
        !self.asking.swap(true, Ordering::Acquire)
    }

    fn give_back(&self) {
        if !self.line.hand_over() {
            self.asking.store(false, Ordering::Release);
            self.line.serve(|| self.take());
        }
    }
}

/// The right to ask; dropped, the next one has it.
struct Turn<H: Deref<Target = LimiterShared>>(H);

impl<H: Deref<Target = LimiterShared>> Drop for Turn<H> {
    fn drop(&mut self) {
        self.0.give_back();
    }
}

impl RateLimiter {
    /// Takes `n` tokens; the thread sleeps until they are there, first come first served, at most
    /// `max_wait` (`None`: as long as it takes) and never past a [`Deadline`](crate::Deadline).
    ///
    /// # Errors
    /// At once when it is certain that the wait would be too long; `n` is 0 or more than there can ever be.
    ///
    /// ```
    /// use std::time::Duration;
    /// let limiter = trifuse::RateLimiter::per(1, Duration::from_millis(1)).build()?;
    /// limiter.acquire_blocking(1, None)?;
    /// limiter.acquire_blocking(1, Duration::from_secs(1))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn acquire_blocking(
        &self,
        n: u64,
        max_wait: impl Into<Option<Duration>>,
    ) -> Result<(), LimiterError> {
        let (shared, wait) = (&*self.shared, scope::cut(max_wait.into()));
        if shared.kind == LimiterKind::TokenBucket {
            let taken = shared.reserve(n, wait)?;
            if taken.wait_ns != 0 {
                shared.clock.sleep(Duration::from_nanos(taken.wait_ns));
            }
            return Ok(());
        }
        let until = shared.until(wait);
        if shared.let_in(n, until)? {
            return Ok(());
        }
        if !InLine::new(shared).block(wait).unwrap_or(false) {
            return Err(shared.in_vain(n));
        }
        let _turn = Turn(shared);
        while let Some(wait) = shared.look(n, until)? {
            shared.clock.sleep(wait);
        }
        Ok(())
    }

    pub(crate) fn admit_blocking(&self, n: u64) -> Result<(), LimiterError> {
        match self.shared.max_wait {
            None => self.try_acquire_n(n),
            Some(wait) => self.acquire_blocking(n, wait),
        }
    }
}

#[cfg(feature = "tokio")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
impl RateLimiter {
    /// Takes a token, waiting for it as long as it takes, first come first served.
    ///
    /// Without the feature `tokio` there is [`reserve`](Self::reserve) for a timer of your own.
    ///
    /// # Cancel safety
    /// It asks when it is first polled. Dropped while it waits, its place in the line is free and its
    /// tokens go back, as [`Reservation::cancel`](crate::Reservation::cancel) does.
    ///
    /// # Errors
    /// None for a single token, unless it is called under a [`Deadline`](crate::Deadline) that would pass.
    ///
    /// # Panics
    /// When it has to wait outside of a tokio runtime with its timer on.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
    /// let limiter = trifuse::RateLimiter::per_second(1.0).build()?;
    /// limiter.acquire().await?;
    /// limiter.acquire().await?; // a second later
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    pub fn acquire(&self) -> impl Future<Output = Result<(), LimiterError>> + Send + use<> {
        Wait::new(self.shared.clone(), 1, None)
    }

    /// Takes `n` tokens, waiting at most `max_wait` for them (`None`: as long as it takes).
    ///
    /// # Cancel safety
    /// As [`acquire`](Self::acquire).
    ///
    /// # Errors
    /// At once when it is certain that the wait would be too long; `n` is 0 or more than there can ever be.
    ///
    /// # Panics
    /// As [`acquire`](Self::acquire).
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
    /// use std::time::Duration;
    /// let limiter = trifuse::RateLimiter::per(10, Duration::from_secs(10)).build()?;
    /// limiter.acquire_n(10, None).await?;
    /// assert!(limiter.acquire_n(5, Duration::from_secs(4)).await.is_err());
    /// limiter.acquire_n(5, Duration::from_secs(6)).await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    pub fn acquire_n<W: Into<Option<Duration>>>(
        &self,
        n: u64,
        max_wait: W,
    ) -> impl Future<Output = Result<(), LimiterError>> + Send + use<W> {
        Wait::new(self.shared.clone(), n, max_wait.into())
    }
}
