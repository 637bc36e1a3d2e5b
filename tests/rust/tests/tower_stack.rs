// SPDX-License-Identifier: MIT OR Apache-2.0
//! All layers together in a `ServiceBuilder`: one error, and each policy knows what the ones within did.
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use trifuse::tower::{OperationLayer, RetryLayer};
use trifuse::{
    AdaptiveLimit, Bulkhead, CallError, CircuitBreaker, Clock, Fallback, Hedge, ManualClock, PolicyKind,
    RateLimiter, Retry, RetryBudget, State, Throttle, Timeout, TimeoutSetting,
};

const SECOND: Duration = Duration::from_secs(1);

struct Policies {
    retry: Retry,
    breaker: CircuitBreaker,
    throttle: Throttle,
    limiter: RateLimiter,
    bulkhead: Bulkhead,
    adaptive: AdaptiveLimit,
    hedge: Hedge,
    timeout: Timeout,
}

fn policies() -> Policies {
    let budget = RetryBudget::builder("all").build().unwrap();
    let throttle = Throttle::builder("all").build().unwrap();
    (0..10).for_each(|_| throttle.accept()); // so that it refuses nothing by chance
    Policies {
        retry: Retry::builder("all").max_retries(2).budget(&budget).build().unwrap(),
        breaker: CircuitBreaker::builder("all").clock(Clock::Tokio).build().unwrap(),
        throttle,
        limiter: RateLimiter::per(10, 10 * SECOND).max_wait(SECOND).clock(Clock::Tokio).build().unwrap(),
        bulkhead: Bulkhead::builder("all").limit(5).max_queue(5).build().unwrap(),
        adaptive: AdaptiveLimit::gradient2("all").build().unwrap(),
        hedge: Hedge::after("all", SECOND / 2).build().unwrap(),
        timeout: Timeout::after(2 * SECOND).name("all").clock(Clock::Tokio),
    }
}

/// The recommended order.
fn stack<S>(
    all: &Policies,
    service: S,
) -> impl Service<u8, Response = u8, Error = CallError<S::Error>, Future: Send> + Clone + Send + use<S>
where
    S: Service<u8, Response = u8, Future: Send> + Clone + Send + 'static,
    S::Error: Send,
{
    ServiceBuilder::new()
        .layer(Fallback::new("all").on(|error| error.refused().is_some()).value(0).layer())
        .layer(all.retry.layer())
        .layer(all.breaker.layer())
        .layer(all.throttle.layer())
        .layer(all.limiter.layer())
        .layer(all.bulkhead.layer())
        .layer(all.adaptive.layer())
        .layer(all.hedge.layer())
        .layer(all.timeout.layer())
        .layer(OperationLayer)
        .service(service)
}

#[tokio::test(start_paused = true)]
async fn all_layers_compose_in_the_recommended_order_and_the_error_is_one() {
    let all = policies();
    let attempts = Arc::new(AtomicU64::new(0));
    let counter = attempts.clone();
    let service = stack(
        &all,
        service_fn(move |n: u8| {
            let attempt = counter.fetch_add(1, Ordering::Relaxed);
            async move { if attempt < 2 { Err("busy") } else { Ok(n) } }
        }),
    );
    let call = tokio::spawn(service.clone().oneshot(7));
    assert_eq!(call.await.unwrap(), Ok(7));
    let totals = all.breaker.snapshot().totals;
    assert_eq!((totals.failures, totals.successes, all.retry.snapshot().retries), (2, 1, 2));
    assert_eq!((all.limiter.snapshot().granted, all.bulkhead.snapshot().admitted), (3, 3));
    assert_eq!((all.throttle.snapshot().accepts, all.adaptive.snapshot().admitted), (11, 3));
    all.breaker.trip(SECOND);
    assert_eq!(service.oneshot(7).await, Ok(0), "the fallback's");
    assert_eq!((attempts.load(Ordering::Relaxed), all.retry.snapshot().retries), (3, 2), "not retried");
}

#[tokio::test(start_paused = true)]
async fn a_stack_that_is_dropped_gives_everything_back() {
    let all = policies();
    let service = stack(&all, service_fn(|_| pending::<Result<u8, BoxError>>()));
    let cut = tokio::time::timeout(SECOND, service.oneshot(7)).await;
    assert!(cut.is_err());
    assert_eq!((all.bulkhead.in_flight(), all.adaptive.in_flight()), (0, 0));
    let totals = all.breaker.snapshot().totals;
    assert_eq!((totals.ignored, totals.calls, all.retry.snapshot().calls), (1, 0, 0));
    assert_eq!(all.throttle.snapshot().accepts, 11, "a cancelled call is none that was not taken on");
}

