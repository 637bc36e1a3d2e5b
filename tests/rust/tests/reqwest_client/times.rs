// SPDX-License-Identifier: MIT OR Apache-2.0
//! Time limits. The clock is stopped once a request has come, so that nothing but the limit can be next.
use std::time::Duration;

use trifuse::{CallError, Deadline, Retry, TimeoutSetting};

use crate::kit::{PLAIN, Part, Server, at_once, begun, builder, once, status, totals};

#[tokio::test]
async fn a_head_that_does_not_come_in_time_is_a_timeout() {
    let server = Server::always(vec![Part::Hang]).await;
    let limit = Duration::from_secs(5);
    let client = once().circuit_breaker(PLAIN.with_request_timeout(Some(limit))).build().unwrap();
    let request = tokio::spawn(client.get(&server.url).send());
    server.has_one().await;
    tokio::time::pause();
    let Err(CallError::TimedOut(late)) = request.await.unwrap() else { panic!() };
    assert_eq!((late.setting, late.limit), (TimeoutSetting::RequestTimeout, limit));
    let totals = totals(&client, &server);
    assert_eq!((totals.timeouts, totals.failures), (1, 1));
}

#[tokio::test]
async fn a_timeout_is_asked_again() {
    let server = Server::start(|number, _| if number == 0 { vec![Part::Hang] } else { status(200) }).await;
    let limit = Duration::from_secs(1);
    let client = builder().circuit_breaker(PLAIN.with_request_timeout(Some(limit))).build().unwrap();
    assert_eq!(client.get(&server.url).send().await.unwrap().text().await.unwrap(), "body");
    let totals = totals(&client, &server);
    assert_eq!((server.count(), totals.timeouts, totals.successes), (2, 1, 1));
}

#[tokio::test]
async fn a_timeout_of_reqwests_own_is_a_timeout_and_its_own_error() {
    let server = Server::always(vec![Part::Hang]).await;
    let client = once().build().unwrap();
    let request = tokio::spawn(client.get(&server.url).timeout(Duration::from_secs(5)).send());
    server.has_one().await;
    tokio::time::pause();
    let Err(CallError::Operation(error)) = request.await.unwrap() else { panic!() };
    assert!(error.is_timeout());
    assert_eq!(totals(&client, &server).timeouts, 1);
}

#[tokio::test]
async fn the_total_time_ends_an_attempt_that_is_under_way() {
    let server = Server::always(vec![Part::Hang]).await;
    let total = Duration::from_secs(3);
    let client = builder().total_timeout(total).build().unwrap();
    let request = tokio::spawn(client.get(&server.url).send());
    server.has_one().await;
    tokio::time::pause();
    let Err(CallError::TimedOut(late)) = request.await.unwrap() else { panic!() };
    assert_eq!((late.setting, late.limit, late.name.as_str()), (TimeoutSetting::Timeout, total, "reqwest"));
    assert_eq!((server.count(), totals(&client, &server).timeouts), (1, 1));
}

#[tokio::test]
async fn no_retry_begins_that_the_total_time_would_end() {
    let server = Server::always(status(503)).await;
    let retry = Retry::builder("client").delay(Duration::from_secs(40)).max_delay(Duration::from_secs(40));
    let client = builder().retry(retry.build().unwrap()).total_timeout(Duration::from_secs(30));
    let client = client.build().unwrap();
    let began = std::time::Instant::now();
    assert_eq!(client.get(&server.url).send().await.unwrap().status(), 503);
    assert!(began.elapsed() < Duration::from_secs(20) && server.count() == 1);
}

#[tokio::test]
async fn the_total_time_holds_for_the_body() {
    let server = Server::always(begun(vec![Part::Hang])).await;
    let total = Duration::from_secs(20);
    let client = once().total_timeout(total).build().unwrap();
    let mut answer = client.get(&server.url).send().await.unwrap();
    assert_eq!(answer.chunk().await.unwrap().unwrap(), "begun");
    tokio::time::pause();
    let error = answer.chunk().await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    let late = trifuse::reqwest::timed_out(&error).unwrap();
    assert_eq!((late.setting, late.limit), (TimeoutSetting::Timeout, total));
    assert!(answer.chunk().await.unwrap().is_none());
    let totals = totals(&client, &server);
    assert_eq!((totals.timeouts, totals.failures), (1, 1));
}

#[tokio::test]
async fn a_deadline_of_the_callers_ends_it_and_says_nothing_about_the_host() {
    let server = Server::always(vec![Part::Hang]).await;
    let client = builder().total_timeout(Duration::from_secs(50)).build().unwrap();
    let (asking, url) = (client.clone(), server.url.clone());
    let request = tokio::spawn(async move {
        let deadline = Deadline::after(Duration::from_secs(3)).clock(trifuse::Clock::Tokio);
        deadline.call_async(asking.get(url).send()).await
    });
    server.has_one().await;
    tokio::time::pause();
    let Err(CallError::TimedOut(late)) = request.await.unwrap() else { panic!() };
    assert_eq!(late.setting, TimeoutSetting::Deadline);
    let totals = totals(&client, &server);
    assert_eq!((totals.ignored, totals.timeouts, server.count()), (1, 0, 1));
}

#[tokio::test]
async fn a_total_time_of_nothing_is_refused_by_name() {
    let error = once().total_timeout(Duration::ZERO).build().unwrap_err();
    assert_eq!(error.field, "total_timeout");
    let client = once().retry(at_once(0)).total_timeout(None).build();
    assert!(client.is_ok());
}
