// SPDX-License-Identifier: MIT OR Apache-2.0
use std::time::Duration;

use trifuse_sys::{TRIFUSE_NEVER, trifuse_breaker_snapshot};

use crate::event::WindowCounts;
use crate::name::Name;
use crate::text::{Cause, State};

/// A picture of a breaker, consistent enough to print.
///
/// ```
/// use trifuse::{CircuitBreaker, State};
///
/// let breaker = CircuitBreaker::builder("payments").build()?;
/// breaker.try_acquire().expect("closed").failure();
/// let picture = breaker.snapshot();
/// assert_eq!((&*picture.name, picture.state), ("payments", State::Closed));
/// assert_eq!((picture.failure_rate, picture.totals.failures), (1.0, 1));
/// assert!(picture.since_last_failure.is_some());
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Snapshot {
    /// The name of the breaker.
    pub name: Name,
    /// When the picture was taken, in nanoseconds of the breaker's clock.
    pub at_ns: u64,
    /// The state. An open circuit stays open past its wait until a caller comes.
    pub state: State,
    /// Why the state was entered.
    pub cause: Cause,
    /// Grows by one at every change of state and every reset.
    pub generation: u64,
    /// When the state was entered, in nanoseconds of the breaker's clock.
    pub since_ns: u64,
    /// How long the state has lasted.
    pub in_state_for: Duration,
    /// How long ago the last failure was recorded.
    pub since_last_failure: Option<Duration>,
    /// Open: the wait until a call is tried; zero when it is over. `None`: not open, or not known.
    pub retry_after: Option<Duration>,
    /// Outcomes in the window.
    pub window: WindowCounts,
    /// Failures of the window, 0.0 when it is empty.
    pub failure_rate: f64,
    /// Slow calls of the window, 0.0 when it is empty.
    pub slow_rate: f64,
    /// Failures in a row.
    pub consecutive_failures: u64,
    /// Probes that are out.
    pub probes_in_flight: u32,
    /// Half-open: probes that succeeded so far.
    pub probe_successes: u32,
    /// Half-open: probes that failed so far.
    pub probe_failures: u32,
    /// Re-openings in a row, which lengthen the wait.
    pub reopenings: u32,
    /// The detector of failures, where it is a cusum.
    pub cusum: Option<CusumState>,
    /// The detector of slow calls, where there is one.
    pub slow_cusum: Option<CusumState>,
    /// Lifetime totals.
    pub totals: Totals,
}

/// Where a cumulative sum stands.
///
/// ```
/// use trifuse::{CircuitBreaker, Preset};
///
/// let breaker = CircuitBreaker::builder("payments").preset(Preset::Adaptive).build()?;
/// breaker.try_acquire().expect("closed").failure();
/// let cusum = breaker.snapshot().cusum.expect("adaptive");
/// assert_eq!((cusum.s, cusum.threshold), (1, 15));
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct CusumState {
    /// The sum, aged to now.
    pub s: u32,
    /// How much it rises.
    pub up: u32,
    /// How much it falls.
    pub down: u32,
    /// Opens when the sum reaches this.
    pub threshold: u32,
    /// Calls until an outage is found, on average; `None`: not known.
    pub calls_to_detect_outage: Option<f64>,
    /// Calls until it opens when every call fails; `None`: not known.
    pub calls_to_detect_total: Option<f64>,
}

/// What a breaker has counted since it was made.
///
/// ```
/// # use trifuse::{CircuitBreaker, State};
/// let breaker = CircuitBreaker::builder("payments").build()?;
/// breaker.force_open();
/// assert!(breaker.try_acquire().is_err());
/// let totals = breaker.snapshot().totals;
/// assert_eq!((totals.refused(), totals.transitions(State::Closed, State::ForcedOpen)), (1, 1));
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Outcomes in time, without ignored ones.
    pub calls: u64,
    /// Successes.
    pub successes: u64,
    /// Failures, timeouts among them.
    pub failures: u64,
    /// Timeouts.
    pub timeouts: u64,
    /// Slow calls.
    pub slow: u64,
    /// Ignored calls.
    pub ignored: u64,
    /// Outcomes that came after the breaker had moved on.
    pub late_results: u64,
    /// Probes that never reported in time.
    pub lost_permits: u64,
    /// Shadow mode: times that it would have opened.
    pub would_have_opened: u64,
    /// Calls refused because the circuit was open.
    pub refused_open: u64,
    /// Calls refused because all probes were out.
    pub refused_half_open_limit: u64,
    /// Calls refused because the circuit was forced open.
    pub refused_forced_open: u64,
    transitions: [[u64; 6]; 6],
}

