// SPDX-License-Identifier: MIT OR Apache-2.0
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::get as route;
use http::StatusCode;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use trifuse::axum::ResilienceLayer;
use trifuse::tower::{CircuitBreakerLayer, OperationLayer, TimeoutLayer};
use trifuse::{Bulkhead, CircuitBreaker, Deadline, ManualClock, RateLimiter, Timeout};

use crate::kit::{ask, get, header, status, told};

fn one_per_minute() -> RateLimiter {
    RateLimiter::per(1, Duration::from_secs(60)).clock(ManualClock::new()).build().unwrap()
}

#[tokio::test]
async fn all_routes_and_all_requests_share_the_state_of_a_layer() {
    let layer = ResilienceLayer::new().rate_limit(one_per_minute());
    let app = Router::new()
        .route("/a", route(|| async { "a" }))
        .route("/b", route(|| async { "b" }))
        .layer(layer.clone());
    assert_eq!(status(&app, get("/a")).await, 200);
    assert_eq!(status(&app, get("/a")).await, 429);
    assert_eq!(status(&app, get("/b")).await, 429);
    let other = Router::new().route("/c", route(|| async { "c" })).layer(layer);
    assert_eq!(status(&other, get("/c")).await, 429);
}

#[tokio::test]
async fn one_route_alone_can_be_limited() {
    let layer = ResilienceLayer::new().rate_limit(one_per_minute());
    let app = Router::new()
        .route("/search", route(|| async { "found" }).layer(layer))
        .route("/", route(|| async { "home" }));
    for expected in [200, 429, 429] {
        assert_eq!(status(&app, get("/search")).await, expected);
        assert_eq!(status(&app, get("/")).await, 200);
    }
}

#[tokio::test]
async fn a_route_layer_leaves_unknown_paths_alone() {
    let layer = ResilienceLayer::new().rate_limit(one_per_minute());
    let app = Router::new().route("/a", route(|| async { "a" })).route_layer(layer);
    for _ in 0..3 {
        assert_eq!(status(&app, get("/unknown")).await, 404);
    }
    assert_eq!(status(&app, get("/a")).await, 200);
}

#[tokio::test]
async fn permission_is_asked_when_the_future_is_first_polled() {
    let (limiter, bulkhead) = (one_per_minute(), Bulkhead::builder("x").build().unwrap());
    let breaker = CircuitBreaker::builder("x").build().unwrap();
    let layer = ResilienceLayer::new()
        .rate_limit(limiter.clone())
        .concurrency(bulkhead.clone())
        .circuit_breaker(breaker.clone());
    let called = Arc::new(AtomicUsize::new(0));
    let seen = called.clone();
    let mut service = layer.layer(service_fn(move |_| {
        seen.fetch_add(1, Ordering::Relaxed);
        std::future::pending::<Result<axum::response::Response, StatusCode>>()
    }));
    service.ready().await.unwrap();
    let call = service.call(get("/"));
    assert_eq!((limiter.available(), bulkhead.in_flight(), called.load(Ordering::Relaxed)), (1, 0, 0));
    let mut call = Box::pin(call);
    assert!(futures::future::poll_immediate(&mut call).await.is_none());
    assert_eq!((limiter.available(), bulkhead.in_flight(), called.load(Ordering::Relaxed)), (0, 1, 1));
    drop(call);
    assert_eq!((bulkhead.in_flight(), breaker.snapshot().totals.ignored), (0, 1));
}

#[tokio::test]
async fn the_layers_of_tower_go_with_a_router() {
    let breaker = CircuitBreaker::builder("x").clock(ManualClock::new()).build().unwrap();
    let stack = ServiceBuilder::new()
        .layer(ResilienceLayer::new())
        .layer(CircuitBreakerLayer::new(breaker.clone()))
        .layer(TimeoutLayer::new(Timeout::after(Duration::from_secs(2))))
        .layer(OperationLayer);
    let app = Router::new().route("/", route(|| async { "home" })).layer(stack);
    assert_eq!(status(&app, get("/")).await, 200);
    breaker.trip(Duration::from_secs(7));
    let refused = ask(&app, get("/")).await;
    assert_eq!((refused.status().as_u16(), header(&refused, "retry-after")), (503, "7".to_owned()));
}

