// SPDX-License-Identifier: MIT OR Apache-2.0
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::raw;

/// Where a policy takes its time from.
///
/// With a [`ManualClock`] a blocking call does not sleep: a wait for time moves the clock. Who waits in line
/// for somebody else does so in real time.
///
/// ```
/// use std::time::Duration;
/// use trifuse::{CircuitBreaker, ManualClock, State};
///
/// let clock = ManualClock::new();
/// let breaker = CircuitBreaker::builder("payments").clock(clock.clone()).build()?;
/// breaker.trip(Duration::from_secs(30));
/// clock.advance(Duration::from_secs(30));
/// breaker.try_acquire().expect("the wait is over").success();
/// assert_eq!(breaker.state(), State::Closed);
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Clock {
    /// The monotonic clock of the operating system.
    #[default]
    Monotonic,
    /// A clock that a test moves.
    Manual(ManualClock),
    /// The clock of tokio's timer, which tests can pause (`tokio::time::pause`). Outside of a runtime
    /// that has paused it, the monotonic clock.
    #[cfg(feature = "tokio")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
    Tokio,
}

impl Clock {
    /// Lets the calling thread sleep; a manual clock is moved instead.
    pub(crate) fn sleep(&self, wait: Duration) {
        match self {
            Self::Manual(clock) => clock.advance(wait),
            _ => std::thread::sleep(wait),
        }
    }

    /// Monotonic nanoseconds, never 0.
    #[inline]
    pub(crate) fn now(&self) -> u64 {
        match self {
            Self::Monotonic => raw::clock::now_ns(),
            Self::Manual(clock) => clock.now_ns(),
            #[cfg(feature = "tokio")]
            Self::Tokio => tokio_ns(),
        }
    }

    /// Cheap to read, at most 10 ms behind `now`, never before it.
    #[inline]
    pub(crate) fn coarse(&self) -> u64 {
        match self {
            Self::Monotonic => raw::clock::coarse_ns(),
            Self::Manual(clock) => clock.now_ns(),
            #[cfg(feature = "tokio")]
            Self::Tokio => tokio_ns(),
        }
    }

    /// What to hand to the core: 0 lets it read its clock itself, and only where it must.
    #[inline]
    pub(crate) fn stamp(&self) -> u64 {
        match self {
            Self::Monotonic => 0,
            Self::Manual(clock) => clock.now_ns(),
            #[cfg(feature = "tokio")]
            Self::Tokio => tokio_ns(),
        }
    }
}

/// Nanoseconds since a year before the first reading. That much, because a runtime with paused time may be
/// behind the one that read first.
#[cfg(feature = "tokio")]
fn tokio_ns() -> u64 {
    const YEAR: u64 = 31_536_000_000_000_000;
    static ORIGIN: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    let now = tokio::time::Instant::now().into_std();
    let origin = *ORIGIN.get_or_init(|| now);
    let (run, behind) = (now.saturating_duration_since(origin), origin.saturating_duration_since(now));
    let time = YEAR.saturating_add(crate::config::to_ns(run));
    time.saturating_sub(crate::config::to_ns(behind)).max(1)
}

impl From<ManualClock> for Clock {
    fn from(clock: ManualClock) -> Self {
        Self::Manual(clock)
    }
}

/// A clock for tests: it stands still until it is told to move. Clones show the same time.
///
/// ```
/// use std::time::Duration;
///
/// let clock = trifuse::ManualClock::new();
/// let before = clock.now_ns();
/// clock.advance(Duration::from_millis(5));
/// assert_eq!(clock.now_ns() - before, 5_000_000);
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// A clock that shows 1 s.
    ///
    /// ```
    /// assert_eq!(trifuse::ManualClock::new().now_ns(), 1_000_000_000);
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(AtomicU64::new(1_000_000_000)))
    }

    /// What it shows, in nanoseconds, at least 1.
    ///
    /// ```
    /// assert!(trifuse::ManualClock::default().now_ns() >= 1);
    /// ```
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Moves it forward, up to `u64::MAX` nanoseconds.
    ///
    /// ```
    /// let clock = trifuse::ManualClock::new();
    /// clock.advance(std::time::Duration::from_nanos(4));
    /// assert_eq!(clock.now_ns(), 1_000_000_004);
    /// ```
    pub fn advance(&self, by: Duration) {
        let by = crate::config::to_ns(by);
        let moved = |now: u64| Some(now.saturating_add(by));
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, moved);
    }

    /// Sets it, also back; 0 becomes 1.
    ///
    /// ```
    /// let clock = trifuse::ManualClock::new();
    /// clock.set_ns(1_000);
    /// assert_eq!(clock.now_ns(), 1_000);
    /// ```
    pub fn set_ns(&self, now_ns: u64) {
        self.0.store(now_ns.max(1), Ordering::Relaxed);
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}
