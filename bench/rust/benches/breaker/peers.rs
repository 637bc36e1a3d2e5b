// SPDX-License-Identifier: MIT OR Apache-2.0
//! The other libraries, each as its own documentation says, with the settings nearest to ours.
use std::future::{Ready, ready};
use std::time::Duration;

use failsafe::CircuitBreaker as _;
use failsafe::{backoff, failure_policy};
use tower::{Layer, Service, ServiceExt};
use tower_resilience_circuitbreaker::{CircuitBreakerLayer, SlidingWindowType};

use crate::operation;
use crate::subject::{Broken, Subject};

const WAIT: Duration = Duration::from_secs(3600);

pub fn all() -> Vec<Box<dyn Subject>> {
    let by_run = failure_policy::consecutive_failures(100, backoff::constant(WAIT));
    let by_time = failure_policy::success_rate_over_time_window(
        0.5,
        10,
        Duration::from_secs(60),
        backoff::constant(WAIT),
    );
    vec![
        Box::new(Failsafe("failsafe, consecutive", failsafe::Config::new().failure_policy(by_run).build())),
        Box::new(Failsafe("failsafe, time policy", failsafe::Config::new().failure_policy(by_time).build())),
        Box::new(Ring(recloser::Recloser::custom().error_rate(0.5).closed_len(100).open_wait(WAIT).build())),
        Box::new(Policy(Averaged::builder().failure_threshold(0.5).cooldown(WAIT).build())),
        Box::new(Tower::new("tower-resilience, count window", SlidingWindowType::CountBased)),
        Box::new(Tower::new("tower-resilience, time window", SlidingWindowType::TimeBased)),
    ]
}

struct Failsafe<P: failsafe::FailurePolicy>(&'static str, failsafe::StateMachine<P, ()>);

impl<P: failsafe::FailurePolicy + Send + Sync> Subject for Failsafe<P> {
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

struct Ring(recloser::Recloser);

impl Subject for Ring {
    fn name(&self) -> &'static str {
        "recloser"
    }

    fn caller(&self) -> Box<dyn FnMut() -> bool + '_> {
        Box::new(|| self.0.call(operation).is_ok())
    }

    fn open(&self) -> bool {
        for _ in 0..201 {
            let _ = self.0.call(|| Err::<(), _>(Broken));
        }
        self.0.call(operation).is_err()
    }
}

type Averaged = circuitbreaker_rs::CircuitBreaker<circuitbreaker_rs::DefaultPolicy, Broken>;

struct Policy(Averaged);

impl Subject for Policy {
    fn name(&self) -> &'static str {
        "circuitbreaker-rs"
    }

    fn caller(&self) -> Box<dyn FnMut() -> bool + '_> {
        Box::new(|| self.0.call(operation).is_ok())
    }

    fn open(&self) -> bool {
        for _ in 0..200 {
            let _ = self.0.call(|| Err::<(), _>(Broken));
        }
        self.0.call(operation).is_err()
    }
}

/// A service that answers at once, so that only the breaker is measured.
#[derive(Clone)]
struct Work;

impl Service<bool> for Work {
    type Response = u64;
    type Error = Broken;
    type Future = Ready<Result<u64, Broken>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Broken>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, succeeds: bool) -> Self::Future {
        ready(if succeeds { operation() } else { Err(Broken) })
    }
}

type Guarded = <CircuitBreakerLayer as Layer<Work>>::Service;

struct Tower(&'static str, Guarded);

impl Tower {
    fn new(name: &'static str, window: SlidingWindowType) -> Self {
        let layer = CircuitBreakerLayer::builder()
            .failure_rate_threshold(0.5)
            .sliding_window_type(window)
            .sliding_window_size(100)
            .sliding_window_duration(Duration::from_secs(60))
            .wait_duration_in_open(WAIT)
            .build()
            .expect("a legal configuration");
        Self(name, layer.layer(Work))
    }
}

fn one(service: &mut Guarded, succeeds: bool) -> bool {
    futures::executor::block_on(async { service.ready().await.expect("ready").call(succeeds).await.is_ok() })
}

impl Subject for Tower {
    fn name(&self) -> &'static str {
        self.0
    }

    fn caller(&self) -> Box<dyn FnMut() -> bool + '_> {
        let mut service = self.1.clone();
        Box::new(move || one(&mut service, true))
    }

    fn open(&self) -> bool {
        let mut service = self.1.clone();
        for _ in 0..200 {
            one(&mut service, false);
        }
        !one(&mut service, true)
    }
}
