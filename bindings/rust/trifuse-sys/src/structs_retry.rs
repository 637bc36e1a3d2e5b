// SPDX-License-Identifier: MIT OR Apache-2.0
//! Structs of retries and their budget.

/// What is to be known about retries of one kind of call. Opaque words; shared by all calls.
pub enum trifuse_retry {}

/// Delay of retry k (k = 0 is the first): FIXED delay; LINEAR delay + k x increment; EXPONENTIAL delay
/// x multiplier^k; each at most max_delay. Then the jitter: NONE; PROPORTIONAL plus 0..10 % (of a delay
/// of at most max_delay / 1.1); FULL uniform 0..delay; EQUAL half and uniform half; DECORRELATED
/// uniform from `delay` to 3 x the wait before or max_delay if that is less, whatever the strategy
/// (Brooker, "Exponential Backoff And Jitter", 2015). The result is at most max_delay. Saturates for
/// any k.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct trifuse_retry_config {
    /// `size_of` this struct, set by the caller.
    pub struct_size: u32,
    /// 0
    pub flags: u32,
    /// TRIFUSE_STRATEGY_*, default EXPONENTIAL
    pub strategy: u32,
    /// TRIFUSE_JITTER_*, default PROPORTIONAL
    pub jitter: u32,
    /// 0..1,000,000, default 3: 4 attempts
    pub max_retries: u32,
    /// 0
    pub reserved: u32,
    /// 0..365 days, default 100 ms
    pub delay_ns: u64,
    /// LINEAR: 0..365 days, default 100 ms
    pub increment_ns: u64,
    /// EXPONENTIAL: 1..1000, default 2
    pub multiplier: f64,
    /// Delay..365 days, default 10 s
    pub max_delay_ns: u64,
    /// Of all attempts and waits; 0 (default) = no limit
    pub max_elapsed_ns: u64,
    /// A server's word over this ends the call; 0..365 days, default 60 s
    pub retry_after_max_ns: u64,
    /// Of the jitter, default 0
    pub seed: u64,
}

/// One call that is being retried: plain data of the caller's, made by trifuse_retry_begin.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct trifuse_retry_call {
    /// `size_of` this struct, set by the caller.
    pub struct_size: u32,
    /// 0
    pub flags: u32,
    /// Retries granted so far
    pub retries: u32,
    /// 0
    pub reserved: u32,
    /// When the first attempt began; 0 if _begin was not told and need not ask
    pub started_ns: u64,
    /// Started + max_elapsed, or TRIFUSE_NEVER; the caller may lower it
    pub deadline_ns: u64,
    /// The delay before, for DECORRELATED
    pub previous_ns: u64,
    /// Its own stream of the jitter; 0 until the first draw
    pub random: u64,
}

/// A picture of a retry.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct trifuse_retry_snapshot {
    /// `size_of` this struct, set by the caller.
    pub struct_size: u32,
    /// 0
    pub flags: u32,
    /// Calls settled
    pub calls: u64,
    /// Of them ended well, with or without retries
    pub successes: u64,
    /// Of them ended badly
    pub failures: u64,
    /// Of them had at least one retry
    pub retried: u64,
    /// Retries granted by trifuse_retry_next
    pub retries: u64,
    /// How often _next said so: max_retries
    pub stopped_retries: u64,
    /// Stopped deadline.
    pub stopped_deadline: u64,
    /// Stopped retry after.
    pub stopped_retry_after: u64,
    /// Refused budget.
    pub refused_budget: u64,
}

/// Retry budget: retries of all calls of a client, as a share of its first attempts. Opaque words.
pub enum trifuse_retry_budget {}

/// Configuration of a retry budget.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct trifuse_retry_budget_config {
    /// `size_of` this struct, set by the caller.
    pub struct_size: u32,
    /// 0
    pub flags: u32,
    /// The sliding window, 10 ms..365 days in 10 buckets, default 10 s
    pub ttl_ns: u64,
    /// Retries per first attempt, 0..1000, to the nearest 1e-9, default 0.2
    pub ratio: f64,
    /// Retries per second whatever the traffic, 0..1,000,000, to the nearest 1e-9; 10
    pub floor: f64,
}

/// A picture of a retry budget.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct trifuse_retry_budget_snapshot {
    /// `size_of` this struct, set by the caller.
    pub struct_size: u32,
    /// 0
    pub flags: u32,
    /// Whole retries that would be granted at now
    pub available: u64,
    /// First attempts in the window
    pub deposits: u64,
    /// Retries in the window
    pub withdrawals: u64,
    /// Total deposits.
    pub total_deposits: u64,
    /// Total withdrawals.
    pub total_withdrawals: u64,
    /// Lifetime
    pub refused: u64,
}
