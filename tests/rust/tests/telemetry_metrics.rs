// SPDX-License-Identifier: MIT OR Apache-2.0
//! Breakers as metrics, in the text that Prometheus reads.
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use trifuse::monitor::Monitor;
use trifuse::telemetry::metrics::BreakerMetrics;
use trifuse::{CircuitBreaker, Config, ManualClock, Registry};

type Step<'a> = Box<dyn FnOnce() + 'a>;

/// The samples after each step, sorted.
fn scraped(steps: Vec<Step<'_>>, metrics: &BreakerMetrics) -> Vec<Vec<String>> {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let mut all = Vec::new();
    for step in steps {
        metrics::with_local_recorder(&recorder, || {
            step();
            metrics.record();
        });
        let text = handle.render();
        let mut lines: Vec<_> = text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty())
            .map(str::to_owned)
            .collect();
        lines.sort();
        all.push(lines);
    }
    all
}

fn sample(service: &str, rate: &str, rejections: u64, state: &str) -> Vec<String> {
    vec![
        format!("circuit_breaker_failure_rate{{service=\"{service}\"}} {rate}"),
        format!("circuit_breaker_rejections_total{{service=\"{service}\"}} {rejections}"),
        format!("circuit_breaker_state{{service=\"{service}\"}} {state}"),
    ]
}

// SEED-25
#[test]
fn prometheus_sees_state_refusals_and_failure_rate() {
    let clock = ManualClock::new();
    let builder = CircuitBreaker::builder("payments").consecutive_failures(1).clock(clock.clone());
    let breaker = builder.build().unwrap();
    let metrics = BreakerMetrics::new(breaker.clone());
    let call = |ok: bool| drop(breaker.call(|| if ok { Ok(()) } else { Err(()) }));
    let seen = scraped(
        vec![
            Box::new(|| call(true)),
            Box::new(|| {
                call(false);
                (0..5).for_each(|_| call(true)); // refused
            }),
            Box::new(|| {
                clock.advance(Duration::from_secs(30));
                std::mem::forget(breaker.try_acquire().unwrap()); // a probe that is out
            }),
            Box::new(|| breaker.reset()),
            Box::new(|| {
                breaker.force_open();
                call(true);
            }),
        ],
        &metrics,
    );
    assert_eq!(seen[0], sample("payments", "0", 0, "0"));
    assert_eq!(seen[1], sample("payments", "0.5", 5, "1"));
    assert_eq!(seen[2][1..], sample("payments", "0.5", 5, "0.5")[1..]);
    assert_eq!(seen[3], sample("payments", "0", 5, "0"));
    assert_eq!(seen[4], sample("payments", "0", 6, "1"));
}

#[test]
fn a_breaker_that_is_gone_is_not_open_for_ever_and_its_successor_goes_on_counting() {
    let registry = Arc::new(Registry::new());
    let metrics = BreakerMetrics::new(registry.clone());
    let refused = |times: usize| {
        let breaker = registry.breaker("payments", Config::DEFAULT).unwrap();
        breaker.force_open();
        (0..times).for_each(|_| assert!(breaker.try_acquire().is_err()));
    };
    let seen = scraped(
        vec![
            Box::new(|| refused(3)),
            Box::new(|| {
                refused(1); // not seen before it goes
                registry.remove("payments").unwrap();
            }),
            Box::new(|| refused(2)),
            Box::new(|| refused(4)),
            Box::new(|| {
                refused(1);
                registry.remove("payments").unwrap();
                refused(2); // another one, before anybody looks
            }),
        ],
        &metrics,
    );
    assert_eq!(seen[0], sample("payments", "0", 3, "1"));
    assert_eq!(seen[1], sample("payments", "0", 4, "0"));
    assert_eq!(seen[2], sample("payments", "0", 6, "1"));
    assert_eq!(seen[3], sample("payments", "0", 10, "1"));
    assert_eq!(seen[4], sample("payments", "0", 13, "1"));
}

#[test]
fn of_two_breakers_of_one_name_the_first_is_shown_and_counted_once() {
    let refusing = || {
        let breaker = CircuitBreaker::builder("search").build().unwrap();
        breaker.force_open();
        assert!(breaker.try_acquire().is_err());
        breaker
    };
    let metrics = BreakerMetrics::new(vec![refusing(), refusing()]);
    let seen = scraped(vec![Box::new(|| ()), Box::new(|| ())], &metrics);
    assert_eq!(seen[0], sample("search", "0", 1, "1"));
    assert_eq!(seen[1], seen[0]);
}

#[test]
fn each_breaker_has_its_series_up_to_a_thousand() {
    let registry = Arc::new(Registry::new());
    let metrics = BreakerMetrics::new(registry.clone());
    let make = |n: usize| drop(registry.breaker(format!("tenant-{n:04}"), Config::DEFAULT).unwrap());
    let seen = scraped(vec![Box::new(|| (0..1200).for_each(make))], &metrics);
    assert_eq!(seen[0].len(), 3 * 1000);
}

#[tokio::test(start_paused = true)]
async fn a_monitor_can_record_them() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let breaker = CircuitBreaker::builder("search").build().unwrap();
    let metrics = BreakerMetrics::new(breaker.clone());
    let monitor = Monitor::builder(breaker.clone())
        .on_sample(move |_| metrics::with_local_recorder(&recorder, || metrics.record()))
        .start()
        .unwrap();
    breaker.trip(None);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(handle.render().contains("circuit_breaker_state{service=\"search\"} 1"), "{}", handle.render());
    monitor.stop().await;
}
