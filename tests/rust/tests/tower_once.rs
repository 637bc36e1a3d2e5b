// SPDX-License-Identifier: MIT OR Apache-2.0
//! The layers that call a service at most once: limits, throttle, timeout, fallback.
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::task::Context;
use std::time::Duration;

use futures::FutureExt;
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_test::{assert_request_eq, mock};
use trifuse::tower::{BulkheadLayer, OperationLayer, RateLimitLayer};
use trifuse::{
    AdaptiveLimit, Bulkhead, CallError, Clock, Fallback, KeyedRateLimiters, LimiterKind, ManualClock,
    Outcome, RateLimiter, RefusalReason, Throttle, Timeout,
};

const SECOND: Duration = Duration::from_secs(1);

fn noop() -> Context<'static> {
    Context::from_waker(std::task::Waker::noop())
}

async fn same(n: u8) -> Result<u8, BoxError> {
    Ok(n)
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_waits_as_long_as_it_may_in_line_and_refuses_at_once_beyond() {
    for kind in [LimiterKind::TokenBucket, LimiterKind::SlidingLog] {
        let limiter = RateLimiter::per(1, SECOND).kind(kind).max_wait(2 * SECOND).clock(Clock::Tokio).build();
        let service = limiter.unwrap().layer().layer(OperationLayer.layer(service_fn(same)));
        let began = tokio::time::Instant::now();
        let order = Arc::new(Mutex::new(Vec::new()));
        let calls: Vec<_> = (0..4)
            .map(|n| {
                let (service, order) = (service.clone(), order.clone());
                tokio::spawn(async move {
                    let result = service.oneshot(n).await;
                    order.lock().unwrap().push((n, began.elapsed().as_secs()));
                    result
                })
            })
            .collect();
        let results = futures::future::join_all(calls).await;
        let granted = results.iter().filter(|result| result.as_ref().unwrap().is_ok()).count();
        assert_eq!(granted, 3, "{kind}");
        let mut order = order.lock().unwrap().clone();
        order.sort_unstable();
        assert_eq!(order[..3], [(0, 0), (1, 1), (2, 2)], "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_is_taken_at_the_first_poll_and_a_dropped_waiter_gives_it_back() {
    let limiter = RateLimiter::per(2, 2 * SECOND).max_wait(5 * SECOND).clock(Clock::Tokio).build().unwrap();
    let mut service = RateLimitLayer::new(limiter.clone()).layer(OperationLayer.layer(service_fn(same)));
    let unpolled = service.ready().await.unwrap().call(1);
    assert_eq!(limiter.available(), 2);
    drop(unpolled);
    limiter.try_acquire_n(2).unwrap();
    {
        let mut waits = service.clone().oneshot(2).boxed();
        assert!(waits.as_mut().poll(&mut noop()).is_pending());
        assert_eq!(limiter.snapshot().debt, 1);
    }
    assert_eq!(limiter.snapshot().debt, 0);
}

#[tokio::test]
async fn each_key_has_a_rate_of_its_own() {
    let each = RateLimiter::per(1, SECOND).clock(ManualClock::new());
    let users = Arc::new(KeyedRateLimiters::<u8>::builder(each).max_keys(10).build().unwrap());
    let service = RateLimitLayer::by_key(users.clone(), |user: &u8| *user)
        .layer(OperationLayer.layer(service_fn(same)));
    assert_eq!(service.clone().oneshot(1).await.unwrap(), 1);
    let Err(CallError::Refused(refused)) = service.clone().oneshot(1).await else { panic!() };
    assert_eq!((refused.reason, refused.retry_after), (RefusalReason::RateLimited, Some(SECOND)));
    assert_eq!((service.oneshot(2).await.unwrap(), users.len()), (2, 2));
}

#[tokio::test]
async fn a_bulkhead_gives_its_places_in_order_and_a_dropped_call_gives_its_place_to_the_next() {
    let bulkhead = Bulkhead::builder("search").limit(1).max_queue(2).build().unwrap();
    let (inner, mut handle) = mock::pair::<u8, u8>();
    let service = bulkhead.layer().layer(OperationLayer.layer(inner));
    let mut first = service.clone().oneshot(1).boxed();
    assert_eq!(bulkhead.in_flight(), 0, "not before it is polled");
    assert!(first.as_mut().poll(&mut noop()).is_pending());
    let second = tokio::spawn(service.clone().oneshot(2));
    tokio::task::yield_now().await;
    let third = tokio::spawn(service.clone().oneshot(3));
    tokio::task::yield_now().await;
    assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (1, 2));
    let Err(CallError::Refused(refused)) = service.oneshot(4).await else { panic!() };
    assert_eq!(refused.reason, RefusalReason::BulkheadFull);
    assert_request_eq!(handle, 1);
    drop(first);
    assert_request_eq!(handle, 2).send_response(2);
    assert_eq!(second.await.unwrap().unwrap(), 2);
    third.abort();
    assert!(third.await.unwrap_err().is_cancelled());
    assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_a_place_ends_at_max_wait() {
    let bulkhead = Bulkhead::builder("search").limit(1).max_queue(1).max_wait(SECOND).build().unwrap();
    let place = bulkhead.try_acquire_owned().unwrap();
    let service = bulkhead.layer().layer(OperationLayer.layer(service_fn(same)));
    let began = tokio::time::Instant::now();
    assert!(service.clone().oneshot(1).await.unwrap_err().refused().is_some());
    assert_eq!((began.elapsed().as_secs(), bulkhead.waiting()), (1, 0));
    drop(place);
    assert_eq!(service.oneshot(1).await.unwrap(), 1);
}

#[tokio::test]
async fn an_adaptive_limit_learns_from_failures_and_a_panic_is_one() {
    let adaptive = || AdaptiveLimit::aimd("search").build().unwrap();
    let layer = |limit: &AdaptiveLimit| {
        limit.layer().classify(|result: &Result<u8, BoxError>| match result {
            Ok(4) => Outcome::Ignored,
            Ok(5) => Outcome::Failure,
            _ => Outcome::Success,
        })
    };
    for (answer, expected) in [(4, 20), (5, 18)] {
        let limit = adaptive();
        let service = layer(&limit).layer(OperationLayer.layer(service_fn(same)));
        service.oneshot(answer).await.unwrap();
        assert_eq!((limit.limit(), limit.in_flight()), (expected, 0));
    }
    let limit = adaptive();
    let panics = service_fn(|_: u8| async { panic!("on purpose") });
    let call = tokio::spawn(layer(&limit).layer(OperationLayer.layer(panics)).oneshot(1));
    assert!(call.await.unwrap_err().is_panic());
    assert_eq!((limit.limit(), limit.in_flight()), (18, 0));
}

#[tokio::test]
async fn a_place_is_taken_for_a_call_that_may_be_sent_to_another_thread() {
    let bulkhead = Bulkhead::builder("search").limit(1).build().unwrap();
    let service = BulkheadLayer::new(bulkhead.clone()).layer(OperationLayer.layer(service_fn(same)));
    let call = std::thread::spawn(move || futures::executor::block_on(service.oneshot(1)));
    assert_eq!((call.join().unwrap().unwrap(), bulkhead.in_flight()), (1, 0));
}

#[tokio::test]
async fn a_throttle_refuses_once_the_service_takes_on_too_few() {
    let throttle =
        Throttle::builder("search").k(1.0).seed(Some(1)).clock(ManualClock::new()).build().unwrap();
    let service =
        throttle.layer().layer(OperationLayer.layer(service_fn(|()| async { Err::<u8, _>("busy") })));
    let mut refused = 0;
    for _ in 0..100 {
        match service.clone().oneshot(()).await.unwrap_err() {
            CallError::Refused(error) => {
                assert_eq!(error.reason, RefusalReason::Throttled);
                refused += 1;
            }
            error => assert_eq!(error, CallError::Operation("busy")),
        }
    }
    assert!(refused > 80, "{refused}");
    assert_eq!(throttle.snapshot().accepts, 0);
}

#[tokio::test]
async fn a_panic_is_no_call_that_was_taken_on_and_a_cancelled_one_is() {
    let throttle = Throttle::builder("search").build().unwrap();
    let panics = throttle.layer().layer(OperationLayer.layer(service_fn(|()| async {
        tokio::task::yield_now().await;
        panic!("on purpose");
        #[allow(unreachable_code)]
        Ok::<u8, BoxError>(1)
    })));
    assert!(tokio::spawn(panics.oneshot(())).await.unwrap_err().is_panic());
    assert_eq!(throttle.snapshot().accepts, 0);
    let throttle = Throttle::builder("search").build().unwrap();
    let hangs =
        throttle.layer().layer(OperationLayer.layer(service_fn(|()| pending::<Result<u8, BoxError>>())));
    assert!(hangs.oneshot(()).now_or_never().is_none());
    assert_eq!(throttle.snapshot().accepts, 1);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_drops_the_call_at_its_limit_counted_from_the_first_poll() {
    let (inner, mut handle) = mock::pair::<u8, u8>();
    let service = Timeout::after(SECOND).clock(Clock::Tokio).layer().layer(OperationLayer.layer(inner));
    let mut call = service.oneshot(1).boxed();
    tokio::time::advance(5 * SECOND).await;
    assert!(call.as_mut().poll(&mut noop()).is_pending());
    let (request, _response) = handle.next_request().await.unwrap();
    assert_eq!(request, 1);
    let began = tokio::time::Instant::now();
    let Err(CallError::TimedOut(late)) = call.await else { panic!() };
    assert_eq!((late.limit, began.elapsed().as_secs()), (SECOND, 1));
}

#[tokio::test]
async fn a_fallback_asks_its_levels_in_turn_and_some_may_wait() {
    let fallback = Fallback::new("search")
        .on(|error: &CallError<&str>| *error != CallError::Operation("fatal"))
        .level("cache", |_| None)
        .level_async("spare", |_| async {
            tokio::task::yield_now().await;
            None
        })
        .level_async("rule", |_| async {
            tokio::task::yield_now().await;
            Some("by a rule")
        });
    let layer = fallback.layer();
    let service = |result| layer.layer(OperationLayer.layer(service_fn(move |()| async move { result })));
    assert_eq!(service(Err("down")).oneshot(()).await, Ok("by a rule"));
    assert_eq!(service(Ok("found")).oneshot(()).await, Ok("found"));
    assert_eq!(service(Err("fatal")).oneshot(()).await, Err(CallError::Operation("fatal")));
    assert_eq!(fallback.answers(), [("cache", 0), ("spare", 0), ("rule", 1)]);
    let none = Fallback::<u8, _>::new("search").level("cache", |_| None).layer();
    let nothing = ServiceBuilder::new().layer(none).layer(OperationLayer);
    let down = nothing.service(service_fn(|()| async { Err("down") }));
    assert_eq!(down.oneshot(()).await, Err(CallError::Operation("down")));
}
