// SPDX-License-Identifier: MIT OR Apache-2.0
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::get as route;
use http::StatusCode;
use tower::ServiceExt;
use trifuse::axum::ResilienceLayer;
use trifuse::{
    AdaptiveLimit, Bulkhead, CallError, CircuitBreaker, ManualClock, Outcome, RateLimiter, State, Timeout,
};

use crate::kit::{ask, get, header, status, told};

async fn answers(Path(code): Path<u16>) -> StatusCode {
    StatusCode::from_u16(code).unwrap()
}

fn app(layer: ResilienceLayer) -> Router {
    Router::new().route("/{code}", route(answers)).layer(layer)
}

#[tokio::test]
async fn an_adaptive_limit_moves_by_the_status() {
    let limit = AdaptiveLimit::aimd("inbound").build().unwrap();
    let app = app(ResilienceLayer::new().concurrency(limit.clone()));
    status(&app, get("/500")).await;
    assert_eq!((limit.limit(), limit.snapshot().failures), (18, 1)); // 20 * 0.9
    for code in ["/200", "/404", "/302"] {
        status(&app, get(code)).await;
    }
    let seen = limit.snapshot();
    assert_eq!((seen.failures, seen.released, seen.in_flight), (1, 4, 0));
}

#[tokio::test]
async fn a_full_bulkhead_answers_503_and_says_try_again() {
    let bulkhead = Bulkhead::builder("inbound").limit(1).build().unwrap();
    let app = app(ResilienceLayer::new().concurrency(bulkhead.clone()));
    let inside = bulkhead.try_acquire().unwrap();
    let refused = ask(&app, get("/200")).await;
    assert_eq!((refused.status().as_u16(), header(&refused, "retry-after")), (503, "1".to_owned()));
    assert_eq!(told(refused).await.1["reason"], "bulkhead_full");
    drop(inside);
    assert_eq!(status(&app, get("/200")).await, 200);
}

#[tokio::test]
async fn a_circuit_breaker_opens_by_server_errors_and_not_by_the_clients_mistakes() {
    let clock = ManualClock::new();
    let breaker =
        CircuitBreaker::builder("inbound").consecutive_failures(3).clock(clock.clone()).build().unwrap();
    let app = app(ResilienceLayer::new().circuit_breaker(breaker.clone()));
    for code in ["/500", "/503", "/404", "/404", "/404", "/200", "/500", "/502"] {
        status(&app, get(code)).await;
        assert_eq!(breaker.state(), State::Closed, "{code}");
    }
    status(&app, get("/500")).await;
    let refused = ask(&app, get("/200")).await;
    assert_eq!((refused.status().as_u16(), header(&refused, "retry-after")), (503, "30".to_owned()));
    clock.advance(Duration::from_secs(30));
    assert_eq!(status(&app, get("/200")).await, 200);
    assert_eq!(breaker.state(), State::Closed);
    let totals = breaker.snapshot().totals;
    assert_eq!((totals.failures, totals.ignored, totals.successes), (5, 3, 2));
}

