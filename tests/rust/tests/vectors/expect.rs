// SPDX-License-Identifier: MIT OR Apache-2.0
//! Expected values: how they are written and when they hold.
use serde_json::Value;

/// What the core gave.
#[derive(Clone, Debug)]
pub enum Given {
    Integer(u64),
    Real(f64),
    Text(String),
}

impl Given {
    pub fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// Fails unless `expected` holds for `given`.
pub fn check(expected: &Value, given: &Given, what: &str) {
    assert!(holds(expected, given, what), "{what}: expected {expected}, got {given:?}");
}

fn holds(expected: &Value, given: &Given, what: &str) -> bool {
    if let Value::Object(bounds) = expected {
        let known = |key: &String| ["min", "max", "near", "within"].contains(&key.as_str());
        assert!(bounds.keys().all(known), "{what}: unknown keys in {expected}");
        return within(expected, given);
    }
    match given {
        Given::Integer(value) if expected == "never" => *value == u64::MAX,
        Given::Integer(value) => expected.as_u64() == Some(*value),
        Given::Real(value) if expected == "nan" => value.is_nan(),
        Given::Real(value) => real(expected).to_bits() == value.to_bits(),
        Given::Text(value) => expected.as_str() == Some(value),
    }
}

fn within(bounds: &Value, given: &Given) -> bool {
    if let (Given::Integer(value), true) = (given, bounds.get("near").is_none()) {
        let bound = |key, otherwise| bounds.get(key).map_or(otherwise, |v| v.as_u64().expect("an integer"));
        return (bound("min", 0)..=bound("max", u64::MAX)).contains(value);
    }
    let value = match given {
        Given::Integer(value) => *value as f64,
        Given::Real(value) => *value,
        Given::Text(_) => return false,
    };
    if let Some(near) = bounds.get("near") {
        return (value - real(near)).abs() <= real(&bounds["within"]);
    }
    let bound = |key, otherwise| bounds.get(key).map_or(otherwise, real);
    (bound("min", f64::NEG_INFINITY)..=bound("max", f64::INFINITY)).contains(&value)
}

/// A real, or the text of one that JSON cannot write.
pub fn real(value: &Value) -> f64 {
    match value.as_str() {
        Some("nan") => f64::NAN,
        Some("inf") => f64::INFINITY,
        Some("-inf") => f64::NEG_INFINITY,
        Some(other) => panic!("{other:?} is no real"),
        None => value.as_f64().unwrap_or_else(|| panic!("{value} is no real")),
    }
}
