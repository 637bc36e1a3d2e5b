// SPDX-License-Identifier: MIT OR Apache-2.0
//! The numbers that a service has when it is told nothing.
use std::time::Duration;

use trifuse::{Describe, ResilientService, RetryConfig, State};

const MS: Duration = Duration::from_millis(1);

/// Computed by the compiler.
const LONGEST: Option<Duration> =
    RetryConfig::DEFAULT.with_max_delay(Duration::from_secs(5)).max_total_time(Some(Duration::from_secs(5)));

// SEED-16
#[test]
fn a_service_has_the_numbers_of_the_documents() {
    let service = ResilientService::builder("inventory").build().unwrap();
    let config = service.circuit_breaker().config();
    assert_eq!((config.consecutive_failures(), config.success_threshold()), (5, 3));
    assert_eq!(config.request_timeout(), Some(5000 * MS));
    assert_eq!(config.open_duration(), 30_000 * MS);
    let told = service.describe();
    let kinds: Vec<_> = told.iter().map(|policy| policy.kind.as_str()).collect();
    assert_eq!(kinds, ["timeout", "retry", "circuit_breaker"]);
    let setting = |policy: usize, name: &str| {
        let found = told[policy].settings.iter().find(|(setting, _)| *setting == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    assert_eq!(setting(0, "limit"), "10s");
    assert_eq!((setting(1, "max_retries"), setting(1, "delay")), ("3".into(), "100ms".into()));
    assert_eq!(setting(1, "max_delay"), "5s");
    assert_ne!(setting(1, "jitter"), "");
    assert_eq!(service.state(), State::Closed);
}

// SEED-14, SEED-16
#[test]
fn the_longest_time_is_a_constant_and_the_total_caps_it() {
    assert_eq!(LONGEST, Some(20_770 * MS)); // 4 x 5 s, and 110 + 220 + 440 ms
    let service = |total: Duration| ResilientService::builder("inventory").timeout(total).build().unwrap();
    assert_eq!(service(10_000 * MS).max_total_time(), Some(10_000 * MS));
    assert_eq!(service(60_000 * MS).max_total_time(), LONGEST);
}
