// SPDX-License-Identifier: MIT OR Apache-2.0
//! Steps that guard, steer and read a breaker.
use std::ffi::c_int;

use serde_json::Value;
use trifuse_sys::*;

use crate::expect::{Given, check};
use crate::keys::Keys;
use crate::members::check_snapshot;
use crate::steps::World;
use crate::world::{self, empty};

type Steer = unsafe extern "C" fn(*mut trifuse_breaker, u64, *mut trifuse_breaker_event) -> c_int;

impl World {
    pub fn acquire(&mut self, keys: &mut Keys, expect: &mut Keys) {
        let (breaker, now) = (self.breaker(keys), keys.integer("now", None));
        let (mut permit, mut event) = (0, empty!(trifuse_breaker_event));
        // SAFETY: the breaker lives; the event carries its size.
        let result = unsafe { trifuse_breaker_try_acquire(breaker, now, &raw mut permit, &raw mut event) };
        self.result(expect, result);
        let retry_after = expect.take("retry_after_ns");
        if result == TRIFUSE_OK {
            assert!(permit != 0 && event.retry_after_ns == 0, "{}: {permit} {event:?}", self.what);
        } else {
            assert_eq!(permit, 0, "{}: refused with a permit", self.what);
            let expected = retry_after.unwrap_or_else(|| panic!("{}: no retry_after_ns", self.what));
            check(
                &expected,
                &Given::Integer(event.retry_after_ns),
                &format!("{}: retry_after_ns", self.what),
            );
        }
        self.event(expect, &event);
        if let Some(name) = keys.take("as") {
            self.permits.insert(name.as_str().expect("a name").to_owned(), permit);
        }
    }

    pub fn report(&mut self, keys: &mut Keys, expect: &mut Keys) {
        let (breaker, permit, outcome) = (self.breaker(keys), self.permit(keys), self.outcome(keys));
        let (duration, now) = (keys.integer("duration", Some(0)), keys.integer("now", None));
        let mut event = empty!(trifuse_breaker_event);
        // SAFETY: as above.
        let result =
            unsafe { trifuse_breaker_report(breaker, permit, outcome, duration, now, &raw mut event) };
        self.result(expect, result);
        self.event(expect, &event);
    }

    pub fn outcome(&self, keys: &mut Keys) -> u32 {
        let name = keys.text("outcome");
        world::value("outcome", &name).unwrap_or_else(|| panic!("{}: unknown outcome {name}", self.what))
    }

    pub fn call(&mut self, keys: &mut Keys, expect: &mut Keys) {
        let (breaker, outcome) = (self.breaker(keys), self.outcome(keys));
        let (duration, first) = (keys.integer("duration", Some(0)), keys.integer("now", None));
        let (times, every) = (keys.integer("times", Some(1)), keys.integer("every", Some(0)));
        for round in 0..times {
            let (now, mut permit) = (first + round * every, 0);
            let mut event = empty!(trifuse_breaker_event);
            // SAFETY: as above.
            unsafe {
                let result = trifuse_breaker_try_acquire(breaker, now, &raw mut permit, &raw mut event);
                assert_eq!((result, event.flags), (TRIFUSE_OK, 0), "{}: acquire {round}", self.what);
                let result = trifuse_breaker_report(breaker, permit, outcome, duration, now, &raw mut event);
                if round + 1 == times {
                    self.result(expect, result);
                    self.event(expect, &event);
                } else {
                    assert_eq!((result, event.flags), (TRIFUSE_OK, 0), "{}: report {round}", self.what);
                }
            }
        }
    }

    pub fn extend(&mut self, op: &str, keys: &mut Keys, expect: &mut Keys) {
        let (breaker, permit) = (self.breaker(keys), self.permit(keys));
        // SAFETY: the breaker lives.
        let result = unsafe {
            match op {
                "renew" => trifuse_breaker_renew(breaker, permit, keys.integer("now", None)),
                _ => trifuse_breaker_reenter(breaker, permit),
            }
        };
        self.result(expect, result);
    }

    pub fn trip(&mut self, keys: &mut Keys, expect: &mut Keys) {
        let (breaker, now, wait) =
            (self.breaker(keys), keys.integer("now", None), keys.integer("wait", Some(0)));
        let mut event = empty!(trifuse_breaker_event);
        // SAFETY: as above.
        let result = unsafe { trifuse_breaker_trip(breaker, now, wait, &raw mut event) };
        self.result(expect, result);
        self.event(expect, &event);
    }

    pub fn steer(&mut self, call: Steer, keys: &mut Keys, expect: &mut Keys) {
        let (breaker, now) = (self.breaker(keys), keys.integer("now", None));
        let mut event = empty!(trifuse_breaker_event);
        // SAFETY: as above.
        let result = unsafe { call(breaker, now, &raw mut event) };
        self.result(expect, result);
        self.event(expect, &event);
    }

    pub fn snapshot(&mut self, keys: &mut Keys, expect: &mut Keys) {
        let (breaker, now) = (self.breaker(keys), keys.integer("now", None));
        let mut snapshot = empty!(trifuse_breaker_snapshot);
        // SAFETY: as above.
        let result = unsafe { trifuse_breaker_get_snapshot(breaker, now, &raw mut snapshot) };
        self.result(expect, result);
        check_snapshot(&Value::Object(std::mem::take(&mut expect.map)), &snapshot, &self.what);
    }

    pub fn state(&mut self, keys: &mut Keys, expect: &mut Keys) {
        let breaker = self.breaker(keys);
        // SAFETY: the breaker lives.
        let (state, generation) =
            unsafe { (trifuse_breaker_state(breaker), trifuse_breaker_generation(breaker)) };
        if let Some(expected) = expect.take("state") {
            check(
                &expected,
                &Given::text(world::name("state", state as u32)),
                &format!("{}: state", self.what),
            );
        }
        if let Some(expected) = expect.take("generation") {
            check(&expected, &Given::Integer(generation), &format!("{}: generation", self.what));
        }
    }
}
