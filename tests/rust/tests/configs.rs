// SPDX-License-Identifier: MIT OR Apache-2.0
//! Configurations of the other policies as data.
use std::fmt::Debug;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use trifuse::{
    AdaptiveLimitConfig, Algorithm, BulkheadConfig, HedgeBudgetConfig, Jitter, LatencyHistogramConfig,
    LimiterKind, RateLimiterConfig, RetryBudgetConfig, RetryConfig, Strategy, ThrottleConfig,
};

fn survives<T: Serialize + DeserializeOwned + PartialEq + Debug>(config: T) {
    let text = serde_json::to_string(&config).unwrap();
    assert_eq!(serde_json::from_str::<T>(&text).unwrap(), config, "{text}");
}

#[test]
fn a_configuration_survives_the_way_through_json() {
    let odd = Duration::from_nanos(1_500_000_001);
    survives(RateLimiterConfig::DEFAULT.with_kind(LimiterKind::SlidingLog).with_period(odd));
    survives(BulkheadConfig::DEFAULT.with_limit(7));
    survives(
        AdaptiveLimitConfig::DEFAULT
            .with_algorithm(Algorithm::Vegas)
            .with_timeout(Some(odd))
            .with_seed(Some(3)),
    );
    survives(
        RetryConfig::DEFAULT
            .with_strategy(Strategy::Linear)
            .with_jitter(Jitter::Equal)
            .with_max_elapsed(Some(odd)),
    );
    survives(RetryBudgetConfig::DEFAULT.with_ttl(odd));
    survives(ThrottleConfig::DEFAULT.with_k(3.5));
    survives(LatencyHistogramConfig::DEFAULT.with_sliding(Some(odd)));
    survives(HedgeBudgetConfig::DEFAULT.with_share(0.02));
}

#[test]
fn what_is_left_out_is_the_default_and_null_is_none() {
    let text = r#"{"max_retries": 5, "delay": 0.25, "jitter": "full", "max_elapsed": null}"#;
    let expected = RetryConfig::DEFAULT
        .with_max_retries(5)
        .with_delay(Duration::from_millis(250))
        .with_jitter(Jitter::Full);
    assert_eq!(serde_json::from_str::<RetryConfig>(text).unwrap(), expected);
}

// RETRY-CONF-03, RATE-CONF-04
#[test]
fn a_mistake_is_refused_by_name() {
    for (text, said) in [
        (r#"{"dealy": 3}"#, "unknown field `dealy`"),
        (r#"{"multiplier": 0.5}"#, "multiplier = 0.5 is not allowed: 1.0 to 1000.0"),
        (r#"{"delay": 5, "max_delay": 1}"#, "max_delay = 1s is not allowed: delay to 365 days"),
        (r#"{"strategy": "hope"}"#, "\"hope\" is no strategy"),
        (r#"{"delay": -1}"#, "-1 is no duration in seconds"),
    ] {
        let error = serde_json::from_str::<RetryConfig>(text).unwrap_err().to_string();
        assert!(error.contains(said), "{text}: {error}");
    }
    let error = serde_json::from_str::<RateLimiterConfig>(r#"{"kind": "leaky"}"#).unwrap_err().to_string();
    assert!(error.contains("\"leaky\" is no limiter_kind"), "{error}");
}
