// SPDX-License-Identifier: MIT OR Apache-2.0
//! The operations of the other policies, as `policies.json` lists them.
use std::ffi::c_int;

use trifuse_sys::*;

use crate::keys::Keys;
use crate::object_config::{configured, small};
use crate::object_members::{Members, check_members};
use crate::objects::{Kept, Object, Objects};
use crate::world::empty;

/// What an output holds before the call.
pub const FILTH: u64 = 0xA5A5_A5A5_A5A5_A5A5;

/// A snapshot, inside of `unsafe`: filled by `$call` and compared.
macro_rules! snapshot {
    ($self:ident, $expect:ident, $type:ident, |$at:ident| $call:expr) => {{
        let mut picture = <$type>::empty();
        let $at = &raw mut picture;
        let result = $call;
        check_members($expect, &picture, &$self.what);
        result
    }};
}
pub(crate) use snapshot;

impl Objects {
    /// One operation: its result, or `None` where it returns a number, which is compared here.
    pub fn operation(&mut self, keys: &mut Keys, expect: &mut Keys) -> Option<c_int> {
        let op = keys.text("op");
        if op == "max_total" {
            return Some(self.max_total(keys, expect));
        }
        let on = keys.take("on").map_or("main".to_owned(), |on| on.as_str().expect("a name").to_owned());
        let object = self.objects.get(&on).unwrap_or_else(|| panic!("{}: no object {on}", self.what));
        match *object {
            Object::Limiter(at) => self.limiter(&op, at, keys, expect),
            Object::Concurrency(at) => self.concurrency(&op, at, keys, expect),
            Object::Retry(at) => Some(self.retry(&op, at, keys, expect)),
            Object::Budget(at) => Some(self.budget(&op, at, keys, expect)),
            Object::Throttle(at) => Some(self.throttle(&op, at, keys, expect)),
            Object::Histogram(at) => Some(self.histogram(&op, at, keys, expect)),
            Object::Hedge(at) => Some(self.hedge(&op, at, expect)),
        }
    }

    pub fn unknown(&self, op: &str) -> ! {
        panic!("{}: unknown op {op:?}", self.what)
    }

    fn number(&self, expect: &mut Keys, value: u64) -> Option<c_int> {
        assert!(expect.map.contains_key("value"), "{}: a number without an expectation", self.what);
        self.out(expect, "value", value, TRIFUSE_OK);
        None
    }

    pub fn given_config<T: Members>(&self, kind: &str, keys: &mut Keys) -> T {
        configured(kind, &keys.take("config").expect("a config"), &self.what)
    }

    pub fn keep(&mut self, keys: &mut Keys, kept: Kept) {
        if let Some(name) = keys.take("as") {
            self.kept.insert(name.as_str().expect("a name").to_owned(), kept);
        }
    }

    fn limiter(
        &mut self,
        op: &str,
        at: *mut trifuse_limiter,
        keys: &mut Keys,
        expect: &mut Keys,
    ) -> Option<c_int> {
        let (n, now) = (keys.take("n").map(|n| n.as_u64().expect("n")), self.now(keys));
        let n = || n.unwrap_or_else(|| panic!("{}: no n", self.what));
        let (mut out, mut error) = (FILTH, empty!(trifuse_config_error));
        // SAFETY: the limiter lives; the structs carry their sizes.
        let result = unsafe {
            match op {
                "try_acquire" => {
                    let result = trifuse_limiter_try_acquire(at, n(), now, &raw mut out);
                    self.out(expect, "wait_ns", out, result);
                    result
                }
                "reserve" => return Some(self.reserve(at, n(), now, keys, expect)),
                "cancel" => {
                    let name = keys.text("reservation");
                    let Some(Kept::Reservation(kept)) = self.kept.get(&name) else {
                        panic!("{}: no reservation {name}", self.what)
                    };
                    let result = trifuse_limiter_cancel(at, kept, now, &raw mut out);
                    self.out(expect, "given_back", out, result);
                    result
                }
                "refund" => trifuse_limiter_refund(at, n(), now),
                "debit" => trifuse_limiter_debit(at, n(), now),
                "set_rate" => {
                    let config: trifuse_limiter_config = self.given_config("limiter", keys);
                    let result = trifuse_limiter_set_rate(at, &raw const config, now, &raw mut error);
                    self.error(expect, &error);
                    result
                }
                "set_permits" => {
                    let permits = self.u64(keys, "permits", None);
                    let result = trifuse_limiter_set_permits(at, permits, now, &raw mut error);
                    self.error(expect, &error);
                    result
                }
                "available" => return self.number(expect, trifuse_limiter_available(at, now)),
                "snapshot" => snapshot!(self, expect, trifuse_limiter_snapshot, |picture| {
                    trifuse_limiter_get_snapshot(at, now, picture)
                }),
                _ => self.unknown(op),
            }
        };
        Some(result)
    }

    fn reserve(
        &mut self,
        at: *mut trifuse_limiter,
        n: u64,
        now: u64,
        keys: &mut Keys,
        expect: &mut Keys,
    ) -> c_int {
        let max_wait = self.u64(keys, "max_wait", Some(TRIFUSE_NEVER));
        let mut taken = empty!(trifuse_reservation);
        // SAFETY: the limiter lives; the reservation carries its size.
        let result = unsafe { trifuse_limiter_reserve(at, n, now, max_wait, &raw mut taken) };
        check_members(expect, &taken, &self.what);
        self.keep(keys, Kept::Reservation(taken));
        result
    }

    fn concurrency(
        &self,
        op: &str,
        at: *mut trifuse_concurrency,
        keys: &mut Keys,
        expect: &mut Keys,
    ) -> Option<c_int> {
        let mut error = empty!(trifuse_config_error);
        // SAFETY: the object lives; the structs carry their sizes.
        let result = unsafe {
            match op {
                "try_acquire" => trifuse_concurrency_try_acquire(at),
                "release" => {
                    let outcome = small("outcome", &keys.take("outcome").expect("an outcome"));
                    trifuse_concurrency_release(at, outcome, self.u64(keys, "duration", Some(0)))
                }
                "set_limit" => {
                    let limit = small("limit", &keys.take("limit").expect("a limit"));
                    let result = trifuse_concurrency_set_limit(at, limit, &raw mut error);
                    self.error(expect, &error);
                    result
                }
                "limit" => return self.number(expect, u64::from(trifuse_concurrency_limit(at))),
                "in_flight" => return self.number(expect, trifuse_concurrency_in_flight(at)),
                "snapshot" => snapshot!(self, expect, trifuse_concurrency_snapshot, |picture| {
                    trifuse_concurrency_get_snapshot(at, picture)
                }),
                _ => self.unknown(op),
            }
        };
        Some(result)
    }
}
