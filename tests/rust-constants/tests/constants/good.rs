// SPDX-License-Identifier: MIT OR Apache-2.0
use std::time::Duration;

use trifuse::{CircuitBreaker, Config, Preset};

const PAYMENTS: Config =
    Config::preset(Preset::Payment).with_open_duration(Duration::from_secs(15)).with_minimum_calls(20).checked();

fn main() {
    let breaker = CircuitBreaker::builder("payments").with_config(PAYMENTS).build().unwrap();
    assert_eq!(breaker.config().minimum_calls(), 20);
}
