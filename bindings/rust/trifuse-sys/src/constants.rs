// SPDX-License-Identifier: MIT OR Apache-2.0
//! Constants of the header.
use core::ffi::c_int;

/// The major part of the version of the header.
pub const TRIFUSE_VERSION_MAJOR: u32 = 0;
/// The minor part of the version of the header.
pub const TRIFUSE_VERSION_MINOR: u32 = 1;
/// "No idea when" for a wait, "not known or never" for a deadline.
pub const TRIFUSE_VERSION_PATCH: u32 = 0;
/// The longest duration that a configuration takes: 365 days.
pub const TRIFUSE_NEVER: u64 = 0xFFFF_FFFF_FFFF_FFFF;
/// The number of states; the side of the table of transitions.
pub const TRIFUSE_DURATION_MAX_NS: u64 = 31_536_000_000_000_000;
/// Results ---------------------------------------------------------------------------------------
pub const TRIFUSE_STATES: u32 = 6;
/// Done; admitted
pub const TRIFUSE_OK: c_int = 0;
/// The circuit is open
pub const TRIFUSE_REFUSED_OPEN: c_int = 1;
/// Half-open, and all probes are out
pub const TRIFUSE_REFUSED_HALF_OPEN_LIMIT: c_int = 2;
/// Isolated by a person or program
pub const TRIFUSE_REFUSED_FORCED_OPEN: c_int = 3;
/// The permit is of an older generation, lapsed or spent
pub const TRIFUSE_LATE: c_int = 32;
/// Trifuse_breaker_reenter: acquire anew
pub const TRIFUSE_STALE: c_int = 33;
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
/// Also the cusum of slow calls
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
/// Force_open(), disable(), metrics_only(), or born so
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
/// Choices of a configuration --------------------------------------------------------------------
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
/// Advice: legal, but known to hurt; bits of trifuse_breaker_config_advise -------------------------
pub const TRIFUSE_JITTER_FULL: u32 = 2;
/// Failure_rate_threshold <= 0.1 opens on noise
pub const TRIFUSE_ADVICE_LOW_THRESHOLD: u32 = 0x1;
/// Minimum_calls <= 2: one bad call is a verdict
pub const TRIFUSE_ADVICE_FEW_CALLS: u32 = 0x2;
/// Open_duration of 5 minutes or more
pub const TRIFUSE_ADVICE_LONG_OPEN: u32 = 0x4;
/// Request_timeout over the longest open wait
pub const TRIFUSE_ADVICE_TIMEOUT_OVER_OPEN: u32 = 0x8;
/// Failure_count_threshold with the rate off
pub const TRIFUSE_ADVICE_COUNT_WITHOUT_RATE: u32 = 0x10;
/// No request_timeout: a hang is never an outcome
pub const TRIFUSE_ADVICE_NO_TIMEOUT: u32 = 0x20;
/// No rule is on: the breaker can never open
pub const TRIFUSE_ADVICE_NO_RULE: u32 = 0x40;
/// Failure_count_threshold over window_count
pub const TRIFUSE_ADVICE_COUNT_OUT_OF_REACH: u32 = 0x80;
/// Slow_call_duration without a slow rule, or a rule without it
pub const TRIFUSE_ADVICE_SLOW_RULE_OFF: u32 = 0x100;
/// Slow_call_duration not below request_timeout
pub const TRIFUSE_ADVICE_SLOW_OVER_TIMEOUT: u32 = 0x200;
/// The field `none`.
pub const TRIFUSE_FIELD_NONE: u32 = 0;
/// The field `flags`.
pub const TRIFUSE_FIELD_FLAGS: u32 = 1;
/// The field `window_kind`.
pub const TRIFUSE_FIELD_WINDOW_KIND: u32 = 2;
/// The field `window_buckets`.
pub const TRIFUSE_FIELD_WINDOW_BUCKETS: u32 = 3;
/// The field `window_duration`.
pub const TRIFUSE_FIELD_WINDOW_DURATION: u32 = 4;
/// The field `window_count`.
pub const TRIFUSE_FIELD_WINDOW_COUNT: u32 = 5;
/// The field `minimum_calls`.
pub const TRIFUSE_FIELD_MINIMUM_CALLS: u32 = 6;
/// The field `failure_rate_threshold`.
pub const TRIFUSE_FIELD_FAILURE_RATE_THRESHOLD: u32 = 7;
/// The field `slow_call_duration`.
pub const TRIFUSE_FIELD_SLOW_CALL_DURATION: u32 = 8;
/// The field `slow_call_rate_threshold`.
pub const TRIFUSE_FIELD_SLOW_CALL_RATE_THRESHOLD: u32 = 9;
/// The field `consecutive_failures`.
pub const TRIFUSE_FIELD_CONSECUTIVE_FAILURES: u32 = 10;
/// The field `failure_count_threshold`.
pub const TRIFUSE_FIELD_FAILURE_COUNT_THRESHOLD: u32 = 11;
/// The field `detector`.
pub const TRIFUSE_FIELD_DETECTOR: u32 = 12;
/// The field `initial_state`.
pub const TRIFUSE_FIELD_INITIAL_STATE: u32 = 13;
/// The field `open_duration`.
pub const TRIFUSE_FIELD_OPEN_DURATION: u32 = 14;
/// The field `open_duration_max`.
pub const TRIFUSE_FIELD_OPEN_DURATION_MAX: u32 = 15;
/// The field `open_backoff_multiplier`.
pub const TRIFUSE_FIELD_OPEN_BACKOFF_MULTIPLIER: u32 = 16;
/// The field `open_jitter`.
pub const TRIFUSE_FIELD_OPEN_JITTER: u32 = 17;
/// The field `open_jitter_fraction`.
pub const TRIFUSE_FIELD_OPEN_JITTER_FRACTION: u32 = 18;
/// The field `half_open_max_calls`.
pub const TRIFUSE_FIELD_HALF_OPEN_MAX_CALLS: u32 = 19;
/// The field `success_threshold`.
pub const TRIFUSE_FIELD_SUCCESS_THRESHOLD: u32 = 20;
/// The field `half_open_failure_threshold`.
pub const TRIFUSE_FIELD_HALF_OPEN_FAILURE_THRESHOLD: u32 = 21;
/// The field `half_open_permit_ttl`.
pub const TRIFUSE_FIELD_HALF_OPEN_PERMIT_TTL: u32 = 22;
/// The field `request_timeout`.
pub const TRIFUSE_FIELD_REQUEST_TIMEOUT: u32 = 23;
/// The field `cancelled_counts_after`.
pub const TRIFUSE_FIELD_CANCELLED_COUNTS_AFTER: u32 = 24;
/// The field `tolerated_failure_rate`.
pub const TRIFUSE_FIELD_TOLERATED_FAILURE_RATE: u32 = 25;
/// The field `outage_failure_rate`.
pub const TRIFUSE_FIELD_OUTAGE_FAILURE_RATE: u32 = 26;
/// The field `tolerated_slow_rate`.
pub const TRIFUSE_FIELD_TOLERATED_SLOW_RATE: u32 = 27;
/// The field `outage_slow_rate`.
pub const TRIFUSE_FIELD_OUTAGE_SLOW_RATE: u32 = 28;
/// The field `false_open_every`.
pub const TRIFUSE_FIELD_FALSE_OPEN_EVERY: u32 = 29;
/// The field `cusum_idle_decay`.
pub const TRIFUSE_FIELD_CUSUM_IDLE_DECAY: u32 = 30;
/// The field `cusum_design`.
pub const TRIFUSE_FIELD_CUSUM_DESIGN: u32 = 31;
/// The field `reserve_window_buckets`.
pub const TRIFUSE_FIELD_RESERVE_WINDOW_BUCKETS: u32 = 32;
/// The field `reserve_window_count`.
pub const TRIFUSE_FIELD_RESERVE_WINDOW_COUNT: u32 = 33;
/// What `value` of a config_error holds
pub const TRIFUSE_FIELD_RESERVE_HALF_OPEN_CALLS: u32 = 34;
/// What `value` of a config_error holds
pub const TRIFUSE_VALUE_NONE: u32 = 0;
/// Value_integer
pub const TRIFUSE_VALUE_INTEGER: u32 = 1;
/// Value_real
pub const TRIFUSE_VALUE_REAL: u32 = 2;
/// Value_integer, nanoseconds
pub const TRIFUSE_VALUE_DURATION: u32 = 3;
/// A circuit breaker: opaque words in memory that the caller gives or trifuse_breaker_new allocates.
pub const TRIFUSE_EVENT_TRANSITION: u32 = 0x1;
