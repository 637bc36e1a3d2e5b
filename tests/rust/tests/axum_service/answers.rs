// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;
use std::time::Duration;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get as route;
use http::StatusCode;
use serde_json::json;
use trifuse::axum::{Failed, TooManyRequests};
use trifuse::{Bulkhead, CallError, CircuitBreaker, ManualClock, RateLimiter, Timeout};

use crate::kit::{ask, get, header, told};

fn open(wait: Option<Duration>) -> CircuitBreaker {
    let breaker =
        CircuitBreaker::builder("the bank's secret name").clock(ManualClock::new()).build().unwrap();
    breaker.trip(wait);
    breaker
}

#[tokio::test]
async fn a_refusal_is_a_503_that_says_when_and_why_but_no_names() {
    let response = open(Some(Duration::from_millis(19_200))).try_acquire().unwrap_err().into_response();
    assert_eq!(header(&response, "retry-after"), "20");
    assert_eq!(header(&response, "content-type"), "application/problem+json");
    assert_eq!(header(&response, "cache-control"), "no-store");
    let refused = response.extensions().get::<trifuse::Refused>().unwrap();
    assert_eq!(&*refused.name, "the bank's secret name");
    let (status, body) = told(response).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let expected = json!({
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "Something that this service needs is not available. Try again in 20 s.",
        "policy": "circuit_breaker",
        "reason": "open",
        "retry_after": 19.2,
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn a_wait_that_nobody_knows_is_told_as_one_second_and_null() {
    let bulkhead = Bulkhead::builder("x").limit(1).build().unwrap();
    let _inside = bulkhead.try_acquire().unwrap();
    let response = bulkhead.try_acquire().unwrap_err().into_response();
    assert_eq!(header(&response, "retry-after"), "1");
    let (_, body) = told(response).await;
    assert_eq!((&body["retry_after"], &body["policy"]), (&json!(null), &json!("bulkhead")));
}

#[tokio::test]
async fn a_limit_of_ones_own_answers_429() {
    let limiter = RateLimiter::per(1, Duration::from_secs(90)).clock(ManualClock::new()).build().unwrap();
    limiter.try_acquire().unwrap();
    let refused = limiter.try_acquire().unwrap_err();
    assert_eq!(refused.clone().into_response().status(), 503);
    let response = TooManyRequests(refused.into()).into_response();
    assert_eq!(header(&response, "retry-after"), "90");
    let (status, body) = told(response).await;
    assert_eq!((status.as_u16(), &body["title"]), (429, &json!("Too Many Requests")));
    assert_eq!(body["detail"], "There were too many requests. Try again in 90 s.");
}

#[tokio::test(start_paused = true)]
async fn a_timeout_is_a_504_without_retry_after() {
    let timeout = Timeout::after(Duration::from_secs(2)).name("the bank");
    let late = timeout.call_async(std::future::pending::<Result<(), StatusCode>>()).await.unwrap_err();
    let response = late.into_response();
    assert_eq!(header(&response, "retry-after"), "");
    let (status, body) = told(response).await;
    let expected = json!({
        "type": "about:blank",
        "title": "Gateway Timeout",
        "status": 504,
        "detail": "Something that this service needs did not answer in time.",
        "reason": "timeout",
    });
    assert_eq!((status.as_u16(), body), (504, expected));
}

#[tokio::test]
async fn the_operations_own_error_is_its_own_answer() {
    let breaker = CircuitBreaker::builder("x").build().unwrap();
    let handler = async move || -> Result<&'static str, CallError<StatusCode>> {
        let answer = breaker.call_async(async { Err(StatusCode::IM_A_TEAPOT) }).await?;
        Ok(answer)
    };
    let app = Router::new().route("/", route(handler));
    assert_eq!(ask(&app, get("/")).await.status(), 418);
}

#[derive(Debug)]
struct Wrapped(Option<Box<dyn std::error::Error + Send + Sync>>);

impl fmt::Display for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("password=hunter2")
    }
}

impl std::error::Error for Wrapped {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.as_deref().map(|own| own as _)
    }
}

async fn failed(error: CallError<Wrapped>) -> (u16, serde_json::Value) {
    let handler = async move || Err::<(), _>(Failed::from(error));
    let answer = std::sync::Mutex::new(Some(handler));
    let taken = answer.lock().unwrap().take().unwrap();
    let error = taken().await.unwrap_err();
    let (status, body) = told(error.into_response()).await;
    (status.as_u16(), body)
}

#[tokio::test]
async fn what_a_handler_gives_up_with_is_answered_by_its_kind() {
    let (status, body) = failed(CallError::Operation(Wrapped(None))).await;
    assert_eq!((status, &body["title"]), (502, &json!("Bad Gateway")));
    assert!(!body.to_string().contains("hunter2"), "{body}");
    let refused = open(None).try_acquire().unwrap_err();
    assert_eq!(failed(refused.clone().into()).await.0, 503);
    let wrapped = Wrapped(Some(Box::new(Wrapped(Some(Box::new(refused))))));
    let (status, body) = failed(CallError::Operation(wrapped)).await;
    assert_eq!((status, &body["reason"]), (503, &json!("open")));
}
