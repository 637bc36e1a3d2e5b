// SPDX-License-Identifier: MIT OR Apache-2.0
//! Layers of tower: ours, those of tower-resilience and tower's own around the same service; what their
//! circuit breakers do in three situations; then the ratios. `TRIFUSE_BENCH_QUICK=1` takes a minute,
//! `TRIFUSE_BENCH_GATE=1` makes a missed aim an error.

mod ours;
mod probes;
mod resilience;
mod towers;

use std::future::{Future, Ready, ready};
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use criterion::{Criterion, criterion_group};
use tower::Service;

/// The service that all layers stand around: ready at once.
#[derive(Clone)]
pub struct Work;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("broken")
    }
}

impl std::error::Error for Broken {}

impl Service<()> for Work {
    type Response = u64;
    type Error = Broken;
    type Future = Ready<Result<u64, Broken>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, (): ()) -> Self::Future {
        ready(operation())
    }
}

#[inline(never)]
fn operation() -> Result<u64, Broken> {
    Ok(black_box(1))
}

/// One layer of one library; says whether the call was made.
pub struct Subject {
    name: &'static str,
    call: Box<dyn FnMut() -> bool>,
}

impl Subject {
    pub fn new<S: Service<(), Response = u64> + 'static>(name: &'static str, mut service: S) -> Self {
        let call = move || {
            let ready = service.poll_ready(&mut Context::from_waker(Waker::noop()));
            assert!(matches!(ready, Poll::Ready(Ok(()))), "nothing waits here");
            now(service.call(())).is_ok()
        };
        Self { name, call: Box::new(call) }
    }
}

/// Polls a future that is ready.
fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("nothing waits here"),
    }
}

fn measured(c: &mut Criterion, group: &str, expected: bool, subjects: impl IntoIterator<Item = Subject>) {
    let mut group = c.benchmark_group(group);
    for Subject { name, mut call } in subjects {
        group.bench_function(name, |b| b.iter(|| assert_eq!(black_box(call()), expected)));
    }
}

fn layers(c: &mut Criterion) {
    let bare = || Subject::new("bare call", Work);
    measured(c, "tower breaker", true, [bare(), ours::breaker()].into_iter().chain(resilience::breakers()));
    measured(c, "tower breaker, refused", false, [ours::open(), resilience::open()]);
    let limits = [ours::rate_limit(), resilience::rate_limit(), towers::rate_limit()];
    measured(c, "tower rate limit", true, limits);
    let places = [ours::bulkhead(), resilience::bulkhead(), towers::concurrency(), towers::shedding()];
    measured(c, "tower bulkhead", true, places);
    measured(c, "tower retry", true, [ours::retry(), resilience::retry(), towers::retry()]);
    let budgets = [ours::budget(), resilience::budget(), towers::budget()];
    measured(c, "tower retry with budget", true, budgets);
    measured(c, "tower timeout", true, [ours::timeout(), towers::timeout()]);
    measured(c, "tower stack", true, [ours::stack(), resilience::stack(), towers::stack()]);
}

fn settings() -> Criterion {
    let quick = std::env::var_os("TRIFUSE_BENCH_QUICK").is_some();
    let (warm, measure, samples) = if quick { (100, 600, 30) } else { (1000, 4000, 100) };
    Criterion::default()
        .warm_up_time(Duration::from_millis(warm))
        .measurement_time(Duration::from_millis(measure))
        .sample_size(samples)
        .without_plots()
}

criterion_group! { name = tower_layers; config = settings(); targets = layers }

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(probes::print());
    let _within = runtime.enter();
    tower_layers();
    Criterion::default().configure_from_args().final_summary();
    let program = std::env::current_exe().expect("a program has a path");
    let target = program.ancestors().nth(3).expect("target/release/deps/program");
    let missed = trifuse_bench::print_tower(&target.join("criterion"));
    if missed > 0 && std::env::var_os("TRIFUSE_BENCH_GATE").is_some() {
        std::process::exit(1);
    }
}
