// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names of the core's constants.
use std::ffi::{CStr, CString, c_char, c_int};

use trifuse_sys as sys;

/// Makes `fn text(u32) -> &'static str` and `fn from_text(&str) -> Option<u32>` of a kind of constant.
macro_rules! texts {
    ($($kind:ident: $to:ident, $from:ident;)*) => {$(
        pub(crate) mod $kind {
            use trifuse_sys as sys;

            pub(crate) fn text(value: u32) -> &'static str {
                // SAFETY: takes any value and returns static storage.
                unsafe { super::borrowed(sys::$to(value)) }
            }

            #[allow(dead_code)]
            pub(crate) fn from_text(text: &str) -> Option<u32> {
                // SAFETY: `parsed` passes a NUL-terminated text and a place for the value.
                super::parsed(text, |text, value| unsafe { sys::$from(text, value) })
            }
        }
    )*};
}

texts! {
    state: trifuse_state_text, trifuse_state_from_text;
    outcome: trifuse_outcome_text, trifuse_outcome_from_text;
    cause: trifuse_cause_text, trifuse_cause_from_text;
    preset: trifuse_preset_text, trifuse_preset_from_text;
    window: trifuse_window_text, trifuse_window_from_text;
    detector: trifuse_detector_text, trifuse_detector_from_text;
    jitter: trifuse_jitter_text, trifuse_jitter_from_text;
    limiter_kind: trifuse_limiter_kind_text, trifuse_limiter_kind_from_text;
    algorithm: trifuse_algorithm_text, trifuse_algorithm_from_text;
    strategy: trifuse_strategy_text, trifuse_strategy_from_text;
    field: trifuse_field_text, trifuse_field_from_text;
    advice: trifuse_advice_text, trifuse_advice_from_text;
}

/// # Safety
/// `text` is NUL-terminated and lives for ever.
unsafe fn borrowed(text: *const c_char) -> &'static str {
    // SAFETY: as above.
    unsafe { CStr::from_ptr(text) }.to_str().unwrap_or("unknown")
}

fn parsed(text: &str, parse: impl Fn(*const c_char, *mut u32) -> c_int) -> Option<u32> {
    let text = CString::new(text).ok()?;
    let mut value = 0;
    (parse(text.as_ptr(), &raw mut value) == sys::TRIFUSE_OK).then_some(value)
}

pub(crate) fn result(result: c_int) -> &'static str {
    // SAFETY: takes any value and returns static storage.
    unsafe { borrowed(sys::trifuse_result_text(result)) }
}

pub(crate) fn advice_reason(bit: u32) -> &'static str {
    // SAFETY: takes any value and returns static storage.
    unsafe { borrowed(sys::trifuse_advice_reason(bit)) }
}

pub(crate) fn version() -> &'static str {
    // SAFETY: returns static storage.
    unsafe { borrowed(sys::trifuse_version_text()) }
}
