// SPDX-License-Identifier: MIT OR Apache-2.0
//! Steps about configurations, designs and names.
use serde_json::Value;
use trifuse_sys::*;

use crate::config;
use crate::expect::real;
use crate::keys::Keys;
use crate::members::{check_config, check_design};
use crate::steps::World;
use crate::world::{self, empty};

impl World {
    pub fn config(&self, keys: &mut Keys) -> trifuse_breaker_config {
        config::parse(&keys.take("config").expect("a config"), &self.what)
    }

    pub fn reconfigure(&mut self, keys: &mut Keys, expect: &mut Keys) {
        let (breaker, config) = (self.breaker(keys), self.config(keys));
        let (now, mut error) = (keys.integer("now", None), empty!(trifuse_config_error));
        // SAFETY: as above.
        let result = unsafe { trifuse_breaker_reconfigure(breaker, &raw const config, now, &raw mut error) };
        self.result(expect, result);
        self.error(expect, &error);
    }

    pub fn create(&mut self, keys: &mut Keys, expect: &mut Keys) {
        let (result, error, made) = world::create(&self.config(keys), keys.integer("now", Some(1)));
        self.result(expect, result);
        self.error(expect, &error);
        if let Some(name) = keys.take("as") {
            self.breakers.insert(name.as_str().expect("a name").to_owned(), made.expect("made"));
        }
    }

    pub fn get_config(&mut self, keys: &mut Keys, expect: &mut Keys) {
        let (breaker, mut config) = (self.breaker(keys), empty!(trifuse_breaker_config));
        // SAFETY: as above.
        let result = unsafe { trifuse_breaker_get_config(breaker, &raw mut config) };
        self.result(expect, result);
        check_config(&Value::Object(std::mem::take(&mut expect.map)), &config, &self.what);
    }

    pub fn preset(&self, keys: &mut Keys, expect: &mut Keys) {
        let config = config::preset(&keys.text("preset"));
        check_config(&Value::Object(std::mem::take(&mut expect.map)), &config, &self.what);
    }

    pub fn config_check(&self, keys: &mut Keys, expect: &mut Keys) {
        let (config, mut error) = (self.config(keys), empty!(trifuse_config_error));
        // SAFETY: the structs carry their sizes.
        self.result(expect, unsafe { trifuse_breaker_config_check(&raw const config, &raw mut error) });
        self.error(expect, &error);
    }

    pub fn advise(&self, keys: &mut Keys, expect: &mut Keys) {
        let (config, mut advice, mut error) = (self.config(keys), 0u32, empty!(trifuse_config_error));
        // SAFETY: the structs carry their sizes.
        let result =
            unsafe { trifuse_breaker_config_advise(&raw const config, &raw mut advice, &raw mut error) };
        self.result(expect, result);
        self.error(expect, &error);
        let Some(expected) = expect.take("advice") else {
            return;
        };
        let mut bits = 0;
        for name in expected.as_array().expect("a list") {
            let name = name.as_str().expect("a text");
            bits |= world::value("advice", name).unwrap_or_else(|| panic!("{}: no advice {name}", self.what));
        }
        assert_eq!(advice, bits, "{}: advice", self.what);
    }

    pub fn cusum_solve(&self, keys: &mut Keys, expect: &mut Keys) {
        let (mut design, mut error) = (empty!(trifuse_cusum_design), empty!(trifuse_config_error));
        design.tolerated_rate = real(&keys.take("tolerated_rate").expect("tolerated_rate"));
        design.outage_rate = real(&keys.take("outage_rate").expect("outage_rate"));
        design.false_open_every = real(&keys.take("false_open_every").expect("false_open_every"));
        // SAFETY: the structs carry their sizes.
        self.result(expect, unsafe { trifuse_cusum_solve(&raw mut design, &raw mut error) });
        self.error(expect, &error);
        check_design(&Value::Object(std::mem::take(&mut expect.map)), &design, &self.what);
    }
}
