// SPDX-License-Identifier: MIT OR Apache-2.0
//! The core as the runner sees it: breakers, texts, structs.
use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr::null_mut;

use trifuse_sys::*;

/// A struct of the core with its size and otherwise zero.
macro_rules! empty {
    ($type:ty) => {{
        // SAFETY: the struct is plain numbers.
        let mut value: $type = unsafe { std::mem::zeroed() };
        value.struct_size = std::mem::size_of::<$type>() as u32;
        value
    }};
}
pub(crate) use empty;

/// A breaker, freed at the end of its history.
pub struct Breaker(pub *mut trifuse_breaker);

impl Drop for Breaker {
    fn drop(&mut self) {
        // SAFETY: made by `trifuse_breaker_new`; nobody uses it any more.
        unsafe { trifuse_breaker_free(self.0) }
    }
}

pub fn create(config: &trifuse_breaker_config, now: u64) -> (c_int, trifuse_config_error, Option<Breaker>) {
    let (mut error, mut breaker) = (empty!(trifuse_config_error), null_mut());
    // SAFETY: the structs carry their sizes.
    let result = unsafe { trifuse_breaker_new(config, now, &raw mut error, &raw mut breaker) };
    (result, error, (!breaker.is_null()).then_some(Breaker(breaker)))
}

/// # Safety
/// The core's static texts only.
unsafe fn borrowed(text: *const c_char) -> &'static str {
    // SAFETY: NUL-terminated static storage.
    unsafe { CStr::from_ptr(text) }.to_str().expect("ASCII")
}

/// The name of a constant. Names of results are written with the prefix of their constant.
pub fn text(kind: &str, value: u32) -> &'static str {
    // SAFETY: takes any value and returns static storage.
    unsafe {
        borrowed(match kind {
            "state" => trifuse_state_text(value),
            "outcome" => trifuse_outcome_text(value),
            "cause" => trifuse_cause_text(value),
            "preset" => trifuse_preset_text(value),
            "window" => trifuse_window_text(value),
            "detector" => trifuse_detector_text(value),
            "jitter" => trifuse_jitter_text(value),
            "limiter_kind" => trifuse_limiter_kind_text(value),
            "algorithm" => trifuse_algorithm_text(value),
            "strategy" => trifuse_strategy_text(value),
            "field" => trifuse_field_text(value),
            "advice" => trifuse_advice_text(value),
            "result" => trifuse_result_text(value as c_int),
            _ => panic!("unknown kind of text {kind:?}"),
        })
    }
}

/// The value of a name.
pub fn value(kind: &str, name: &str) -> Option<u32> {
    let (name, mut value, mut result) = (CString::new(name).expect("no NUL"), 0, 0);
    let at = &raw mut value;
    // SAFETY: a NUL-terminated text and a place for the value.
    let found = unsafe {
        match kind {
            "state" => trifuse_state_from_text(name.as_ptr(), at),
            "outcome" => trifuse_outcome_from_text(name.as_ptr(), at),
            "cause" => trifuse_cause_from_text(name.as_ptr(), at),
            "preset" => trifuse_preset_from_text(name.as_ptr(), at),
            "window" => trifuse_window_from_text(name.as_ptr(), at),
            "detector" => trifuse_detector_from_text(name.as_ptr(), at),
            "jitter" => trifuse_jitter_from_text(name.as_ptr(), at),
            "limiter_kind" => trifuse_limiter_kind_from_text(name.as_ptr(), at),
            "algorithm" => trifuse_algorithm_from_text(name.as_ptr(), at),
            "strategy" => trifuse_strategy_from_text(name.as_ptr(), at),
            "field" => trifuse_field_from_text(name.as_ptr(), at),
            "advice" => trifuse_advice_from_text(name.as_ptr(), at),
            "result" => trifuse_result_from_text(name.as_ptr(), &raw mut result),
            _ => panic!("unknown kind of text {kind:?}"),
        }
    };
    let value = if kind == "result" { result as u32 } else { value };
    (found == TRIFUSE_OK).then_some(value)
}

/// The name of a constant as vectors write it: as its macro does, which a text may put otherwise.
pub fn name(kind: &str, value: u32) -> &'static str {
    match (kind, value as c_int) {
        ("cause", 4) => "consecutive",
        ("result", TRIFUSE_REFUSED_OPEN) => "refused_open",
        ("result", TRIFUSE_REFUSED_HALF_OPEN_LIMIT) => "refused_half_open_limit",
        ("result", TRIFUSE_REFUSED_FORCED_OPEN) => "refused_forced_open",
        ("result", TRIFUSE_REFUSED_RATE_LIMITED) => "refused_rate_limited",
        ("result", TRIFUSE_REFUSED_BULKHEAD_FULL) => "refused_bulkhead_full",
        ("result", TRIFUSE_REFUSED_THROTTLED) => "refused_throttled",
        ("result", TRIFUSE_REFUSED_RETRY_BUDGET) => "refused_retry_budget",
        ("result", TRIFUSE_REFUSED_HEDGE_BUDGET) => "refused_hedge_budget",
        _ => text(kind, value),
    }
}

/// The name of a result as vectors write it.
pub fn result_name(result: c_int) -> String {
    name("result", result as u32).to_owned()
}
