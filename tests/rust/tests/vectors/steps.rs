// SPDX-License-Identifier: MIT OR Apache-2.0
//! The steps of a history.
use std::collections::HashMap;
use std::ffi::c_int;

use serde_json::{Map, Value, json};
use trifuse_sys::*;

use crate::config::{self, check_error};
use crate::expect::{Given, check, real};
use crate::members::{check_config, check_design, check_event, check_snapshot};
use crate::world::{self, Breaker, empty};

/// An object of which every key must be taken.
pub struct Keys {
    map: Map<String, Value>,
    what: String,
}

impl Keys {
    pub fn of(value: &Value, what: &str) -> Self {
        let map = value
            .as_object()
            .unwrap_or_else(|| panic!("{what}: {value} is no object"))
            .clone();
        Self {
            map,
            what: what.to_owned(),
        }
    }

    pub fn take(&mut self, key: &str) -> Option<Value> {
        self.map.remove(key)
    }

    pub fn rest(self) -> Map<String, Value> {
        self.map
    }

    pub fn list(&mut self, key: &str) -> Vec<Value> {
        let list = self
            .take(key)
            .unwrap_or_else(|| panic!("{}: no {key}", self.what));
        list.as_array()
            .unwrap_or_else(|| panic!("{}: {key} is no list", self.what))
            .clone()
    }

    fn integer(&mut self, key: &str, otherwise: Option<u64>) -> u64 {
        match self.take(key) {
            Some(value) => value
                .as_u64()
                .unwrap_or_else(|| panic!("{}: {key} = {value}", self.what)),
            None => otherwise.unwrap_or_else(|| panic!("{}: no {key}", self.what)),
        }
    }

    fn text(&mut self, key: &str) -> String {
        let value = self
            .take(key)
            .unwrap_or_else(|| panic!("{}: no {key}", self.what));
        value
            .as_str()
            .unwrap_or_else(|| panic!("{}: {key} = {value}", self.what))
            .to_owned()
    }

    pub fn done(self) {
        let left: Vec<_> = self.map.keys().collect();
        assert!(left.is_empty(), "{}: unknown keys {left:?}", self.what);
    }
}

/// What a step works on.
struct World {
    breakers: HashMap<String, Breaker>,
    permits: HashMap<String, u64>,
    what: String,
}

type Steer = unsafe extern "C" fn(*mut trifuse_breaker, u64, *mut trifuse_breaker_event) -> c_int;

/// Replays a history; returns how many steps it had.
pub fn replay(history: &Value, what: &str) -> usize {
    let mut keys = Keys::of(history, what);
    let mut world = World {
        breakers: HashMap::new(),
        permits: HashMap::new(),
        what: what.to_owned(),
    };
    keys.text("name");
    keys.list("ids");
    keys.take("why");
    let now = keys.integer("now", Some(1));
    if let Some(config) = keys.take("config") {
        let (result, error, main) = world::create(&config::parse(&config, what), now);
        assert_eq!(
            result,
            TRIFUSE_OK,
            "{what}: {}",
            world::name("field", error.field)
        );
        world
            .breakers
            .insert("main".to_owned(), main.expect("made"));
    }
    let steps = keys.list("steps");
    keys.done();
    for (number, step) in steps.iter().enumerate() {
        world.what = format!("{what}: step {} {}", number + 1, step["op"]);
        world.step(step);
    }
    steps.len()
}

