// SPDX-License-Identifier: MIT OR Apache-2.0
//! Metrics and spans of OpenTelemetry as a collector gets them over the wire.
mod collector;

use std::sync::Arc;
use std::time::Duration;

use collector::{Collector, attributes};
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::trace::{TraceContextExt as _, Tracer as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig as _};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, Metric, NumberDataPoint};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::SdkTracerProvider;
use trifuse::telemetry::Observed;
use trifuse::telemetry::opentelemetry::{Reliability, Spans};
use trifuse::{
    Bulkhead, CallError, CircuitBreaker, Config, Jitter, ManualClock, Pipeline, RateLimiter, Registry, Retry,
};

fn meters(address: &str) -> SdkMeterProvider {
    let exporter = MetricExporter::builder().with_tonic().with_endpoint(address).build().unwrap();
    let reader = PeriodicReader::builder(exporter).with_interval(Duration::from_secs(3600)).build();
    SdkMeterProvider::builder().with_reader(reader).build()
}

/// Off the runtime's threads, which the exporter needs.
async fn flushed(flush: impl FnOnce() + Send + 'static) {
    tokio::task::spawn_blocking(flush).await.unwrap();
}

/// Attributes and value of each point of numbers, sorted.
fn points(points: &[NumberDataPoint]) -> Vec<(String, u64)> {
    let value = |point: &NumberDataPoint| match point.value {
        Some(Value::AsInt(value)) => value as u64,
        other => panic!("{other:?}"),
    };
    let mut all: Vec<_> =
        points.iter().map(|point| (attributes(&point.attributes).join(" "), value(point))).collect();
    all.sort();
    all
}

fn counter(metric: &Metric) -> Vec<(String, u64)> {
    let Some(Data::Sum(sum)) = &metric.data else { panic!("{metric:?}") };
    assert!(sum.is_monotonic && sum.aggregation_temporality() == AggregationTemporality::Cumulative);
    points(&sum.data_points)
}

fn gauge(metric: &Metric) -> Vec<(String, u64)> {
    let Some(Data::Gauge(gauge)) = &metric.data else { panic!("{metric:?}") };
    points(&gauge.data_points)
}

/// Attributes, count and sum of each point of a histogram, sorted.
fn histogram(metric: &Metric) -> Vec<(String, u64, f64)> {
    let Some(Data::Histogram(histogram)) = &metric.data else { panic!("{metric:?}") };
    let read = histogram.data_points.iter();
    let mut all: Vec<_> =
        read.map(|one| (attributes(&one.attributes).join(" "), one.count, one.sum.unwrap())).collect();
    all.sort_by(|one, other| one.0.cmp(&other.0));
    all
}

fn expected<const N: usize>(points: [(&str, u64); N]) -> Vec<(String, u64)> {
    points.map(|(attributes, value)| (attributes.to_owned(), value)).to_vec()
}

// SEED-26
#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_the_state_changes_and_refusals_of_breakers() {
    let (collector, address) = Collector::start().await;
    let (provider, clock) = (meters(&address), ManualClock::new());
    let reliability = Reliability::new(&provider.meter("test"));
    let registry = Arc::new(Registry::builder().on_call(reliability.duration()).build());
    reliability.watch(registry.clone());
    let payments = CircuitBreaker::builder("payments").consecutive_failures(2).clock(clock.clone());
    let payments = payments.build_in(&registry).unwrap();
    registry.breaker("search", Config::DEFAULT).unwrap();
    let call = |ok: bool, ms: u64| {
        let clock = clock.clone();
        drop(payments.call(move || {
            clock.advance(Duration::from_millis(ms));
            if ok { Ok(()) } else { Err(()) }
        }));
    };
    call(true, 5);
    call(false, 10);
    call(false, 20);
    (0..3).for_each(|_| call(true, 0));
    clock.advance(Duration::from_secs(30));
    let probe = payments.try_acquire().unwrap();
    let flush = provider.clone();
    flushed(move || flush.force_flush().unwrap()).await;

    let name = "circuit_breaker.name=payments";
    let state = collector.metric("reliability.circuit_breaker.state");
    assert_eq!(gauge(&state), expected([(name, 2), ("circuit_breaker.name=search", 0)]));
    let transitions = collector.metric("reliability.circuit_breaker.transitions");
    let changes = [
        ("circuit_breaker.name=payments from=closed to=open", 1),
        ("circuit_breaker.name=payments from=open to=half_open", 1),
    ];
    assert_eq!(counter(&transitions), expected(changes));
    let rejections = collector.metric("reliability.circuit_breaker.rejections");
    assert_eq!(counter(&rejections), expected([("circuit_breaker.name=payments reason=open", 3)]));
    let duration = collector.metric("reliability.request.duration");
    assert_eq!(duration.unit, "ms");
    let durations = [(format!("{name} status=failure"), 2, 30.0), (format!("{name} status=success"), 1, 5.0)];
    assert_eq!(histogram(&duration), durations);

    probe.success();
    payments.force_open();
    assert!(payments.try_acquire().is_err());
    let flush = provider.clone();
    flushed(move || flush.force_flush().unwrap()).await;
    let state = collector.metric("reliability.circuit_breaker.state");
    assert_eq!(gauge(&state)[0], (name.to_owned(), 1));
    let rejections = counter(&collector.metric("reliability.circuit_breaker.rejections"));
    assert_eq!(rejections[0], ("circuit_breaker.name=payments reason=forced_open".to_owned(), 1));
    flushed(move || provider.shutdown().unwrap()).await;
}

