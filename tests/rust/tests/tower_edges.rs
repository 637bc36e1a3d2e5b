// SPDX-License-Identifier: MIT OR Apache-2.0
//! What nobody does on purpose: futures polled too often, limits of no time and of all time, odd headers.
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use tower::util::BoxCloneService;
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};
use trifuse::http::{GuardedBodyLayer, StatusClassifier, classify_grpc, classify_head, retry_after};
use trifuse::tower::{
    CircuitBreakerLayer, FallbackLayer, HedgeLayer, OperationLayer, RetryLayer, TimeoutLayer,
};
use trifuse::{
    AdaptiveLimit, Bulkhead, CallError, CircuitBreaker, Clock, Fallback, Hedge, KeyedBreakers, Outcome,
    RateLimiter, Retry, State, Throttle, Timeout,
};

const SECOND: Duration = Duration::from_secs(1);

type Boxed = BoxCloneService<u8, u8, CallError<&'static str>>;

fn counted(answer: Result<u8, &'static str>) -> (Boxed, Arc<AtomicU32>) {
    let calls = Arc::new(AtomicU32::new(0));
    let counter = calls.clone();
    let service = service_fn(move |_: u8| {
        counter.fetch_add(1, Ordering::Relaxed);
        std::future::ready(answer)
    });
    (BoxCloneService::new(OperationLayer.layer(service)), calls)
}

fn all(inner: &Boxed) -> Vec<(&'static str, Boxed)> {
    let fallback = Fallback::<u8, &'static str>::new("edges").on(|_| false).value(0);
    vec![
        (
            "breaker",
            BoxCloneService::new(CircuitBreaker::builder("e").build().unwrap().layer().layer(inner.clone())),
        ),
        (
            "rate",
            BoxCloneService::new(
                RateLimiter::per_second(100.0).build().unwrap().layer().layer(inner.clone()),
            ),
        ),
        (
            "bulkhead",
            BoxCloneService::new(Bulkhead::builder("e").build().unwrap().layer().layer(inner.clone())),
        ),
        (
            "adaptive",
            BoxCloneService::new(AdaptiveLimit::aimd("e").build().unwrap().layer().layer(inner.clone())),
        ),
        (
            "throttle",
            BoxCloneService::new(Throttle::builder("e").build().unwrap().layer().layer(inner.clone())),
        ),
        (
            "retry",
            BoxCloneService::new(RetryLayer::new(Retry::builder("e").build().unwrap()).layer(inner.clone())),
        ),
        (
            "hedge",
            BoxCloneService::new(
                HedgeLayer::new(Hedge::after("e", Duration::from_secs(1)).build().unwrap())
                    .layer(inner.clone()),
            ),
        ),
        (
            "timeout",
            BoxCloneService::new(
                TimeoutLayer::new(Timeout::after(Duration::from_secs(1))).layer(inner.clone()),
            ),
        ),
        ("fallback", BoxCloneService::new(FallbackLayer::new(fallback).layer(inner.clone()))),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_future_that_is_polled_after_its_end_panics_and_calls_nothing() {
    let (inner, calls) = counted(Ok(7));
    for (name, mut service) in all(&inner) {
        let before = calls.load(Ordering::Relaxed);
        let mut call = pin!(service.ready().await.unwrap().call(1));
        let mut cx = Context::from_waker(Waker::noop());
        assert_eq!(call.as_mut().poll(&mut cx), Poll::Ready(Ok(7)), "{name}");
        let again = catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(&mut cx)));
        assert!(again.is_err(), "{name}: {again:?}");
        assert_eq!(calls.load(Ordering::Relaxed) - before, 1, "{name}");
    }
}

