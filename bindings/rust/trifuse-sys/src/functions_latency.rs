// SPDX-License-Identifier: MIT OR Apache-2.0
//! Functions of throttle, histogram and hedge budget.
//! Ownership, threads, units and results are as the header says.
use core::ffi::{c_int, c_void};

use crate::structs::trifuse_config_error;
use crate::structs_latency::*;

unsafe extern "C" {
    /// Fills `*config` with the defaults; results as trifuse_breaker_config_init.
    pub fn trifuse_throttle_config_init(config: *mut trifuse_throttle_config, struct_size: usize) -> c_int;
    /// Checks a configuration without making anything.
    pub fn trifuse_throttle_config_check(
        config: *const trifuse_throttle_config,
        error: *mut trifuse_config_error,
    ) -> c_int;
    /// Bytes of memory that an object of this configuration needs; 0 if it is refused.
    pub fn trifuse_throttle_size(config: *const trifuse_throttle_config) -> usize;
    /// Makes an object in the memory of the caller; results as trifuse_breaker_init.
    pub fn trifuse_throttle_init(
        memory: *mut c_void,
        size: usize,
        config: *const trifuse_throttle_config,
        now_ns: u64,
        error: *mut trifuse_config_error,
        throttle: *mut *mut trifuse_throttle,
    ) -> c_int;
    /// Takes up an object that _init made in this memory.
    pub fn trifuse_throttle_attach(
        memory: *mut c_void,
        size: usize,
        throttle: *mut *mut trifuse_throttle,
    ) -> c_int;
    /// As _init, in memory of the heap.
    pub fn trifuse_throttle_new(
        config: *const trifuse_throttle_config,
        now_ns: u64,
        error: *mut trifuse_config_error,
        throttle: *mut *mut trifuse_throttle,
    ) -> c_int;
    /// Frees an object of _new; NULL is fine.
    pub fn trifuse_throttle_free(throttle: *mut trifuse_throttle);
    /// Counts a request and draws: TRIFUSE_OK, or TRIFUSE_REFUSED_THROTTLED with probability max(0,
    /// (requests - k x accepts) / (requests + 1)), requests being those before this one.
    pub fn trifuse_throttle_try_acquire(throttle: *mut trifuse_throttle, now_ns: u64) -> c_int;
    /// The backend took an admitted request on. (One it refused for overload is not reported.)
    pub fn trifuse_throttle_accept(throttle: *mut trifuse_throttle, now_ns: u64) -> c_int;
    /// Fills `*snapshot`.
    pub fn trifuse_throttle_get_snapshot(
        throttle: *mut trifuse_throttle,
        now_ns: u64,
        snapshot: *mut trifuse_throttle_snapshot,
    ) -> c_int;
    /// Fills `*config` with the defaults; results as trifuse_breaker_config_init.
    pub fn trifuse_histogram_config_init(config: *mut trifuse_histogram_config, struct_size: usize) -> c_int;
    /// Checks a configuration without making anything.
    pub fn trifuse_histogram_config_check(
        config: *const trifuse_histogram_config,
        error: *mut trifuse_config_error,
    ) -> c_int;
    /// Bytes of memory that an object of this configuration needs; 0 if it is refused.
    pub fn trifuse_histogram_size(config: *const trifuse_histogram_config) -> usize;
    /// Makes an object in the memory of the caller; results as trifuse_breaker_init.
    pub fn trifuse_histogram_init(
        memory: *mut c_void,
        size: usize,
        config: *const trifuse_histogram_config,
        now_ns: u64,
        error: *mut trifuse_config_error,
        histogram: *mut *mut trifuse_histogram,
    ) -> c_int;
    /// Takes up an object that _init made in this memory.
    pub fn trifuse_histogram_attach(
        memory: *mut c_void,
        size: usize,
        histogram: *mut *mut trifuse_histogram,
    ) -> c_int;
    /// As _init, in memory of the heap.
    pub fn trifuse_histogram_new(
        config: *const trifuse_histogram_config,
        now_ns: u64,
        error: *mut trifuse_config_error,
        histogram: *mut *mut trifuse_histogram,
    ) -> c_int;
    /// Frees an object of _new; NULL is fine.
    pub fn trifuse_histogram_free(histogram: *mut trifuse_histogram);
    /// Takes a duration in; any value, 0 as 1 and those over 2^48 ns (78 hours) as 2^48.
    pub fn trifuse_histogram_record(histogram: *mut trifuse_histogram, value_ns: u64, now_ns: u64) -> c_int;
    /// The value that the share `quantile` (0..1) of the values does not exceed, within 5 %, in
    /// *value_ns. TRIFUSE_OK; TRIFUSE_EMPTY; TRIFUSE_ERROR_ARGUMENT for a quantile outside 0..1 or NaN.
    pub fn trifuse_histogram_quantile(
        histogram: *mut trifuse_histogram,
        quantile: f64,
        now_ns: u64,
        value_ns: *mut u64,
    ) -> c_int;
    /// Adds what `from` holds at now to `into`; `from` is not changed.
    pub fn trifuse_histogram_merge(
        into: *mut trifuse_histogram,
        from: *mut trifuse_histogram,
        now_ns: u64,
    ) -> c_int;
    /// Fills `*snapshot`.
    pub fn trifuse_histogram_get_snapshot(
        histogram: *mut trifuse_histogram,
        now_ns: u64,
        snapshot: *mut trifuse_histogram_snapshot,
    ) -> c_int;
    /// Fills `*config` with the defaults; results as trifuse_breaker_config_init.
    pub fn trifuse_hedge_config_init(config: *mut trifuse_hedge_config, struct_size: usize) -> c_int;
    /// Checks a configuration without making anything.
    pub fn trifuse_hedge_config_check(
        config: *const trifuse_hedge_config,
        error: *mut trifuse_config_error,
    ) -> c_int;
    /// Bytes of memory that an object of this configuration needs; 0 if it is refused.
    pub fn trifuse_hedge_size(config: *const trifuse_hedge_config) -> usize;
    /// Makes an object in the memory of the caller; results as trifuse_breaker_init.
    pub fn trifuse_hedge_init(
        memory: *mut c_void,
        size: usize,
        config: *const trifuse_hedge_config,
        now_ns: u64,
        error: *mut trifuse_config_error,
        hedge: *mut *mut trifuse_hedge,
    ) -> c_int;
    /// Takes up an object that _init made in this memory.
    pub fn trifuse_hedge_attach(memory: *mut c_void, size: usize, hedge: *mut *mut trifuse_hedge) -> c_int;
    /// As _init, in memory of the heap.
    pub fn trifuse_hedge_new(
        config: *const trifuse_hedge_config,
        now_ns: u64,
        error: *mut trifuse_config_error,
        hedge: *mut *mut trifuse_hedge,
    ) -> c_int;
    /// Frees an object of _new; NULL is fine.
    pub fn trifuse_hedge_free(hedge: *mut trifuse_hedge);
    /// A call pays its share in.
    pub fn trifuse_hedge_deposit(hedge: *mut trifuse_hedge) -> c_int;
    /// A hedge asks. TRIFUSE_OK (it costs 1) or TRIFUSE_REFUSED_HEDGE_BUDGET.
    pub fn trifuse_hedge_try_withdraw(hedge: *mut trifuse_hedge) -> c_int;
    /// Fills `*snapshot`.
    pub fn trifuse_hedge_get_snapshot(
        hedge: *mut trifuse_hedge,
        snapshot: *mut trifuse_hedge_snapshot,
    ) -> c_int;
}
