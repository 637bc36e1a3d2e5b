// SPDX-License-Identifier: MIT OR Apache-2.0
//! The monotonic clock of the core, and the kernel's coarse reading of it.
#[cfg(all(any(target_os = "linux", target_os = "android"), target_pointer_width = "64"))]
use std::{ffi::c_int, mem::MaybeUninit};

/// Monotonic nanoseconds, never 0.
#[inline]
pub(crate) fn now_ns() -> u64 {
    // SAFETY: no arguments, no state.
    unsafe { trifuse_sys::trifuse_now_ns() }
}

/// A clock that is cheap to read and up to [`COARSE_LAG`] behind `now_ns`, never before it.
#[cfg(all(any(target_os = "linux", target_os = "android"), target_pointer_width = "64"))]
#[inline]
pub(crate) fn coarse_ns() -> u64 {
    const MONOTONIC_COARSE: c_int = 6;

    #[repr(C)]
    struct Timespec {
        seconds: i64,
        nanoseconds: i64,
    }

    unsafe extern "C" {
        fn clock_gettime(clock: c_int, time: *mut Timespec) -> c_int;
    }

    let mut time = MaybeUninit::<Timespec>::uninit();
    // SAFETY: the struct is the 64-bit Linux `struct timespec`; the clock is there since Linux 2.6.32,
    // and a call that succeeds has filled it.
    unsafe {
        if clock_gettime(MONOTONIC_COARSE, time.as_mut_ptr()) != 0 {
            return now_ns();
        }
        let time = time.assume_init();
        time.seconds as u64 * 1_000_000_000 + time.nanoseconds as u64
    }
}

/// Elsewhere the exact clock.
#[cfg(not(all(any(target_os = "linux", target_os = "android"), target_pointer_width = "64")))]
#[inline]
pub(crate) fn coarse_ns() -> u64 {
    now_ns()
}

/// The longest tick of the kernels that have a coarse clock (100 Hz).
#[cfg(test)]
pub(crate) const COARSE_LAG: u64 = 10_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coarse_clock_is_never_ahead_and_hardly_ever_a_tick_behind() {
        let (mut behind, rounds) = (0, 100_000);
        for _ in 0..rounds {
            let (before, coarse, after) = (now_ns(), coarse_ns(), now_ns());
            assert!(coarse <= after, "{coarse} is after {after}");
            behind += u32::from(coarse + COARSE_LAG < before);
        }
        // A virtual machine that was taken off its processor misses ticks for a moment.
        assert!(behind < rounds / 10, "{behind} of {rounds} readings lag by more than a tick");
    }
}
