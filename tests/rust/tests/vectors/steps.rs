// SPDX-License-Identifier: MIT OR Apache-2.0
//! The steps of a history.
use std::collections::HashMap;
use std::ffi::c_int;

use serde_json::{Value, json};
use trifuse_sys::*;

use crate::config::{self, check_error};
use crate::expect::{Given, check};
use crate::keys::Keys;
use crate::members::check_event;
use crate::world::{self, Breaker};

/// What a step works on.
pub struct World {
    pub breakers: HashMap<String, Breaker>,
    pub permits: HashMap<String, u64>,
    pub what: String,
}

/// Replays a history; returns how many steps it had.
pub fn replay(history: &Value, what: &str) -> usize {
    let mut keys = Keys::of(history, what);
    let mut world = World { breakers: HashMap::new(), permits: HashMap::new(), what: what.to_owned() };
    keys.text("name");
    keys.list("ids");
    keys.take("why");
    let now = keys.integer("now", Some(1));
    if let Some(config) = keys.take("config") {
        let (result, error, main) = world::create(&config::parse(&config, what), now);
        assert_eq!(result, TRIFUSE_OK, "{what}: {}", world::name("field", error.field));
        world.breakers.insert("main".to_owned(), main.expect("made"));
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
            "text" => text(&mut keys, &self.what),
            _ => panic!("{}: unknown op {op:?}", self.what),
        }
        keys.done();
        expect.done();
    }

    pub fn breaker(&self, keys: &mut Keys) -> *mut trifuse_breaker {
        let name = keys.take("on").map_or("main".to_owned(), |on| on.as_str().expect("a name").to_owned());
        self.breakers.get(&name).unwrap_or_else(|| panic!("{}: no breaker {name}", self.what)).0
    }

    pub fn permit(&self, keys: &mut Keys) -> u64 {
        let permit = keys.take("permit").unwrap_or_else(|| panic!("{}: no permit", self.what));
        match permit.as_str() {
            Some(name) => {
                *self.permits.get(name).unwrap_or_else(|| panic!("{}: no permit {name}", self.what))
            }
            None => permit.as_u64().expect("a permit"),
        }
    }

    pub fn result(&self, expect: &mut Keys, result: c_int) {
        let expected = expect.take("result").unwrap_or_else(|| json!("ok"));
        check(&expected, &Given::Text(world::result_name(result)), &format!("{}: result", self.what));
    }

    pub fn event(&self, expect: &mut Keys, event: &trifuse_breaker_event) {
        match expect.take("event") {
            Some(expected) => {
                assert_eq!(event.flags, TRIFUSE_EVENT_TRANSITION, "{}: told nothing", self.what);
                check_event(&expected, event, &format!("{}: event", self.what));
            }
            None => assert_eq!(event.flags, 0, "{}: told {event:?}", self.what),
        }
    }

    pub fn error(&self, expect: &mut Keys, error: &trifuse_config_error) {
        if let Some(expected) = expect.take("error") {
            check_error(&expected, error, &format!("{}: error", self.what));
        }
    }
}

/// A name of a constant, both ways.
pub fn text(keys: &mut Keys, what: &str) {
    let (kind, name) = (keys.text("kind"), keys.text("name"));
    let value = keys.take("value").and_then(|value| value.as_i64()).expect("a value") as u32;
    assert_eq!(world::text(&kind, value), name, "{what}");
    assert_eq!(world::value(&kind, &name), Some(value), "{what}");
}
