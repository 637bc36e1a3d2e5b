// SPDX-License-Identifier: MIT OR Apache-2.0
//! Histories of the other policies: their objects, and the steps that are no operation.
use std::collections::HashMap;
use std::ffi::c_int;

use serde_json::{Map, Value, json};
use trifuse_sys::*;

use crate::config::check_error;
use crate::expect::{Given, check, real};
use crate::keys::Keys;
use crate::object_config::{configured, wide};
use crate::object_members::{Members, check_members};
use crate::steps::text;
use crate::world::{self, empty};

/// Objects and kept structs by name.
pub struct Objects {
    pub kind: String,
    pub objects: HashMap<String, Object>,
    pub kept: HashMap<String, Kept>,
    pub what: String,
}

/// A struct that a later step hands back.
pub enum Kept {
    Reservation(trifuse_reservation),
    Call(trifuse_retry_call),
}

/// The kinds, their constructors and their configurations, in one place.
macro_rules! kinds {
    ($($name:literal $variant:ident $type:ident $config:ident $new:ident $free:ident $check:ident;)*) => {
        /// An object of the core, freed at the end of its history.
        pub enum Object {
            $($variant(*mut $type),)*
        }

        impl Drop for Object {
            fn drop(&mut self) {
                // SAFETY: made by the core's `_new`; nobody uses it any more.
                unsafe {
                    match self {
                        $(Self::$variant(at) => $free(*at),)*
                    }
                }
            }
        }

        impl Objects {
            /// Makes an object, or only checks the configuration (`now` is `None`).
            fn make(&self, kind: &str, config: &Value, now: Option<u64>) -> (c_int, trifuse_config_error, Option<Object>) {
                let mut error = empty!(trifuse_config_error);
                // SAFETY: the structs carry their sizes.
                unsafe {
                    match kind {
                        $($name => {
                            let config: $config = configured(kind, config, &self.what);
                            let Some(now) = now else {
                                return ($check(&raw const config, &raw mut error), error, None);
                            };
                            let mut at = std::ptr::null_mut();
                            let result = $new(&raw const config, now, &raw mut error, &raw mut at);
                            (result, error, (!at.is_null()).then_some(Object::$variant(at)))
                        })*
                        _ => panic!("{}: unknown object {kind}", self.what),
                    }
                }
            }

            fn preset(&self, kind: &str, config: &Value, expect: &mut Keys) {
                match kind {
                    $($name => {
                        let config: $config = configured(kind, config, &self.what);
                        check_members(expect, &config, &self.what);
                    })*
                    _ => panic!("{}: unknown object {kind}", self.what),
                }
            }
        }
    };
}

kinds! {
    "limiter" Limiter trifuse_limiter trifuse_limiter_config trifuse_limiter_new trifuse_limiter_free trifuse_limiter_config_check;
    "concurrency" Concurrency trifuse_concurrency trifuse_concurrency_config trifuse_concurrency_new trifuse_concurrency_free trifuse_concurrency_config_check;
    "retry" Retry trifuse_retry trifuse_retry_config trifuse_retry_new trifuse_retry_free trifuse_retry_config_check;
    "retry_budget" Budget trifuse_retry_budget trifuse_retry_budget_config trifuse_retry_budget_new trifuse_retry_budget_free trifuse_retry_budget_config_check;
    "throttle" Throttle trifuse_throttle trifuse_throttle_config trifuse_throttle_new trifuse_throttle_free trifuse_throttle_config_check;
    "histogram" Histogram trifuse_histogram trifuse_histogram_config trifuse_histogram_new trifuse_histogram_free trifuse_histogram_config_check;
    "hedge" Hedge trifuse_hedge trifuse_hedge_config trifuse_hedge_new trifuse_hedge_free trifuse_hedge_config_check;
}

/// Replays a history with an `object`; returns how many steps it had.
pub fn replay(history: &Value, what: &str) -> usize {
    let mut keys = Keys::of(history, what);
    let kind = keys.text("object");
    let (objects, kept) = (HashMap::new(), HashMap::new());
    let mut world = Objects { kind: kind.clone(), objects, kept, what: what.to_owned() };
    keys.text("name");
    assert!(!keys.list("ids").is_empty(), "{what}: no ids");
    keys.take("why");
    let now = keys.integer("now", Some(1));
    if let Some(config) = keys.take("config") {
        let (result, error, main) = world.make(&kind, &config, Some(now));
        assert_eq!(result, TRIFUSE_OK, "{what}: {}", world::name("field", error.field));
        world.objects.insert("main".to_owned(), main.expect("made"));
    }
    let steps = keys.list("steps");
    keys.done();
    assert!(!steps.is_empty(), "{what}: no steps");
    for (number, step) in steps.iter().enumerate() {
        world.what = format!("{what}: step {} {}", number + 1, step["op"]);
        world.step(step);
    }
    steps.len()
}

