// SPDX-License-Identifier: MIT OR Apache-2.0
//! The operations of retries, budgets, throttles, histograms and hedges.
use std::ffi::c_int;

use serde_json::Value;
use trifuse_sys::*;

use crate::keys::Keys;
use crate::object_config::small;
use crate::object_members::{Members, check_members};
use crate::objects::{Kept, Object, Objects};
use crate::operations::{FILTH, snapshot};
use crate::world::empty;

impl Objects {
    pub fn retry(&mut self, op: &str, at: *mut trifuse_retry, keys: &mut Keys, expect: &mut Keys) -> c_int {
        let mut error = empty!(trifuse_config_error);
        // SAFETY: the object lives; the structs carry their sizes.
        unsafe {
            match op {
                "begin" => {
                    let mut call = trifuse_retry_call::empty();
                    let result = trifuse_retry_begin(at, self.now(keys), &raw mut call);
                    check_members(expect, &call, &self.what);
                    self.keep(keys, Kept::Call(call));
                    result
                }
                "next" => self.next(at, keys, expect),
                "settle" => {
                    let retries = small("retries", &keys.take("retries").expect("retries"));
                    let ok = small("ok", &keys.take("ok").expect("ok"));
                    trifuse_retry_settle(at, retries, ok as c_int)
                }
                "reconfigure" => {
                    let config: trifuse_retry_config = self.given_config("retry", keys);
                    let result = trifuse_retry_reconfigure(at, &raw const config, &raw mut error);
                    self.error(expect, &error);
                    result
                }
                "snapshot" => snapshot!(self, expect, trifuse_retry_snapshot, |picture| {
                    trifuse_retry_get_snapshot(at, picture)
                }),
                _ => self.unknown(op),
            }
        }
    }

    fn next(&mut self, at: *mut trifuse_retry, keys: &mut Keys, expect: &mut Keys) -> c_int {
        let budget = match keys.take("budget") {
            None => std::ptr::null_mut(),
            Some(name) => match self.objects.get(name.as_str().expect("a name")) {
                Some(Object::Budget(budget)) => *budget,
                _ => panic!("{}: no budget {name}", self.what),
            },
        };
        let retry_after = self.u64(keys, "retry_after", Some(TRIFUSE_NEVER));
        let own_delay = self.u64(keys, "own_delay", Some(TRIFUSE_NEVER));
        let (now, name, mut delay) = (self.now(keys), keys.text("call"), FILTH);
        let Some(Kept::Call(call)) = self.kept.get_mut(&name) else {
            panic!("{}: no call {name}", self.what)
        };
        // SAFETY: the objects live; the call carries its size.
        let result =
            unsafe { trifuse_retry_next(at, budget, call, retry_after, own_delay, now, &raw mut delay) };
        let call = *call;
        self.out(expect, "delay_ns", delay, result);
        check_members(expect, &call, &self.what);
        result
    }

    pub fn max_total(&self, keys: &mut Keys, expect: &mut Keys) -> c_int {
        let kind = self.object_kind(keys);
        assert_eq!(kind, "retry", "{}: unknown op", self.what);
        let config: trifuse_retry_config = self.given_config("retry", keys);
        let timeout = self.u64(keys, "attempt_timeout", None);
        let (mut total, mut error) = (FILTH, empty!(trifuse_config_error));
        // SAFETY: the structs carry their sizes.
        let result =
            unsafe { trifuse_retry_max_total(&raw const config, timeout, &raw mut total, &raw mut error) };
        self.out(expect, "total_ns", total, result);
        self.error(expect, &error);
        if result == TRIFUSE_OK {
            self.also_in_rust(&config, timeout, total);
        }
        result
    }

    /// The constant function of the crate gives the same. RETRY-TOTAL-01, RETRY-TOTAL-02
    fn also_in_rust(&self, raw: &trifuse_retry_config, timeout: u64, total: u64) {
        use std::time::Duration;
        let given = trifuse::RetryConfig::DEFAULT
            .with_strategy(trifuse::Strategy::ALL[raw.strategy as usize])
            .with_jitter(trifuse::Jitter::ALL[raw.jitter as usize])
            .with_max_retries(raw.max_retries)
            .with_delay(Duration::from_nanos(raw.delay_ns))
            .with_increment(Duration::from_nanos(raw.increment_ns))
            .with_multiplier(raw.multiplier)
            .with_max_delay(Duration::from_nanos(raw.max_delay_ns))
            .with_max_elapsed((raw.max_elapsed_ns != 0).then(|| Duration::from_nanos(raw.max_elapsed_ns)));
        let known = |ns: u64| (ns != TRIFUSE_NEVER).then(|| Duration::from_nanos(ns));
        assert_eq!(given.max_total_time(known(timeout)), known(total), "{}: in Rust", self.what);
    }