impl Totals {
    /// Refused calls, whatever the reason.
    ///
    /// ```
    /// # let breaker = trifuse::CircuitBreaker::builder("payments").build()?;
    /// assert_eq!(breaker.snapshot().totals.refused(), 0);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused_open + self.refused_half_open_limit + self.refused_forced_open
    }

    /// How often it went from one state to another.
    ///
    /// ```
    /// # use trifuse::State;
    /// # let breaker = trifuse::CircuitBreaker::builder("payments").build()?;
    /// breaker.trip(None);
    /// assert_eq!(breaker.snapshot().totals.transitions(State::Closed, State::Open), 1);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn transitions(&self, from: State, to: State) -> u64 {
        self.transitions[from as usize][to as usize]
    }
}

impl Snapshot {
    pub(crate) fn from_raw(name: &Name, now: u64, raw: &trifuse_breaker_snapshot) -> Self {
        let ago = |then: u64| Duration::from_nanos(now.saturating_sub(then));
        let state = State::from_raw(raw.state).expect("the core's state is one of six");
        let deadline =
            (state == State::Open && raw.open_until_ns != TRIFUSE_NEVER).then_some(raw.open_until_ns);
        Self {
            name: name.clone(),
            at_ns: now,
            state,
            cause: Cause::from_raw(raw.cause).unwrap_or(Cause::None),
            generation: raw.generation,
            since_ns: raw.since_ns,
            in_state_for: ago(raw.since_ns),
            since_last_failure: (raw.last_failure_ns != 0).then(|| ago(raw.last_failure_ns)),
            retry_after: deadline.map(|until| Duration::from_nanos(until.saturating_sub(now))),
            window: WindowCounts {
                total: raw.window_total,
                failed: raw.window_failed,
                slow: raw.window_slow,
            },
            failure_rate: raw.failure_rate,
            slow_rate: raw.slow_rate,
            consecutive_failures: raw.consecutive_failures,
            probes_in_flight: raw.probes_in_flight,
            probe_successes: raw.probe_successes,
            probe_failures: raw.probe_failures,
            reopenings: raw.reopenings,
            cusum: CusumState::of_failures(raw),
            slow_cusum: CusumState::of_slow_calls(raw),
            totals: Totals::from_raw(raw),
        }
    }
}

impl CusumState {
    fn of_failures(raw: &trifuse_breaker_snapshot) -> Option<Self> {
        let known = |calls: f64| (calls > 0.0).then_some(calls);
        (raw.cusum_threshold != 0).then(|| Self {
            s: raw.cusum_s,
            up: raw.cusum_up,
            down: raw.cusum_down,
            threshold: raw.cusum_threshold,
            calls_to_detect_outage: known(raw.cusum_calls_to_detect_outage),
            calls_to_detect_total: known(raw.cusum_calls_to_detect_total),
        })
    }

    fn of_slow_calls(raw: &trifuse_breaker_snapshot) -> Option<Self> {
        (raw.slow_cusum_threshold != 0).then_some(Self {
            s: raw.slow_cusum_s,
            up: raw.slow_cusum_up,
            down: raw.slow_cusum_down,
            threshold: raw.slow_cusum_threshold,
            calls_to_detect_outage: None,
            calls_to_detect_total: None,
        })
    }
}

impl Totals {
    fn from_raw(raw: &trifuse_breaker_snapshot) -> Self {
        Self {
            calls: raw.calls,
            successes: raw.successes,
            failures: raw.failures,
            timeouts: raw.timeouts,
            slow: raw.slow,
            ignored: raw.ignored,
            late_results: raw.late_results,
            lost_permits: raw.lost_permits,
            would_have_opened: raw.would_have_opened,
            refused_open: raw.refused_open,
            refused_half_open_limit: raw.refused_half_open_limit,
            refused_forced_open: raw.refused_forced_open,
            transitions: raw.transitions,
        }
    }
}
