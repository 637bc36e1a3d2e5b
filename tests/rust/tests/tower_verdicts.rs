// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the circuit breaker's layer makes of results, panics and keys, and which services it takes.
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tower::{BoxError, Layer, ServiceBuilder, ServiceExt, service_fn};
use trifuse::tower::{CircuitBreakerLayer, OperationLayer};
use trifuse::{
    CallError, CircuitBreaker, Classification, Config, KeyedBreakers, ManualClock, Outcome, State,
};

const SECOND: Duration = Duration::from_secs(1);

fn breaker(config: Config) -> (CircuitBreaker, ManualClock) {
    let clock = ManualClock::new();
    let breaker = CircuitBreaker::builder("search").with_config(config).clock(clock.clone()).build().unwrap();
    (breaker, clock)
}

#[tokio::test]
async fn a_panic_of_the_service_or_the_classifier_is_a_failure() {
    let (breaker, _) = breaker(Config::DEFAULT);
    let panics = |at: &'static str| {
        let classifier = move |_: &Result<(), BoxError>| -> Outcome { panic!("{at}: classifier") };
        let service = service_fn(move |()| {
            assert_ne!(at, "call", "on purpose");
            async move {
                assert_ne!(at, "poll", "on purpose");
                Ok::<(), BoxError>(())
            }
        });
        let layer = CircuitBreakerLayer::new(breaker.clone()).classify(classifier);
        ServiceBuilder::new().layer(layer).layer(OperationLayer).service(service).oneshot(())
    };
    for (number, at) in ["call", "poll", "classifier"].into_iter().enumerate() {
        assert!(tokio::spawn(panics(at)).await.unwrap_err().is_panic());
        let totals = breaker.snapshot().totals;
        assert_eq!((totals.failures, totals.ignored), (number as u64 + 1, 0), "{at}");
    }
}

#[tokio::test]
async fn a_classifier_decides_and_a_server_that_says_when_opens_for_that_time() {
    let (breaker, clock) = breaker(Config::DEFAULT);
    let verdict = |result: &Result<u16, BoxError>| -> Classification {
        match result {
            Ok(429) => Classification::retry_after(20 * SECOND),
            Ok(404) => Outcome::Ignored.into(),
            _ => Outcome::Success.into(),
        }
    };
    let service = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::new(breaker.clone()).classify(verdict))
        .layer(OperationLayer)
        .service(service_fn(|status: u16| async move { Ok::<_, BoxError>(status) }));
    assert_eq!(service.clone().oneshot(404).await.unwrap(), 404);
    assert_eq!(breaker.snapshot().totals.ignored, 1);
    assert_eq!(service.clone().oneshot(429).await.unwrap(), 429);
    assert_eq!(
        service.clone().oneshot(200).await.unwrap_err().refused().unwrap().retry_after,
        Some(20 * SECOND)
    );
    clock.advance(20 * SECOND);
    assert_eq!((service.oneshot(200).await.unwrap(), breaker.state()), (200, State::Closed));
}

#[test]
fn a_service_that_is_not_send_and_a_request_that_borrows_are_served() {
    let (breaker, _) = breaker(Config::DEFAULT);
    let count = Rc::new(std::cell::Cell::new(0));
    let counter = count.clone();
    let question = String::from("what");
    let inner = service_fn(move |question: &str| {
        counter.set(counter.get() + question.len());
        std::future::ready(Ok::<_, Rc<str>>(counter.get()))
    });
    let service = breaker.layer().layer(OperationLayer.layer(inner));
    assert_eq!(futures::executor::block_on(service.oneshot(question.as_str())), Ok(4));
    assert_eq!(count.get(), 4);
}

#[tokio::test]
async fn each_key_has_a_breaker_of_its_own_and_there_are_not_more_than_so_many() {
    let hosts = Arc::new(
        KeyedBreakers::<u8>::builder("http")
            .config(Config::DEFAULT.with_consecutive_failures(1))
            .capacity(2)
            .build()
            .unwrap(),
    );
    let service = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::by_key(hosts.clone(), |host: &u8| *host))
        .layer(OperationLayer)
        .service(service_fn(|host: u8| async move { if host == 0 { Err("down") } else { Ok(host) } }));
    assert_eq!(service.clone().oneshot(0).await, Err(CallError::Operation("down")));
    assert!(matches!(service.clone().oneshot(0).await, Err(CallError::Refused(_))));
    for host in 1..100 {
        assert_eq!(service.clone().oneshot(host).await, Ok(host));
    }
    assert_eq!(hosts.len(), 2);
    assert!(matches!(service.oneshot(0).await, Err(CallError::Refused(_))), "an open one stays");
}

#[test]
fn the_service_within_is_there_to_be_seen_changed_and_taken() {
    let (breaker, _) = breaker(Config::DEFAULT);
    let mut service = breaker.layer().layer(1);
    *service.get_mut() += 1;
    assert_eq!(
        (format!("{service:?}").contains("inner: 2"), *service.get_ref(), service.into_inner()),
        (true, 2, 2)
    );
}
