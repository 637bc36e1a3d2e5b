// SPDX-License-Identifier: MIT OR Apache-2.0
//! The fields that a refused configuration is told by.

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
/// The field `reserve_half_open_calls`.
pub const TRIFUSE_FIELD_RESERVE_HALF_OPEN_CALLS: u32 = 34;
/// The field `seed`.
pub const TRIFUSE_FIELD_SEED: u32 = 35;
/// The field `kind`.
pub const TRIFUSE_FIELD_KIND: u32 = 64;
/// The field `rate`.
pub const TRIFUSE_FIELD_RATE: u32 = 65;
/// The field `permits`.
pub const TRIFUSE_FIELD_PERMITS: u32 = 66;
/// The field `period`.
pub const TRIFUSE_FIELD_PERIOD: u32 = 67;
/// The field `capacity`.
pub const TRIFUSE_FIELD_CAPACITY: u32 = 68;
/// The field `algorithm`.
pub const TRIFUSE_FIELD_ALGORITHM: u32 = 80;
/// The field `limit`.
pub const TRIFUSE_FIELD_LIMIT: u32 = 81;
/// The field `min_limit`.
pub const TRIFUSE_FIELD_MIN_LIMIT: u32 = 82;
/// The field `max_limit`.
pub const TRIFUSE_FIELD_MAX_LIMIT: u32 = 83;
/// The field `timeout`.
pub const TRIFUSE_FIELD_TIMEOUT: u32 = 84;
/// The field `backoff_ratio`.
pub const TRIFUSE_FIELD_BACKOFF_RATIO: u32 = 85;
/// The field `alpha`.
pub const TRIFUSE_FIELD_ALPHA: u32 = 86;
/// The field `beta`.
pub const TRIFUSE_FIELD_BETA: u32 = 87;
/// The field `probe_every`.
pub const TRIFUSE_FIELD_PROBE_EVERY: u32 = 88;
/// The field `long_window`.
pub const TRIFUSE_FIELD_LONG_WINDOW: u32 = 89;
/// The field `tolerance`.
pub const TRIFUSE_FIELD_TOLERANCE: u32 = 90;
/// The field `smoothing`.
pub const TRIFUSE_FIELD_SMOOTHING: u32 = 91;
/// The field `queue_size`.
pub const TRIFUSE_FIELD_QUEUE_SIZE: u32 = 92;
/// The field `long_decay`.
pub const TRIFUSE_FIELD_LONG_DECAY: u32 = 93;
/// The field `strategy`.
pub const TRIFUSE_FIELD_STRATEGY: u32 = 112;
/// The field `jitter`.
pub const TRIFUSE_FIELD_JITTER: u32 = 113;
/// The field `max_retries`.
pub const TRIFUSE_FIELD_MAX_RETRIES: u32 = 114;
/// The field `delay`.
pub const TRIFUSE_FIELD_DELAY: u32 = 115;
/// The field `increment`.
pub const TRIFUSE_FIELD_INCREMENT: u32 = 116;
/// The field `multiplier`.
pub const TRIFUSE_FIELD_MULTIPLIER: u32 = 117;
/// The field `max_delay`.
pub const TRIFUSE_FIELD_MAX_DELAY: u32 = 118;
/// The field `max_elapsed`.
pub const TRIFUSE_FIELD_MAX_ELAPSED: u32 = 119;
/// The field `retry_after_max`.
pub const TRIFUSE_FIELD_RETRY_AFTER_MAX: u32 = 120;
/// The field `ttl`.
pub const TRIFUSE_FIELD_TTL: u32 = 128;
/// The field `ratio`.
pub const TRIFUSE_FIELD_RATIO: u32 = 129;
/// The field `floor`.
pub const TRIFUSE_FIELD_FLOOR: u32 = 130;
/// The field `k`.
pub const TRIFUSE_FIELD_K: u32 = 136;
/// The field `sliding`.
pub const TRIFUSE_FIELD_SLIDING: u32 = 144;
/// The field `share`.
pub const TRIFUSE_FIELD_SHARE: u32 = 152;
/// The field `max_saved`.
pub const TRIFUSE_FIELD_MAX_SAVED: u32 = 153;