// SEED-26
#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_the_counts_of_limits_and_retries() {
    let (collector, address) = Collector::start().await;
    let (provider, clock) = (meters(&address), ManualClock::new());
    let reliability = Reliability::new(&provider.meter("test"));
    let limiter = RateLimiter::per(2, Duration::from_secs(60)).name("search").clock(clock.clone());
    let limited = Pipeline::builder("search")
        .policy(Observed::new(limiter.build().unwrap(), reliability.clone()))
        .build();
    let granted = (0..5).filter(|_| limited.call(|| Ok::<_, ()>(())).is_ok()).count();
    assert_eq!(granted, 2);

    let retry = Retry::builder("search").max_retries(2).jitter(Jitter::None).clock(clock.clone());
    let retried = Pipeline::builder("search")
        .policy(Observed::new(retry.build().unwrap(), reliability.clone()))
        .build();
    retried.call(|| Ok::<_, ()>(())).unwrap();
    let mut attempts = 0;
    let third = || {
        attempts += 1;
        if attempts < 3 { Err(()) } else { Ok(()) }
    };
    retried.call(third).unwrap();
    assert!(retried.call(|| Err::<(), _>(())).is_err());

    let bulkhead = Bulkhead::builder("search").limit(1).build().unwrap();
    let placed = Pipeline::builder("search").policy(Observed::new(bulkhead, reliability.clone())).build();
    let nested = placed.clone();
    let full = placed.call(move || {
        let refused = nested.call(|| Ok::<_, ()>(()));
        assert!(matches!(refused, Err(CallError::Refused(_))));
        Ok::<_, ()>(())
    });
    full.unwrap();
    let flush = provider.clone();
    flushed(move || flush.force_flush().unwrap()).await;

    let name = "policy.name=search";
    let count = |metric: &str| counter(&collector.metric(metric));
    assert_eq!(count("reliability.rate_limit.allowed"), expected([(name, 2)]));
    assert_eq!(count("reliability.rate_limit.rejected"), expected([(name, 3)]));
    assert_eq!(count("reliability.retry.successes"), expected([(name, 2)]));
    assert_eq!(count("reliability.retry.failures"), expected([(name, 1)]));
    let attempts = histogram(&collector.metric("reliability.retry.attempts"));
    let told = [(format!("{name} status=failure"), 1, 2.0), (format!("{name} status=success"), 1, 2.0)];
    assert_eq!(attempts, told);
    let waits = collector.metric("reliability.queue.wait_time");
    assert_eq!(waits.unit, "ms");
    let counts: Vec<_> =
        histogram(&waits).into_iter().map(|(attributes, count, _)| (attributes, count)).collect();
    assert_eq!(
        counts,
        expected([("policy.name=search status=admitted", 3), ("policy.name=search status=rejected", 4),])
    );
    flushed(move || provider.shutdown().unwrap()).await;
}

