// SPDX-License-Identifier: MIT OR Apache-2.0
//! What telemetry costs a call, with its features compiled in: where nothing is attached, where what is attached is
//! read when asked, where spans are attached that nobody wants, and where somebody wants them.
//! `TRIFUSE_BENCH_QUICK=1` takes half a minute, `TRIFUSE_BENCH_GATE=1` makes a missed aim an error.
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group};
use tracing_subscriber::registry::Registry as Subscriber;
use trifuse::telemetry::opentelemetry::{Reliability, Spans as OtelSpans};
use trifuse::telemetry::tracing::{Spans, refused, transition};
use trifuse::telemetry::{Observed, metrics::BreakerMetrics};
use trifuse::{BreakerBuilder, CircuitBreaker, Pipeline};

const GROUP: &str = "telemetry";
const NOTHING: &str = "breaker, nothing attached";
const READ: &str = "breaker, its metrics read when asked (metrics, OpenTelemetry)";
const EVENTS: &str = "breaker, events of tracing";
const PIPELINE: &str = "pipeline, nothing attached";
const UNWANTED: &str = "pipeline, spans that nobody wants";
const UNWANTED_OTEL: &str = "pipeline, spans of OpenTelemetry that nobody wants";

/// One, what it is held beside, and how many times that it may take.
const AIMS: [(&str, &str, f64); 4] = [
    (READ, NOTHING, 1.15),
    (EVENTS, NOTHING, 1.3),
    (UNWANTED, PIPELINE, 1.3),
    (UNWANTED_OTEL, PIPELINE, 2.0),
];

#[inline(never)]
fn operation() -> Result<u64, ()> {
    Ok(black_box(1))
}

fn builder() -> BreakerBuilder {
    CircuitBreaker::builder("bench")
}

fn breakers(c: &mut Criterion) {
    let mut group = c.benchmark_group(GROUP);
    let mut measure = |name: &str, breaker: CircuitBreaker| {
        group.bench_function(name, |b| b.iter(|| black_box(breaker.call(operation)).is_ok()));
    };
    measure(NOTHING, builder().build().expect("legal"));
    let watched = builder().build().expect("legal");
    let (metrics, reliability) = (BreakerMetrics::new(watched.clone()), Reliability::global());
    reliability.watch(watched.clone());
    metrics.record();
    measure(READ, watched);
    measure(EVENTS, builder().on_transition(transition).on_refused(refused).build().expect("legal"));
    let timed = builder().on_call(reliability.duration()).build().expect("legal");
    measure("breaker, durations to OpenTelemetry without a provider", timed);
}

fn pipelines(c: &mut Criterion) {
    let mut group = c.benchmark_group(GROUP);
    let breaker = || builder().build().expect("legal");
    let plain = Pipeline::builder("bench").circuit_breaker(breaker()).build();
    group.bench_function(PIPELINE, |b| b.iter(|| black_box(plain.call(operation)).is_ok()));
    let spans = Pipeline::builder("bench").policy(Observed::new(breaker(), Spans)).build();
    group.bench_function(UNWANTED, |b| b.iter(|| black_box(spans.call(operation)).is_ok()));
    let otel = Pipeline::builder("bench").policy(Observed::new(breaker(), OtelSpans::global())).build();
    group.bench_function(UNWANTED_OTEL, |b| b.iter(|| black_box(otel.call(operation)).is_ok()));
    let on = tracing::Dispatch::new(Arc::new(Subscriber::default()));
    group.bench_function("pipeline, spans that a subscriber wants", |b| {
        tracing::dispatcher::with_default(&on, || b.iter(|| black_box(spans.call(operation)).is_ok()));
    });
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

criterion_group! { name = telemetry; config = settings(); targets = breakers, pipelines }

fn main() {
    telemetry();
    Criterion::default().configure_from_args().final_summary();
    let program = std::env::current_exe().expect("a program has a path");
    let target = program.ancestors().nth(3).expect("target/release/deps/program");
    let times = trifuse_bench::leasts(&target.join("criterion"), GROUP);
    let mut missed = 0;
    for (name, ns) in &times {
        println!("  {name:65} {ns:8.1} ns");
    }
    for (name, beside, most) in AIMS {
        let ratio = times[name] / times[beside];
        missed += usize::from(ratio > most);
        println!("  {name}: {ratio:.2} x {beside:?}, at most {most}");
    }
    if missed > 0 && std::env::var_os("TRIFUSE_BENCH_GATE").is_some() {
        std::process::exit(1);
    }
}
