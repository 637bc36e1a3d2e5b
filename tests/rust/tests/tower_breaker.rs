// SPDX-License-Identifier: MIT OR Apache-2.0
//! The circuit breaker as a layer: when it asks, what it calls, what comes back on every path.
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
use tower_test::{assert_request_eq, mock};
use trifuse::tower::{CircuitBreakerService, OperationLayer, OperationService};
use trifuse::{CallError, CircuitBreaker, Config, ManualClock, RefusalReason, State};

const SECOND: Duration = Duration::from_secs(1);

type Mock = mock::Mock<&'static str, &'static str>;
type Guarded = CircuitBreakerService<OperationService<Mock>>;

fn breaker(config: Config) -> (CircuitBreaker, ManualClock) {
    let clock = ManualClock::new();
    let breaker = CircuitBreaker::builder("search").with_config(config).clock(clock.clone()).build().unwrap();
    (breaker, clock)
}

fn guarded(breaker: &CircuitBreaker) -> (Guarded, mock::Handle<&'static str, &'static str>) {
    let (service, handle) = mock::pair();
    (ServiceBuilder::new().layer(breaker.layer()).layer(OperationLayer).service(service), handle)
}

fn noop() -> Context<'static> {
    Context::from_waker(std::task::Waker::noop())
}

fn half_open(probes: u32) -> (CircuitBreaker, ManualClock) {
    let (breaker, clock) = breaker(Config::DEFAULT.with_half_open_max_calls(probes));
    breaker.trip(SECOND);
    clock.advance(SECOND);
    (breaker, clock)
}

#[tokio::test]
async fn permission_is_asked_at_the_first_poll_and_not_by_poll_ready_or_call() {
    let (breaker, _) = half_open(1);
    let (mut service, mut handle) = guarded(&breaker);
    handle.allow(1);
    service.ready().await.unwrap();
    let mut call = service.call("what").boxed();
    assert_eq!((breaker.state(), breaker.snapshot().probes_in_flight), (State::Open, 0));
    assert!(call.as_mut().poll(&mut noop()).is_pending());
    assert_eq!((breaker.state(), breaker.snapshot().probes_in_flight), (State::HalfOpen, 1));
    assert_request_eq!(handle, "what").send_response("found");
    assert_eq!(call.await.unwrap(), "found");
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test]
async fn a_refused_call_does_not_reach_the_service() {
    let (breaker, _) = breaker(Config::DEFAULT);
    breaker.trip(SECOND);
    let (mut service, mut handle) = guarded(&breaker);
    handle.allow(1);
    let Err(CallError::Refused(refused)) = service.ready().await.unwrap().call("what").await else {
        panic!()
    };
    assert_eq!((refused.reason, refused.retry_after), (RefusalReason::Open, Some(SECOND)));
    assert!(handle.next_request().now_or_never().is_none());
}