impl World {
    fn step(&mut self, step: &Value) {
        let mut keys = Keys::of(step, &self.what);
        let op = keys.text("op");
        keys.take("why");
        let expect = keys.take("expect").unwrap_or_else(|| json!({}));
        let mut expect = Keys::of(&expect, &self.what);
        match op.as_str() {
            "acquire" => self.acquire(&mut keys, &mut expect),
            "report" => self.report(&mut keys, &mut expect),
            "call" => self.call(&mut keys, &mut expect),
            "renew" | "reenter" => self.extend(&op, &mut keys, &mut expect),
            "trip" => self.trip(&mut keys, &mut expect),
            "reset" => self.steer(trifuse_breaker_reset, &mut keys, &mut expect),
            "close" => self.steer(trifuse_breaker_close, &mut keys, &mut expect),
            "force_open" => self.steer(trifuse_breaker_force_open, &mut keys, &mut expect),
            "disable" => self.steer(trifuse_breaker_disable, &mut keys, &mut expect),
            "metrics_only" => self.steer(trifuse_breaker_metrics_only, &mut keys, &mut expect),
            "reconfigure" => self.reconfigure(&mut keys, &mut expect),
            "create" => self.create(&mut keys, &mut expect),
            "snapshot" => self.snapshot(&mut keys, &mut expect),
            "state" => self.state(&mut keys, &mut expect),
            "get_config" => self.get_config(&mut keys, &mut expect),
            "preset" => self.preset(&mut keys, &mut expect),
            "config_check" => self.config_check(&mut keys, &mut expect),
            "advise" => self.advise(&mut keys, &mut expect),
            "cusum_solve" => self.cusum_solve(&mut keys, &mut expect),
            "text" => self.text(&mut keys),
            _ => panic!("{}: unknown op {op:?}", self.what),
        }
        keys.done();
        expect.done();
    }

    fn breaker(&self, keys: &mut Keys) -> *mut trifuse_breaker {
        let name = keys.take("on").map_or("main".to_owned(), |on| {
            on.as_str().expect("a name").to_owned()
        });
        self.breakers
            .get(&name)
            .unwrap_or_else(|| panic!("{}: no breaker {name}", self.what))
            .0
    }

    fn permit(&self, keys: &mut Keys) -> u64 {
        let permit = keys
            .take("permit")
            .unwrap_or_else(|| panic!("{}: no permit", self.what));
        match permit.as_str() {
            Some(name) => *self
                .permits
                .get(name)
                .unwrap_or_else(|| panic!("{}: no permit {name}", self.what)),
            None => permit.as_u64().expect("a permit"),
        }
    }

    fn result(&self, expect: &mut Keys, result: c_int) {
        let expected = expect.take("result").unwrap_or_else(|| json!("ok"));
        check(
            &expected,
            &Given::Text(world::result_name(result)),
            &format!("{}: result", self.what),
        );
    }

    fn event(&self, expect: &mut Keys, event: &trifuse_breaker_event) {
        match expect.take("event") {
            Some(expected) => {
                assert_eq!(
                    event.flags, TRIFUSE_EVENT_TRANSITION,
                    "{}: told nothing",
                    self.what
                );
                check_event(&expected, event, &format!("{}: event", self.what));
            }
            None => assert_eq!(event.flags, 0, "{}: told {event:?}", self.what),
        }
    }

    fn error(&self, expect: &mut Keys, error: &trifuse_config_error) {
        if let Some(expected) = expect.take("error") {
            check_error(&expected, error, &format!("{}: error", self.what));
        }
    }

    fn acquire(&mut self, keys: &mut Keys, expect: &mut Keys) {
        let (breaker, now) = (self.breaker(keys), keys.integer("now", None));
        let (mut permit, mut event) = (0, empty!(trifuse_breaker_event));
        // SAFETY: the breaker lives; the event carries its size.
        let result =
            unsafe { trifuse_breaker_try_acquire(breaker, now, &raw mut permit, &raw mut event) };
        self.result(expect, result);
        let retry_after = expect.take("retry_after_ns");
        if result == TRIFUSE_OK {
            assert!(
                permit != 0 && event.retry_after_ns == 0,
                "{}: {permit} {event:?}",
                self.what
            );
        } else {
            assert_eq!(permit, 0, "{}: refused with a permit", self.what);
            let expected =
                retry_after.unwrap_or_else(|| panic!("{}: no retry_after_ns", self.what));
            check(
                &expected,
                &Given::Integer(event.retry_after_ns),
                &format!("{}: retry_after_ns", self.what),
            );
        }
        self.event(expect, &event);
        if let Some(name) = keys.take("as") {
            self.permits
                .insert(name.as_str().expect("a name").to_owned(), permit);
        }
    }

