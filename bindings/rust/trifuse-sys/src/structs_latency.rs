// SPDX-License-Identifier: MIT OR Apache-2.0
//! Structs of throttle, histogram and hedge budget.

/// Client-side adaptive throttle (Beyer et al., Site Reliability Engineering, 2016, chapter 21).
pub enum trifuse_throttle {}

/// Configuration of an adaptive throttle.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct trifuse_throttle_config {
    /// `size_of` this struct, set by the caller.
    pub struct_size: u32,
    /// 0
    pub flags: u32,
    /// 1 us a bucket..365 days, default 30 s
    pub window_duration_ns: u64,
    /// 1..64, default 10
    pub window_buckets: u32,
    /// 0
    pub reserved: u32,
    /// 1..1000, to the nearest 1e-9, default 2; larger refuses later
    pub k: f64,
    /// Of the draws, default 0
    pub seed: u64,
}

/// A picture of an adaptive throttle.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct trifuse_throttle_snapshot {
    /// `size_of` this struct, set by the caller.
    pub struct_size: u32,
    /// 0
    pub flags: u32,
    /// In the window at now, refused ones too
    pub requests: u64,
    /// In the window: taken on by the backend
    pub accepts: u64,
    /// Of refusing the next: max(0, (requests - k x accepts) / (requests + 1))
    pub probability: f64,
    /// Lifetime totals
    pub admitted: u64,
    /// Refused.
    pub refused: u64,
    /// Accepted.
    pub accepted: u64,
}

/// Log-linear histogram of durations: 16 steps an octave, so any quantile is within 5 % of the exact
/// one.
pub enum trifuse_histogram {}

/// Configuration of a histogram.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct trifuse_histogram_config {
    /// `size_of` this struct, set by the caller.
    pub struct_size: u32,
    /// 0
    pub flags: u32,
    /// 0 (default) = over the lifetime; else two halves that take turns: what is read spans from half
    /// of it to all of it; 1 ms..365 days
    pub sliding_ns: u64,
}

/// A picture of a histogram.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct trifuse_histogram_snapshot {
    /// `size_of` this struct, set by the caller.
    pub struct_size: u32,
    /// 0
    pub flags: u32,
    /// Values in the span at now
    pub count: u64,
    /// Of them, from their steps: within 5 %, saturating
    pub sum_ns: u64,
    /// Within 5 %; 0 when empty
    pub min_ns: u64,
    /// Max ns.
    pub max_ns: u64,
    /// As trifuse_histogram_quantile; 0 when empty
    pub p50_ns: u64,
    /// P95 ns.
    pub p95_ns: u64,
    /// P99 ns.
    pub p99_ns: u64,
    /// Values over the lifetime
    pub total: u64,
}

/// Hedge budget: every call pays in a share, every hedge costs 1. Opaque words.
pub enum trifuse_hedge {}

/// Configuration of a hedge budget.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct trifuse_hedge_config {
    /// `size_of` this struct, set by the caller.
    pub struct_size: u32,
    /// 0
    pub flags: u32,
    /// Hedges per call, 0..1, to the nearest 1e-9, default 0.05
    pub share: f64,
    /// The most hedges saved up, 1..1,000,000, default 10
    pub max_saved: u32,
    /// 0
    pub reserved: u32,
}

/// A picture of a hedge budget.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct trifuse_hedge_snapshot {
    /// `size_of` this struct, set by the caller.
    pub struct_size: u32,
    /// 0
    pub flags: u32,
    /// Hedges that could be made now, with the fraction
    pub saved: f64,
    /// Lifetime totals
    pub calls: u64,
    /// Hedges.
    pub hedges: u64,
    /// Refused.
    pub refused: u64,
}