#[tokio::test]
async fn a_future_that_is_dropped_gives_its_probe_back() {
    let (breaker, _) = half_open(1);
    let (service, mut handle) = guarded(&breaker);
    handle.allow(2);
    {
        let mut call = service.clone().oneshot("one").boxed();
        assert!(call.as_mut().poll(&mut noop()).is_pending());
        assert_eq!(breaker.snapshot().probes_in_flight, 1);
    }
    let picture = breaker.snapshot();
    assert_eq!((picture.probes_in_flight, picture.totals.ignored), (0, 1));
    drop(service.clone().call("never polled"));
    assert_eq!(breaker.snapshot().totals.ignored, 1);
    let second = tokio::spawn(service.oneshot("two"));
    handle.next_request().await.unwrap(); // the dropped one, whose caller has gone
    assert_request_eq!(handle, "two").send_response("found");
    assert_eq!((second.await.unwrap().unwrap(), breaker.state()), ("found", State::Closed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_thousand_callers_at_half_open_exactly_the_probes_reach_the_service() {
    for probes in [1, 5, 64] {
        let (breaker, _) = half_open(probes);
        let reached = Arc::new(AtomicU64::new(0));
        let counter = reached.clone();
        let service = ServiceBuilder::new().layer(breaker.layer()).layer(OperationLayer).service(service_fn(
            move |()| {
                counter.fetch_add(1, Ordering::Relaxed);
                pending::<Result<(), ()>>()
            },
        ));
        let begin = Arc::new(tokio::sync::Barrier::new(1001));
        let calls: Vec<_> = (0..1000)
            .map(|_| {
                let (service, begin) = (service.clone(), begin.clone());
                tokio::spawn(async move {
                    begin.wait().await;
                    service.oneshot(()).await
                })
            })
            .collect();
        begin.wait().await;
        let mut refused = 0;
        while refused < 1000 - u64::from(probes) {
            tokio::task::yield_now().await;
            refused = breaker.snapshot().totals.refused_half_open_limit;
        }
        assert_eq!(breaker.snapshot().probes_in_flight, probes);
        assert_eq!(reached.load(Ordering::Relaxed), u64::from(probes));
        calls.iter().for_each(tokio::task::JoinHandle::abort);
        futures::future::join_all(calls).await;
        assert_eq!(breaker.snapshot().probes_in_flight, 0);
    }
}

#[tokio::test]
async fn a_success_of_a_call_from_before_the_trip_closes_nothing() {
    let (breaker, clock) = breaker(Config::DEFAULT);
    let (service, mut handle) = guarded(&breaker);
    handle.allow(1);
    let early = tokio::spawn(service.clone().oneshot("early"));
    let early_request = handle.next_request().await.unwrap().1;
    breaker.trip(SECOND);
    clock.advance(SECOND);
    let mut probe = service.clone().oneshot("probe").boxed();
    assert!(probe.as_mut().poll(&mut noop()).is_pending());
    early_request.send_response("found");
    assert_eq!(early.await.unwrap().unwrap(), "found");
    let picture = breaker.snapshot();
    assert_eq!((picture.state, picture.totals.late_results), (State::HalfOpen, 1));
}

#[tokio::test]
async fn what_was_polled_ready_is_called_and_a_clone_has_to_be_polled_itself() {
    let (breaker, _) = breaker(Config::DEFAULT);
    let (mut service, mut handle) = guarded(&breaker);
    handle.allow(1);
    service.ready().await.unwrap();
    handle.allow(0);
    let mut clone = service.clone();
    assert!(clone.poll_ready(&mut noop()).is_pending(), "it shares no readiness");
    let call = tokio::spawn(service.call("what"));
    assert!(service.poll_ready(&mut noop()).is_pending(), "what stays is a clone");
    assert_request_eq!(handle, "what").send_response("found");
    assert_eq!(call.await.unwrap().unwrap(), "found");
    handle.allow(1);
    let call = tokio::spawn(clone.ready().await.unwrap().call("again"));
    assert_request_eq!(handle, "again").send_response("found");
    call.await.unwrap().unwrap();
    assert_eq!(breaker.snapshot().totals.successes, 2, "both count in the one breaker");
}

#[tokio::test]
async fn a_clone_of_a_ready_service_that_is_called_without_being_polled_is_waited_for_in_the_call() {
    let (breaker, _) = breaker(Config::DEFAULT);
    let (mut service, mut handle) = guarded(&breaker);
    service.ready().await.unwrap();
    handle.allow(0);
    let mut call = service.clone().call("what").boxed();
    assert!(call.as_mut().poll(&mut noop()).is_pending());
    let call = tokio::spawn(call);
    handle.allow(1);
    assert_request_eq!(handle, "what").send_response("found");
    assert_eq!(call.await.unwrap().unwrap(), "found");
}

#[tokio::test]
async fn a_circuit_that_is_not_closed_is_ready_and_a_probe_waits_for_the_service() {
    let (breaker, clock) = breaker(Config::DEFAULT);
    let (mut service, mut handle) = guarded(&breaker);
    handle.allow(0);
    assert!(service.poll_ready(&mut noop()).is_pending());
    breaker.trip(SECOND);
    assert!(service.poll_ready(&mut noop()).is_ready());
    assert!(matches!(service.call("no").await, Err(CallError::Refused(_))));
    assert!(service.poll_ready(&mut noop()).is_ready());
    let mut probe = service.call("probe").boxed();
    clock.advance(SECOND);
    assert!(probe.as_mut().poll(&mut noop()).is_pending());
    assert_eq!(breaker.snapshot().probes_in_flight, 1);
    let probe = tokio::spawn(probe);
    handle.allow(1);
    assert_request_eq!(handle, "probe").send_response("found");
    assert_eq!((probe.await.unwrap().unwrap(), breaker.state()), ("found", State::Closed));
    breaker.force_open();
    assert!(service.poll_ready(&mut noop()).is_ready());
}

#[tokio::test]
async fn a_service_that_cannot_be_called_is_a_failure_of_its_own_error() {
    let (breaker, _) = breaker(Config::DEFAULT.with_consecutive_failures(2));
    let (mut service, mut handle) = guarded(&breaker);
    handle.send_error("gone");
    let Err(CallError::Operation(error)) = service.ready().await else { panic!() };
    assert_eq!(error.to_string(), "gone");
    assert_eq!(breaker.snapshot().totals.failures, 1);
    handle.send_error("still gone");
    let Err(CallError::Operation(_)) = service.call("what").await else {
        panic!("not waited for in the call")
    };
    assert_eq!(breaker.snapshot().totals.failures, 2);
    assert!(service.ready().await.is_ok(), "the circuit is open");
    assert!(matches!(service.call("what").await, Err(CallError::Refused(_))));
}

#[tokio::test(start_paused = true)]
async fn a_call_over_the_request_timeout_is_dropped_and_a_failure() {
    let (breaker, _) = breaker(Config::DEFAULT.with_request_timeout(Some(2 * SECOND)));
    let (service, mut handle) = guarded(&breaker);
    handle.allow(1);
    let began = tokio::time::Instant::now();
    let Err(CallError::TimedOut(late)) = service.oneshot("what").await else { panic!() };
    assert_eq!((late.limit, began.elapsed().as_secs()), (2 * SECOND, 2));
    assert_eq!(breaker.snapshot().totals.timeouts, 1);
}

#[tokio::test]
async fn poll_is_pending_while_the_service_is() {
    let (breaker, _) = breaker(Config::DEFAULT);
    let (service, mut handle) = guarded(&breaker);
    handle.allow(1);
    let mut call = service.oneshot("what").boxed();
    assert!(matches!(call.as_mut().poll(&mut noop()), Poll::Pending));
    drop(handle);
    assert!(matches!(call.await, Err(CallError::Operation(_))), "the mock has gone");
    assert_eq!(breaker.snapshot().totals.failures, 1);
}