#[tokio::test]
async fn a_refused_future_that_is_polled_again_calls_nothing() {
    let (inner, calls) = counted(Ok(7));
    let bulkhead = Bulkhead::builder("e").limit(1).build().unwrap();
    let place = bulkhead.try_acquire().unwrap();
    let mut service = bulkhead.layer().layer(inner);
    let mut call = pin!(service.ready().await.unwrap().call(1));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(matches!(call.as_mut().poll(&mut cx), Poll::Ready(Err(CallError::Refused(_)))));
    drop(place);
    assert!(catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(&mut cx))).is_err());
    assert_eq!((calls.load(Ordering::Relaxed), bulkhead.in_flight()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_all_time_never_ends_and_one_of_none_ends_at_once() {
    let hang =
        || OperationLayer.layer(service_fn(|_: u8| std::future::pending::<Result<u8, &'static str>>()));
    let for_ever = TimeoutLayer::new(Timeout::after(Duration::MAX)).layer(hang()).oneshot(1);
    assert!(tokio::time::timeout(1_000_000 * SECOND, for_ever).await.is_err());
    let at_once = TimeoutLayer::new(Timeout::after(Duration::ZERO)).layer(hang()).oneshot(1);
    let began = tokio::time::Instant::now();
    assert!(matches!(at_once.await, Err(CallError::TimedOut(_))));
    assert!(began.elapsed() < SECOND);
    let breaker =
        CircuitBreaker::builder("e").clock(Clock::Tokio).request_timeout(Duration::ZERO).build().unwrap();
    let without = breaker.layer().layer(hang()).oneshot(1);
    assert!(tokio::time::timeout(1_000_000 * SECOND, without).await.is_err());
    let hedge = Hedge::after("e", Duration::ZERO).build();
    if let Ok(hedge) = hedge {
        let (inner, calls) = counted(Ok(7));
        assert_eq!(hedge.layer().layer(inner).oneshot(1).await, Ok(7));
        assert_eq!(calls.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn idle_timeouts_of_no_time_and_all_time_do_no_harm_to_a_body_that_is_there() {
    for limit in [Duration::ZERO, Duration::MAX] {
        let breaker = CircuitBreaker::builder("e").clock(Clock::Tokio).build().unwrap();
        let service = GuardedBodyLayer::new(breaker.clone()).idle_timeout(limit).layer(OperationLayer.layer(
            service_fn(|_: u8| async { Ok::<_, BoxError>(Response::new(Full::new(Bytes::from("all")))) }),
        ));
        let body = service.oneshot(1).await.unwrap().into_body().collect().await.unwrap().to_bytes();
        assert_eq!((&body[..], breaker.snapshot().totals.successes), (&b"all"[..], 1));
    }
}

#[tokio::test(start_paused = true)]
async fn spent_money_is_a_failure_that_is_not_retried() {
    let breaker = CircuitBreaker::builder("e").build().unwrap();
    let retry = Retry::builder("e").build().unwrap();
    let service = RetryLayer::new(retry.clone()).classify(StatusClassifier).layer(
        CircuitBreakerLayer::new(breaker.clone()).classify(StatusClassifier).layer(OperationLayer.layer(
            service_fn(|status: u16| async move {
                Ok::<_, BoxError>(Response::builder().status(status).body(()).unwrap())
            }),
        )),
    );
    assert_eq!(service.clone().oneshot(402).await.unwrap().status(), 402);
    assert_eq!((retry.snapshot().retries, retry.snapshot().failures), (0, 1));
    assert_eq!(breaker.snapshot().totals.failures, 1);
    assert_eq!(service.oneshot(500).await.unwrap().status(), 500);
    assert_eq!(retry.snapshot().retries, 3);
}

#[test]
fn a_server_that_does_not_want_to_be_asked_again_is_not() {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("14"));
    assert!(classify_grpc(&trailers).may_retry());
    trailers.insert("grpc-retry-pushback-ms", HeaderValue::from_static("-1"));
    let verdict = classify_grpc(&trailers);
    assert_eq!((verdict.outcome(), verdict.may_retry()), (Outcome::Failure, false));
}

#[test]
fn headers_that_make_no_sense_say_nothing() {
    let odd: [&[u8]; 14] = [
        b"",
        b" ",
        b"-1",
        b"+1",
        b"1e9",
        b"inf",
        b"NaN",
        b".5",
        b"1.2.3",
        b"\xff\xfe",
        b"soon",
        b"1 2",
        b"0x10",
        b"Sun, 99 Nov 1994 08:49:07 GMT",
    ];
    for name in ["retry-after", "retry-after-ms", "grpc-retry-pushback-ms"] {
        for value in odd {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_bytes(value).unwrap());
            assert_eq!(retry_after(&headers), None, "{name}: {value:?}");
            assert_eq!(classify_head(StatusCode::SERVICE_UNAVAILABLE, &headers).trip_for(), None);
        }
    }
    let mut headers = HeaderMap::new();
    headers.insert("retry-after-ms", HeaderValue::from_static("soon"));
    headers.insert("grpc-retry-pushback-ms", HeaderValue::from_static("1500"));
    assert_eq!(retry_after(&headers), Some(Duration::from_millis(1500)), "what can be read is");
    let year = Some(365 * 24 * 3600 * SECOND);
    for huge in ["99999999999", &"9".repeat(400), "Fri, 31 Dec 9999 23:59:59 GMT"] {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", HeaderValue::from_str(huge).unwrap());
        assert_eq!(retry_after(&headers), year, "{huge}");
        let opens = classify_head(StatusCode::SERVICE_UNAVAILABLE, &headers).trip_for();
        assert_eq!(opens, Some(24 * 3600 * SECOND), "{huge}");
    }
    for status in ["", "-1", "4294967296", "zero", "14 "] {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_str(status).unwrap());
        assert_eq!(classify_grpc(&trailers).outcome(), Outcome::Failure, "{status:?}");
    }
}

#[tokio::test]
async fn a_key_function_that_panics_leaves_the_service_as_it_was() {
    let breakers = Arc::new(KeyedBreakers::<u8>::builder("e").build().unwrap());
    let (inner, calls) = counted(Ok(7));
    let key = |n: &u8| if *n == 0 { panic!("on purpose") } else { *n };
    let mut service = CircuitBreakerLayer::by_key(breakers.clone(), key).layer(inner);
    let ready = service.ready().await.unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| ready.call(0))).is_err());
    assert_eq!(service.call(1).await, Ok(7));
    assert_eq!((calls.load(Ordering::Relaxed), breakers.len()), (1, 1));
}

#[tokio::test]
async fn thousands_of_keys_are_not_more_breakers_than_allowed() {
    let breakers = Arc::new(KeyedBreakers::<u32>::builder("e").capacity(100).build().unwrap());
    let echo = OperationLayer.layer(service_fn(|n: u32| std::future::ready(Ok::<_, &str>(n))));
    let service = CircuitBreakerLayer::by_key(breakers.clone(), |n: &u32| *n).layer(echo);
    for n in 0..5_000 {
        assert_eq!(service.clone().oneshot(n).await, Ok(n));
    }
    assert!(breakers.len() <= 100, "{}", breakers.len());
}

/// Bodies of middleware of tower-http have such an error; servers ask for one that becomes a boxed error.
#[tokio::test]
async fn a_guarded_body_of_a_boxed_error_can_be_served() {
    fn served<B: http_body::Body<Error: Into<BoxError>>>(_: &B) {}
    let breaker = CircuitBreaker::builder("e").build().unwrap();
    let service =
        GuardedBodyLayer::new(breaker.clone()).layer(OperationLayer.layer(service_fn(|_: u8| async {
            let body = Full::new(Bytes::from("all")).map_err(BoxError::from);
            Ok::<_, BoxError>(Response::new(body))
        })));
    let body =
        service.oneshot(1).await.map_err(CallError::boxed).unwrap().into_body().map_err(CallError::boxed);
    served(&body);
    assert_eq!(body.collect().await.unwrap().to_bytes(), "all");
    assert_eq!((breaker.snapshot().totals.successes, breaker.state()), (1, State::Closed));
}

/// One that is pending between its steps, so that a call can be dropped at each of them.
#[tokio::test(start_paused = true)]
async fn a_stack_gives_everything_back_wherever_its_call_is_dropped() {
    for polls in 0..12 {
        let clock = trifuse::ManualClock::new();
        let breaker = CircuitBreaker::builder("e").clock(clock.clone()).build().unwrap();
        breaker.trip(SECOND);
        clock.advance(2 * SECOND); // so that the call is a probe
        let limiter = RateLimiter::per(5, SECOND).max_wait(SECOND).clock(clock.clone()).build().unwrap();
        let bulkhead = Bulkhead::builder("e").limit(1).max_queue(1).build().unwrap();
        let adaptive = AdaptiveLimit::aimd("e").build().unwrap();
        let slow = OperationLayer.layer(service_fn(|n: u8| async move {
            for _ in 0..4 {
                tokio::task::yield_now().await;
            }
            Ok::<_, &'static str>(n)
        }));
        let service = tower::ServiceBuilder::new()
            .layer(breaker.layer())
            .layer(limiter.layer())
            .layer(bulkhead.layer())
            .layer(adaptive.layer())
            .layer(TimeoutLayer::new(Timeout::after(SECOND)))
            .service(slow);
        {
            let mut call = pin!(service.clone().oneshot(7));
            for _ in 0..polls {
                if std::future::poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx))).await.is_ready() {
                    break;
                }
            }
        }
        assert_eq!((bulkhead.in_flight(), adaptive.in_flight()), (0, 0), "{polls}");
        assert_eq!(service.oneshot(7).await, Ok(7), "the probe was given back after {polls}");
    }
}
