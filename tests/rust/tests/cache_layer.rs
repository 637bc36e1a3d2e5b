// SPDX-License-Identifier: MIT OR Apache-2.0
//! A cache as a layer of tower.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::join_all;
use tokio::time::sleep;
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
use trifuse::cache::ResultCache;
use trifuse::tower::{CircuitBreakerLayer, OperationLayer};
use trifuse::{CallError, CircuitBreaker, Clock};

const SECOND: Duration = Duration::from_secs(1);
type Text = Arc<str>;
type Answers = ResultCache<&'static str, Text>;
type Request = (&'static str, bool);

fn answers() -> Answers {
    ResultCache::builder("answers").time_to_live(60 * SECOND).clock(Clock::Tokio).build().unwrap()
}

/// Requests that begin with a dash have no key.
fn key((question, _): &Request) -> Option<&'static str> {
    (!question.starts_with('-')).then_some(question)
}

fn work(
    calls: &Arc<AtomicUsize>,
) -> impl Service<Request, Response = Text, Error = &'static str, Future: Send> + Clone + Send + 'static {
    let calls = calls.clone();
    service_fn(move |(question, down): Request| {
        calls.fetch_add(1, Ordering::Relaxed);
        async move {
            sleep(SECOND).await;
            if down { Err("down") } else { Ok(Text::from(question.to_uppercase())) }
        }
    })
}

// SEED-30
#[tokio::test(start_paused = true)]
async fn fresh_answers_come_from_the_cache_and_requests_at_once_are_one() {
    let (answers, calls) = (answers(), Arc::new(AtomicUsize::new(0)));
    let service = ServiceBuilder::new().layer(answers.layer(key)).service(work(&calls));
    let all = join_all((0..20).map(|_| service.clone().oneshot(("why", false)))).await;
    assert!(all.iter().all(|answer| answer.as_deref() == Ok("WHY")));
    assert_eq!(&*service.clone().oneshot(("why", true)).await.unwrap(), "WHY");
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    let failed = join_all((0..20).map(|_| service.clone().oneshot(("how", true)))).await;
    assert!(failed.iter().all(|answer| *answer == Err("down")));
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn requests_without_a_key_pass_by() {
    let (answers, calls) = (answers(), Arc::new(AtomicUsize::new(0)));
    let service = ServiceBuilder::new().layer(answers.layer(key)).service(work(&calls));
    for _ in 0..2 {
        assert_eq!(&*service.clone().oneshot(("-why", false)).await.unwrap(), "-WHY");
    }
    assert_eq!((calls.load(Ordering::Relaxed), answers.snapshot().stored), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_within_gets_the_stale_answer() {
    let (answers, calls) = (answers(), Arc::new(AtomicUsize::new(0)));
    let breaker = CircuitBreaker::builder("model").clock(Clock::Tokio).build().unwrap();
    let stack = |layer| {
        ServiceBuilder::new()
            .layer(layer)
            .layer(CircuitBreakerLayer::new(breaker.clone()))
            .layer(OperationLayer)
            .service(work(&calls))
    };
    let (strict, lenient) = (stack(answers.layer(key)), stack(answers.layer(key).stale_if_error()));
    lenient.clone().oneshot(("why", false)).await.unwrap();
    breaker.force_open();
    assert_eq!(&*strict.clone().oneshot(("why", false)).await.unwrap(), "WHY"); // fresh
    sleep(100 * SECOND).await;
    assert!(matches!(strict.oneshot(("why", false)).await, Err(CallError::Refused(_))));
    assert_eq!(&*lenient.clone().oneshot(("why", false)).await.unwrap(), "WHY");
    assert!(matches!(lenient.oneshot(("how", false)).await, Err(CallError::Refused(_))));
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_not_ready_does_not_keep_fresh_answers_back() {
    let answers = answers();
    answers.insert("why", "yhw".into()).await;
    let (inner, mut handle) = tower_test::mock::spawn_with(|mock: tower_test::mock::Mock<Request, Text>| {
        mock.map_err(|error| error.to_string())
    });
    handle.allow(0);
    let mut service = ServiceBuilder::new().layer(answers.layer(key)).service(inner.into_inner());
    let answer = service.ready().await.unwrap().call(("why", false)).await;
    assert_eq!(answer.as_deref(), Ok("yhw"));
    let mut waiting = std::pin::pin!(service.call(("how", false)));
    assert!(waiting.as_mut().now_or_never().is_none());
    handle.allow(1);
    let serve = async {
        let (request, send) = handle.next_request().await.unwrap();
        assert_eq!(request, ("how", false));
        send.send_response(Text::from("woh"));
    };
    let (answer, ()) = futures::future::join(waiting, serve).await;
    assert_eq!(answer.as_deref(), Ok("woh"));
}