#[tokio::test]
async fn a_classifier_of_ones_own_decides() {
    let breaker = CircuitBreaker::builder("inbound").build().unwrap();
    let judge = |response: &Response| match response.status().as_u16() {
        404 => Outcome::Failure,
        500.. => Outcome::Ignored,
        _ => Outcome::Success,
    };
    let app = app(ResilienceLayer::new().circuit_breaker(breaker.clone()).classify(judge));
    for code in ["/404", "/500", "/200"] {
        status(&app, get(code)).await;
    }
    let totals = breaker.snapshot().totals;
    assert_eq!((totals.failures, totals.ignored, totals.successes), (1, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_policies_within_refuse_or_time_out_is_not_mistaken_for_a_failure() {
    let outer = CircuitBreaker::builder("inbound").clock(trifuse::Clock::Tokio).build().unwrap();
    let limit = AdaptiveLimit::aimd("inbound").build().unwrap();
    let layer = ResilienceLayer::new().circuit_breaker(outer.clone()).concurrency(limit.clone());
    let limiter = RateLimiter::per(1, Duration::from_secs(60)).build().unwrap();
    limiter.try_acquire().unwrap();
    let inner = CircuitBreaker::builder("inner").build().unwrap();
    inner.force_open();
    let timeout = Timeout::after(Duration::from_secs(1));
    let app = Router::new()
        .route("/limited", route(async move || limiter.call(|| Ok::<_, StatusCode>(()))))
        .route("/open", route(async move || inner.call(|| Ok::<_, StatusCode>(()))))
        .route(
            "/late",
            route(async move || -> Result<(), CallError<StatusCode>> {
                timeout.call_async(std::future::pending()).await
            }),
        )
        .layer(layer);
    assert_eq!(status(&app, get("/limited")).await, 503);
    let totals = outer.snapshot().totals;
    assert_eq!((totals.ignored, totals.failures, limit.snapshot().failures), (1, 0, 0));
    assert_eq!(status(&app, get("/open")).await, 503);
    let totals = outer.snapshot().totals;
    assert_eq!((totals.ignored, totals.failures, limit.snapshot().failures), (1, 1, 0));
    assert_eq!(status(&app, get("/late")).await, 504);
    let totals = outer.snapshot().totals;
    assert_eq!((totals.timeouts, limit.snapshot().failures), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn requests_wait_for_a_rate_limit_that_lets_them() {
    let limiter = RateLimiter::per(1, Duration::from_secs(1))
        .clock(trifuse::Clock::Tokio)
        .max_wait(Duration::from_secs(2))
        .build()
        .unwrap();
    let app = app(ResilienceLayer::new().rate_limit(limiter));
    let began = tokio::time::Instant::now();
    let all = (0..4).map(|_| {
        let app = app.clone();
        async move { (status(&app, get("/200")).await, began.elapsed().as_secs()) }
    });
    let mut answers = futures::future::join_all(all).await;
    answers.sort_unstable();
    assert_eq!(answers, [(200, 0), (200, 1), (200, 2), (429, 0)]);
}

#[tokio::test]
async fn a_handler_that_panics_has_failed() {
    let breaker = CircuitBreaker::builder("inbound").build().unwrap();
    let limit = AdaptiveLimit::aimd("inbound").build().unwrap();
    let layer = ResilienceLayer::new().circuit_breaker(breaker.clone()).concurrency(limit.clone());
    let panics = || async {
        if true {
            panic!("on purpose")
        }
    };
    let app: Router = Router::new().route("/", route(panics)).layer(layer);
    let gone = tokio::spawn(app.oneshot(get("/"))).await;
    assert!(gone.unwrap_err().is_panic());
    assert_eq!(breaker.snapshot().totals.failures, 1);
    assert_eq!((limit.snapshot().failures, limit.in_flight()), (1, 0));
}

/// As tower-http's `CatchPanic` does.
#[tokio::test]
async fn a_handler_whose_panic_is_caught_has_failed_too() {
    let limit = AdaptiveLimit::aimd("inbound").build().unwrap();
    let panics = || async {
        if true {
            panic!("on purpose")
        }
    };
    let layer = ResilienceLayer::new().concurrency(limit.clone());
    let app: Router = Router::new().route("/", route(panics)).layer(layer);
    let caught = futures::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(app.oneshot(get("/")))).await;
    assert!(caught.is_err());
    assert_eq!((limit.snapshot().failures, limit.in_flight()), (1, 0));
}

#[tokio::test]
async fn a_refusal_gives_the_place_back_that_came_before_it() {
    let breaker = CircuitBreaker::builder("inbound").build().unwrap();
    breaker.force_open();
    let bulkhead = Bulkhead::builder("inbound").limit(1).build().unwrap();
    let app = app(ResilienceLayer::new().circuit_breaker(breaker).concurrency(bulkhead.clone()));
    for _ in 0..3 {
        let (answer, body) = told(ask(&app, get("/200")).await).await;
        assert_eq!((answer.into_response().status().as_u16(), &body["reason"]), (503, &"forced_open".into()));
        assert_eq!(bulkhead.in_flight(), 0);
    }
}
