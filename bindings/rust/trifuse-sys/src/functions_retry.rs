// SPDX-License-Identifier: MIT OR Apache-2.0
//! Functions of retries and their budget.
//! Ownership, threads, units and results are as the header says.
use core::ffi::{c_char, c_int, c_void};

use crate::structs::trifuse_config_error;
use crate::structs_retry::*;

unsafe extern "C" {
    /// Short lower-case name of a strategy, or "unknown"; static storage.
    pub fn trifuse_strategy_text(strategy: u32) -> *const c_char;
    /// The strategy of exactly this name, written to `*value`; `TRIFUSE_ERROR_TEXT` for any other.
    pub fn trifuse_strategy_from_text(text: *const c_char, value: *mut u32) -> c_int;
    /// CRITICAL, NORMAL and BATCH have 3, 2 and 5 retries; every other preset the defaults.
    pub fn trifuse_retry_config_init(
        config: *mut trifuse_retry_config,
        struct_size: usize,
        preset: u32,
    ) -> c_int;
    /// Checks a configuration without making anything.
    pub fn trifuse_retry_config_check(
        config: *const trifuse_retry_config,
        error: *mut trifuse_config_error,
    ) -> c_int;
    /// Bytes of memory that an object of this configuration needs; 0 if it is refused.
    pub fn trifuse_retry_size(config: *const trifuse_retry_config) -> usize;
    /// Makes an object in the memory of the caller; results as trifuse_breaker_init.
    pub fn trifuse_retry_init(
        memory: *mut c_void,
        size: usize,
        config: *const trifuse_retry_config,
        now_ns: u64,
        error: *mut trifuse_config_error,
        retry: *mut *mut trifuse_retry,
    ) -> c_int;
    /// Takes up an object that _init made in this memory.
    pub fn trifuse_retry_attach(memory: *mut c_void, size: usize, retry: *mut *mut trifuse_retry) -> c_int;
    /// As _init, in memory of the heap.
    pub fn trifuse_retry_new(
        config: *const trifuse_retry_config,
        now_ns: u64,
        error: *mut trifuse_config_error,
        retry: *mut *mut trifuse_retry,
    ) -> c_int;
    /// Frees an object of _new; NULL is fine.
    pub fn trifuse_retry_free(retry: *mut trifuse_retry);
    /// The longest that a call of this configuration can take: max_retries + 1 attempts of
    /// attempt_timeout_ns each (TRIFUSE_NEVER: attempts have no limit, and nor has the call) and the
    /// longest delay before each retry, the server's word apart; with max_elapsed_ns no attempt begins
    /// after it, so it is at most that and one attempt. Exact, saturating.
    pub fn trifuse_retry_max_total(
        config: *const trifuse_retry_config,
        attempt_timeout_ns: u64,
        total_ns: *mut u64,
        error: *mut trifuse_config_error,
    ) -> c_int;
    /// Begins a call whose first attempt began at now; call->struct_size must be set. Writes nothing to
    /// *retry, and reads the clock for a now of 0 only where there is a max_elapsed_ns.
    pub fn trifuse_retry_begin(
        retry: *mut trifuse_retry,
        now_ns: u64,
        call: *mut trifuse_retry_call,
    ) -> c_int;
    /// An attempt has failed: may it be made again, and after what delay from now? retry_after_ns: the
    /// server's word, TRIFUSE_NEVER if none; replaces the delay, plus 0..10 %, never less.
    /// own_delay_ns: a delay of the caller's own making in place of the computed one, TRIFUSE_NEVER if
    /// none; max_delay, deadline and budget still hold. `budget` may be NULL. TRIFUSE_OK: wait
    /// *delay_ns, then try again (call->retries has grown). TRIFUSE_STOP_RETRIES,
    /// TRIFUSE_STOP_RETRY_AFTER (the server's word is over retry_after_max), TRIFUSE_STOP_DEADLINE (the
    /// wait, its jitter left out, would not end before call->deadline_ns; the jitter is cut to fit),
    /// TRIFUSE_REFUSED_RETRY_BUDGET: in this order; give up with the error of the attempt, *delay_ns is
    /// 0.
    pub fn trifuse_retry_next(
        retry: *mut trifuse_retry,
        budget: *mut trifuse_retry_budget,
        call: *mut trifuse_retry_call,
        retry_after_ns: u64,
        own_delay_ns: u64,
        now_ns: u64,
        delay_ns: *mut u64,
    ) -> c_int;
    /// Counts a call that has ended, well (`ok` is not 0) or badly, after so many retries.
    pub fn trifuse_retry_settle(retry: *mut trifuse_retry, retries: u32, ok: c_int) -> c_int;
    /// Takes a new configuration; calls in progress keep their deadline. Results as _init.
    pub fn trifuse_retry_reconfigure(
        retry: *mut trifuse_retry,
        config: *const trifuse_retry_config,
        error: *mut trifuse_config_error,
    ) -> c_int;
    /// Fills `*snapshot`.
    pub fn trifuse_retry_get_snapshot(
        retry: *mut trifuse_retry,
        snapshot: *mut trifuse_retry_snapshot,
    ) -> c_int;
    /// Retry budget: over a sliding ttl, ratio x first attempts + floor x seconds of ttl - retries must
    /// be at least 1 for a retry. (Finagle's RetryBudget.) From cold floor x ttl retries can come at
    /// once.
    pub fn trifuse_retry_budget_config_init(
        config: *mut trifuse_retry_budget_config,
        struct_size: usize,
    ) -> c_int;
    /// Checks a configuration without making anything.
    pub fn trifuse_retry_budget_config_check(
        config: *const trifuse_retry_budget_config,
        error: *mut trifuse_config_error,
    ) -> c_int;
    /// Bytes of memory that an object of this configuration needs; 0 if it is refused.
    pub fn trifuse_retry_budget_size(config: *const trifuse_retry_budget_config) -> usize;
    /// Makes an object in the memory of the caller; results as trifuse_breaker_init.
    pub fn trifuse_retry_budget_init(
        memory: *mut c_void,
        size: usize,
        config: *const trifuse_retry_budget_config,
        now_ns: u64,
        error: *mut trifuse_config_error,
        budget: *mut *mut trifuse_retry_budget,
    ) -> c_int;
    /// Takes up an object that _init made in this memory.
    pub fn trifuse_retry_budget_attach(
        memory: *mut c_void,
        size: usize,
        budget: *mut *mut trifuse_retry_budget,
    ) -> c_int;
    /// As _init, in memory of the heap.
    pub fn trifuse_retry_budget_new(
        config: *const trifuse_retry_budget_config,
        now_ns: u64,
        error: *mut trifuse_config_error,
        budget: *mut *mut trifuse_retry_budget,
    ) -> c_int;
    /// Frees an object of _new; NULL is fine.
    pub fn trifuse_retry_budget_free(budget: *mut trifuse_retry_budget);
    /// A first attempt pays in; retries do not.
    pub fn trifuse_retry_budget_deposit(budget: *mut trifuse_retry_budget, now_ns: u64) -> c_int;
    /// A retry asks. TRIFUSE_OK or TRIFUSE_REFUSED_RETRY_BUDGET. Never more than the promise, however
    /// many ask.
    pub fn trifuse_retry_budget_try_withdraw(budget: *mut trifuse_retry_budget, now_ns: u64) -> c_int;
    /// Fills `*snapshot`.
    pub fn trifuse_retry_budget_get_snapshot(
        budget: *mut trifuse_retry_budget,
        now_ns: u64,
        snapshot: *mut trifuse_retry_budget_snapshot,
    ) -> c_int;
}
