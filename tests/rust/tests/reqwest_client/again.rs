// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests that are made again.
use std::time::Duration;

use tokio::time::Instant;
use trifuse::{CallError, Clock, Retry, RetryBudget, Retryable, State};

use crate::kit::{Server, at_once, builder, status, totals, with};

#[tokio::test]
async fn what_means_the_same_when_it_is_sent_twice_is_sent_again() {
    let server = Server::start(|number, _| status(if number % 2 == 0 { 503 } else { 200 })).await;
    let client = builder().build().unwrap();
    let methods = ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"];
    for (number, method) in methods.into_iter().enumerate() {
        let request = client.request(method.parse().unwrap(), &server.url).body("twice");
        let answer = request.send().await.unwrap();
        assert_eq!((answer.status().as_u16(), server.count()), (200, 2 * (number + 1)), "{method}");
        answer.bytes().await.unwrap();
    }
    let (first, second) = (server.seen(4), server.seen(5));
    assert!(first == second && first.starts_with("PUT") && first.ends_with("twice"));
}

#[tokio::test]
async fn a_post_is_sent_once_and_one_with_a_key_again() {
    let server = Server::always(status(503)).await;
    let client = builder().build().unwrap();
    assert_eq!(client.post(&server.url).body("{}").send().await.unwrap().status(), 503);
    assert_eq!(server.count(), 1);
    client.breaker(&server.url).unwrap().reset();
    let keyed = client.post(&server.url).header("idempotency-key", "order 7").body("{}");
    assert_eq!(keyed.send().await.unwrap().status(), 503);
    assert_eq!(server.count(), 4);
}

fn stream() -> reqwest::Body {
    reqwest::Body::wrap_stream(futures::stream::iter([Ok::<_, std::io::Error>("one"), Ok("two")]))
}

#[tokio::test]
async fn a_body_that_is_a_stream_is_sent_once_whatever_the_method() {
    let server = Server::always(status(503)).await;
    let client = builder().build().unwrap();
    assert_eq!(client.put(&server.url).body(stream()).send().await.unwrap().status(), 503);
    assert!(server.count() == 1 && server.seen(0).contains("one") && server.seen(0).contains("two"));
    assert_eq!(totals(&client, &server).failures, 1);
}

