// SPDX-License-Identifier: MIT OR Apache-2.0
use std::time::Duration;

use tower::{Layer, ServiceBuilder};
use trifuse::tower::OperationLayer;
use trifuse::{Bulkhead, CircuitBreaker, RateLimiter, Retry, RetryBudget, Timeout};

use crate::{Subject, Work};

const NAME: &str = "trifuse";

fn around<L>(layer: L) -> Subject
where
    L: Layer<trifuse::tower::OperationService<Work>>,
    L::Service: tower::Service<(), Response = u64> + 'static,
{
    Subject::new(NAME, layer.layer(OperationLayer.layer(Work)))
}

fn circuit() -> CircuitBreaker {
    CircuitBreaker::builder("bench").build().expect("legal")
}

fn limiter() -> RateLimiter {
    RateLimiter::per(1_000_000_000, Duration::from_secs(1)).build().expect("legal")
}

fn places() -> Bulkhead {
    Bulkhead::builder("bench").limit(100).build().expect("legal")
}

pub fn breaker() -> Subject {
    around(circuit().layer())
}

pub fn open() -> Subject {
    let circuit = circuit();
    circuit.force_open();
    around(circuit.layer())
}

pub fn rate_limit() -> Subject {
    around(limiter().layer())
}

pub fn bulkhead() -> Subject {
    around(places().layer())
}

pub fn retry() -> Subject {
    around(Retry::builder("bench").build().expect("legal").layer())
}

pub fn budget() -> Subject {
    let budget = RetryBudget::builder("bench").build().expect("legal");
    around(Retry::builder("bench").budget(&budget).build().expect("legal").layer())
}

pub fn timeout() -> Subject {
    around(Timeout::default().layer())
}

pub fn stack() -> Subject {
    let retry = Retry::builder("bench").build().expect("legal");
    let service = ServiceBuilder::new()
        .layer(retry.layer())
        .layer(circuit().layer())
        .layer(limiter().layer())
        .layer(places().layer())
        .layer(OperationLayer)
        .service(Work);
    Subject::new(NAME, service)
}