/// Three calls of 100 ms one after the other, in a runtime whose time is paused.
fn queued(reliability: &Reliability) {
    let bulkhead = Bulkhead::builder("queue").limit(1).max_queue(10).clock(trifuse::Clock::Tokio);
    let observed = Observed::new(bulkhead.build().unwrap(), reliability.clone());
    let placed = Pipeline::builder("queue").policy(observed).build();
    let work = || async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok::<_, ()>(())
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let all = runtime.block_on(futures::future::join_all((0..3).map(|_| placed.call_async(work))));
    assert!(all.iter().all(Result::is_ok));
}

// SEED-26
#[tokio::test(flavor = "multi_thread")]
async fn the_time_in_a_queue_is_what_the_call_waited() {
    let (collector, address) = Collector::start().await;
    let provider = meters(&address);
    let reliability = Reliability::new(&provider.meter("test"));
    flushed(move || {
        queued(&reliability);
        provider.shutdown().unwrap();
    })
    .await;
    let waits = histogram(&collector.metric("reliability.queue.wait_time"));
    assert_eq!((waits.len(), &*waits[0].0, waits[0].1), (1, "policy.name=queue status=admitted", 3));
    assert!((300.0..=306.0).contains(&waits[0].2), "0 + 100 + 200 ms: {waits:?}");
}

fn text(span: &Span, attribute: &str) -> Option<String> {
    let attributes = attributes(&span.attributes);
    let found = attributes.iter().find_map(|one| one.strip_prefix(&format!("circuit_breaker.{attribute}=")));
    found.map(str::to_owned)
}

// SEED-24
#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_a_span_for_each_call_within_that_of_the_request() {
    let (collector, address) = Collector::start().await;
    let exporter = SpanExporter::builder().with_tonic().with_endpoint(&address).build().unwrap();
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).build();
    let (tracer, clock) = (provider.tracer("test"), ManualClock::new());
    let builder = CircuitBreaker::builder("payments").consecutive_failures(1).clock(clock.clone());
    let observed = Observed::new(builder.build().unwrap(), Spans::new(tracer.clone()));
    let payments = Pipeline::builder("payments").policy(observed).build();

    let request = Context::current_with_span(tracer.start("request"));
    let work = || {
        let tracer = tracer.clone();
        async move {
            tokio::task::yield_now().await;
            tracer.start("work"); // ends at once
            Ok::<_, ()>(())
        }
    };
    let call = opentelemetry::trace::FutureExt::with_context(payments.call_async(work), request.clone());
    call.await.unwrap();
    {
        let _within = request.clone().attach();
        assert!(payments.call(|| Err::<(), _>(())).is_err());
        assert!(payments.call(|| Ok::<_, ()>(())).is_err());
        clock.advance(Duration::from_secs(30));
        payments.call(|| Ok::<_, ()>(())).unwrap();
    }
    request.span().set_attribute(KeyValue::new("done", true));
    request.span().end();
    flushed(move || provider.shutdown().unwrap()).await;

    let spans = collector.spans();
    let named = |name: &str| spans.iter().filter(|span| span.name == name).collect::<Vec<_>>();
    let (request, calls, work) = (named("request")[0], named("circuit_breaker.call"), named("work")[0]);
    assert_eq!(calls.len(), 4);
    for call in &calls {
        assert_eq!((&call.trace_id, &call.parent_span_id), (&request.trace_id, &request.span_id));
        assert_eq!(text(call, "name").as_deref(), Some("payments"));
        assert!(call.end_time_unix_nano >= call.start_time_unix_nano && call.start_time_unix_nano > 0);
    }
    assert_eq!((&work.trace_id, &work.parent_span_id), (&request.trace_id, &calls[0].span_id));
    let shown = |call: &&Span| {
        ["state", "failure_rate", "total_requests", "action", "result"]
            .map(|one| text(call, one).unwrap_or_default())
    };
    let told: Vec<_> = calls.iter().map(shown).collect();
    let expected = [
        ["closed", "0.0", "0", "", "success"],
        ["closed", "0.0", "1", "", "failure"],
        ["open", "0.5", "2", "rejected", "rejected"],
        ["open", "0.5", "3", "half_open_test", "success"],
    ];
    assert_eq!(told, expected);
    let errors: Vec<_> =
        calls.iter().map(|call| call.status.as_ref().is_some_and(|status| status.code == 2)).collect();
    assert_eq!(errors, [false, true, false, false]);
}
