// SPDX-License-Identifier: MIT OR Apache-2.0
//! trifuse, in its default and in the cheapest configuration.
use trifuse::{CircuitBreaker, Config};
use trifuse_bench::{CHEAPEST, DEFAULT};

use crate::operation;
use crate::subject::{Broken, Subject};

struct Ours(&'static str, CircuitBreaker);

pub fn all() -> Vec<Box<dyn Subject>> {
    let configs = [
        (DEFAULT, Config::DEFAULT),
        ("trifuse, time window, no request_timeout", Config::DEFAULT.with_request_timeout(None)),
        (CHEAPEST, Config::DEFAULT.with_count_window(100).with_request_timeout(None)),
    ];
    configs.map(|(name, config)| Box::new(Ours(name, make(config))) as Box<dyn Subject>).into()
}

fn make(config: Config) -> CircuitBreaker {
    CircuitBreaker::builder("bench").with_config(config).build().expect("a legal configuration")
}

impl Subject for Ours {
    fn name(&self) -> &'static str {
        self.0
    }

    fn caller(&self) -> Box<dyn FnMut() -> bool + '_> {
        Box::new(|| self.1.call(operation).is_ok())
    }

    fn open(&self) -> bool {
        for _ in 0..200 {
            let _ = self.1.call(|| Err::<(), _>(Broken));
        }
        self.1.call(operation).is_err()
    }
}