    pub fn budget(
        &self,
        op: &str,
        at: *mut trifuse_retry_budget,
        keys: &mut Keys,
        expect: &mut Keys,
    ) -> c_int {
        let now = self.now(keys);
        // SAFETY: the object lives.
        unsafe {
            match op {
                "deposit" => trifuse_retry_budget_deposit(at, now),
                "try_withdraw" => trifuse_retry_budget_try_withdraw(at, now),
                "snapshot" => snapshot!(self, expect, trifuse_retry_budget_snapshot, |picture| {
                    trifuse_retry_budget_get_snapshot(at, now, picture)
                }),
                _ => self.unknown(op),
            }
        }
    }

    pub fn throttle(&self, op: &str, at: *mut trifuse_throttle, keys: &mut Keys, expect: &mut Keys) -> c_int {
        let now = self.now(keys);
        // SAFETY: the object lives.
        unsafe {
            match op {
                "try_acquire" => trifuse_throttle_try_acquire(at, now),
                "accept" => trifuse_throttle_accept(at, now),
                "snapshot" => snapshot!(self, expect, trifuse_throttle_snapshot, |picture| {
                    trifuse_throttle_get_snapshot(at, now, picture)
                }),
                _ => self.unknown(op),
            }
        }
    }

    pub fn histogram(
        &self,
        op: &str,
        at: *mut trifuse_histogram,
        keys: &mut Keys,
        expect: &mut Keys,
    ) -> c_int {
        let now = self.now(keys);
        // SAFETY: the objects live.
        unsafe {
            match op {
                "record" => trifuse_histogram_record(at, self.u64(keys, "value", None), now),
                "quantile" => {
                    let (quantile, mut value) = (self.f64(keys, "quantile"), FILTH);
                    let result = trifuse_histogram_quantile(at, quantile, now, &raw mut value);
                    self.out(expect, "value_ns", value, result);
                    result
                }
                "merge" => {
                    let from = match keys.take("from").map(|name| name.as_str().expect("a name").to_owned()) {
                        None => std::ptr::null_mut(),
                        Some(name) => match self.objects.get(&name) {
                            Some(Object::Histogram(from)) => *from,
                            _ => panic!("{}: no histogram {name}", self.what),
                        },
                    };
                    trifuse_histogram_merge(at, from, now)
                }
                "snapshot" => snapshot!(self, expect, trifuse_histogram_snapshot, |picture| {
                    trifuse_histogram_get_snapshot(at, now, picture)
                }),
                _ => self.unknown(op),
            }
        }
    }

    pub fn hedge(&self, op: &str, at: *mut trifuse_hedge, expect: &mut Keys) -> c_int {
        // SAFETY: the object lives.
        unsafe {
            match op {
                "deposit" => trifuse_hedge_deposit(at),
                "try_withdraw" => trifuse_hedge_try_withdraw(at),
                "snapshot" => snapshot!(self, expect, trifuse_hedge_snapshot, |picture| {
                    trifuse_hedge_get_snapshot(at, picture)
                }),
                _ => self.unknown(op),
            }
        }
    }

    /// Every operation of the table is known here, and no other.
    pub fn known(table: &Value) -> usize {
        let known = [
            ("limiter", "available cancel debit refund reserve set_permits set_rate snapshot try_acquire"),
            ("concurrency", "in_flight limit release set_limit snapshot try_acquire"),
            ("retry", "begin max_total next reconfigure settle snapshot"),
            ("retry_budget", "deposit snapshot try_withdraw"),
            ("throttle", "accept snapshot try_acquire"),
            ("histogram", "merge quantile record snapshot"),
            ("hedge", "deposit snapshot try_withdraw"),
        ];
        let kinds = table.as_object().expect("kinds");
        assert_eq!(kinds.len(), known.len(), "the kinds of policies.json");
        for (kind, ops) in known {
            let mut listed: Vec<_> = ["operations", "functions"]
                .iter()
                .filter_map(|sort| kinds[kind].get(sort)?.as_object())
                .flat_map(|ops| ops.keys().map(String::as_str))
                .collect();
            listed.sort_unstable();
            assert_eq!(listed.join(" "), ops, "the operations of a {kind} in policies.json");
        }
        known.len()
    }
}