#[tokio::test]
async fn a_stream_of_the_callers_that_breaks_says_nothing_about_the_host() {
    let server = Server::always(status(200)).await;
    let client = builder().build().unwrap();
    let broken = futures::stream::iter([Ok("one"), Err(std::io::Error::other("the disk"))]);
    let request = client.put(&server.url).body(reqwest::Body::wrap_stream(broken));
    let CallError::Operation(error) = request.send().await.unwrap_err() else { panic!() };
    assert!(error.is_request());
    let totals = totals(&client, &server);
    assert_eq!((server.count(), totals.ignored, totals.failures), (0, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn retry_after_in_seconds_is_the_wait_and_opens_the_circuit_until_then() {
    let server = Server::turns(vec![with(503, "retry-after: 7\r\n"), status(200)]).await;
    let client = builder().build().unwrap();
    let began = Instant::now();
    let url = server.url.clone();
    let (asking, host) = (client.clone(), server.url.clone());
    let request = tokio::spawn(async move { asking.get(url).send().await });
    server.has_one().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(client.breaker(&host).unwrap().state(), State::Open);
    assert!(client.get(&server.url).send().await.unwrap_err().refused().is_some());
    assert_eq!(request.await.unwrap().unwrap().status(), 200);
    let waited = began.elapsed();
    assert!(waited >= Duration::from_secs(7) && waited <= Duration::from_millis(7750), "{waited:?}");
    assert_eq!(server.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn retry_after_as_a_date_is_the_wait() {
    let date = "date: Sun, 06 Nov 1994 08:49:07 GMT\r\nretry-after: Sun, 06 Nov 1994 08:49:27 GMT\r\n";
    let server = Server::turns(vec![with(429, date), status(200)]).await;
    let client = builder().build().unwrap();
    let began = Instant::now();
    assert_eq!(client.get(&server.url).send().await.unwrap().status(), 200);
    let waited = began.elapsed();
    assert!(waited >= Duration::from_secs(20) && waited <= Duration::from_millis(22_050), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_too_long_ends_the_request_with_the_answer_as_it_is() {
    let server = Server::always(with(429, "retry-after: 61\r\n")).await;
    let client = builder().build().unwrap();
    let began = Instant::now();
    let answer = client.get(&server.url).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (429, "61"));
    assert_eq!(answer.text().await.unwrap(), "body");
    assert!(began.elapsed() < Duration::from_secs(1) && server.count() == 1);
    tokio::time::advance(Duration::from_secs(60)).await;
    let refused = client.get(&server.url).send().await.unwrap_err();
    assert!(refused.refused().unwrap().retry_after < Some(Duration::from_millis(1100)));
}

#[tokio::test]
async fn retry_after_need_not_open_the_circuit() {
    let server = Server::always(with(503, "retry-after: 60\r\n")).await;
    let client = builder().without_retry().respect_retry_after(false).build().unwrap();
    client.get(&server.url).send().await.unwrap();
    client.get(&server.url).send().await.unwrap();
    assert_eq!((server.count(), totals(&client, &server).failures), (2, 2));
}

#[tokio::test]
async fn a_circuit_that_opens_ends_the_attempts_with_the_refusal() {
    let server = Server::always(status(500)).await;
    let client = builder().retry(at_once(10)).build().unwrap();
    let error = client.get(&server.url).send().await.unwrap_err();
    assert!(error.refused().is_some());
    assert_eq!(server.count(), 3);
}

#[tokio::test]
async fn a_budget_that_is_spent_surfaces_the_answer_itself() {
    let server = Server::always(status(503)).await;
    let budget = RetryBudget::builder("client").ratio(0.5).floor(0.0).build().unwrap();
    let retry =
        Retry::builder("client").max_retries(5).delay(Duration::ZERO).budget(&budget).build().unwrap();
    let client = builder().circuit_breaker(crate::kit::PLAIN.with_consecutive_failures(100)).retry(retry);
    let client = client.build().unwrap();
    for _ in 0..4 {
        assert_eq!(client.get(&server.url).send().await.unwrap().status(), 503);
    }
    assert_eq!(server.count(), 4 + 2); // of two first attempts one retry
}

#[tokio::test]
async fn the_usual_retry_has_a_budget() {
    let client = trifuse::reqwest::Client::builder().build().unwrap();
    let text = client.to_string();
    assert!(text.starts_with("reqwest: retry(") && text.contains("max_retries=2"), "{text}");
    assert!(text.contains("> circuit_breaker(") && text.ends_with("> request"), "{text}");
}

#[tokio::test]
async fn within_a_retry_of_the_callers_the_clients_own_is_off() {
    let server = Server::always(status(503)).await;
    let client = builder().circuit_breaker(crate::kit::PLAIN.with_consecutive_failures(100)).build().unwrap();
    let outer = at_once(3);
    let verdict = |result: &Result<reqwest::Response, CallError<reqwest::Error>>| match result {
        Ok(answer) if answer.status().is_success() => trifuse::Outcome::Success,
        _ => trifuse::Outcome::Failure,
    };
    let ask = || client.get(&server.url).send();
    assert_eq!(ask.retry(&outer).classify(verdict).await.unwrap().status(), 503);
    assert_eq!(server.count(), 4);
}

#[tokio::test]
async fn an_sdk_that_says_it_retries_is_left_to_it() {
    let server = Server::always(status(503)).await;
    let client = builder().build().unwrap();
    client.get(&server.url).header("x-stainless-retry-count", "0").send().await.unwrap();
    assert_eq!(server.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn retries_are_counted_and_keep_their_delays() {
    let server = Server::turns(vec![status(500), status(500), status(200)]).await;
    let retry = Retry::builder("client").max_retries(2).delay(Duration::from_secs(1)).clock(Clock::Tokio);
    let retry = retry.jitter(trifuse::Jitter::None).build().unwrap();
    let client = builder().retry(retry.clone()).build().unwrap();
    let began = Instant::now();
    assert_eq!(client.get(&server.url).send().await.unwrap().status(), 200);
    assert!(began.elapsed() >= Duration::from_secs(3), "{:?}", began.elapsed()); // 1 s, then 2 s
    let told = retry.snapshot();
    assert_eq!((told.calls, told.retries, told.successes), (1, 2, 1));
}
