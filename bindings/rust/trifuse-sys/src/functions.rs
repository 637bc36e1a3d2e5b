// SPDX-License-Identifier: MIT OR Apache-2.0
//! Functions of the library. Ownership, threads, units and results are as the header says.
use core::ffi::{c_char, c_int, c_void};

use crate::structs::*;

unsafe extern "C" {
    /// The version of the library at run time: MAJOR * 1,000,000 + MINOR * 1,000 + PATCH.
    pub fn trifuse_version() -> u32;
    /// The same as text, such as "0.1.0"; static storage.
    pub fn trifuse_version_text() -> *const c_char;
    /// The monotonic clock that `now_ns == 0` stands for, in nanoseconds; never 0.
    pub fn trifuse_now_ns() -> u64;
    /// Short lower-case name of a result, or "unknown"; static storage.
    pub fn trifuse_result_text(result: c_int) -> *const c_char;
    /// The result of exactly this name, written to `*value`; `TRIFUSE_ERROR_TEXT` for any other.
    pub fn trifuse_result_from_text(text: *const c_char, value: *mut c_int) -> c_int;
    /// Short lower-case name of a state, or "unknown"; static storage.
    pub fn trifuse_state_text(state: u32) -> *const c_char;
    /// The state of exactly this name, written to `*value`; `TRIFUSE_ERROR_TEXT` for any other.
    pub fn trifuse_state_from_text(text: *const c_char, value: *mut u32) -> c_int;
    /// Short lower-case name of a outcome, or "unknown"; static storage.
    pub fn trifuse_outcome_text(outcome: u32) -> *const c_char;
    /// The outcome of exactly this name, written to `*value`; `TRIFUSE_ERROR_TEXT` for any other.
    pub fn trifuse_outcome_from_text(text: *const c_char, value: *mut u32) -> c_int;
    /// Short lower-case name of a cause, or "unknown"; static storage.
    pub fn trifuse_cause_text(cause: u32) -> *const c_char;
    /// The cause of exactly this name, written to `*value`; `TRIFUSE_ERROR_TEXT` for any other.
    pub fn trifuse_cause_from_text(text: *const c_char, value: *mut u32) -> c_int;
    /// Short lower-case name of a preset, or "unknown"; static storage.
    pub fn trifuse_preset_text(preset: u32) -> *const c_char;
    /// The preset of exactly this name, written to `*value`; `TRIFUSE_ERROR_TEXT` for any other.
    pub fn trifuse_preset_from_text(text: *const c_char, value: *mut u32) -> c_int;
    /// Short lower-case name of a window, or "unknown"; static storage.
    pub fn trifuse_window_text(kind: u32) -> *const c_char;
    /// The window of exactly this name, written to `*value`; `TRIFUSE_ERROR_TEXT` for any other.
    pub fn trifuse_window_from_text(text: *const c_char, value: *mut u32) -> c_int;
    /// Short lower-case name of a detector, or "unknown"; static storage.
    pub fn trifuse_detector_text(detector: u32) -> *const c_char;
    /// The detector of exactly this name, written to `*value`; `TRIFUSE_ERROR_TEXT` for any other.
    pub fn trifuse_detector_from_text(text: *const c_char, value: *mut u32) -> c_int;
    /// Short lower-case name of a jitter, or "unknown"; static storage.
    pub fn trifuse_jitter_text(jitter: u32) -> *const c_char;
    /// The jitter of exactly this name, written to `*value`; `TRIFUSE_ERROR_TEXT` for any other.
    pub fn trifuse_jitter_from_text(text: *const c_char, value: *mut u32) -> c_int;
    /// Short lower-case name of a field, or "unknown"; static storage.
    pub fn trifuse_field_text(field: u32) -> *const c_char;
    /// The field of exactly this name, written to `*value`; `TRIFUSE_ERROR_TEXT` for any other.
    pub fn trifuse_field_from_text(text: *const c_char, value: *mut u32) -> c_int;
    /// `advice` is one bit, TRIFUSE_ADVICE_*.
    pub fn trifuse_advice_text(advice: u32) -> *const c_char;
    /// The advice of exactly this name, written to `*value`; `TRIFUSE_ERROR_TEXT` for any other.
    pub fn trifuse_advice_from_text(text: *const c_char, value: *mut u32) -> c_int;
    /// A sentence that says why the configuration is known to hurt; static storage; "" for no such bit.
    pub fn trifuse_advice_reason(advice: u32) -> *const c_char;
    /// Fills *config with a preset and sets struct_size, where `struct_size` is the caller's
    /// sizeof(trifuse_breaker_config). TRIFUSE_ERROR_ARGUMENT for NULL or an unknown preset,
    /// TRIFUSE_ERROR_STRUCT_SIZE for a size below 8 or not a multiple of 8.
    pub fn trifuse_breaker_config_init(
        config: *mut trifuse_breaker_config,
        struct_size: usize,
        preset: u32,
    ) -> c_int;
    /// Checks a configuration without making anything. TRIFUSE_OK, or TRIFUSE_ERROR_CONFIG with the first
    /// refused field in *error (which may be NULL). Does not solve a cusum: _init may still refuse a pair
    /// of rates for which no design exists.
    pub fn trifuse_breaker_config_check(
        config: *const trifuse_breaker_config,
        error: *mut trifuse_config_error,
    ) -> c_int;
    /// Writes the TRIFUSE_ADVICE_* bits that fit a legal configuration to *advice; returns as _check.
    pub fn trifuse_breaker_config_advise(
        config: *const trifuse_breaker_config,
        advice: *mut u32,
        error: *mut trifuse_config_error,
    ) -> c_int;
    /// Solves a cusum: fills the out fields of *design for its in fields. Exact (the average run length
    /// from the Markov chain by elimination without subtraction: Grassmann, Taksar, Heyman 1985), no
    /// simulation; takes up to some 100 ms for rates close together, so solve once and keep the result.
    /// TRIFUSE_ERROR_CONFIG when a field is out of range or no design exists (*error names the pair).
    pub fn trifuse_cusum_solve(design: *mut trifuse_cusum_design, error: *mut trifuse_config_error) -> c_int;
    /// Bytes of memory that a breaker of this configuration needs (reserves included), a multiple of 64;
    /// 0 if the configuration is refused (trifuse_breaker_config_check says why).
    pub fn trifuse_breaker_size(config: *const trifuse_breaker_config) -> usize;
    /// Makes a breaker in `memory` of `size` bytes, aligned to 8 (64 is faster). The memory stays the
    /// caller's: nothing is allocated, there is no corresponding free, and it may be copied or unmapped
    /// once no call is running. Not thread-safe: publish *breaker afterwards. More memory than needed is
    /// room for a later, larger window. Results: TRIFUSE_OK; TRIFUSE_ERROR_ARGUMENT (memory, config or
    /// breaker NULL), _STRUCT_SIZE, _CONFIG (with *error, which may be NULL), _MEMORY_SIZE, _ALIGNMENT;
    /// when it fails nothing has been written to memory or *breaker.
    pub fn trifuse_breaker_init(
        memory: *mut c_void,
        size: usize,
        config: *const trifuse_breaker_config,
        now_ns: u64,
        error: *mut trifuse_config_error,
        breaker: *mut *mut trifuse_breaker,
    ) -> c_int;
    /// Takes up a breaker that _init made in this memory, perhaps in another process or at another
    /// address. TRIFUSE_OK; _ARGUMENT, _ALIGNMENT, _MEMORY_SIZE, or _NOT_AN_OBJECT when the memory holds
    /// no breaker of this library's layout. Writes nothing.
    pub fn trifuse_breaker_attach(
        memory: *mut c_void,
        size: usize,
        breaker: *mut *mut trifuse_breaker,
    ) -> c_int;
    /// As _init, in memory of the heap; to be freed with trifuse_breaker_free. Also _NO_MEMORY.
    pub fn trifuse_breaker_new(
        config: *const trifuse_breaker_config,
        now_ns: u64,
        error: *mut trifuse_config_error,
        breaker: *mut *mut trifuse_breaker,
    ) -> c_int;
    /// Frees a breaker of trifuse_breaker_new; NULL is fine. No call on it may be running or follow.
    pub fn trifuse_breaker_free(breaker: *mut trifuse_breaker);
    /// Asks for one call. TRIFUSE_OK: admitted, *permit (never 0) is to be reported once. Positive:
    /// refused, TRIFUSE_REFUSED_*; *permit is 0, and event->retry_after_ns tells the wait. `event` may be
    /// NULL (a transition that this call makes is then told to nobody). Negative: _ARGUMENT (breaker or
    /// permit NULL), _STRUCT_SIZE (event). While CLOSED this is one read of memory and no clock.
    pub fn trifuse_breaker_try_acquire(
        breaker: *mut trifuse_breaker,
        now_ns: u64,
        permit: *mut u64,
        event: *mut trifuse_breaker_event,
    ) -> c_int;
    /// For wrappers that share one permit among calls: TRIFUSE_OK if `permit` is a permit of this very
    /// generation that is no probe's, and the state admits all calls (CLOSED, DISABLED, METRICS_ONLY);
    /// that call is then admitted on the same permit value. Else TRIFUSE_STALE: use _try_acquire.
    /// One read of memory. TRIFUSE_ERROR_ARGUMENT for a NULL.
    pub fn trifuse_breaker_reenter(breaker: *const trifuse_breaker, permit: u64) -> c_int;
    /// Reports the outcome of an admitted call that took duration_ns (0 if not measured: never slow).
    /// TRIFUSE_OK: counted. TRIFUSE_LATE: the permit is of an older generation, of another breaker, or of
    /// a lapsed or already reported probe; only late_results counts it. `event` may be NULL. Negative:
    /// _ARGUMENT (breaker NULL, permit 0, unknown outcome), _STRUCT_SIZE (event).
    /// A closed-state permit is plain data: reporting it twice counts twice, wrappers prevent it.
    pub fn trifuse_breaker_report(
        breaker: *mut trifuse_breaker,
        permit: u64,
        outcome: u32,
        duration_ns: u64,
        now_ns: u64,
        event: *mut trifuse_breaker_event,
    ) -> c_int;
    /// Extends the lease of a probe that is still live to now + its ttl (for long streams). TRIFUSE_OK;
    /// also for a permit that is current and no probe's (nothing to extend). TRIFUSE_LATE: too late.
    pub fn trifuse_breaker_renew(breaker: *mut trifuse_breaker, permit: u64, now_ns: u64) -> c_int;
    /// Opens now. wait_ns 0: for the ordinary wait; else for wait_ns (a server's Retry-After: beats the
    /// cap, is never jittered). OPEN already: the later of its deadline and now + wait_ns, told to nobody;
    /// past its deadline: a new wait from now. HALF_OPEN: a re-opening. Forced states ignore it.
    pub fn trifuse_breaker_trip(
        breaker: *mut trifuse_breaker,
        now_ns: u64,
        wait_ns: u64,
        event: *mut trifuse_breaker_event,
    ) -> c_int;
    /// CLOSED from any state, with an empty window, run and back-off; the lifetime totals stay.
    pub fn trifuse_breaker_reset(
        breaker: *mut trifuse_breaker,
        now_ns: u64,
        event: *mut trifuse_breaker_event,
    ) -> c_int;
    /// As reset, but nothing happens if CLOSED already.
    pub fn trifuse_breaker_close(
        breaker: *mut trifuse_breaker,
        now_ns: u64,
        event: *mut trifuse_breaker_event,
    ) -> c_int;
    /// Refuses all calls until told otherwise.
    pub fn trifuse_breaker_force_open(
        breaker: *mut trifuse_breaker,
        now_ns: u64,
        event: *mut trifuse_breaker_event,
    ) -> c_int;
    /// Admits all calls and records nothing until told otherwise.
    pub fn trifuse_breaker_disable(
        breaker: *mut trifuse_breaker,
        now_ns: u64,
        event: *mut trifuse_breaker_event,
    ) -> c_int;
    /// Admits all calls, records, never trips until told otherwise.
    pub fn trifuse_breaker_metrics_only(
        breaker: *mut trifuse_breaker,
        now_ns: u64,
        event: *mut trifuse_breaker_event,
    ) -> c_int;
    /// Takes a new configuration; state, generation, window, deadlines and leases stay, initial_state and
    /// the reserves are not read, the seed is. New rules are judged at the next outcome. Another shape of
    /// the window (kind, buckets, duration, count, slow detection on or off) restarts the window only;
    /// another cusum design sets S to 0. Results as _init: when refused nothing is taken;
    /// a shape or half_open_max_calls that does not fit the memory is TRIFUSE_ERROR_CONFIG and *error
    /// names the most that fits.
    pub fn trifuse_breaker_reconfigure(
        breaker: *mut trifuse_breaker,
        config: *const trifuse_breaker_config,
        now_ns: u64,
        error: *mut trifuse_config_error,
    ) -> c_int;
    /// Fills *snapshot as of now. TRIFUSE_OK, _ARGUMENT (a NULL), _STRUCT_SIZE. Sees no time: a later call
    /// with an older now is not affected. Lifetime totals never run backwards, for which this call may
    /// write three words of the breaker.
    pub fn trifuse_breaker_get_snapshot(
        breaker: *mut trifuse_breaker,
        now_ns: u64,
        snapshot: *mut trifuse_breaker_snapshot,
    ) -> c_int;
    /// The state now, TRIFUSE_STATE_*, or TRIFUSE_ERROR_ARGUMENT for NULL. One read of memory.
    pub fn trifuse_breaker_state(breaker: *const trifuse_breaker) -> c_int;
    /// The generation now; 0 for NULL. One read of memory.
    pub fn trifuse_breaker_generation(breaker: *const trifuse_breaker) -> u64;
    /// The configuration in force: what was given, rates as they were taken (1e-9), automatic values as 0;
    /// initial_state is CLOSED and the reserves are 0, which are not kept; a cusum with its design, so
    /// clear cusum_up and slow_cusum_up before changing its rates. *config must have its struct_size set.
    /// TRIFUSE_OK, _ARGUMENT (a NULL), _STRUCT_SIZE.
    pub fn trifuse_breaker_get_config(
        breaker: *const trifuse_breaker,
        config: *mut trifuse_breaker_config,
    ) -> c_int;
}
