// SPDX-License-Identifier: MIT OR Apache-2.0
use std::time::Duration;

use tower::Layer;
use tower_resilience_bulkhead::BulkheadLayer;
use tower_resilience_circuitbreaker::{CircuitBreakerLayer, SlidingWindowType};
use tower_resilience_ratelimiter::RateLimiterLayer;
use tower_resilience_retry::{RetryBudgetBuilder, RetryLayer};

use crate::{Broken, Subject, Work};

const NAME: &str = "tower-resilience";

fn circuit(window: SlidingWindowType) -> CircuitBreakerLayer {
    CircuitBreakerLayer::builder()
        .sliding_window_type(window)
        .sliding_window_size(100)
        .sliding_window_duration(Duration::from_secs(60))
        .build()
        .expect("legal")
}

fn limiter() -> RateLimiterLayer {
    let limiter = RateLimiterLayer::builder().limit_for_period(1_000_000_000);
    limiter.refresh_period(Duration::from_secs(1)).build().expect("legal")
}

fn places() -> BulkheadLayer {
    BulkheadLayer::builder().max_concurrent_calls(100).reject_when_full().build().expect("legal")
}

fn retries() -> RetryLayer<(), u64, Broken> {
    RetryLayer::builder().max_attempts(4).exponential_backoff(Duration::from_millis(100)).build()
}

pub fn breakers() -> [Subject; 2] {
    [(NAME, SlidingWindowType::CountBased), ("tower-resilience, time window", SlidingWindowType::TimeBased)]
        .map(|(name, window)| Subject::new(name, circuit(window).layer(Work)))
}

pub fn open() -> Subject {
    let service = circuit(SlidingWindowType::CountBased).layer(Work);
    futures::executor::block_on(service.force_open());
    Subject::new(NAME, service)
}

pub fn rate_limit() -> Subject {
    Subject::new(NAME, limiter().layer(Work))
}

pub fn bulkhead() -> Subject {
    Subject::new(NAME, places().layer(Work))
}

pub fn retry() -> Subject {
    Subject::new(NAME, retries().layer(Work))
}

pub fn budget() -> Subject {
    let budget = RetryBudgetBuilder::new().token_bucket().build().expect("legal");
    let layer = RetryLayer::<(), u64, Broken>::builder().max_attempts(4).budget(budget);
    Subject::new(NAME, layer.exponential_backoff(Duration::from_millis(100)).build().layer(Work))
}

pub fn stack() -> Subject {
    let bulkhead = places().layer(Work);
    let limited = limiter().layer(bulkhead);
    let guarded = circuit(SlidingWindowType::CountBased).layer(limited);
    let layer = RetryLayer::builder().max_attempts(4).exponential_backoff(Duration::from_millis(100)).build();
    Subject::new(NAME, layer.layer(guarded))
}
