// SPDX-License-Identifier: MIT OR Apache-2.0
//! Retries as a layer.
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Context;
use std::time::Duration;

use futures::FutureExt;
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};
use tower_test::{assert_request_eq, mock};
use trifuse::tower::{OperationLayer, RetryLayer};
use trifuse::{
    CallError, CircuitBreaker, Classification, Clock, Jitter, Outcome, Retry, RetryBudget, RetryBuilder,
};

const SECOND: Duration = Duration::from_secs(1);

fn retry() -> RetryBuilder {
    Retry::builder("search").delay(SECOND).jitter(Jitter::None).clock(Clock::Tokio)
}

fn noop() -> Context<'static> {
    Context::from_waker(std::task::Waker::noop())
}

#[tokio::test(start_paused = true)]
async fn each_attempt_waits_for_the_service_to_be_ready() {
    let policy = retry().build().unwrap();
    let (inner, mut handle) = mock::pair::<&str, &str>();
    let mut service = policy.layer().layer(OperationLayer.layer(inner));
    handle.allow(1);
    let call = service.ready().await.unwrap().call("what");
    assert_eq!(policy.snapshot().calls, 0);
    let call = tokio::spawn(call);
    assert_request_eq!(handle, "what").send_error("busy");
    tokio::time::sleep(5 * SECOND).await;
    assert_eq!(policy.snapshot().retries, 1);
    assert!(handle.next_request().now_or_never().is_none(), "it is not ready");
    handle.allow(1);
    assert_request_eq!(handle, "what").send_response("found");
    assert_eq!(call.await.unwrap().unwrap(), "found");
    assert_eq!((policy.snapshot().calls, policy.snapshot().successes), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn the_time_that_the_service_says_replaces_the_delay_for_errors_and_for_answers() {
    for error in [false, true] {
        let policy = retry().build().unwrap();
        let attempts = Arc::new(AtomicU32::new(0));
        let counter = attempts.clone();
        let answer = move |_: ()| {
            let first = counter.fetch_add(1, Ordering::Relaxed) == 0;
            let status = if first { 429 } else { 200 };
            std::future::ready(if first && error { Err(status) } else { Ok(status) })
        };
        let layer = RetryLayer::new(policy).classify(|result: &Result<u16, u16>| match result {
            Ok(429) | Err(429) => Classification::retry_after(7 * SECOND),
            _ => Outcome::Success.into(),
        });
        let began = tokio::time::Instant::now();
        assert_eq!(layer.layer(OperationLayer.layer(service_fn(answer))).oneshot(()).await, Ok(200));
        let waited = began.elapsed();
        assert!(waited >= 7 * SECOND && waited < 8 * SECOND, "plus up to 10 %: {waited:?}");
    }
}

#[tokio::test]
async fn a_request_that_cannot_be_made_again_is_called_once_and_costs_no_budget() {
    let budget = RetryBudget::builder("client").build().unwrap();
    let policy = retry().budget(&budget).build().unwrap();
    let once = RetryLayer::new(policy.clone()).clone_with(|_: &u8| None);
    let service = once.layer(OperationLayer.layer(service_fn(|_: u8| async { Err::<(), _>("busy") })));
    assert_eq!(service.oneshot(1).await, Err(CallError::Operation("busy")));
    let (told, spent) = (policy.snapshot(), budget.snapshot());
    assert_eq!((told.calls, told.retries, told.failures, spent.withdrawals), (1, 0, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_spent_budget_gives_the_original_error_at_once() {
    let budget = RetryBudget::builder("client").ratio(0.0).floor(0.1).build().unwrap(); // one in 10 s
    let service = retry().budget(&budget).max_retries(5).build().unwrap().layer();
    let service = service.layer(OperationLayer.layer(service_fn(|()| async { Err::<(), _>("busy") })));
    let began = tokio::time::Instant::now();
    assert_eq!(service.oneshot(()).await, Err(CallError::Operation("busy")));
    assert_eq!(began.elapsed().as_secs(), 1, "one retry, after a second");
}

#[tokio::test(start_paused = true)]
async fn a_retry_ends_when_the_circuit_within_opens() {
    let policy = retry().max_retries(10).build().unwrap();
    let breaker = CircuitBreaker::builder("search").consecutive_failures(2).build().unwrap();
    let attempts = Arc::new(AtomicU32::new(0));
    let counter = attempts.clone();
    let inner = service_fn(move |()| {
        counter.fetch_add(1, Ordering::Relaxed);
        async { Err::<(), _>("busy") }
    });
    let service = policy.layer().layer(breaker.layer().layer(OperationLayer.layer(inner)));
    assert!(matches!(service.oneshot(()).await, Err(CallError::Refused(_))));
    assert_eq!((attempts.load(Ordering::Relaxed), policy.snapshot().retries), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_is_dropped_makes_no_other_attempt_and_is_counted_nowhere() {
    let policy = retry().build().unwrap();
    let (inner, mut handle) = mock::pair::<&str, &str>();
    let mut call = policy.layer().layer(OperationLayer.layer(inner)).oneshot("what").boxed();
    assert!(call.as_mut().poll(&mut noop()).is_pending());
    assert_request_eq!(handle, "what").send_error("busy");
    assert!(call.as_mut().poll(&mut noop()).is_pending());
    drop(call);
    assert!(handle.next_request().await.is_none());
    assert_eq!(policy.snapshot().calls, 0);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_has_died_is_not_called_again() {
    let policy = retry().build().unwrap();
    let (inner, mut handle) = mock::pair::<&str, &str>();
    let call = tokio::spawn(policy.layer().layer(OperationLayer.layer(inner)).oneshot("what"));
    assert_request_eq!(handle, "what").send_error("busy");
    handle.send_error("dead");
    let Err(CallError::Operation(error)) = call.await.unwrap() else { panic!() };
    assert_eq!((error.to_string().as_str(), policy.snapshot().failures), ("dead", 1));
}

#[tokio::test]
async fn without_a_delay_others_run_between_the_attempts() {
    let policy =
        Retry::builder("search").delay(Duration::ZERO).jitter(Jitter::None).max_retries(3).build().unwrap();
    let inner = service_fn(|()| async { Err::<(), BoxError>("busy".into()) });
    let mut call = policy.layer().layer(OperationLayer.layer(inner)).oneshot(()).boxed();
    for _ in 0..3 {
        assert!(call.as_mut().poll(&mut noop()).is_pending());
    }
    assert!(call.as_mut().poll(&mut noop()).is_ready());
}
