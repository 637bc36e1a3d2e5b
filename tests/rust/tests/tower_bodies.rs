// SPDX-License-Identifier: MIT OR Apache-2.0
//! The end of a body as the outcome of the call.
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use tower::{BoxError, Layer, ServiceExt, service_fn};
use trifuse::http::{CallGuard, GuardedBody, GuardedBodyLayer};
use trifuse::tower::OperationLayer;
use trifuse::{Bulkhead, CallError, CircuitBreaker, Clock, Config, State, TimeoutSetting, Totals};

const SECOND: Duration = Duration::from_secs(1);

#[derive(Clone)]
enum Part {
    Data,
    Trailers(&'static str),
    Wait(Duration),
    Break,
    Panic,
}
use Part::{Break, Data, Panic, Trailers, Wait};

/// A body that does as it is told; `announced`: it knows its length.
#[derive(Default)]
struct Told {
    parts: VecDeque<Part>,
    sleep: Option<Pin<Box<tokio::time::Sleep>>>,
    announced: bool,
    tells_its_end: bool,
}

impl Body for Told {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = match self.parts.front() {
            None => return Poll::Ready(None),
            Some(Data) => Ok(Frame::data(Bytes::from_static(b"part"))),
            Some(Trailers(status)) => {
                let mut trailers = HeaderMap::new();
                trailers.insert("grpc-status", HeaderValue::from_static(status));
                Ok(Frame::trailers(trailers))
            }
            Some(Break) => Err("broken off".into()),
            Some(Panic) => panic!("on purpose"),
            Some(&Wait(time)) => {
                let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(time)));
                ready!(sleep.as_mut().poll(cx));
                self.sleep = None;
                self.parts.pop_front();
                return self.poll_frame(cx);
            }
        };
        self.parts.pop_front();
        Poll::Ready(Some(frame))
    }

    fn is_end_stream(&self) -> bool {
        self.tells_its_end && self.parts.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let left = 4 * self.parts.iter().filter(|part| matches!(part, Data)).count() as u64;
        if self.announced { SizeHint::with_exact(left) } else { SizeHint::new() }
    }
}

fn told(parts: impl IntoIterator<Item = Part>) -> Told {
    Told { parts: parts.into_iter().collect(), ..Told::default() }
}

fn breaker() -> CircuitBreaker {
    CircuitBreaker::builder("search").clock(Clock::Tokio).build().unwrap()
}

type Guarded = Response<GuardedBody<Told, CallGuard>>;

async fn ask(layer: &GuardedBodyLayer, response: Response<Told>) -> Guarded {
    let response = Arc::new(Mutex::new(Some(response)));
    let service = service_fn(move |()| {
        let response = response.lock().unwrap().take().expect("called once");
        std::future::ready(Ok::<_, BoxError>(response))
    });
    layer.layer(OperationLayer.layer(service)).oneshot(()).await.unwrap()
}

async fn totals_after(response: Response<Told>) -> Totals {
    let breaker = breaker();
    let response = ask(&GuardedBodyLayer::new(breaker.clone()), response).await;
    let _ = tokio::spawn(response.into_body().collect()).await;
    breaker.snapshot().totals
}

fn of_type(kind: &str) -> Response<Told> {
    Response::builder().header("content-type", kind).body(told([Data])).unwrap()
}

fn grpc(parts: impl IntoIterator<Item = Part>) -> Response<Told> {
    Response::builder().header("content-type", "application/grpc+proto").body(told(parts)).unwrap()
}

#[tokio::test]
async fn the_end_of_a_body_is_the_outcome_of_the_call() {
    let told = |parts: &[Part]| Response::new(told(parts.iter().cloned()));
    for (response, expected) in [
        (told(&[Data, Data]), (1, 0, 0)),
        (told(&[Data, Break]), (0, 1, 0)),
        (told(&[Data, Panic]), (0, 1, 0)),
        (told(&[Data, Trailers("14")]), (1, 0, 0)), // no gRPC
        (grpc([Data, Trailers("0")]), (1, 0, 0)),
        (grpc([Data, Trailers("14")]), (0, 1, 0)),
        (grpc([Data, Trailers("5")]), (0, 0, 1)),
        (grpc([Data]), (0, 1, 0)),                          // trailers are missing
        (of_type("application/grpc-web+proto"), (1, 0, 0)), // its trailers are in the body
        (of_type("application/grpc"), (0, 1, 0)),
    ] {
        let totals = totals_after(response).await;
        assert_eq!((totals.successes, totals.failures, totals.ignored), expected);
    }
}

#[tokio::test]
async fn a_head_that_is_no_success_is_reported_at_once_and_its_body_is_free() {
    let breaker = breaker();
    let layer = GuardedBodyLayer::new(breaker.clone());
    for (status, expected) in [(500, (1, 0, 0)), (504, (2, 1, 0)), (404, (2, 1, 1))] {
        let response = Response::builder().status(status).body(told([Data, Break])).unwrap();
        let response = ask(&layer, response).await;
        assert!(!response.body().is_guarded());
        let totals = breaker.snapshot().totals;
        assert_eq!((totals.failures, totals.timeouts, totals.ignored), expected, "{status}");
    }
    let only_headers =
        Response::builder().header("content-type", "application/grpc").header("grpc-status", "14");
    ask(&layer, only_headers.body(told([])).unwrap()).await;
    assert_eq!(breaker.snapshot().totals.failures, 3);
}

