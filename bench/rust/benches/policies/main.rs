// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rate limiters, bulkheads and retries beside those of other libraries; then the ratios.
//! `TRIFUSE_BENCH_QUICK=1` takes a minute, `TRIFUSE_BENCH_GATE=1` makes a missed aim an error.

mod limiters;
mod places;
mod retries;

use std::hint::black_box;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use criterion::{BenchmarkGroup, Criterion, criterion_group, measurement::WallTime};

/// One thing of one library: does the same every time and says whether it was allowed.
pub struct Subject {
    pub name: &'static str,
    pub call: Box<dyn Fn() -> bool + Sync>,
}

impl Subject {
    pub fn new(name: &'static str, call: impl Fn() -> bool + Sync + 'static) -> Self {
        Self { name, call: Box::new(call) }
    }
}

fn measured(group: &mut BenchmarkGroup<'_, WallTime>, subjects: Vec<Subject>, expected: bool) {
    for Subject { name, call } in subjects {
        group.bench_function(name, |b| b.iter(|| assert_eq!(black_box(call()), expected)));
    }
}

/// How long two threads take for `calls` calls each.
fn by_two(call: &(dyn Fn() -> bool + Sync), calls: u64) -> Duration {
    let start = Barrier::new(3);
    std::thread::scope(|scope| {
        let threads = [0; 2].map(|_| {
            scope.spawn(|| {
                start.wait();
                for _ in 0..calls {
                    black_box(call());
                }
            })
        });
        start.wait();
        let began = Instant::now();
        for thread in threads {
            thread.join().expect("no call panics");
        }
        began.elapsed()
    })
}

fn contended(group: &mut BenchmarkGroup<'_, WallTime>, subjects: Vec<Subject>) {
    for Subject { name, call } in subjects {
        group.bench_function(name, |b| b.iter_custom(|calls| by_two(&*call, calls)));
    }
}

fn granted(c: &mut Criterion) {
    let mut group = c.benchmark_group("limiter granted");
    group.bench_function("clock", |b| b.iter(|| black_box(Instant::now())));
    measured(&mut group, limiters::generous(), true);
}

fn denied(c: &mut Criterion) {
    measured(&mut c.benchmark_group("limiter denied"), limiters::spent(), false);
}

fn by_key(c: &mut Criterion) {
    measured(&mut c.benchmark_group("limiter by key"), limiters::keyed(), true);
}

fn two_threads(c: &mut Criterion) {
    contended(&mut c.benchmark_group("limiter, two threads"), limiters::generous());
    contended(&mut c.benchmark_group("bulkhead, two threads"), places::all());
    contended(&mut c.benchmark_group("retry with budget, two threads"), retries::with_budget());
}

fn bulkhead(c: &mut Criterion) {
    measured(&mut c.benchmark_group("bulkhead"), places::all(), true);
}

fn retry(c: &mut Criterion) {
    measured(&mut c.benchmark_group("retry"), retries::bare(), true);
    measured(&mut c.benchmark_group("retry with budget"), retries::with_budget(), true);
    measured(&mut c.benchmark_group("pipeline"), retries::pipelines(), true);
}

fn settings() -> Criterion {
    let quick = std::env::var_os("TRIFUSE_BENCH_QUICK").is_some();
    let (warm, measure, samples) = if quick { (100, 600, 100) } else { (1000, 4000, 100) };
    Criterion::default()
        .warm_up_time(Duration::from_millis(warm))
        .measurement_time(Duration::from_millis(measure))
        .sample_size(samples)
        .without_plots()
}

criterion_group! {
    name = policies;
    config = settings();
    targets = granted, denied, by_key, two_threads, bulkhead, retry
}

fn main() {
    policies();
    Criterion::default().configure_from_args().final_summary();
    let program = std::env::current_exe().expect("a program has a path");
    let target = program.ancestors().nth(3).expect("target/release/deps/program");
    let missed = trifuse_bench::print_policies(&target.join("criterion"));
    if missed > 0 && std::env::var_os("TRIFUSE_BENCH_GATE").is_some() {
        std::process::exit(1);
    }
}
