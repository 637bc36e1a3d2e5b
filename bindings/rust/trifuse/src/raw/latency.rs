// SPDX-License-Identifier: MIT OR Apache-2.0
//! Throttle, histogram and hedge budget of the core, owned.
use trifuse_sys as sys;

use super::config::{refused, zeroed_with_size};
use super::object::{done, object};
use crate::error::ConfigError;

object! {
    /// An adaptive throttle.
    RawThrottle, trifuse_throttle, trifuse_throttle_config, trifuse_throttle_new, trifuse_throttle_free,
    trifuse_throttle_config_check, trifuse_throttle_config_init()
}

object! {
    /// A histogram of durations.
    RawHistogram, trifuse_histogram, trifuse_histogram_config, trifuse_histogram_new, trifuse_histogram_free,
    trifuse_histogram_config_check, trifuse_histogram_config_init()
}

object! {
    /// A hedge budget.
    RawHedge, trifuse_hedge, trifuse_hedge_config, trifuse_hedge_new, trifuse_hedge_free,
    trifuse_hedge_config_check, trifuse_hedge_config_init()
}

impl RawThrottle {
    pub(crate) fn try_acquire(&self, now: u64) -> bool {
        // SAFETY: the object lives.
        let result = unsafe { sys::trifuse_throttle_try_acquire(self.at(), now) };
        done(result);
        result == sys::TRIFUSE_OK
    }

    pub(crate) fn accept(&self, now: u64) {
        // SAFETY: the object lives.
        done(unsafe { sys::trifuse_throttle_accept(self.at(), now) });
    }

    pub(crate) fn snapshot(&self, now: u64) -> sys::trifuse_throttle_snapshot {
        let mut snapshot = zeroed_with_size!(sys::trifuse_throttle_snapshot);
        // SAFETY: the object lives; the snapshot carries its size.
        done(unsafe { sys::trifuse_throttle_get_snapshot(self.at(), now, &raw mut snapshot) });
        snapshot
    }
}

impl RawHistogram {
    pub(crate) fn record(&self, value: u64, now: u64) {
        // SAFETY: the object lives.
        done(unsafe { sys::trifuse_histogram_record(self.at(), value, now) });
    }

    /// `None` when empty, and for a quantile outside of 0..1.
    pub(crate) fn quantile(&self, quantile: f64, now: u64) -> Option<u64> {
        let mut value = 0;
        // SAFETY: the object lives; `value` is a place for one u64.
        let result = unsafe { sys::trifuse_histogram_quantile(self.at(), quantile, now, &raw mut value) };
        (result == sys::TRIFUSE_OK).then_some(value)
    }

    pub(crate) fn merge(&self, from: &Self, now: u64) {
        // SAFETY: both objects live.
        done(unsafe { sys::trifuse_histogram_merge(self.at(), from.at(), now) });
    }

    pub(crate) fn snapshot(&self, now: u64) -> sys::trifuse_histogram_snapshot {
        let mut snapshot = zeroed_with_size!(sys::trifuse_histogram_snapshot);
        // SAFETY: the object lives; the snapshot carries its size.
        done(unsafe { sys::trifuse_histogram_get_snapshot(self.at(), now, &raw mut snapshot) });
        snapshot
    }
}

impl RawHedge {
    pub(crate) fn deposit(&self) {
        // SAFETY: the object lives.
        done(unsafe { sys::trifuse_hedge_deposit(self.at()) });
    }

    pub(crate) fn try_withdraw(&self) -> bool {
        // SAFETY: the object lives.
        let result = unsafe { sys::trifuse_hedge_try_withdraw(self.at()) };
        done(result);
        result == sys::TRIFUSE_OK
    }

    pub(crate) fn snapshot(&self) -> sys::trifuse_hedge_snapshot {
        let mut snapshot = zeroed_with_size!(sys::trifuse_hedge_snapshot);
        // SAFETY: the object lives; the snapshot carries its size.
        done(unsafe { sys::trifuse_hedge_get_snapshot(self.at(), &raw mut snapshot) });
        snapshot
    }
}
