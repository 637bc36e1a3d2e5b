// SPDX-License-Identifier: MIT OR Apache-2.0
//! What handlers may be made of, and limits at their ends.
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get as route;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::BoxError;
use trifuse::axum::{Failed, ResilienceLayer};
use trifuse::{
    AdaptiveLimit, Bulkhead, CallError, CircuitBreaker, Deadline, Hedge, ManualClock, Pipeline, RateLimiter,
    ResilientService, Retry, State, Throttle, Timeout,
};

use crate::kit::{ask, get, header, status};

const SECOND: Duration = Duration::from_secs(1);

async fn found() -> Result<&'static str, std::io::Error> {
    Ok("found")
}

/// Handlers have to be `Send`, which is no matter of course for a borrowed value.
#[tokio::test]
async fn a_handler_may_return_a_borrowed_value_of_a_pipeline() {
    let breaker = CircuitBreaker::builder("search").build().unwrap();
    let pipeline = Pipeline::builder("search")
        .retry(Retry::builder("search").build().unwrap())
        .circuit_breaker(breaker)
        .rate_limit(RateLimiter::per_second(100.0).build().unwrap())
        .bulkhead(Bulkhead::builder("search").build().unwrap())
        .hedge(Hedge::after("search", SECOND).build().unwrap())
        .timeout(Timeout::after(2 * SECOND))
        .build();
    let find = async move || -> Result<&'static str, Failed> { Ok(pipeline.call_async(found).await?) };
    let app: Router = Router::new().route("/", route(find));
    assert_eq!(status(&app, get("/")).await, 200);
}

