// SPDX-License-Identifier: MIT OR Apache-2.0
//! Constants of the header.
use core::ffi::c_int;

/// The major part of the version of the header.
pub const TRIFUSE_VERSION_MAJOR: u32 = 0;
/// The minor part of the version of the header.
pub const TRIFUSE_VERSION_MINOR: u32 = 1;
/// The patch part of the version of the header.
pub const TRIFUSE_VERSION_PATCH: u32 = 0;
/// "No idea when" for a wait, "not known or never" for a deadline.
pub const TRIFUSE_NEVER: u64 = 0xFFFF_FFFF_FFFF_FFFF;
/// The longest duration that a configuration takes: 365 days.
pub const TRIFUSE_DURATION_MAX_NS: u64 = 31_536_000_000_000_000;
/// The number of states; the side of the table of transitions.
pub const TRIFUSE_STATES: u32 = 6;
/// Done; admitted
pub const TRIFUSE_OK: c_int = 0;
/// The circuit is open
pub const TRIFUSE_REFUSED_OPEN: c_int = 1;
/// Half-open, and all probes are out
pub const TRIFUSE_REFUSED_HALF_OPEN_LIMIT: c_int = 2;
/// Isolated by a person or program
pub const TRIFUSE_REFUSED_FORCED_OPEN: c_int = 3;
/// A rate limiter has no tokens, or none within max_wait
pub const TRIFUSE_REFUSED_RATE_LIMITED: c_int = 4;
/// As many calls are in flight as the bulkhead or limit allows
pub const TRIFUSE_REFUSED_BULKHEAD_FULL: c_int = 5;
/// The adaptive throttle drew this call
pub const TRIFUSE_REFUSED_THROTTLED: c_int = 6;
/// The retry budget is spent
pub const TRIFUSE_REFUSED_RETRY_BUDGET: c_int = 7;
/// The hedge budget is spent
pub const TRIFUSE_REFUSED_HEDGE_BUDGET: c_int = 8;
/// The permit is of an older generation, lapsed or spent
pub const TRIFUSE_LATE: c_int = 32;
/// trifuse_breaker_reenter: acquire anew
pub const TRIFUSE_STALE: c_int = 33;
/// Nothing was recorded: there is no value
pub const TRIFUSE_EMPTY: c_int = 34;
/// trifuse_retry_next: max_retries are used up
pub const TRIFUSE_STOP_RETRIES: c_int = 40;
/// trifuse_retry_next: the wait would end past the deadline
pub const TRIFUSE_STOP_DEADLINE: c_int = 41;
/// trifuse_retry_next: the server's word is over retry_after_max
pub const TRIFUSE_STOP_RETRY_AFTER: c_int = 42;
/// A NULL, a value outside its range, a 0 permit
pub const TRIFUSE_ERROR_ARGUMENT: c_int = -1;
/// A configuration field is refused; see the config_error
pub const TRIFUSE_ERROR_CONFIG: c_int = -2;
/// Struct_size too small, or a longer struct with a tail
pub const TRIFUSE_ERROR_STRUCT_SIZE: c_int = -3;
/// The memory given is too small
pub const TRIFUSE_ERROR_MEMORY_SIZE: c_int = -4;
/// The memory given is not aligned to 8 bytes
pub const TRIFUSE_ERROR_ALIGNMENT: c_int = -5;
/// The memory holds no object of this kind and layout
pub const TRIFUSE_ERROR_NOT_AN_OBJECT: c_int = -6;
/// _new: the allocator has none
pub const TRIFUSE_ERROR_NO_MEMORY: c_int = -7;
/// The object is of a kind that cannot do this
pub const TRIFUSE_ERROR_UNSUPPORTED: c_int = -8;
/// A text that names no value
pub const TRIFUSE_ERROR_TEXT: c_int = -9;
/// More tokens than the limiter can ever have: no wait helps
pub const TRIFUSE_ERROR_OVER_CAPACITY: c_int = -10;
/// A release of what was not acquired
pub const TRIFUSE_ERROR_NOT_HELD: c_int = -11;
/// All calls pass, outcomes are recorded and judged
pub const TRIFUSE_STATE_CLOSED: u32 = 0;
/// All calls are refused until a deadline
pub const TRIFUSE_STATE_OPEN: u32 = 1;
/// A few probes pass and decide
pub const TRIFUSE_STATE_HALF_OPEN: u32 = 2;
/// Refuse all; set and left by a person or program only
pub const TRIFUSE_STATE_FORCED_OPEN: u32 = 3;
/// Admit all, record nothing
pub const TRIFUSE_STATE_DISABLED: u32 = 4;
/// Admit all, record, never trip (shadow mode)
pub const TRIFUSE_STATE_METRICS_ONLY: u32 = 5;
/// The outcome `success`.
pub const TRIFUSE_OUTCOME_SUCCESS: u32 = 0;
/// The outcome `failure`.
pub const TRIFUSE_OUTCOME_FAILURE: u32 = 1;
/// A failure that is counted apart as well
pub const TRIFUSE_OUTCOME_TIMEOUT: u32 = 2;
/// Gives the permit back and says nothing about the service
pub const TRIFUSE_OUTCOME_IGNORED: u32 = 3;
/// The cause `none`.
pub const TRIFUSE_CAUSE_NONE: u32 = 0;
/// The cause `failure_rate`.
pub const TRIFUSE_CAUSE_FAILURE_RATE: u32 = 1;
/// The cause `failure_count`.
pub const TRIFUSE_CAUSE_FAILURE_COUNT: u32 = 2;
/// Also the cusum of slow calls
pub const TRIFUSE_CAUSE_SLOW_RATE: u32 = 3;
/// The cause `consecutive`.
pub const TRIFUSE_CAUSE_CONSECUTIVE: u32 = 4;
/// The cause `cusum`.
pub const TRIFUSE_CAUSE_CUSUM: u32 = 5;
/// The cause `probe_failed`.
pub const TRIFUSE_CAUSE_PROBE_FAILED: u32 = 6;
/// The cause `probes_succeeded`.
pub const TRIFUSE_CAUSE_PROBES_SUCCEEDED: u32 = 7;
/// The cause `wait_over`.
pub const TRIFUSE_CAUSE_WAIT_OVER: u32 = 8;
/// Trip(), or born OPEN
pub const TRIFUSE_CAUSE_TRIPPED: u32 = 9;
/// force_open(), disable(), metrics_only(), or born so
pub const TRIFUSE_CAUSE_FORCED: u32 = 10;
/// Reset() or close()
pub const TRIFUSE_CAUSE_RESET: u32 = 11;
/// The preset `default`.
pub const TRIFUSE_PRESET_DEFAULT: u32 = 0;
/// The preset `adaptive`.
pub const TRIFUSE_PRESET_ADAPTIVE: u32 = 1;
/// The preset `aggressive`.
pub const TRIFUSE_PRESET_AGGRESSIVE: u32 = 2;
/// The preset `conservative`.
pub const TRIFUSE_PRESET_CONSERVATIVE: u32 = 3;
/// The preset `llm`.
pub const TRIFUSE_PRESET_LLM: u32 = 4;
/// The preset `critical`.
pub const TRIFUSE_PRESET_CRITICAL: u32 = 5;
/// The preset `normal`.
pub const TRIFUSE_PRESET_NORMAL: u32 = 6;
/// The preset `batch`.
pub const TRIFUSE_PRESET_BATCH: u32 = 7;
/// The preset `payment`.
pub const TRIFUSE_PRESET_PAYMENT: u32 = 8;
/// The preset `user`.
pub const TRIFUSE_PRESET_USER: u32 = 9;
/// The preset `recommendation`.
pub const TRIFUSE_PRESET_RECOMMENDATION: u32 = 10;
/// The window `time`.
pub const TRIFUSE_WINDOW_TIME: u32 = 0;
/// The window `count`.
pub const TRIFUSE_WINDOW_COUNT: u32 = 1;
/// The detector `rate`.
pub const TRIFUSE_DETECTOR_RATE: u32 = 0;
/// The detector `cusum`.
pub const TRIFUSE_DETECTOR_CUSUM: u32 = 1;
/// The jitter `none`.
pub const TRIFUSE_JITTER_NONE: u32 = 0;
/// The jitter `proportional`.
pub const TRIFUSE_JITTER_PROPORTIONAL: u32 = 1;
/// The jitter `full`.
pub const TRIFUSE_JITTER_FULL: u32 = 2;
/// Of retries only
pub const TRIFUSE_JITTER_EQUAL: u32 = 3;
/// Of retries only
pub const TRIFUSE_JITTER_DECORRELATED: u32 = 4;
/// The kind of limiter `token_bucket`.
pub const TRIFUSE_LIMITER_TOKEN_BUCKET: u32 = 0;
/// The kind of limiter `sliding_log`.
pub const TRIFUSE_LIMITER_SLIDING_LOG: u32 = 1;
/// The kind of limiter `sliding_counter`.
pub const TRIFUSE_LIMITER_SLIDING_COUNTER: u32 = 2;
/// The kind of limiter `fixed_window`.
pub const TRIFUSE_LIMITER_FIXED_WINDOW: u32 = 3;
/// The algorithm `fixed`.
pub const TRIFUSE_ALGORITHM_FIXED: u32 = 0;
/// The algorithm `aimd`.
pub const TRIFUSE_ALGORITHM_AIMD: u32 = 1;
/// The algorithm `vegas`.
pub const TRIFUSE_ALGORITHM_VEGAS: u32 = 2;
/// The algorithm `gradient2`.
pub const TRIFUSE_ALGORITHM_GRADIENT2: u32 = 3;
/// The strategy `fixed`.
pub const TRIFUSE_STRATEGY_FIXED: u32 = 0;
/// The strategy `linear`.
pub const TRIFUSE_STRATEGY_LINEAR: u32 = 1;
/// The strategy `exponential`.
pub const TRIFUSE_STRATEGY_EXPONENTIAL: u32 = 2;
/// failure_rate_threshold <= 0.1 opens on noise
pub const TRIFUSE_ADVICE_LOW_THRESHOLD: u32 = 0x1;
/// minimum_calls <= 2: one bad call is a verdict
pub const TRIFUSE_ADVICE_FEW_CALLS: u32 = 0x2;
/// open_duration of 5 minutes or more
pub const TRIFUSE_ADVICE_LONG_OPEN: u32 = 0x4;
/// request_timeout over the longest open wait
pub const TRIFUSE_ADVICE_TIMEOUT_OVER_OPEN: u32 = 0x8;
/// failure_count_threshold with the rate off
pub const TRIFUSE_ADVICE_COUNT_WITHOUT_RATE: u32 = 0x10;
/// No request_timeout: a hang is never an outcome
pub const TRIFUSE_ADVICE_NO_TIMEOUT: u32 = 0x20;
/// No rule is on: the breaker can never open
pub const TRIFUSE_ADVICE_NO_RULE: u32 = 0x40;
/// failure_count_threshold over window_count
pub const TRIFUSE_ADVICE_COUNT_OUT_OF_REACH: u32 = 0x80;
/// slow_call_duration without a slow rule, or a rule without it
pub const TRIFUSE_ADVICE_SLOW_RULE_OFF: u32 = 0x100;
/// slow_call_duration not below request_timeout
pub const TRIFUSE_ADVICE_SLOW_OVER_TIMEOUT: u32 = 0x200;
/// The kind of value `none`.
pub const TRIFUSE_VALUE_NONE: u32 = 0;
/// Value_integer
pub const TRIFUSE_VALUE_INTEGER: u32 = 1;
/// Value_real
pub const TRIFUSE_VALUE_REAL: u32 = 2;
/// Value_integer, nanoseconds
pub const TRIFUSE_VALUE_DURATION: u32 = 3;
/// Flag of trifuse_breaker_event.flags: the call made a transition and this caller is told of it.
pub const TRIFUSE_EVENT_TRANSITION: u32 = 0x1;