    fn report(&mut self, keys: &mut Keys, expect: &mut Keys) {
        let (breaker, permit, outcome) =
            (self.breaker(keys), self.permit(keys), self.outcome(keys));
        let (duration, now) = (keys.integer("duration", Some(0)), keys.integer("now", None));
        let mut event = empty!(trifuse_breaker_event);
        // SAFETY: as above.
        let result = unsafe {
            trifuse_breaker_report(breaker, permit, outcome, duration, now, &raw mut event)
        };
        self.result(expect, result);
        self.event(expect, &event);
    }

    fn outcome(&self, keys: &mut Keys) -> u32 {
        let name = keys.text("outcome");
        world::value("outcome", &name)
            .unwrap_or_else(|| panic!("{}: unknown outcome {name}", self.what))
    }

    fn call(&mut self, keys: &mut Keys, expect: &mut Keys) {
        let (breaker, outcome) = (self.breaker(keys), self.outcome(keys));
        let (duration, first) = (keys.integer("duration", Some(0)), keys.integer("now", None));
        let (times, every) = (
            keys.integer("times", Some(1)),
            keys.integer("every", Some(0)),
        );
        for round in 0..times {
            let (now, mut permit) = (first + round * every, 0);
            let mut event = empty!(trifuse_breaker_event);
            // SAFETY: as above.
            unsafe {
                let result =
                    trifuse_breaker_try_acquire(breaker, now, &raw mut permit, &raw mut event);
                assert_eq!(
                    (result, event.flags),
                    (TRIFUSE_OK, 0),
                    "{}: acquire {round}",
                    self.what
                );
                let result =
                    trifuse_breaker_report(breaker, permit, outcome, duration, now, &raw mut event);
                if round + 1 == times {
                    self.result(expect, result);
                    self.event(expect, &event);
                } else {
                    assert_eq!(
                        (result, event.flags),
                        (TRIFUSE_OK, 0),
                        "{}: report {round}",
                        self.what
                    );
                }
            }
        }
    }

