// SPDX-License-Identifier: MIT OR Apache-2.0
//! Structs that pass the interface.
use core::ffi::c_char;

/// A circuit breaker: opaque words in memory.
pub enum trifuse_breaker {}

/// Why a configuration was refused: the field, its value, what is allowed.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct trifuse_config_error {
    /// `size_of` this struct, set by the caller.
    pub struct_size: u32,
    /// 0
    pub flags: u32,
    /// TRIFUSE_FIELD_*; trifuse_field_text gives its name
    pub field: u32,
    /// TRIFUSE_VALUE_
    pub value_kind: u32,
    /// Value integer.
    pub value_integer: u64,
    /// Value real.
    pub value_real: f64,
    /// What is allowed, in English, NUL-terminated; durations in ns or s as it says
    pub allowed: [c_char; 96],
}

/// One cusum detector (spec: Page's CUSUM on a lattice): the three wishes, and the design for them.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct trifuse_cusum_design {
    /// `size_of` this struct, set by the caller.
    pub struct_size: u32,
    /// 0
    pub flags: u32,
    /// In: p0, 0.001 <= p0 < p1
    pub tolerated_rate: f64,
    /// In: p1, p1 <= 0.99
    pub outage_rate: f64,
    /// In: calls between false openings at p0, 1 to 1e15
    pub false_open_every: f64,
    /// Out: u, how much S rises on a failure
    pub up: u32,
    /// Out: d, how much S falls on a success, 1..16
    pub down: u32,
    /// Out: H, opens at S >= H, 1..4096
    pub threshold: u32,
    /// 0
    pub reserved: u32,
    /// Out: exact average run length at p0
    pub calls_to_false_open: f64,
    /// Out: exact average run length at p1
    pub calls_to_detect_outage: f64,
    /// Out: failures in a row that open: ceil(H / u)
    pub calls_to_detect_total: f64,
}

/// Configuration of a breaker. Fill it with trifuse_breaker_config_init, then change fields.
/// Ranges stand behind each field; a value outside is refused. Rates are taken to the nearest 1e-9
/// and then compared exactly, in integers. Durations are nanoseconds, at most TRIFUSE_DURATION_MAX_NS.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct trifuse_breaker_config {
    /// `size_of` this struct, set by the caller.
    pub struct_size: u32,
    /// 0
    pub flags: u32,
    /// TRIFUSE_WINDOW_TIME (default) or _COUNT
    pub window_kind: u32,
    /// Time window: 1..64, default 10
    pub window_buckets: u32,
    /// Time window: a bucket is floor(duration / buckets) >= 1 us; 60 s
    pub window_duration_ns: u64,
    /// Count window: the last 1..4096 outcomes, default 100
    pub window_count: u32,
    /// 1..1,000,000, default 10; no rate is judged on fewer
    pub minimum_calls: u32,
    /// 0..1, default 0.5; opens when rate > threshold; 1 = off
    pub failure_rate_threshold: f64,
    /// Slow is > this; 0 (default) = off
    pub slow_call_duration_ns: u64,
    /// 0..1, default 1 = off
    pub slow_call_rate_threshold: f64,
    /// Opens at this many in a row; 0 (default) = off; <= 1,000,000
    pub consecutive_failures: u32,
    /// Opens at this many in the window; 0 (default) = off; <= 1,000,000
    pub failure_count_threshold: u32,
    /// TRIFUSE_DETECTOR_RATE (default) or _CUSUM in its place
    pub detector: u32,
    /// TRIFUSE_STATE_*, default CLOSED; read at creation only
    pub initial_state: u32,
    /// How long OPEN refuses, > 0, default 30 s
    pub open_duration_ns: u64,
    /// Cap of the back-off; 0 = max(5 min, open_duration)
    pub open_duration_max_ns: u64,
    /// 1..1000, default 1; each re-opening multiplies the wait
    pub open_backoff_multiplier: f64,
    /// 0..1, default 0.1; for TRIFUSE_JITTER_PROPORTIONAL
    pub open_jitter_fraction: f64,
    /// TRIFUSE_JITTER_*, default NONE
    pub open_jitter: u32,
    /// 1..64 probes at once, default 5
    pub half_open_max_calls: u32,
    /// 1..10,000 probe successes close, default 1
    pub success_threshold: u32,
    /// 1..10,000 probe failures re-open, default 1
    pub half_open_failure_threshold: u32,
    /// Lease of a probe; 0 = max(60 s, 2 x request_timeout); > request_timeout
    pub half_open_permit_ttl_ns: u64,
    /// For the language wrappers; 0 = none; default 5 s
    pub request_timeout_ns: u64,
    /// For the language wrappers; 0 (default) = off
    pub cancelled_counts_after_ns: u64,
    /// Cusum p0, 0.001..0.99, default 0.3
    pub tolerated_failure_rate: f64,
    /// Cusum p1, p0 < p1 <= 0.99, default 0.7
    pub outage_failure_rate: f64,
    /// Slow cusum p0; 0 (default) = off
    pub tolerated_slow_rate: f64,
    /// Slow cusum p1, default 0.7
    pub outage_slow_rate: f64,
    /// 1..1e15 calls, default 1,000,000; for both
    pub false_open_every: f64,
    /// S halves per full idle time; 0 = never; >= 100 ms; default 60 s
    pub cusum_idle_decay_ns: u64,
    /// A design made before (trifuse_cusum_solve); 0 = solve at creation
    pub cusum_up: u32,
    /// Cusum down.
    pub cusum_down: u32,
    /// Cusum threshold.
    pub cusum_threshold: u32,
    /// The same for the slow cusum
    pub slow_cusum_up: u32,
    /// Slow cusum down.
    pub slow_cusum_down: u32,
    /// Slow cusum threshold.
    pub slow_cusum_threshold: u32,
    /// Of the design, shown in the snapshot; 0 = not known
    pub cusum_calls_to_detect_outage: f64,
    /// Of the open jitter and the permits' salt, default 0
    pub seed: u64,
    /// Memory so that reconfigure can grow to so many, 0..64
    pub reserve_window_buckets: u32,
    /// Likewise, 0..4096
    pub reserve_window_count: u32,
    /// Likewise, 0..64 (8 always fit)
    pub reserve_half_open_calls: u32,
    /// 0
    pub reserved: u32,
}