impl Objects {
    fn step(&mut self, step: &Value) {
        let mut keys = Keys::of(step, &self.what);
        keys.take("why");
        let expect = keys.take("expect").unwrap_or_else(|| json!({}));
        let mut expect = Keys::of(&expect, &self.what);
        match step["op"].as_str().expect("an op") {
            "create" | "config_check" => self.create(&mut keys, &mut expect),
            "preset" => {
                let kind = self.object_kind(&mut keys);
                keys.text("op");
                self.preset(&kind, &Value::Object(std::mem::take(&mut keys.map)), &mut expect);
            }
            "set" => self.set(&mut keys),
            "text" => {
                keys.text("op");
                text(&mut keys, &self.what);
            }
            _ => return self.repeated(step),
        }
        keys.done();
        expect.done();
    }

    pub fn object_kind(&self, keys: &mut Keys) -> String {
        keys.take("object").map_or(self.kind.clone(), |kind| kind.as_str().expect("a kind").to_owned())
    }

    fn create(&mut self, keys: &mut Keys, expect: &mut Keys) {
        let kind = self.object_kind(keys);
        let now = (keys.text("op") == "create").then(|| keys.integer("now", Some(1)));
        let config = keys.take("config").expect("a config");
        let (result, error, made) = self.make(&kind, &config, now);
        self.result(expect, result);
        self.error(expect, &error);
        if let Some(name) = keys.take("as") {
            self.objects.insert(name.as_str().expect("a name").to_owned(), made.expect("made"));
        }
    }

    fn set(&mut self, keys: &mut Keys) {
        keys.text("op");
        let (name, members) = (keys.text("kept"), keys.take("members").expect("members"));
        let kept = self.kept.get_mut(&name).unwrap_or_else(|| panic!("{}: nothing kept: {name}", self.what));
        for (name, value) in members.as_object().expect("members") {
            match kept {
                Kept::Reservation(kept) => kept.set(name, value, &self.what),
                Kept::Call(kept) => kept.set(name, value, &self.what),
            }
        }
    }

    /// An operation, `times` times, some arguments rising.
    fn repeated(&mut self, step: &Value) {
        let mut plain: Map<String, Value> = step.as_object().expect("a step").clone();
        plain.remove("why");
        let times = plain.remove("times").map_or(1, |times| wide(&times));
        let rising = plain.remove("rising").unwrap_or_else(|| json!({}));
        let mut expect = plain.remove("expect").unwrap_or_else(|| json!({}));
        let tally = expect.as_object_mut().expect("expectations").remove("tally");
        assert!(times >= 1 && (tally.is_none() || expect.get("result").is_none()), "{}", self.what);
        let mut counted: HashMap<String, u64> = HashMap::new();
        for time in 0..times {
            let mut now = plain.clone();
            for (name, by) in rising.as_object().expect("arguments that rise") {
                let at = now.get_mut(name).unwrap_or_else(|| panic!("{}: unknown keys: {name}", self.what));
                *at = json!(wide(at) + wide(by) * time);
            }
            let (mut keys, mut expect) =
                (Keys::of(&Value::Object(now), &self.what), Keys::of(&expect, &self.what));
            match self.operation(&mut keys, &mut expect) {
                Some(result) if tally.is_some() => {
                    *counted.entry(world::result_name(result)).or_default() += 1
                }
                Some(result) => self.result(&mut expect, result),
                None => (),
            }
            keys.done();
            expect.done();
        }
        self.count(tally.as_ref(), &counted);
    }

    fn count(&self, tally: Option<&Value>, counted: &HashMap<String, u64>) {
        let Some(tally) = tally.map(|tally| tally.as_object().expect("a tally")) else { return };
        for (name, expected) in tally {
            let given = counted.get(name).copied().unwrap_or(0);
            check(expected, &Given::Integer(given), &format!("{}: tally of {name}", self.what));
        }
        let unlisted: Vec<_> = counted.keys().filter(|name| !tally.contains_key(*name)).collect();
        assert!(unlisted.is_empty(), "{}: also {unlisted:?}", self.what);
    }

    fn result(&self, expect: &mut Keys, result: c_int) {
        let expected = expect.take("result").unwrap_or_else(|| json!("ok"));
        check(&expected, &Given::Text(world::result_name(result)), &format!("{}: result", self.what));
    }

    pub fn error(&self, expect: &mut Keys, error: &trifuse_config_error) {
        if let Some(expected) = expect.take("error") {
            check_error(&expected, error, &format!("{}: error", self.what));
        }
    }

    /// An integer that a call wrote; where it is not listed it is 0, unless the call was a mistake.
    pub fn out(&self, expect: &mut Keys, name: &str, value: u64, result: c_int) {
        let expected = match expect.take(name) {
            Some(expected) => expected,
            None if result < 0 => return,
            None => json!(0),
        };
        check(&expected, &Given::Integer(value), &format!("{}: {name}", self.what));
    }

    pub fn f64(&self, keys: &mut Keys, name: &str) -> f64 {
        real(&keys.take(name).unwrap_or_else(|| panic!("{}: no {name}", self.what)))
    }

    pub fn u64(&self, keys: &mut Keys, name: &str, otherwise: Option<u64>) -> u64 {
        match (keys.take(name), otherwise) {
            (Some(value), _) => wide(&value),
            (None, Some(otherwise)) => otherwise,
            (None, None) => panic!("{}: no {name}", self.what),
        }
    }

    pub fn now(&self, keys: &mut Keys) -> u64 {
        let now = self.u64(keys, "now", None);
        assert!(now >= 1, "{}: now starts at 1", self.what);
        now
    }
}