    fn extend(&mut self, op: &str, keys: &mut Keys, expect: &mut Keys) {
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

    fn trip(&mut self, keys: &mut Keys, expect: &mut Keys) {
        let (breaker, now, wait) = (
            self.breaker(keys),
            keys.integer("now", None),
            keys.integer("wait", Some(0)),
        );
        let mut event = empty!(trifuse_breaker_event);
        // SAFETY: as above.
        let result = unsafe { trifuse_breaker_trip(breaker, now, wait, &raw mut event) };
        self.result(expect, result);
        self.event(expect, &event);
    }

    fn steer(&mut self, call: Steer, keys: &mut Keys, expect: &mut Keys) {
        let (breaker, now) = (self.breaker(keys), keys.integer("now", None));
        let mut event = empty!(trifuse_breaker_event);
        // SAFETY: as above.
        let result = unsafe { call(breaker, now, &raw mut event) };
        self.result(expect, result);
        self.event(expect, &event);
    }

    fn config(&self, keys: &mut Keys) -> trifuse_breaker_config {
        config::parse(&keys.take("config").expect("a config"), &self.what)
    }

    fn reconfigure(&mut self, keys: &mut Keys, expect: &mut Keys) {
        let (breaker, config) = (self.breaker(keys), self.config(keys));
        let (now, mut error) = (keys.integer("now", None), empty!(trifuse_config_error));
        // SAFETY: as above.
        let result =
            unsafe { trifuse_breaker_reconfigure(breaker, &raw const config, now, &raw mut error) };
        self.result(expect, result);
        self.error(expect, &error);
    }

    fn create(&mut self, keys: &mut Keys, expect: &mut Keys) {
        let (result, error, made) = world::create(&self.config(keys), keys.integer("now", Some(1)));
        self.result(expect, result);
        self.error(expect, &error);
        if let Some(name) = keys.take("as") {
            self.breakers.insert(
                name.as_str().expect("a name").to_owned(),
                made.expect("made"),
            );
        }
    }

    fn snapshot(&mut self, keys: &mut Keys, expect: &mut Keys) {
        let (breaker, now) = (self.breaker(keys), keys.integer("now", None));
        let mut snapshot = empty!(trifuse_breaker_snapshot);
        // SAFETY: as above.
        let result = unsafe { trifuse_breaker_get_snapshot(breaker, now, &raw mut snapshot) };
        self.result(expect, result);
        check_snapshot(
            &Value::Object(std::mem::take(&mut expect.map)),
            &snapshot,
            &self.what,
        );
    }

    fn state(&mut self, keys: &mut Keys, expect: &mut Keys) {
        let breaker = self.breaker(keys);
        // SAFETY: the breaker lives.
        let (state, generation) = unsafe {
            (
                trifuse_breaker_state(breaker),
                trifuse_breaker_generation(breaker),
            )
        };
        if let Some(expected) = expect.take("state") {
            check(
                &expected,
                &Given::text(world::name("state", state as u32)),
                &format!("{}: state", self.what),
            );
        }
        if let Some(expected) = expect.take("generation") {
            check(
                &expected,
                &Given::Integer(generation),
                &format!("{}: generation", self.what),
            );
        }
    }

    fn get_config(&mut self, keys: &mut Keys, expect: &mut Keys) {
        let (breaker, mut config) = (self.breaker(keys), empty!(trifuse_breaker_config));
        // SAFETY: as above.
        let result = unsafe { trifuse_breaker_get_config(breaker, &raw mut config) };
        self.result(expect, result);
        check_config(
            &Value::Object(std::mem::take(&mut expect.map)),
            &config,
            &self.what,
        );
    }

    fn preset(&self, keys: &mut Keys, expect: &mut Keys) {
        let config = config::preset(&keys.text("preset"));
        check_config(
            &Value::Object(std::mem::take(&mut expect.map)),
            &config,
            &self.what,
        );
    }

    fn config_check(&self, keys: &mut Keys, expect: &mut Keys) {
        let (config, mut error) = (self.config(keys), empty!(trifuse_config_error));
        // SAFETY: the structs carry their sizes.
        self.result(expect, unsafe {
            trifuse_breaker_config_check(&raw const config, &raw mut error)
        });
        self.error(expect, &error);
    }

    fn advise(&self, keys: &mut Keys, expect: &mut Keys) {
        let (config, mut advice, mut error) =
            (self.config(keys), 0u32, empty!(trifuse_config_error));
        // SAFETY: the structs carry their sizes.
        let result = unsafe {
            trifuse_breaker_config_advise(&raw const config, &raw mut advice, &raw mut error)
        };
        self.result(expect, result);
        self.error(expect, &error);
        let Some(expected) = expect.take("advice") else {
            return;
        };
        let mut bits = 0;
        for name in expected.as_array().expect("a list") {
            let name = name.as_str().expect("a text");
            bits |= world::value("advice", name)
                .unwrap_or_else(|| panic!("{}: no advice {name}", self.what));
        }
        assert_eq!(advice, bits, "{}: advice", self.what);
    }

    fn cusum_solve(&self, keys: &mut Keys, expect: &mut Keys) {
        let (mut design, mut error) = (empty!(trifuse_cusum_design), empty!(trifuse_config_error));
        design.tolerated_rate = real(&keys.take("tolerated_rate").expect("tolerated_rate"));
        design.outage_rate = real(&keys.take("outage_rate").expect("outage_rate"));
        design.false_open_every = real(&keys.take("false_open_every").expect("false_open_every"));
        // SAFETY: the structs carry their sizes.
        self.result(expect, unsafe {
            trifuse_cusum_solve(&raw mut design, &raw mut error)
        });
        self.error(expect, &error);
        check_design(
            &Value::Object(std::mem::take(&mut expect.map)),
            &design,
            &self.what,
        );
    }

    fn text(&self, keys: &mut Keys) {
        let (kind, name) = (keys.text("kind"), keys.text("name"));
        let value = keys
            .take("value")
            .and_then(|value| value.as_i64())
            .expect("a value") as u32;
        assert_eq!(world::text(&kind, value), name, "{}", self.what);
        assert_eq!(world::value(&kind, &name), Some(value), "{}", self.what);
    }
}
