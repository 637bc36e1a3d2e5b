// SPDX-License-Identifier: MIT OR Apache-2.0
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get as route;
use tokio::runtime::Handle;
use trifuse::axum::{Failed, ResilienceLayer, by_peer};
use trifuse::{
    AdaptiveLimit, Bulkhead, CircuitBreaker, KeyedRateLimiters, Pipeline, RateLimiter, Retry, Timeout,
};

use crate::kit::{get, status};

const REQUESTS: usize = 1_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_requests_at_once_leave_no_task_and_no_place_behind() {
    let inbound = AdaptiveLimit::aimd("inbound").limit(1_000).max_limit(1_000).build().unwrap();
    let bulkhead = Bulkhead::builder("search").limit(100).max_queue(REQUESTS).build().unwrap();
    let breaker = CircuitBreaker::builder("search").build().unwrap();
    let search = Pipeline::builder("search")
        .retry(Retry::builder("search").max_retries(2).build().unwrap())
        .circuit_breaker(breaker.clone())
        .rate_limit(RateLimiter::per_second(1e6).build().unwrap())
        .bulkhead(bulkhead.clone())
        .timeout(Timeout::after(Duration::from_secs(60)))
        .build();
    let handler = async move || -> Result<String, Failed> {
        let answer = search.call_async(|| async {
            tokio::time::sleep(Duration::from_millis(2)).await;
            Ok::<_, std::io::Error>("found".to_owned())
        });
        Ok(answer.await?)
    };
    let each = RateLimiter::per_second(1e6).name("peers");
    let peers = Arc::new(KeyedRateLimiters::<IpAddr>::builder(each).build().unwrap());
    let app = Router::new()
        .route("/", route(handler))
        .layer(
            ResilienceLayer::new()
                .concurrency(inbound.clone())
                .circuit_breaker(CircuitBreaker::builder("inbound").build().unwrap())
                .timeout(Duration::from_secs(60)),
        )
        .layer(ResilienceLayer::by_key(by_peer).rate_limit(peers));

    let before = Handle::current().metrics().num_alive_tasks();
    let all: Vec<_> = (0..REQUESTS)
        .map(|_| {
            let app = app.clone();
            tokio::spawn(async move { status(&app, get("/")).await })
        })
        .collect();
    for answer in futures::future::join_all(all).await {
        assert_eq!(answer.unwrap(), 200);
    }
    // A task is counted until its worker has let go of it.
    for _ in 0..1_000 {
        if Handle::current().metrics().num_alive_tasks() == before {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(Handle::current().metrics().num_alive_tasks(), before);
    assert_eq!((inbound.in_flight(), bulkhead.in_flight(), bulkhead.waiting()), (0, 0, 0));
    assert_eq!(breaker.snapshot().totals.successes, REQUESTS as u64);
    assert_eq!(inbound.snapshot().released, REQUESTS as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_are_dropped_on_their_way_leave_nothing_behind() {
    let inbound = Bulkhead::builder("inbound").limit(100).max_queue(REQUESTS).build().unwrap();
    let breaker = CircuitBreaker::builder("inbound").build().unwrap();
    let app = Router::new().route("/", route(std::future::pending::<()>)).layer(
        ResilienceLayer::new()
            .concurrency(inbound.clone())
            .circuit_breaker(breaker.clone())
            .timeout(Duration::from_secs(60)),
    );
    let before = Handle::current().metrics().num_alive_tasks();
    let all: Vec<_> = (0..REQUESTS)
        .map(|_| {
            let app = app.clone();
            tokio::spawn(async move { status(&app, get("/")).await })
        })
        .collect();
    while inbound.in_flight() < 100 || inbound.waiting() < REQUESTS - 100 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for task in &all {
        task.abort();
    }
    for gone in futures::future::join_all(all).await {
        assert!(gone.unwrap_err().is_cancelled());
    }
    for _ in 0..1_000 {
        if Handle::current().metrics().num_alive_tasks() == before {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(Handle::current().metrics().num_alive_tasks(), before);
    assert_eq!((inbound.in_flight(), inbound.waiting()), (0, 0));
    assert!(breaker.snapshot().totals.ignored >= 100);
}