#[tokio::test(start_paused = true)]
async fn a_timeout_within_is_a_timeout_to_the_breaker_and_is_retried() {
    let all = policies();
    let service = stack(&all, service_fn(|_| pending::<Result<u8, BoxError>>()));
    let Err(CallError::TimedOut(late)) = service.oneshot(7).await else { panic!() };
    assert_eq!((late.setting, late.limit), (TimeoutSetting::Timeout, 2 * SECOND));
    let totals = all.breaker.snapshot().totals;
    assert_eq!((totals.timeouts, totals.failures, all.retry.snapshot().retries), (3, 3, 2));
}

#[tokio::test]
async fn to_a_breaker_the_refusal_of_a_limit_within_is_no_failure_and_that_of_a_breaker_is() {
    let clock = ManualClock::new();
    let outer = CircuitBreaker::builder("outer").clock(clock.clone()).build().unwrap();
    let inner = CircuitBreaker::builder("inner").clock(clock.clone()).build().unwrap();
    let limiter = RateLimiter::per(1, SECOND).clock(clock.clone()).build().unwrap();
    let service = ServiceBuilder::new()
        .layer(outer.layer())
        .layer(inner.layer())
        .layer(limiter.layer())
        .layer(OperationLayer)
        .service(service_fn(|n: u8| async move { Ok::<_, BoxError>(n) }));
    assert_eq!(service.clone().oneshot(7).await.unwrap(), 7);
    let refused = service.clone().oneshot(7).await.unwrap_err();
    assert_eq!(refused.refused().unwrap().policy, PolicyKind::RateLimit);
    assert_eq!((outer.snapshot().totals.ignored, inner.snapshot().totals.ignored), (1, 1));
    inner.trip(SECOND);
    assert_eq!(service.oneshot(7).await.unwrap_err().refused().unwrap().name, "inner");
    assert_eq!((outer.snapshot().totals.failures, inner.snapshot().totals.failures), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_layers_keep_the_contract_of_towers_own_services_within() {
    let all = policies();
    let buffered = ServiceBuilder::new()
        .buffer(1)
        .concurrency_limit(1)
        .service(service_fn(|n: u8| async move { Ok::<_, BoxError>(n) }));
    let service = stack(&all, buffered);
    let calls = (0..5).map(|n| tokio::spawn(service.clone().oneshot(n)));
    for (n, call) in calls.collect::<Vec<_>>().into_iter().enumerate() {
        assert_eq!(usize::from(call.await.unwrap().unwrap()), n);
    }
    assert_eq!(all.breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn the_outermost_of_two_retries_retries() {
    let (outer, inner) = (policies().retry, policies().retry);
    let attempts = Arc::new(AtomicU64::new(0));
    let counter = attempts.clone();
    let service =
        ServiceBuilder::new().layer(outer.layer()).layer(inner.layer()).layer(OperationLayer).service(
            service_fn(move |()| {
                counter.fetch_add(1, Ordering::Relaxed);
                async { Err::<(), _>("busy") }
            }),
        );
    assert_eq!(service.oneshot(()).await, Err(CallError::Operation("busy")));
    assert_eq!(attempts.load(Ordering::Relaxed), 3);
    assert_eq!((outer.snapshot().retries, inner.snapshot().retries), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_retry_does_not_wait_past_a_timeout_around_it() {
    let retry = Retry::builder("all").delay(SECOND).jitter(trifuse::Jitter::None).clock(Clock::Tokio);
    let service = ServiceBuilder::new()
        .layer(Timeout::after(5 * SECOND).clock(Clock::Tokio).layer())
        .layer(RetryLayer::new(retry.build().unwrap()))
        .layer(OperationLayer)
        .service(service_fn(|()| async { Err::<(), _>("busy") }));
    let began = tokio::time::Instant::now();
    assert_eq!(service.oneshot(()).await, Err(CallError::Operation("busy")));
    assert_eq!(began.elapsed().as_secs(), 3, "1 and 2 s; the third delay of 4 s would end at 7");
}

#[tokio::test]
async fn one_layer_makes_services_that_share_the_policy() {
    let layer = CircuitBreaker::builder("shared").build().unwrap().layer();
    let service = |n| OperationLayer.layer(service_fn(move |()| async move { Ok::<_, BoxError>(n) }));
    let (one, two) = (layer.layer(service(1)), layer.layer(service(2)));
    assert!(one.breaker().same_as(two.breaker()));
    layer.breaker().force_open();
    assert!(one.oneshot(()).await.is_err() && two.oneshot(()).await.is_err());
}
