// SPDX-License-Identifier: MIT OR Apache-2.0
//! Structs of rate limiters and concurrency limits.

/// A rate limiter of any of the four kinds: opaque words, as a breaker is.
pub enum trifuse_limiter {}

/// Configuration of a rate limiter. The rate is either `rate` tokens per second or, exactly, `permits`
/// per `period_ns`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct trifuse_limiter_config {
    /// `size_of` this struct, set by the caller.
    pub struct_size: u32,
    /// 0
    pub flags: u32,
    /// TRIFUSE_LIMITER_*, default TOKEN_BUCKET
    pub kind: u32,
    /// 0
    pub reserved: u32,
    /// Token bucket: tokens per second, 1e-6..1e9, to the nearest 1e-9; 0 (default) = permits per
    /// period. The kinds with a window: 0
    pub rate: f64,
    /// 1..1e9, default 100; sliding log: at most 1,000,000 (8 bytes each)
    pub permits: u64,
    /// 1 us..365 days, default 1 s; the kinds with a window: its length
    pub period_ns: u64,
    /// Token bucket: 1..1e9; 0 (default) = one second's worth of `rate` (at least 1), or `permits`. The
    /// kinds with a window: 0
    pub capacity: u64,
}

/// What trifuse_limiter_reserve took: plain data of the caller's, to be handed to _cancel at most once.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct trifuse_reservation {
    /// `size_of` this struct, set by the caller.
    pub struct_size: u32,
    /// 0
    pub flags: u32,
    /// Tokens taken
    pub n: u64,
    /// How long to wait from the caller's now; 0 = go at once
    pub wait_ns: u64,
    /// Now + wait_ns
    pub ready_ns: u64,
    /// Where it stands among the others; the library's own
    pub position: [u64; 2],
}

/// A picture of a rate limiter.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct trifuse_limiter_snapshot {
    /// `size_of` this struct, set by the caller.
    pub struct_size: u32,
    /// 0
    pub flags: u32,
    /// TRIFUSE_LIMITER_*
    pub kind: u32,
    /// 0
    pub reserved: u32,
    /// Tokens per second: permits / period where those were given
    pub rate: f64,
    /// As configured; 0 where `rate` was given
    pub permits: u64,
    /// Likewise
    pub period_ns: u64,
    /// The most tokens at once: N for the kinds with a window
    pub capacity: u64,
    /// Whole tokens at now, at least 0
    pub available: u64,
    /// Whole tokens below 0, rounded up
    pub debt: u64,
    /// Requests granted, reservations with them
    pub granted: u64,
    /// Requests refused; one over the capacity is neither
    pub refused: u64,
    /// Tokens granted
    pub granted_tokens: u64,
    /// Tokens given back by cancel and refund
    pub given_back: u64,
}

/// At most N calls in flight: N fixed (bulkhead) or moved by an algorithm (adaptive limit). Opaque
/// words.
pub enum trifuse_concurrency {}

/// Configuration of a bulkhead or an adaptive limit.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct trifuse_concurrency_config {
    /// `size_of` this struct, set by the caller.
    pub struct_size: u32,
    /// 0
    pub flags: u32,
    /// TRIFUSE_ALGORITHM_*, default FIXED
    pub algorithm: u32,
    /// FIXED: N, 1..1,000,000; else the first N, within min..max; default 20
    pub limit: u32,
    /// Adaptive: 1..1,000,000, default 1
    pub min_limit: u32,
    /// Adaptive: min_limit..1,000,000, default 1000
    pub max_limit: u32,
    /// VEGAS: the no-load time is taken anew every probe_every x N samples, 1..1,000,000, default 30
    pub probe_every: u32,
    /// GRADIENT2: samples of the long moving average, 1..1,000,000, default 600
    pub long_window: u32,
    /// AIMD: a longer call is a failure; 0 (default) = off
    pub timeout_ns: u64,
    /// AIMD, GRADIENT2: N times this on failure, 0.1..0.999, default 0.9
    pub backoff_ratio: f64,
    /// VEGAS: up while queue < alpha x max(1, log10 N), 0.1..100, default 3
    pub alpha: f64,
    /// VEGAS: down above beta x max(1, log10 N), alpha..100, default 6
    pub beta: f64,
    /// GRADIENT2: the long time may be exceeded so many times, 1..100, default 1.5
    pub tolerance: f64,
    /// GRADIENT2: weight of a new N, 0.001..1, default 0.2
    pub smoothing: f64,
    /// GRADIENT2: calls that may wait, 0..1000, default 4
    pub queue_size: f64,
    /// GRADIENT2: the long time times this while over twice the short, 0.5..1, default 0.95
    pub long_decay: f64,
    /// Of the jitter of VEGAS' probes, default 0
    pub seed: u64,
}

/// A picture of a bulkhead or an adaptive limit.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct trifuse_concurrency_snapshot {
    /// `size_of` this struct, set by the caller.
    pub struct_size: u32,
    /// 0
    pub flags: u32,
    /// TRIFUSE_ALGORITHM_*
    pub algorithm: u32,
    /// N, whole
    pub limit: u32,
    /// N with its fraction
    pub limit_exact: f64,
    /// In flight.
    pub in_flight: u64,
    /// Lifetime totals
    pub admitted: u64,
    /// Refused.
    pub refused: u64,
    /// All releases, ignored ones with them
    pub released: u64,
    /// Releases that were failures or timeouts, or over timeout_ns (AIMD)
    pub failures: u64,
    /// VEGAS: the no-load time; 0 = none yet
    pub no_load_ns: u64,
    /// GRADIENT2: the newest time; 0 = none yet
    pub short_ns: u64,
    /// GRADIENT2: the long moving average; 0 = none yet
    pub long_ns: u64,
}