/// What a call says besides its result. Filled by every call that takes one, also when refused.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct trifuse_breaker_event {
    /// `size_of` this struct, set by the caller.
    pub struct_size: u32,
    /// TRIFUSE_EVENT_TRANSITION, or 0: the fields after retry_after_ns say nothing
    pub flags: u32,
    /// Refused: the wait after which this call would be tried; TRIFUSE_NEVER = not known; admitted: 0
    pub retry_after_ns: u64,
    /// TRIFUSE_STATE_before ...
    pub from: u32,
    /// ... and after; METRICS_ONLY twice: would have opened; CLOSED twice: reset
    pub to: u32,
    /// TRIFUSE_CAUSE_
    pub cause: u32,
    /// 0
    pub reserved: u32,
    /// After
    pub generation: u64,
    /// When: the caller's now, or the clock
    pub at_ns: u64,
    /// Entering OPEN: the deadline; else 0
    pub open_until_ns: u64,
    /// The counts of the window that was left
    pub window_total: u64,
    /// Window failed.
    pub window_failed: u64,
    /// Window slow.
    pub window_slow: u64,
    /// Leaving HALF_OPEN: what the probes had said
    pub probe_successes: u32,
    /// Probe failures.
    pub probe_failures: u32,
}

/// A picture of a breaker, consistent enough to print.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct trifuse_breaker_snapshot {
    /// `size_of` this struct, set by the caller.
    pub struct_size: u32,
    /// 0
    pub flags: u32,
    /// OPEN stays OPEN past its deadline until a caller comes
    pub state: u32,
    /// Of the last change; TRIFUSE_CAUSE_NONE when born CLOSED
    pub cause: u32,
    /// Grows by one at every change of state and every reset
    pub generation: u64,
    /// When the state was entered
    pub since_ns: u64,
    /// Time of the last recorded failure; 0 = none yet
    pub last_failure_ns: u64,
    /// OPEN: the deadline, TRIFUSE_NEVER if not known; else 0
    pub open_until_ns: u64,
    /// Outcomes in the window at `now`
    pub window_total: u64,
    /// Window failed.
    pub window_failed: u64,
    /// Window slow.
    pub window_slow: u64,
    /// 0.0 when the window is empty
    pub failure_rate: f64,
    /// Slow rate.
    pub slow_rate: f64,
    /// Consecutive failures.
    pub consecutive_failures: u64,
    /// Live leases
    pub probes_in_flight: u32,
    /// HALF_OPEN: so far
    pub probe_successes: u32,
    /// Probe failures.
    pub probe_failures: u32,
    /// In a row; the exponent of the back-off
    pub reopenings: u32,
    /// S, aged to `now`; 0 when the detector is off
    pub cusum_s: u32,
    /// Cusum up.
    pub cusum_up: u32,
    /// Cusum down.
    pub cusum_down: u32,
    /// Cusum threshold.
    pub cusum_threshold: u32,
    /// Slow cusum s.
    pub slow_cusum_s: u32,
    /// Slow cusum up.
    pub slow_cusum_up: u32,
    /// Slow cusum down.
    pub slow_cusum_down: u32,
    /// Slow cusum threshold.
    pub slow_cusum_threshold: u32,
    /// Expected calls to detection at outage_failure_rate; 0 = off or not known
    pub cusum_calls_to_detect_outage: f64,
    /// The same when every call fails
    pub cusum_calls_to_detect_total: f64,
    /// Lifetime totals: outcomes in time, without ignored
    pub calls: u64,
    /// Successes.
    pub successes: u64,
    /// Timeouts included
    pub failures: u64,
    /// Timeouts.
    pub timeouts: u64,
    /// Slow.
    pub slow: u64,
    /// Ignored.
    pub ignored: u64,
    /// Late results.
    pub late_results: u64,
    /// Probes that never reported in time
    pub lost_permits: u64,
    /// METRICS_ONLY
    pub would_have_opened: u64,
    /// Refused open.
    pub refused_open: u64,
    /// Refused half open limit.
    pub refused_half_open_limit: u64,
    /// Refused forced open.
    pub refused_forced_open: u64,
    /// How often it went from the first to the second state.
    pub transitions: [[u64; 6]; 6],
}
