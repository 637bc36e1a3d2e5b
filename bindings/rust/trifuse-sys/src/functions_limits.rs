// SPDX-License-Identifier: MIT OR Apache-2.0
//! Functions of rate limiters and concurrency limits.
//! Ownership, threads, units and results are as the header says.
use core::ffi::{c_char, c_int, c_void};

use crate::structs::trifuse_config_error;
use crate::structs_limits::*;

unsafe extern "C" {
    /// Short lower-case name of a limiter kind, or "unknown"; static storage.
    pub fn trifuse_limiter_kind_text(kind: u32) -> *const c_char;
    /// The limiter kind of exactly this name, written to `*value`; `TRIFUSE_ERROR_TEXT` for any other.
    pub fn trifuse_limiter_kind_from_text(text: *const c_char, value: *mut u32) -> c_int;
    /// Short lower-case name of an algorithm, or "unknown"; static storage.
    pub fn trifuse_algorithm_text(algorithm: u32) -> *const c_char;
    /// The algorithm of exactly this name, written to `*value`; `TRIFUSE_ERROR_TEXT` for any other.
    pub fn trifuse_algorithm_from_text(text: *const c_char, value: *mut u32) -> c_int;
    /// Fills `*config` with the defaults; results as trifuse_breaker_config_init.
    pub fn trifuse_limiter_config_init(
        config: *mut trifuse_limiter_config,
        struct_size: usize,
        preset: u32,
    ) -> c_int;
    /// Checks a configuration without making anything.
    pub fn trifuse_limiter_config_check(
        config: *const trifuse_limiter_config,
        error: *mut trifuse_config_error,
    ) -> c_int;
    /// Bytes of memory that an object of this configuration needs; 0 if it is refused.
    pub fn trifuse_limiter_size(config: *const trifuse_limiter_config) -> usize;
    /// Makes an object in the memory of the caller; results as trifuse_breaker_init.
    pub fn trifuse_limiter_init(
        memory: *mut c_void,
        size: usize,
        config: *const trifuse_limiter_config,
        now_ns: u64,
        error: *mut trifuse_config_error,
        limiter: *mut *mut trifuse_limiter,
    ) -> c_int;
    /// Takes up an object that _init made in this memory.
    pub fn trifuse_limiter_attach(
        memory: *mut c_void,
        size: usize,
        limiter: *mut *mut trifuse_limiter,
    ) -> c_int;
    /// As _init, in memory of the heap.
    pub fn trifuse_limiter_new(
        config: *const trifuse_limiter_config,
        now_ns: u64,
        error: *mut trifuse_config_error,
        limiter: *mut *mut trifuse_limiter,
    ) -> c_int;
    /// Frees an object of _new; NULL is fine.
    pub fn trifuse_limiter_free(limiter: *mut trifuse_limiter);
    /// Takes n tokens if they are there. TRIFUSE_OK; TRIFUSE_REFUSED_RATE_LIMITED with the wait in
    /// *wait_ns (which may be NULL; 0 when granted); TRIFUSE_ERROR_OVER_CAPACITY when n is more than
    /// can ever be there.
    pub fn trifuse_limiter_try_acquire(
        limiter: *mut trifuse_limiter,
        n: u64,
        now_ns: u64,
        wait_ns: *mut u64,
    ) -> c_int;
    /// Token bucket only, else TRIFUSE_ERROR_UNSUPPORTED. Takes n tokens in advance, in the order of
    /// the calls, and says how long to wait before using them; a later try_acquire is refused until
    /// they are paid. TRIFUSE_REFUSED_RATE_LIMITED, nothing taken and reservation->wait_ns telling the
    /// wait, when that is over max_wait_ns (TRIFUSE_NEVER: any). TRIFUSE_ERROR_OVER_CAPACITY as
    /// _try_acquire.
    pub fn trifuse_limiter_reserve(
        limiter: *mut trifuse_limiter,
        n: u64,
        now_ns: u64,
        max_wait_ns: u64,
        reservation: *mut trifuse_reservation,
    ) -> c_int;
    /// Gives a reservation up: n tokens less what was granted after it come back, at least 0, told in
    /// *given_back (which may be NULL). TRIFUSE_OK; TRIFUSE_ERROR_UNSUPPORTED.
    pub fn trifuse_limiter_cancel(
        limiter: *mut trifuse_limiter,
        reservation: *const trifuse_reservation,
        now_ns: u64,
        given_back: *mut u64,
    ) -> c_int;
    /// Puts n tokens in, up to the capacity (an estimate was too high). TRIFUSE_OK;
    /// TRIFUSE_ERROR_UNSUPPORTED.
    pub fn trifuse_limiter_refund(limiter: *mut trifuse_limiter, n: u64, now_ns: u64) -> c_int;
    /// Takes n tokens, into debt if need be, any n (an estimate was too low). TRIFUSE_OK;
    /// TRIFUSE_ERROR_UNSUPPORTED. A debt of more than 30 years of the rate, or of 2^60 tokens,
    /// saturates there.
    pub fn trifuse_limiter_debit(limiter: *mut trifuse_limiter, n: u64, now_ns: u64) -> c_int;
    /// Another rate and capacity, of `config`'s rate, permits, period_ns and capacity; the number of
    /// tokens stays (at most the new capacity), a debt too, and so do waits already given. TRIFUSE_OK;
    /// TRIFUSE_ERROR_CONFIG with *error; TRIFUSE_ERROR_UNSUPPORTED, also for a config of another kind.
    pub fn trifuse_limiter_set_rate(
        limiter: *mut trifuse_limiter,
        config: *const trifuse_limiter_config,
        now_ns: u64,
        error: *mut trifuse_config_error,
    ) -> c_int;
    /// The kinds with a window (a token bucket: TRIFUSE_ERROR_UNSUPPORTED): another N, at once; what
    /// was granted stays counted. TRIFUSE_ERROR_CONFIG for an N out of range, of a sliding log over its
    /// memory's N.
    pub fn trifuse_limiter_set_permits(
        limiter: *mut trifuse_limiter,
        permits: u64,
        now_ns: u64,
        error: *mut trifuse_config_error,
    ) -> c_int;
    /// Whole tokens that a request could take at now, at least 0; 0 for NULL. Sees no time.
    pub fn trifuse_limiter_available(limiter: *mut trifuse_limiter, now_ns: u64) -> u64;
    /// Fills `*snapshot`.
    pub fn trifuse_limiter_get_snapshot(
        limiter: *mut trifuse_limiter,
        now_ns: u64,
        snapshot: *mut trifuse_limiter_snapshot,
    ) -> c_int;
    /// TRIFUSE_ERROR_ARGUMENT for an unknown algorithm (TRIFUSE_ALGORITHM_*).
    pub fn trifuse_concurrency_config_init(
        config: *mut trifuse_concurrency_config,
        struct_size: usize,
        algorithm: u32,
    ) -> c_int;
    /// Checks a configuration without making anything.
    pub fn trifuse_concurrency_config_check(
        config: *const trifuse_concurrency_config,
        error: *mut trifuse_config_error,
    ) -> c_int;
    /// Bytes of memory that an object of this configuration needs; 0 if it is refused.
    pub fn trifuse_concurrency_size(config: *const trifuse_concurrency_config) -> usize;
    /// Makes an object in the memory of the caller; results as trifuse_breaker_init.
    pub fn trifuse_concurrency_init(
        memory: *mut c_void,
        size: usize,
        config: *const trifuse_concurrency_config,
        now_ns: u64,
        error: *mut trifuse_config_error,
        concurrency: *mut *mut trifuse_concurrency,
    ) -> c_int;
    /// Takes up an object that _init made in this memory.
    pub fn trifuse_concurrency_attach(
        memory: *mut c_void,
        size: usize,
        concurrency: *mut *mut trifuse_concurrency,
    ) -> c_int;
    /// As _init, in memory of the heap.
    pub fn trifuse_concurrency_new(
        config: *const trifuse_concurrency_config,
        now_ns: u64,
        error: *mut trifuse_config_error,
        concurrency: *mut *mut trifuse_concurrency,
    ) -> c_int;
    /// Frees an object of _new; NULL is fine.
    pub fn trifuse_concurrency_free(concurrency: *mut trifuse_concurrency);
    /// Takes a place. TRIFUSE_OK, to be released once; TRIFUSE_REFUSED_BULKHEAD_FULL.
    pub fn trifuse_concurrency_try_acquire(concurrency: *mut trifuse_concurrency) -> c_int;
    /// Gives a place back. The outcome (TRIFUSE_OUTCOME_*) and the duration move an adaptive limit;
    /// IGNORED moves nothing. The times of VEGAS and GRADIENT2 are those of successes; a duration of 0
    /// means "not measured" and moves neither them nor their N (a failure does). TRIFUSE_OK;
    /// TRIFUSE_ERROR_NOT_HELD when no place is out; TRIFUSE_ERROR_ARGUMENT for an unknown outcome.
    pub fn trifuse_concurrency_release(
        concurrency: *mut trifuse_concurrency,
        outcome: u32,
        duration_ns: u64,
    ) -> c_int;
    /// Another N, of an adaptive limit within min..max; throws nobody out. TRIFUSE_ERROR_CONFIG with
    /// *error.
    pub fn trifuse_concurrency_set_limit(
        concurrency: *mut trifuse_concurrency,
        limit: u32,
        error: *mut trifuse_config_error,
    ) -> c_int;
    /// N now; 0 for NULL.
    pub fn trifuse_concurrency_limit(concurrency: *const trifuse_concurrency) -> u32;
    /// Places out now; 0 for NULL.
    pub fn trifuse_concurrency_in_flight(concurrency: *const trifuse_concurrency) -> u64;
    /// Fills `*snapshot`.
    pub fn trifuse_concurrency_get_snapshot(
        concurrency: *mut trifuse_concurrency,
        snapshot: *mut trifuse_concurrency_snapshot,
    ) -> c_int;
}
