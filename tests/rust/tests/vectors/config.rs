// SPDX-License-Identifier: MIT OR Apache-2.0
//! Configurations and their errors as vectors write them.
use std::ffi::CStr;

use serde_json::Value;
use trifuse_sys::*;

use crate::expect::{Given, check, real};
use crate::keys::Keys;
use crate::members::{Place, place};
use crate::world::{self, empty};

pub fn preset(name: &str) -> trifuse_breaker_config {
    let mut config = empty!(trifuse_breaker_config);
    let value = world::value("preset", name).unwrap_or_else(|| panic!("unknown preset {name:?}"));
    let size = size_of::<trifuse_breaker_config>();
    // SAFETY: a struct of that size.
    assert_eq!(unsafe { trifuse_breaker_config_init(&raw mut config, size, value) }, TRIFUSE_OK);
    config
}

/// A preset and the members that change it.
pub fn parse(given: &Value, what: &str) -> trifuse_breaker_config {
    let mut keys = Keys::of(given, what);
    let name = keys.take("preset");
    let mut config = preset(name.as_ref().map_or("default", |name| name.as_str().expect("a text")));
    for (name, value) in keys.rest() {
        match place(&mut config, &name, what) {
            Place::Small(at) => *at = small(&name, &value),
            Place::Wide(at) => *at = value.as_u64().unwrap_or_else(|| panic!("{what}: {name} = {value}")),
            Place::Real(at) => *at = real(&value),
        }
    }
    config
}

fn small(name: &str, value: &Value) -> u32 {
    let Some(text) = value.as_str() else {
        let value = value.as_u64().and_then(|value| u32::try_from(value).ok());
        return value.unwrap_or_else(|| panic!("{name} is no 32-bit integer"));
    };
    let kind = kind_of(name).unwrap_or_else(|| panic!("{name} has no names"));
    world::value(kind, text).unwrap_or_else(|| panic!("{text:?} is no {kind}"))
}

/// The kind of constant that a member holds.
pub fn kind_of(member: &str) -> Option<&'static str> {
    match member {
        "window_kind" => Some("window"),
        "detector" => Some("detector"),
        "initial_state" | "state" | "from" | "to" => Some("state"),
        "open_jitter" | "jitter" => Some("jitter"),
        "kind" => Some("limiter_kind"),
        "algorithm" => Some("algorithm"),
        "strategy" => Some("strategy"),
        "outcome" => Some("outcome"),
        "cause" => Some("cause"),
        _ => None,
    }
}

/// Compares a refusal of a configuration.
pub fn check_error(expected: &Value, error: &trifuse_config_error, what: &str) {
    let mut keys = Keys::of(expected, what);
    if let Some(field) = keys.take("field") {
        check(&field, &Given::text(world::name("field", error.field)), &format!("{what}: field"));
    }
    let kind = keys.take("value_kind");
    if let Some(kind) = &kind {
        let names = ["none", "integer", "real", "duration"];
        check(kind, &Given::text(names[error.value_kind as usize]), &format!("{what}: value_kind"));
    }
    if let Some(value) = keys.take("value") {
        let kind = kind.unwrap_or_else(|| panic!("{what}: value without value_kind"));
        let given =
            if kind == "real" { Given::Real(error.value_real) } else { Given::Integer(error.value_integer) };
        check(&value, &given, &format!("{what}: value"));
    }
    if let Some(allowed) = keys.take("allowed") {
        let bytes: Vec<u8> = error.allowed.iter().map(|&byte| byte as u8).collect();
        let said = CStr::from_bytes_until_nul(&bytes).expect("ends").to_str().expect("UTF-8");
        for part in allowed.as_array().expect("a list") {
            let part = part.as_str().expect("a text");
            assert!(said.contains(part), "{what}: allowed is {said:?}, which does not say {part:?}");
        }
    }
    keys.done();
}
