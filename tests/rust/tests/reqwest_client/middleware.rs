// SPDX-License-Identifier: MIT OR Apache-2.0
//! The same policies as a middleware.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use http::Extensions;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Error, Middleware, Next};
use trifuse::reqwest_middleware::{ResilienceMiddleware, refused, timed_out};
use trifuse::{RefusalReason, TimeoutSetting};

use crate::kit::{PLAIN, Part, Server, begun, builder, once, status};

fn client(policies: &ResilienceMiddleware) -> ClientWithMiddleware {
    let own = reqwest::Client::builder().no_proxy().build().unwrap();
    ClientBuilder::new(own).with(policies.clone()).build()
}

#[derive(Clone, Default)]
struct Counts(Arc<AtomicUsize>);

#[async_trait::async_trait]
impl Middleware for Counts {
    async fn handle(
        &self,
        request: reqwest::Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<reqwest::Response, Error> {
        self.0.fetch_add(1, Relaxed);
        next.run(request, extensions).await
    }
}

#[tokio::test]
async fn a_refusal_is_an_error_of_a_middleware_that_can_be_told_apart() {
    let server = Server::always(status(500)).await;
    let policies = ResilienceMiddleware::new(once()).unwrap();
    let client = client(&policies);
    for _ in 0..3 {
        assert_eq!(client.get(&server.url).send().await.unwrap().status(), 500);
    }
    let error = client.get(&server.url).send().await.unwrap_err();
    assert_eq!(refused(&error).unwrap().reason, RefusalReason::Open);
    assert!(timed_out(&error).is_none());
    assert_eq!((server.count(), policies.snapshot()[0].circuit_breaker.totals.failures), (3, 3));
}

#[tokio::test]
async fn what_is_before_it_runs_once_and_what_is_after_it_for_every_attempt() {
    let server = Server::turns(vec![status(503), status(503), status(200)]).await;
    let (before, after) = (Counts::default(), Counts::default());
    let policies = ResilienceMiddleware::new(builder()).unwrap();
    let own = reqwest::Client::builder().no_proxy().build().unwrap();
    let client = ClientBuilder::new(own).with(before.clone()).with(policies).with(after.clone()).build();
    assert_eq!(client.get(&server.url).send().await.unwrap().text().await.unwrap(), "body");
    assert_eq!((before.0.load(Relaxed), after.0.load(Relaxed), server.count()), (1, 3, 3));
}

#[tokio::test]
async fn bodies_are_guarded_to_their_end() {
    let server = Server::always(begun(vec![])).await;
    let policies = ResilienceMiddleware::new(builder()).unwrap();
    let answer = client(&policies).get(&server.url).send().await.unwrap();
    assert!(answer.bytes().await.is_err());
    assert_eq!(policies.breaker(&server.url).unwrap().snapshot().totals.failures, 1);
}

#[tokio::test]
async fn a_timeout_can_be_told_apart() {
    let server = Server::always(vec![Part::Hang]).await;
    let limit = PLAIN.with_request_timeout(Some(Duration::from_secs(5)));
    let policies = ResilienceMiddleware::new(once().circuit_breaker(limit)).unwrap();
    let request = client(&policies).get(&server.url);
    let request = tokio::spawn(async move { request.send().await });
    server.has_one().await;
    tokio::time::pause();
    let error = request.await.unwrap().unwrap_err();
    assert_eq!(timed_out(&error).unwrap().setting, TimeoutSetting::RequestTimeout);
    assert_eq!(policies.breakers()[0].snapshot().totals.timeouts, 1);
}

#[tokio::test]
async fn an_error_from_within_is_passed_on_unchanged() {
    let policies = ResilienceMiddleware::new(builder()).unwrap();
    let error = client(&policies).get("http://127.0.0.1:1").send().await.unwrap_err();
    assert!(matches!(&error, Error::Reqwest(error) if error.is_connect()));
    assert_eq!(policies.breakers()[0].snapshot().totals.failures, 3);
}

#[tokio::test]
async fn a_refusal_of_a_limit_within_is_no_failure_and_that_of_a_breaker_is() {
    let server = Server::always(status(500)).await;
    let limited = once().rate_limit(trifuse::RateLimiter::per(1, Duration::from_secs(3600)));
    let opened = once().circuit_breaker(PLAIN.with_consecutive_failures(1));
    for (inner, failures, ignored) in [(limited, 1, 2), (opened, 3, 0)] {
        let outer = ResilienceMiddleware::new(once()).unwrap();
        let own = reqwest::Client::builder().no_proxy().build().unwrap();
        let inner = ResilienceMiddleware::new(inner).unwrap();
        let client = ClientBuilder::new(own).with(outer.clone()).with(inner).build();
        for _ in 0..3 {
            let _ = client.get(&server.url).send().await;
        }
        let totals = outer.breakers()[0].snapshot().totals;
        assert_eq!((totals.failures, totals.ignored), (failures, ignored));
    }
}

#[tokio::test]
async fn of_two_that_retry_the_outer_one_does() {
    let server = Server::always(status(503)).await;
    let lenient = || builder().circuit_breaker(PLAIN.with_consecutive_failures(1000));
    let (outer, inner) = (ResilienceMiddleware::new(lenient()), ResilienceMiddleware::new(lenient()));
    let own = reqwest::Client::builder().no_proxy().build().unwrap();
    let client = ClientBuilder::new(own).with(outer.unwrap()).with(inner.unwrap()).build();
    assert_eq!(client.get(&server.url).send().await.unwrap().status(), 503);
    assert_eq!(server.count(), 3);
}
