// SPDX-License-Identifier: MIT OR Apache-2.0
//! What HTTP and gRPC say: statuses, when to come back, what may be made twice.
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use tower::{BoxError, Layer, ServiceExt, service_fn};
use trifuse::http::{StatusClassifier, classify_grpc, classify_head, clone_idempotent, retry_after};
use trifuse::tower::{OperationLayer, RetryLayer};
use trifuse::{Clock, Jitter, Outcome, Retry};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn when_to_come_back_is_read_as_seconds_and_as_a_date() {
    let read = |value: &'static str, date: Option<&'static str>| {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", HeaderValue::from_static(value));
        date.map(|date| headers.insert("date", HeaderValue::from_static(date)));
        retry_after(&headers)
    };
    let now = Some("Wed, 21 Oct 2015 07:28:00 GMT");
    for (value, expected) in [
        ("120", Some(120 * SECOND)),
        (" 1.5 ", Some(SECOND * 3 / 2)),
        ("0", Some(Duration::ZERO)),
        ("99999999999999999999999999", Some(365 * 86_400 * SECOND)),
        ("Wed, 21 Oct 2015 07:28:30 GMT", Some(30 * SECOND)),
        ("Wednesday, 21-Oct-15 07:28:30 GMT", Some(30 * SECOND)),
        ("Wed Oct 21 07:28:30 2015", Some(30 * SECOND)),
        ("Wed, 21 Oct 2015 07:00:00 GMT", Some(Duration::ZERO)),
        ("-1", None),
        ("1e9", None),
        ("inf", None),
        ("NaN", None),
        (".5", None),
        ("1.2.3", None),
        ("soon", None),
        ("", None),
    ] {
        assert_eq!(read(value, now), expected, "{value:?}");
    }
    assert_eq!(read("Wed, 21 Oct 2015 07:28:30 GMT", None), Some(Duration::ZERO), "long ago");
    assert!(read("Thu, 21 Oct 2100 07:28:30 GMT", None).is_some_and(|wait| wait == 365 * 86_400 * SECOND));
    let mut headers = HeaderMap::new();
    headers.insert("grpc-retry-pushback-ms", HeaderValue::from_static("250"));
    assert_eq!(retry_after(&headers), Some(SECOND / 4));
}

#[test]
fn every_status_has_its_outcome() {
    let mut headers = HeaderMap::new();
    let outcome =
        |status, headers: &HeaderMap| classify_head(StatusCode::from_u16(status).unwrap(), headers).outcome();
    for status in 100..=999 {
        let expected = match status {
            408 | 504 | 522 | 524 => Outcome::Timeout,
            402 | 409 | 425 | 429 | 500..=999 => Outcome::Failure,
            400..=499 => Outcome::Ignored,
            _ => Outcome::Success,
        };
        assert_eq!(outcome(status, &headers), expected, "{status}");
    }
    headers.insert("retry-after", HeaderValue::from_static("7"));
    assert_eq!(outcome(403, &headers), Outcome::Failure);
    assert_eq!(classify_head(StatusCode::FORBIDDEN, &headers).trip_for(), Some(7 * SECOND));
    assert_eq!(classify_head(StatusCode::NOT_FOUND, &headers).trip_for(), None);
    headers.insert("retry-after", HeaderValue::from_static("0"));
    assert_eq!(classify_head(StatusCode::SERVICE_UNAVAILABLE, &headers).trip_for(), None, "at once");

    let ignored = [1, 3, 5, 6, 7, 9, 11, 12, 16];
    for status in 0..=17_u32 {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", status.to_string().parse().unwrap());
        let expected = match status {
            0 => Outcome::Success,
            4 => Outcome::Timeout,
            _ if ignored.contains(&status) => Outcome::Ignored,
            _ => Outcome::Failure,
        };
        assert_eq!(classify_grpc(&trailers).outcome(), expected, "{status}");
    }
    assert_eq!(classify_grpc(&HeaderMap::new()).outcome(), Outcome::Failure);
}

#[tokio::test(start_paused = true)]
async fn only_what_may_be_made_twice_is_retried_after_the_time_that_the_server_says() {
    let retry = Retry::builder("search").jitter(Jitter::None).clock(Clock::Tokio).build().unwrap();
    let layer = RetryLayer::new(retry.clone())
        .classify(StatusClassifier)
        .clone_with(clone_idempotent::<&'static str>);
    let service =
        layer.layer(OperationLayer.layer(service_fn(|request: Request<&'static str>| async move {
            let retried = request.headers().contains_key("never");
            let response =
                Response::builder().status(if retried { 200 } else { 503 }).header("retry-after", "7");
            Ok::<_, BoxError>(response.body(()).unwrap())
        })));
    let began = tokio::time::Instant::now();
    let post = Request::post("/").body("").unwrap();
    assert_eq!(service.clone().oneshot(post).await.unwrap().status(), 503);
    assert_eq!((retry.snapshot().retries, began.elapsed()), (0, Duration::ZERO));
    let get = Request::get("/").body("").unwrap();
    assert_eq!(service.clone().oneshot(get).await.unwrap().status(), 503);
    assert!(began.elapsed() >= 21 * SECOND && began.elapsed() < 24 * SECOND, "{:?}", began.elapsed());
    let keyed = Request::post("/").header("idempotency-key", "1").body("").unwrap();
    assert_eq!(service.oneshot(keyed).await.unwrap().status(), 503);
    assert_eq!(retry.snapshot().retries, 6);
}