#[tokio::test]
async fn a_body_that_the_client_drops_is_ignored_unless_all_of_it_was_read() {
    let read = |announced, tells_its_end, frames| async move {
        let breaker = breaker();
        let body = Told { announced, tells_its_end, ..told([Data, Data]) };
        let mut body = ask(&GuardedBodyLayer::new(breaker.clone()), Response::new(body)).await.into_body();
        for _ in 0..frames {
            body.frame().await.unwrap().unwrap();
        }
        drop(body);
        let totals = breaker.snapshot().totals;
        (totals.successes, totals.ignored)
    };
    assert_eq!(read(false, false, 1).await, (0, 1));
    assert_eq!(read(false, false, 2).await, (0, 1), "nobody knows that it was all");
    assert_eq!(read(true, false, 1).await, (0, 1));
    assert_eq!(read(true, false, 2).await, (1, 0), "by its length");
    assert_eq!(read(false, true, 2).await, (1, 0), "by its word, without another poll");
    assert_eq!(read(true, true, 0).await, (0, 1));
}

#[tokio::test]
async fn a_response_without_a_body_has_ended_with_its_head() {
    let breaker = breaker();
    let empty = Response::new(Told { tells_its_end: true, ..told([]) });
    let response = ask(&GuardedBodyLayer::new(breaker.clone()), empty).await;
    assert!(!response.body().is_guarded());
    assert_eq!(breaker.snapshot().totals.successes, 1);
}

#[tokio::test(start_paused = true)]
async fn a_probe_holds_its_permit_to_the_end_of_the_body_and_its_lease_is_renewed() {
    let config = Config::DEFAULT
        .with_half_open_max_calls(1)
        .with_request_timeout(Some(SECOND))
        .with_half_open_permit_ttl(Some(10 * SECOND));
    let breaker = CircuitBreaker::builder("search").with_config(config).clock(Clock::Tokio).build().unwrap();
    breaker.trip(SECOND);
    tokio::time::advance(SECOND + Duration::from_millis(1)).await;
    let parts = (0..5).flat_map(|_| [Wait(9 * SECOND), Data]);
    let response = ask(&GuardedBodyLayer::new(breaker.clone()), Response::new(told(parts))).await;
    assert_eq!((breaker.state(), breaker.snapshot().probes_in_flight), (State::HalfOpen, 1));
    assert!(breaker.try_acquire().is_err());
    response.into_body().collect().await.unwrap();
    assert_eq!((breaker.state(), breaker.snapshot().totals.late_results), (State::Closed, 0));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stands_still_is_ended_by_the_idle_timeout() {
    let breaker = breaker();
    let layer = GuardedBodyLayer::new(breaker.clone()).idle_timeout(2 * SECOND);
    let parts = [Wait(SECOND), Data, Wait(SECOND), Data, Wait(60 * SECOND), Data];
    let mut body = ask(&layer, Response::new(told(parts))).await.into_body();
    let began = tokio::time::Instant::now();
    assert!(body.frame().await.unwrap().is_ok() && body.frame().await.unwrap().is_ok());
    let Some(Err(CallError::TimedOut(late))) = body.frame().await else { panic!() };
    assert_eq!((late.setting, late.limit), (TimeoutSetting::IdleTimeout, 2 * SECOND));
    assert_eq!((began.elapsed().as_secs(), breaker.snapshot().totals.timeouts), (4, 1));
    assert!(body.frame().await.is_none() && body.is_end_stream());
}

#[tokio::test(start_paused = true)]
async fn the_request_timeout_is_the_time_to_the_head_and_not_to_the_end() {
    let breaker = breaker();
    let layer = GuardedBodyLayer::new(breaker.clone());
    let long = Response::new(told([Wait(60 * SECOND), Data]));
    ask(&layer, long).await.into_body().collect().await.unwrap();
    assert_eq!(breaker.snapshot().totals.successes, 1);
    let hangs = service_fn(|()| std::future::pending::<Result<Response<Told>, BoxError>>());
    let late = layer.layer(OperationLayer.layer(hangs)).oneshot(()).await;
    assert!(matches!(late, Err(CallError::TimedOut(late)) if late.limit == 5 * SECOND));
    assert_eq!(breaker.snapshot().totals.timeouts, 1);
}

#[tokio::test]
async fn other_permits_are_held_to_the_end_of_the_body_too() {
    let (breaker, bulkhead) = (breaker(), Bulkhead::builder("search").limit(1).build().unwrap());
    let both = (breaker.try_acquire_owned().unwrap(), Some(bulkhead.try_acquire_owned().unwrap()));
    let response = GuardedBody::of_response(Response::new(told([Data, Data])), both);
    assert_eq!(bulkhead.in_flight(), 1);
    response.into_body().collect().await.unwrap();
    assert_eq!((bulkhead.in_flight(), breaker.snapshot().totals.successes), (0, 1));
}
