// SPDX-License-Identifier: MIT OR Apache-2.0
//! One protected call beside the same call in other libraries: succeeding, refused, and from two
//! threads on one breaker; then the ratios. `TRIFUSE_BENCH_QUICK=1` takes half a minute,
//! `TRIFUSE_BENCH_GATE=1` makes a missed aim an error.

mod contended;
mod ours;
mod peers;
mod subject;

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group};

use subject::Subject;

/// The same work everywhere: an operation that the optimiser cannot see through.
#[inline(never)]
fn operation() -> Result<u64, subject::Broken> {
    Ok(black_box(1))
}

fn succeeding(c: &mut Criterion) {
    let mut group = c.benchmark_group("success");
    group.bench_function("bare call", |b| b.iter(|| black_box(operation())));
    group.bench_function("clock", |b| b.iter(|| black_box(std::time::Instant::now())));
    for subject in all() {
        let mut call = subject.caller();
        group.bench_function(subject.name(), |b| b.iter(|| assert!(black_box(call()))));
    }
}

fn refusing(c: &mut Criterion) {
    let mut group = c.benchmark_group("refused");
    for subject in all() {
        if !subject.open() {
            continue;
        }
        let mut call = subject.caller();
        group.bench_function(subject.name(), |b| b.iter(|| assert!(!black_box(call()))));
    }
}

fn two_threads(c: &mut Criterion) {
    let mut group = c.benchmark_group("two threads");
    for subject in all() {
        group.bench_function(subject.name(), |b| b.iter_custom(|calls| contended::time(&*subject, calls)));
    }
}

fn all() -> Vec<Box<dyn Subject>> {
    let mut all = ours::all();
    all.extend(peers::all());
    all
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

criterion_group! { name = breaker; config = settings(); targets = succeeding, refusing, two_threads }

fn main() {
    breaker();
    Criterion::default().configure_from_args().final_summary();
    let program = std::env::current_exe().expect("a program has a path");
    let target = program.ancestors().nth(3).expect("target/release/deps/program");
    let missed = trifuse_bench::print(&target.join("criterion"));
    if missed > 0 && std::env::var_os("TRIFUSE_BENCH_GATE").is_some() {
        std::process::exit(1);
    }
}
