// SPDX-License-Identifier: MIT OR Apache-2.0
//! What circuit breakers do when a thousand callers come at half-open, when a probe is dropped, and when a
//! success comes late.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::sleep;
use tower::util::BoxCloneService;
use tower::{Layer, ServiceExt, service_fn};
use tower_resilience_circuitbreaker as peer;
use trifuse::tower::OperationLayer;

use crate::Broken;

const OPEN: Duration = Duration::from_millis(20);

/// What the service does: fails, or answers when it is told to.
type Ask = Option<oneshot::Receiver<()>>;

/// A breaker that opens for 20 ms, and lets so many probes in.
struct Probed {
    service: BoxCloneService<Ask, (), String>,
    state: Box<dyn Fn() -> &'static str>,
    reached: Arc<AtomicUsize>,
}

fn dependency(reached: Arc<AtomicUsize>, ask: Ask) -> BoxFuture<'static, Result<(), Broken>> {
    Box::pin(async move {
        reached.fetch_add(1, Ordering::Relaxed);
        ask.ok_or(Broken)?.await.map_err(|_| Broken)
    })
}

fn ours(probes: u32) -> Probed {
    let reached = Arc::<AtomicUsize>::default();
    let breaker = trifuse::CircuitBreaker::builder("probe");
    let breaker = breaker.open_duration(OPEN).half_open_max_calls(probes).build().expect("legal");
    let counter = Arc::clone(&reached);
    let inner = service_fn(move |ask| dependency(counter.clone(), ask));
    let service = breaker.layer().layer(OperationLayer.layer(inner)).map_err(|error| error.to_string());
    let state = move || match breaker.state() {
        trifuse::State::Closed => "closed",
        trifuse::State::HalfOpen => "half-open",
        _ => "open",
    };
    Probed { service: BoxCloneService::new(service), state: Box::new(state), reached }
}

fn theirs(probes: u32) -> Probed {
    let reached = Arc::<AtomicUsize>::default();
    let layer = peer::CircuitBreakerLayer::builder()
        .wait_duration_in_open(OPEN)
        .permitted_calls_in_half_open(probes as usize)
        .sliding_window_size(10)
        .minimum_number_of_calls(10)
        .build()
        .expect("legal");
    let counter = Arc::clone(&reached);
    let breaker = layer.layer(service_fn(move |ask| dependency(counter.clone(), ask)));
    let service = breaker.clone().map_err(|error| error.to_string());
    let state = move || match breaker.state_sync() {
        peer::CircuitState::Closed => "closed",
        peer::CircuitState::HalfOpen => "half-open",
        peer::CircuitState::Open => "open",
    };
    Probed { service: BoxCloneService::new(service), state: Box::new(state), reached }
}

impl Probed {
    async fn open(&self) {
        for _ in 0..20 {
            let _ = self.service.clone().oneshot(None).await;
        }
        assert_eq!((self.state)(), "open");
    }

    /// A call that goes on until it is told to end.
    async fn begin(&self) -> (tokio::task::JoinHandle<Result<(), String>>, oneshot::Sender<()>) {
        let (end, told) = oneshot::channel();
        let call = tokio::spawn(self.service.clone().oneshot(Some(told)));
        yield_now().await;
        (call, end)
    }

    async fn herd(self) -> (bool, String) {
        self.open().await;
        sleep(2 * OPEN).await;
        let before = self.reached.load(Ordering::Relaxed);
        let mut calls = Vec::new();
        for _ in 0..1000 {
            calls.push(self.begin().await);
        }
        let reached = self.reached.load(Ordering::Relaxed) - before;
        (reached == 5, format!("{reached} reached the service"))
    }

    async fn dropped(self) -> (bool, String) {
        self.open().await;
        sleep(2 * OPEN).await;
        let (probe, _end) = self.begin().await;
        probe.abort();
        let _ = probe.await;
        let (next, end) = self.begin().await;
        let _ = end.send(());
        let (result, state) = (next.await.expect("no panic"), (self.state)());
        let told = result.map_or_else(|_| "refused", |()| "admitted");
        (told == "admitted" && state == "closed", format!("the next call is {told}; {state}"))
    }

    async fn late(self) -> (bool, String) {
        let (early, end) = self.begin().await;
        self.open().await;
        sleep(2 * OPEN).await;
        let (_probe, _end) = self.begin().await;
        let before = (self.state)();
        let _ = end.send(());
        let _ = early.await;
        let after = (self.state)();
        (before == "half-open" && after == before, format!("{before}, then {after}"))
    }
}

pub async fn print() {
    for (library, make) in [("trifuse", ours as fn(u32) -> Probed), ("tower-resilience", theirs)] {
        for (situation, (right, told)) in [
            ("1,000 callers, 5 probes", make(5).herd().await),
            ("a dropped probe", make(1).dropped().await),
            ("a late success", make(1).late().await),
        ] {
            let word = if right { "right" } else { "WRONG" };
            println!("{library:17} {situation:24} {word}: {told}");
        }
    }
}
