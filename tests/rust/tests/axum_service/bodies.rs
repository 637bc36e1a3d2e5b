// SPDX-License-Identifier: MIT OR Apache-2.0
use std::io;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::Response;
use axum::routing::get as route;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use http_body_util::BodyExt;
use trifuse::axum::ResilienceLayer;
use trifuse::{AdaptiveLimit, CircuitBreaker};

use crate::kit::{ask, get, status};

type Part = Result<Bytes, io::Error>;

struct Streaming {
    app: Router,
    parts: UnboundedSender<Part>,
    breaker: CircuitBreaker,
    limit: AdaptiveLimit,
}

/// One response whose body a test sends part by part.
fn streaming(code: u16) -> Streaming {
    let breaker = CircuitBreaker::builder("inbound").build().unwrap();
    let limit = AdaptiveLimit::aimd("inbound").build().unwrap();
    let (parts, receiver) = unbounded::<Part>();
    let receiver: Arc<Mutex<Option<UnboundedReceiver<Part>>>> = Arc::new(Mutex::new(Some(receiver)));
    let handler = async move || {
        let body = Body::from_stream(receiver.lock().unwrap().take().unwrap());
        Response::builder().status(code).body(body).unwrap()
    };
    let layer = ResilienceLayer::new().circuit_breaker(breaker.clone()).concurrency(limit.clone());
    let app = Router::new().route("/", route(handler)).layer(layer);
    Streaming { app, parts, breaker, limit }
}

#[tokio::test]
async fn a_place_is_held_and_the_outcome_open_until_the_body_has_been_sent() {
    let Streaming { app, parts, breaker, limit } = streaming(200);
    let mut body = ask(&app, get("/")).await.into_body();
    parts.unbounded_send(Ok("one".into())).unwrap();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "one");
    assert_eq!((breaker.snapshot().totals.calls, limit.in_flight()), (0, 1));
    drop(parts);
    assert!(body.frame().await.is_none());
    assert_eq!((breaker.snapshot().totals.successes, limit.in_flight()), (1, 0));
    assert_eq!((limit.snapshot().released, limit.snapshot().failures), (1, 0));
}

#[tokio::test]
async fn a_body_that_breaks_is_a_failure() {
    let Streaming { app, parts, breaker, limit } = streaming(200);
    let mut body = ask(&app, get("/")).await.into_body();
    parts.unbounded_send(Err(io::Error::other("gone"))).unwrap();
    assert!(body.frame().await.unwrap().is_err());
    assert_eq!((breaker.snapshot().totals.failures, limit.snapshot().failures, limit.in_flight()), (1, 1, 0));
}

#[tokio::test]
async fn a_client_that_goes_away_says_nothing() {
    let Streaming { app, parts, breaker, limit } = streaming(200);
    let mut body = ask(&app, get("/")).await.into_body();
    parts.unbounded_send(Ok("one".into())).unwrap();
    body.frame().await.unwrap().unwrap();
    drop(body);
    let totals = breaker.snapshot().totals;
    assert_eq!((totals.ignored, totals.calls, limit.snapshot().failures, limit.in_flight()), (1, 0, 0, 0));
}

#[tokio::test]
async fn a_failure_is_known_from_the_head_whether_or_not_the_body_is_read() {
    let Streaming { app, parts, breaker, limit } = streaming(500);
    let response = ask(&app, get("/")).await;
    assert_eq!((breaker.snapshot().totals.failures, limit.in_flight()), (1, 1));
    drop(response);
    assert_eq!((breaker.snapshot().totals.failures, limit.snapshot().failures, limit.in_flight()), (1, 1, 0));
    drop(parts);
}

#[tokio::test]
async fn a_request_for_the_head_alone_ends_with_it() {
    let Streaming { app, parts, breaker, limit } = streaming(200);
    let head = Request::head("/").body(Body::empty()).unwrap();
    assert_eq!(status(&app, head).await, 200);
    assert_eq!((breaker.snapshot().totals.successes, limit.in_flight()), (1, 0));
    drop(parts);
}

#[tokio::test]
async fn a_response_without_a_body_ends_with_its_head() {
    let breaker = CircuitBreaker::builder("inbound").build().unwrap();
    let app = Router::new()
        .route("/", route(|| async { http::StatusCode::NO_CONTENT }))
        .layer(ResilienceLayer::new().circuit_breaker(breaker.clone()));
    let response = ask(&app, get("/")).await;
    assert_eq!(breaker.snapshot().totals.successes, 1);
    drop(response);
    assert_eq!(breaker.snapshot().totals.ignored, 0);
}

#[tokio::test]
async fn a_body_that_panics_is_a_failure() {
    let breaker = CircuitBreaker::builder("inbound").build().unwrap();
    let limit = AdaptiveLimit::aimd("inbound").build().unwrap();
    let panics = || async {
        Body::from_stream(futures::stream::poll_fn(|_| -> Poll<Option<Part>> { panic!("on purpose") }))
    };
    let layer = ResilienceLayer::new().circuit_breaker(breaker.clone()).concurrency(limit.clone());
    let app = Router::new().route("/", route(panics)).layer(layer);
    let gone = tokio::spawn(async move { status(&app, get("/")).await }).await;
    assert!(gone.unwrap_err().is_panic());
    assert_eq!((breaker.snapshot().totals.failures, limit.snapshot().failures, limit.in_flight()), (1, 1, 0));
}
