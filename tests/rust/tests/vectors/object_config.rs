// SPDX-License-Identifier: MIT OR Apache-2.0
//! Configurations of the other policies as vectors write them.
use serde_json::Value;
use trifuse_sys::*;

use crate::config::kind_of;
use crate::keys::Keys;
use crate::object_members::Members;
use crate::world;

/// The core's own defaults of a kind, by `preset` or `algorithm` where it has one.
fn initial<T: Members>(kind: &str, keys: &mut Keys) -> T {
    let mut config = T::empty();
    let (at, size) = ((&raw mut config).cast::<std::ffi::c_void>(), size_of::<T>());
    let mut named = |key: &str, otherwise: &str| {
        let text = keys.map.get(key).map_or(Some(otherwise), Value::as_str).map(str::to_owned);
        if text.is_some() {
            keys.take(key);
        }
        let text = text.unwrap_or_else(|| otherwise.to_owned());
        world::value(key, &text).unwrap_or_else(|| panic!("{text:?} is no {key}"))
    };
    // SAFETY: `config` is a struct of this kind and size.
    let result = unsafe {
        match kind {
            "limiter" => trifuse_limiter_config_init(at.cast(), size, named("preset", "default")),
            "concurrency" => trifuse_concurrency_config_init(at.cast(), size, named("algorithm", "fixed")),
            "retry" => trifuse_retry_config_init(at.cast(), size, named("preset", "default")),
            "retry_budget" => trifuse_retry_budget_config_init(at.cast(), size),
            "throttle" => trifuse_throttle_config_init(at.cast(), size),
            "histogram" => trifuse_histogram_config_init(at.cast(), size),
            "hedge" => trifuse_hedge_config_init(at.cast(), size),
            _ => panic!("unknown object {kind}"),
        }
    };
    assert_eq!(result, TRIFUSE_OK);
    config
}

/// The defaults and the members that change them.
pub fn configured<T: Members>(kind: &str, given: &Value, what: &str) -> T {
    let mut keys = Keys::of(given, what);
    let mut config: T = initial(kind, &mut keys);
    for (name, value) in keys.rest() {
        config.set(&name, &value, what);
    }
    config
}

/// A small integer, or the text of a choice.
pub fn small(name: &str, value: &Value) -> u32 {
    let Some(text) = value.as_str() else {
        let value = value.as_u64().and_then(|value| u32::try_from(value).ok());
        return value.unwrap_or_else(|| panic!("{name} is no 32-bit integer"));
    };
    let kind = kind_of(name).unwrap_or_else(|| panic!("{name} has no names"));
    world::value(kind, text).unwrap_or_else(|| panic!("{text:?} is no {kind}"))
}

pub fn wide(value: &Value) -> u64 {
    if value == "never" {
        TRIFUSE_NEVER
    } else {
        value.as_u64().unwrap_or_else(|| panic!("{value} is no u64"))
    }
}
