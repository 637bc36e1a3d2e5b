// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rate limits and places of each host.
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use trifuse::{AdaptiveLimit, Bulkhead, PolicyKind, RateLimiter, RefusalReason};

use crate::kit::{Part, Server, builder, once, status, totals};

#[tokio::test]
async fn each_host_has_a_rate_limit_of_its_own() {
    let (one, other) = (Server::always(status(200)).await, Server::always(status(200)).await);
    let client = once().rate_limit(RateLimiter::per(2, Duration::from_secs(3600))).build().unwrap();
    for _ in 0..2 {
        client.get(&one.url).send().await.unwrap().text().await.unwrap();
    }
    let error = client.get(&one.url).send().await.unwrap_err();
    let refused = error.refused().unwrap();
    assert_eq!((refused.policy, refused.reason), (PolicyKind::RateLimit, RefusalReason::RateLimited));
    assert!(refused.retry_after > Some(Duration::from_secs(1700)));
    client.get(&other.url).send().await.unwrap();
    assert_eq!((one.count(), other.count()), (2, 1));
    // To the breaker the refusal of the limit is no failure of the host.
    let totals = totals(&client, &one);
    assert_eq!((totals.ignored, totals.failures), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_with_a_wait_lets_requests_wait() {
    let server = Server::always(status(200)).await;
    let limit = RateLimiter::per(1, Duration::from_secs(10)).max_wait(Duration::from_secs(15));
    let client = once().rate_limit(limit).build().unwrap();
    let began = Instant::now();
    let asked = futures::future::join_all((0..3).map(|_| client.get(&server.url).send())).await;
    assert_eq!(asked.iter().filter(|answer| answer.is_ok()).count(), 2);
    assert!(began.elapsed() >= Duration::from_secs(10) && server.count() == 2);
}

#[tokio::test]
async fn attempts_are_asked_for_one_by_one() {
    let server = Server::always(status(503)).await;
    let client = builder().rate_limit(RateLimiter::per(2, Duration::from_secs(3600))).build().unwrap();
    let error = client.get(&server.url).send().await.unwrap_err();
    assert_eq!(error.refused().unwrap().reason, RefusalReason::RateLimited);
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn requests_wait_in_line_for_a_place_and_go_in_order() {
    let go_on = Arc::new(Notify::new());
    let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 4\r\n\r\n".to_owned();
    let server =
        Server::always(vec![Part::Bytes(head), Part::Wait(go_on.clone()), Part::Bytes("body".into())]).await;
    let client = once().bulkhead(Bulkhead::builder("any").limit(1).max_queue(1)).build().unwrap();
    let first = client.get(&server.url).send().await.unwrap();
    let second = tokio::spawn(client.get(&server.url).send());
    tokio::task::yield_now().await;
    let third = client.get(&server.url).send().await.unwrap_err();
    assert_eq!(third.refused().unwrap().reason, RefusalReason::BulkheadFull);
    assert_eq!(server.count(), 1);
    go_on.notify_one();
    first.text().await.unwrap();
    let second = second.await.unwrap().unwrap();
    go_on.notify_one();
    assert_eq!((second.text().await.unwrap(), server.count()), ("body".to_owned(), 2));
}

#[tokio::test]
async fn who_leaves_the_line_leaves_no_place_taken() {
    let server = Server::always(vec![Part::Hang]).await;
    let client = once().bulkhead(Bulkhead::builder("any").limit(1).max_queue(5)).build().unwrap();
    let first = tokio::spawn(client.get(&server.url).send());
    server.has_one().await;
    let second = tokio::spawn(client.get(&server.url).send());
    tokio::task::yield_now().await;
    for waiting in [second, first] {
        waiting.abort();
        let _ = waiting.await;
    }
    let told = client.snapshot().remove(0);
    assert_eq!((told.places.unwrap().in_flight, told.circuit_breaker.totals.ignored), (0, 2));
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn an_adaptive_limit_learns_from_the_outcomes() {
    let server = Server::always(status(500)).await;
    let client = once().adaptive_limit(AdaptiveLimit::aimd("any")).build().unwrap();
    client.get(&server.url).send().await.unwrap().text().await.unwrap();
    assert_eq!(client.snapshot()[0].places.as_ref().unwrap().limit, 18); // 20 * 0.9
}