#[tokio::test]
async fn an_error_of_the_service_within_becomes_its_answer() {
    let broken = service_fn(|_| async { Err::<axum::response::Response, _>(StatusCode::BAD_GATEWAY) });
    let response = ResilienceLayer::new().layer(broken).oneshot(get("/")).await.unwrap();
    assert_eq!(response.status(), 502);
}

#[tokio::test(start_paused = true)]
async fn what_is_called_within_sees_the_timeout_as_its_deadline() {
    let calls = || async {
        let left = Deadline::time_left().expect("a deadline");
        assert!(left > Duration::from_secs(9) && left <= Duration::from_secs(10), "{left:?}");
        let own = Timeout::after(Duration::from_secs(60));
        own.call_async(std::future::pending::<Result<(), StatusCode>>()).await
    };
    let sleeps = || tokio::time::sleep(Duration::from_secs(60));
    let deadline = Deadline::after(Duration::from_secs(10)).name("request").clock(trifuse::Clock::Tokio);
    let app = Router::new()
        .route("/calls", route(calls))
        .route("/sleeps", route(sleeps))
        .layer(ResilienceLayer::new().deadline(deadline));
    for path in ["/calls", "/sleeps"] {
        let began = tokio::time::Instant::now();
        let (answer, body) = told(ask(&app, get(path)).await).await;
        assert_eq!((answer.as_u16(), body["reason"].as_str()), (504, Some("deadline")), "{path}");
        assert_eq!(began.elapsed().as_secs(), 10, "{path}");
    }
    assert_eq!(Deadline::time_left(), None);
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_a_place_is_a_part_of_the_timeout() {
    let bulkhead =
        Bulkhead::builder("x").limit(1).max_queue(10).clock(trifuse::Clock::Tokio).build().unwrap();
    let deadline = Deadline::after(Duration::from_secs(10)).clock(trifuse::Clock::Tokio);
    let app = Router::new()
        .route("/", route(std::future::pending::<()>))
        .layer(ResilienceLayer::new().concurrency(bulkhead.clone()).deadline(deadline));
    let inside = bulkhead.try_acquire().unwrap();
    let began = tokio::time::Instant::now();
    assert_eq!(status(&app, get("/")).await, 503);
    assert_eq!((began.elapsed().as_secs(), bulkhead.waiting()), (10, 0));
    let waiting = tokio::spawn({
        let app = app.clone();
        async move { status(&app, get("/")).await }
    });
    tokio::time::sleep(Duration::from_secs(4)).await;
    drop(inside);
    assert_eq!((waiting.await.unwrap(), began.elapsed().as_secs()), (504, 20));
    assert_eq!(bulkhead.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_request_timeout_of_the_circuit_breaker_ends_a_request_too() {
    let breaker = CircuitBreaker::builder("x")
        .clock(trifuse::Clock::Tokio)
        .request_timeout(Duration::from_secs(3))
        .consecutive_failures(2)
        .build()
        .unwrap();
    let app = Router::new()
        .route("/", route(std::future::pending::<()>))
        .layer(ResilienceLayer::new().circuit_breaker(breaker.clone()).timeout(Duration::from_secs(30)));
    for _ in 0..2 {
        let (answer, body) = told(ask(&app, get("/")).await).await;
        assert_eq!((answer.as_u16(), body["reason"].as_str()), (504, Some("request_timeout")));
    }
    assert_eq!(breaker.snapshot().totals.timeouts, 2);
    let (answer, body) = told(ask(&app, get("/")).await).await;
    assert_eq!((answer.as_u16(), body["reason"].as_str()), (503, Some("open")));
}

#[tokio::test]
async fn exempt_paths_and_what_is_below_them_have_no_limits() {
    let layer = ResilienceLayer::new().rate_limit(one_per_minute()).exempt(["/health/", "/static"]);
    let app = Router::new().fallback(|| async { "here" }).layer(layer);
    for path in ["/health", "/health/circuit-breakers", "/static/a/b", "/health/"] {
        assert_eq!(status(&app, get(path)).await, 200, "{path}");
    }
    assert_eq!(status(&app, get("/healthy")).await, 200);
    assert_eq!(status(&app, get("/healthy")).await, 429);
    let usual = ResilienceLayer::new().rate_limit(one_per_minute());
    let app = Router::new().fallback(|| async { "here" }).layer(usual);
    for path in ["/health", "/ready", "/", "/ready"] {
        assert_eq!(status(&app, get(path)).await, 200, "{path}");
    }
    assert_eq!(status(&app, get("/")).await, 429);
}