#[tokio::test]
async fn a_handler_may_return_a_borrowed_value_of_each_policy() {
    macro_rules! answers {
        ($policy:expr, $operation:expr) => {
            let policy = $policy;
            let find =
                async move || -> Result<&'static str, Failed> { Ok(policy.call_async($operation).await?) };
            let app: Router = Router::new().route("/", route(find));
            assert_eq!(status(&app, get("/")).await, 200, stringify!($policy));
        };
    }
    answers!(CircuitBreaker::builder("search").build().unwrap(), found());
    answers!(RateLimiter::per_second(100.0).build().unwrap(), found());
    answers!(Bulkhead::builder("search").build().unwrap(), found());
    answers!(AdaptiveLimit::aimd("search").build().unwrap(), found());
    answers!(Throttle::builder("search").build().unwrap(), found());
    answers!(Timeout::after(SECOND), found());
    answers!(Deadline::after(SECOND), found());
    answers!(ResilientService::builder("search").build().unwrap(), found);

    let hedge = Hedge::after("search", SECOND).build().unwrap();
    let find = async move || hedge.call_async(found).await.unwrap();
    let app: Router = Router::new().route("/", route(find));
    assert_eq!(status(&app, get("/")).await, 200);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_of_all_time_never_ends_and_one_of_none_ends_what_has_to_wait() {
    let hang = async || std::future::pending::<()>().await;
    let app = |limit| -> Router {
        let routes = Router::new().route("/hangs", route(hang)).route("/", route(async || "here"));
        routes.layer(ResilienceLayer::new().timeout(limit))
    };
    let for_ever = app(Duration::MAX);
    assert!(tokio::time::timeout(1_000_000 * SECOND, ask(&for_ever, get("/hangs"))).await.is_err());
    let none = app(Duration::ZERO);
    assert_eq!((status(&none, get("/hangs")).await, status(&none, get("/")).await), (504, 200));
}

#[tokio::test]
async fn an_endless_wait_is_told_as_a_number() {
    let breaker = CircuitBreaker::builder("search").build().unwrap();
    breaker.trip(Duration::MAX);
    let answer = breaker.try_acquire().unwrap_err().into_response();
    let told: u64 = header(&answer, "retry-after").parse().unwrap();
    assert!(told > 1_000_000, "{told}");
}

/// What boxes its errors, as middleware of tower-http does.
#[tokio::test]
async fn a_boxed_error_is_answered_by_what_it_is() {
    let breaker = CircuitBreaker::builder("search").build().unwrap();
    let told = async |breaker: &CircuitBreaker| {
        let call = breaker.call_async(async { Err::<(), _>(BoxError::from("on purpose")) });
        Failed::from(call.await.map_err(CallError::boxed).unwrap_err()).into_response().status().as_u16()
    };
    assert_eq!(told(&breaker).await, 502);
    breaker.force_open();
    assert_eq!(told(&breaker).await, 503);
}

/// Sends this as it is and reads until the server has closed the connection.
async fn raw(address: std::net::SocketAddr, request: &str) -> String {
    let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn heads_without_bodies_and_refused_uploads_leave_nothing_behind_on_a_real_connection() {
    let (limit, breaker) = (
        Bulkhead::builder("inbound").limit(1).build().unwrap(),
        CircuitBreaker::builder("inbound").build().unwrap(),
    );
    let upgrade = async || {
        let headers = [("connection", "upgrade"), ("upgrade", "other")];
        (StatusCode::SWITCHING_PROTOCOLS, headers)
    };
    let app: Router = Router::new()
        .route("/", route(async || "here").post(async |body: String| body))
        .route("/none", route(async || StatusCode::NO_CONTENT))
        .route("/upgrade", route(upgrade))
        .layer(ResilienceLayer::new().concurrency(limit.clone()).circuit_breaker(breaker.clone()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let upload = "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n";
    for (request, begins) in [
        ("HEAD / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", "HTTP/1.1 200"),
        ("GET /none HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", "HTTP/1.1 204"),
        ("GET /upgrade HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n", "HTTP/1.1 101"),
        (&format!("{upload}abc"), "HTTP/1.1 100"),
    ] {
        let answer = raw(address, request).await;
        assert!(answer.starts_with(begins), "{request}: {answer}");
        assert_eq!(limit.in_flight(), 0, "{request}");
    }
    assert_eq!(breaker.snapshot().totals.successes, 4);
    let place = limit.try_acquire().unwrap();
    let answer = raw(address, upload).await;
    assert!(answer.starts_with("HTTP/1.1 503") && !answer.contains("100 Continue"), "{answer}");
    drop(place);
    server.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_thousand_requests_at_half_open_only_the_probe_is_served_and_a_dropped_one_makes_room() {
    let clock = ManualClock::new();
    let breaker = CircuitBreaker::builder("inbound").half_open_max_calls(1).success_threshold(1);
    let breaker = breaker.clock(clock.clone()).build().unwrap();
    breaker.trip(SECOND);
    clock.advance(SECOND);
    let reached = Arc::new(AtomicU64::new(0));
    let counter = reached.clone();
    let handler = async move || {
        if counter.fetch_add(1, Ordering::Relaxed) == 0 {
            std::future::pending::<()>().await;
        }
        "here"
    };
    let layer = ResilienceLayer::new().circuit_breaker(breaker.clone());
    let app: Router = Router::new().route("/", route(handler)).layer(layer);
    let mut calls: FuturesUnordered<_> = (0..1000)
        .map(|_| {
            let app = app.clone();
            tokio::spawn(async move { status(&app, get("/")).await })
        })
        .collect();
    for _ in 0..999 {
        assert_eq!(calls.next().await.unwrap().unwrap(), 503);
    }
    assert_eq!((reached.load(Ordering::Relaxed), breaker.snapshot().probes_in_flight), (1, 1));
    calls.iter().for_each(tokio::task::JoinHandle::abort);
    assert!(calls.next().await.unwrap().unwrap_err().is_cancelled());
    assert_eq!((breaker.state(), breaker.snapshot().probes_in_flight), (State::HalfOpen, 0));
    assert_eq!(status(&app, get("/")).await, 200);
    assert_eq!(breaker.state(), State::Closed);
}
