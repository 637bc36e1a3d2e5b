// SPDX-License-Identifier: MIT OR Apache-2.0
//! Objects of which every key must be known.
use serde_json::{Map, Value};

/// An object of which every key must be taken.
pub struct Keys {
    pub map: Map<String, Value>,
    what: String,
}

impl Keys {
    pub fn of(value: &Value, what: &str) -> Self {
        let map = value.as_object().unwrap_or_else(|| panic!("{what}: {value} is no object")).clone();
        Self { map, what: what.to_owned() }
    }

    pub fn take(&mut self, key: &str) -> Option<Value> {
        self.map.remove(key)
    }

    pub fn rest(self) -> Map<String, Value> {
        self.map
    }

    pub fn list(&mut self, key: &str) -> Vec<Value> {
        let list = self.take(key).unwrap_or_else(|| panic!("{}: no {key}", self.what));
        list.as_array().unwrap_or_else(|| panic!("{}: {key} is no list", self.what)).clone()
    }

    pub fn integer(&mut self, key: &str, otherwise: Option<u64>) -> u64 {
        match self.take(key) {
            Some(value) => value.as_u64().unwrap_or_else(|| panic!("{}: {key} = {value}", self.what)),
            None => otherwise.unwrap_or_else(|| panic!("{}: no {key}", self.what)),
        }
    }

    pub fn text(&mut self, key: &str) -> String {
        let value = self.take(key).unwrap_or_else(|| panic!("{}: no {key}", self.what));
        value.as_str().unwrap_or_else(|| panic!("{}: {key} = {value}", self.what)).to_owned()
    }

    pub fn done(self) {
        let left: Vec<_> = self.map.keys().collect();
        assert!(left.is_empty(), "{}: unknown keys {left:?}", self.what);
    }
}
