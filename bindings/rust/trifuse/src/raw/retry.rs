// SPDX-License-Identifier: MIT OR Apache-2.0
//! Retries and their budget of the core, owned.
use std::ffi::c_int;
use std::ptr::null_mut;

use sys::{trifuse_retry_call, trifuse_retry_config};
use trifuse_sys as sys;

use super::config::{refused, zeroed_with_size};
use super::object::{done, object};
use crate::error::ConfigError;

object! {
    /// What is known of the retries of one kind of call.
    RawRetry, trifuse_retry, trifuse_retry_config, trifuse_retry_new, trifuse_retry_free,
    trifuse_retry_config_check, trifuse_retry_config_init(preset)
}

object! {
    /// A retry budget.
    RawBudget, trifuse_retry_budget, trifuse_retry_budget_config, trifuse_retry_budget_new,
    trifuse_retry_budget_free, trifuse_retry_budget_config_check, trifuse_retry_budget_config_init()
}

/// What a failed attempt is judged by, besides the configuration.
pub(crate) struct Failed<'a> {
    pub(crate) budget: Option<&'a RawBudget>,
    /// The server's word, `TRIFUSE_NEVER` if none.
    pub(crate) retry_after: u64,
    /// The caller's own delay, `TRIFUSE_NEVER` if none.
    pub(crate) own_delay: u64,
    pub(crate) now: u64,
}

impl RawRetry {
    #[inline]
    pub(crate) fn begin(&self, now: u64) -> trifuse_retry_call {
        let mut call = zeroed_with_size!(trifuse_retry_call);
        // SAFETY: the object lives; the call carries its size.
        done(unsafe { sys::trifuse_retry_begin(self.at(), now, &raw mut call) });
        call
    }

    /// A result and, if it may be tried again, the delay.
    pub(crate) fn next(&self, call: &mut trifuse_retry_call, failed: &Failed<'_>, delay: &mut u64) -> c_int {
        let budget = failed.budget.map_or(null_mut(), RawBudget::at);
        // SAFETY: the objects live, a NULL budget is allowed; the call is one of `begin`.
        unsafe {
            sys::trifuse_retry_next(
                self.at(),
                budget,
                call,
                failed.retry_after,
                failed.own_delay,
                failed.now,
                delay,
            )
        }
    }

    #[inline]
    pub(crate) fn settle(&self, retries: u32, ok: bool) {
        // SAFETY: the object lives.
        done(unsafe { sys::trifuse_retry_settle(self.at(), retries, c_int::from(ok)) });
    }

    pub(crate) fn reconfigure(&self, config: &trifuse_retry_config) -> Result<(), ConfigError> {
        // SAFETY: the object lives; the structs carry their size.
        refused(|error| unsafe { sys::trifuse_retry_reconfigure(self.at(), config, error) })
    }

    pub(crate) fn snapshot(&self) -> sys::trifuse_retry_snapshot {
        let mut snapshot = zeroed_with_size!(sys::trifuse_retry_snapshot);
        // SAFETY: the object lives; the snapshot carries its size.
        done(unsafe { sys::trifuse_retry_get_snapshot(self.at(), &raw mut snapshot) });
        snapshot
    }
}

/// The core's own longest time, against which the constant function of this crate is tested.
#[cfg(test)]
pub(crate) fn max_total(config: &trifuse_retry_config, attempt_timeout: u64) -> Result<u64, ConfigError> {
    let mut total = 0;
    // SAFETY: the structs carry their size; `total` is a place for one u64.
    refused(|error| unsafe { sys::trifuse_retry_max_total(config, attempt_timeout, &raw mut total, error) })?;
    Ok(total)
}

impl RawBudget {
    #[inline]
    pub(crate) fn deposit(&self, now: u64) {
        // SAFETY: the object lives.
        done(unsafe { sys::trifuse_retry_budget_deposit(self.at(), now) });
    }

    pub(crate) fn try_withdraw(&self, now: u64) -> bool {
        // SAFETY: the object lives.
        let result = unsafe { sys::trifuse_retry_budget_try_withdraw(self.at(), now) };
        done(result);
        result == sys::TRIFUSE_OK
    }

    pub(crate) fn snapshot(&self, now: u64) -> sys::trifuse_retry_budget_snapshot {
        let mut snapshot = zeroed_with_size!(sys::trifuse_retry_budget_snapshot);
        // SAFETY: the object lives; the snapshot carries its size.
        done(unsafe { sys::trifuse_retry_budget_get_snapshot(self.at(), now, &raw mut snapshot) });
        snapshot
    }
}
