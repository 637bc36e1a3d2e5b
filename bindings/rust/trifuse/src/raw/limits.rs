// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rate limiters and concurrency limits of the core, owned.
use std::ffi::c_int;

use sys::{trifuse_limiter_config, trifuse_reservation};
use trifuse_sys as sys;

use super::config::{refused, zeroed_with_size};
use super::object::{done, object};
use crate::error::ConfigError;

object! {
    /// A rate limiter.
    RawLimiter, trifuse_limiter, trifuse_limiter_config, trifuse_limiter_new, trifuse_limiter_free,
    trifuse_limiter_config_check, trifuse_limiter_config_init(preset)
}

object! {
    /// A bulkhead or adaptive limit.
    RawConcurrency, trifuse_concurrency, trifuse_concurrency_config, trifuse_concurrency_new,
    trifuse_concurrency_free, trifuse_concurrency_config_check, trifuse_concurrency_config_init(algorithm)
}

/// A reservation that has been granted nothing yet.
pub(crate) fn no_reservation() -> trifuse_reservation {
    zeroed_with_size!(trifuse_reservation)
}

impl RawLimiter {
    /// A result and, if refused, the wait.
    #[inline]
    pub(crate) fn try_acquire(&self, n: u64, now: u64, wait: &mut u64) -> c_int {
        // SAFETY: the limiter lives; `wait` is a place for one u64.
        unsafe { sys::trifuse_limiter_try_acquire(self.at(), n, now, wait) }
    }

    pub(crate) fn reserve(&self, n: u64, now: u64, max_wait: u64, taken: &mut trifuse_reservation) -> c_int {
        // SAFETY: the limiter lives; the reservation carries its size.
        unsafe { sys::trifuse_limiter_reserve(self.at(), n, now, max_wait, taken) }
    }

    /// How many tokens came back.
    pub(crate) fn cancel(&self, reservation: &trifuse_reservation, now: u64) -> u64 {
        let mut given_back = 0;
        // SAFETY: the limiter lives; the reservation is one of `reserve`.
        done(unsafe { sys::trifuse_limiter_cancel(self.at(), reservation, now, &raw mut given_back) });
        given_back
    }

    pub(crate) fn refund(&self, n: u64, now: u64) -> c_int {
        // SAFETY: the limiter lives.
        unsafe { sys::trifuse_limiter_refund(self.at(), n, now) }
    }

    pub(crate) fn debit(&self, n: u64, now: u64) -> c_int {
        // SAFETY: the limiter lives.
        unsafe { sys::trifuse_limiter_debit(self.at(), n, now) }
    }

    pub(crate) fn set_rate(&self, config: &trifuse_limiter_config, now: u64) -> Result<(), ConfigError> {
        // SAFETY: the limiter lives; the structs carry their size.
        refused(|error| unsafe { sys::trifuse_limiter_set_rate(self.at(), config, now, error) })
    }

    pub(crate) fn set_permits(&self, permits: u64, now: u64) -> Result<(), ConfigError> {
        // SAFETY: the limiter lives; the error carries its size.
        refused(|error| unsafe { sys::trifuse_limiter_set_permits(self.at(), permits, now, error) })
    }

    pub(crate) fn available(&self, now: u64) -> u64 {
        // SAFETY: the limiter lives.
        unsafe { sys::trifuse_limiter_available(self.at(), now) }
    }

    pub(crate) fn snapshot(&self, now: u64) -> sys::trifuse_limiter_snapshot {
        let mut snapshot = zeroed_with_size!(sys::trifuse_limiter_snapshot);
        // SAFETY: the limiter lives; the snapshot carries its size.
        done(unsafe { sys::trifuse_limiter_get_snapshot(self.at(), now, &raw mut snapshot) });
        snapshot
    }
}

impl RawConcurrency {
    #[inline]
    pub(crate) fn try_acquire(&self) -> bool {
        // SAFETY: the object lives.
        let result = unsafe { sys::trifuse_concurrency_try_acquire(self.at()) };
        done(result);
        result == sys::TRIFUSE_OK
    }

    #[inline]
    pub(crate) fn release(&self, outcome: u32, duration: u64) {
        // SAFETY: the object lives.
        done(unsafe { sys::trifuse_concurrency_release(self.at(), outcome, duration) });
    }

    pub(crate) fn set_limit(&self, limit: u32) -> Result<(), ConfigError> {
        // SAFETY: the object lives; the error carries its size.
        refused(|error| unsafe { sys::trifuse_concurrency_set_limit(self.at(), limit, error) })
    }

    pub(crate) fn limit(&self) -> u32 {
        // SAFETY: the object lives.
        unsafe { sys::trifuse_concurrency_limit(self.at()) }
    }

    pub(crate) fn in_flight(&self) -> u64 {
        // SAFETY: the object lives.
        unsafe { sys::trifuse_concurrency_in_flight(self.at()) }
    }

    pub(crate) fn snapshot(&self) -> sys::trifuse_concurrency_snapshot {
        let mut snapshot = zeroed_with_size!(sys::trifuse_concurrency_snapshot);
        // SAFETY: the object lives; the snapshot carries its size.
        done(unsafe { sys::trifuse_concurrency_get_snapshot(self.at(), &raw mut snapshot) });
        snapshot
    }
}
