// SPDX-License-Identifier: MIT OR Apache-2.0
//! Hedges as a layer.
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};
use tower_test::{assert_request_eq, mock};
use trifuse::tower::{HedgeLayer, HedgeService, OperationLayer, OperationService};
use trifuse::{CallError, Clock, Hedge, HedgeBudget, Outcome};

const MS: Duration = Duration::from_millis(1);

type Mock = mock::Mock<u8, &'static str>;
type Handle = mock::Handle<u8, &'static str>;

fn hedge(share: f64) -> Hedge {
    let budget = HedgeBudget::builder("search").share(share).build().unwrap();
    Hedge::after("search", 50 * MS).budget(&budget).clock(Clock::Tokio).build().unwrap()
}

fn hedged(hedge: &Hedge) -> (HedgeService<OperationService<Mock>>, Handle) {
    let (inner, handle) = mock::pair();
    (hedge.layer().layer(OperationLayer.layer(inner)), handle)
}

#[tokio::test(start_paused = true)]
async fn the_second_call_comes_after_the_delay_and_the_first_success_wins() {
    for second_wins in [false, true] {
        let hedge = hedge(1.0);
        let (service, mut handle) = hedged(&hedge);
        let began = tokio::time::Instant::now();
        let call = tokio::spawn(service.oneshot(7));
        let first = handle.next_request().await.unwrap();
        let second = handle.next_request().await.unwrap();
        assert_eq!((first.0, second.0), (7, 7));
        assert!(began.elapsed() >= 50 * MS && began.elapsed() < 60 * MS, "{:?}", began.elapsed());
        let (winner, _loser) = if second_wins { (second.1, first.1) } else { (first.1, second.1) };
        winner.send_response("found");
        assert_eq!(call.await.unwrap().unwrap(), "found");
        assert_eq!(hedge.budget().snapshot().hedges, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_ends_before_the_delay_is_made_once_whatever_its_result() {
    let hedge = hedge(1.0);
    let (service, mut handle) = hedged(&hedge);
    for fails in [false, true] {
        let call = tokio::spawn(service.clone().oneshot(7));
        let (_, response) = handle.next_request().await.unwrap();
        if fails {
            response.send_error("busy")
        } else {
            response.send_response("found")
        }
        assert_eq!(call.await.unwrap().is_err(), fails);
    }
    assert_eq!((hedge.budget().snapshot().calls, hedge.budget().snapshot().hedges), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_fails_is_waited_out_and_of_two_errors_the_first_is_returned() {
    for (first_error, second) in [("one", Ok("found")), ("one", Err("two"))] {
        let (service, mut handle) = hedged(&hedge(1.0));
        let call = tokio::spawn(service.oneshot(7));
        let (one, two) = (handle.next_request().await.unwrap().1, handle.next_request().await.unwrap().1);
        one.send_error(first_error);
        tokio::time::sleep(MS).await;
        assert!(!call.is_finished());
        match second {
            Ok(answer) => two.send_response(answer),
            Err(error) => two.send_error(error),
        }
        match (call.await.unwrap(), second) {
            (Ok(answer), Ok(expected)) => assert_eq!(answer, expected),
            (Err(CallError::Operation(error)), Err(_)) => assert_eq!(error.to_string(), "one"),
            (result, _) => panic!("{result:?}"),
        }
    }
    let (service, mut handle) = hedged(&hedge(1.0));
    let call = tokio::spawn(service.oneshot(7));
    let (one, two) = (handle.next_request().await.unwrap().1, handle.next_request().await.unwrap().1);
    two.send_error("two");
    tokio::time::sleep(MS).await;
    one.send_error("one");
    let Err(CallError::Operation(error)) = call.await.unwrap() else { panic!() };
    assert_eq!(error.to_string(), "two", "it came first");
}

#[tokio::test(start_paused = true)]
async fn the_second_call_waits_until_the_service_is_ready_while_the_first_goes_on() {
    let (service, mut handle) = hedged(&hedge(1.0));
    handle.allow(1);
    let call = tokio::spawn(service.clone().oneshot(7));
    let (_, first) = handle.next_request().await.unwrap();
    tokio::time::sleep(100 * MS).await;
    assert!(handle.next_request().now_or_never().is_none());
    first.send_response("from the first");
    assert_eq!(call.await.unwrap().unwrap(), "from the first");

    handle.allow(1);
    let call = tokio::spawn(service.oneshot(8));
    let (_, first) = handle.next_request().await.unwrap();
    first.send_error("early");
    assert!(call.await.unwrap().is_err(), "alone so far: not hedged");
}

#[tokio::test(start_paused = true)]
async fn a_first_call_that_fails_while_the_second_waits_for_the_service_does_not_end_it() {
    let (service, mut handle) = hedged(&hedge(1.0));
    handle.allow(1);
    let call = tokio::spawn(service.oneshot(7));
    let (_, first) = handle.next_request().await.unwrap();
    tokio::time::sleep(100 * MS).await;
    first.send_error("one");
    tokio::time::sleep(MS).await;
    assert!(!call.is_finished());
    handle.allow(1);
    assert_request_eq!(handle, 7).send_response("from the second");
    assert_eq!(call.await.unwrap().unwrap(), "from the second");
}

#[tokio::test(start_paused = true)]
async fn without_budget_or_a_request_that_can_be_made_again_there_is_no_second_call() {
    for (share, once) in [(0.0, false), (1.0, true)] {
        let hedge = hedge(share);
        let (inner, mut handle) = mock::pair::<u8, &str>();
        let layer = HedgeLayer::new(hedge.clone()).clone_with(move |n: &u8| (!once).then_some(*n));
        let call = tokio::spawn(layer.layer(OperationLayer.layer(inner)).oneshot(7));
        let (_, response) = handle.next_request().await.unwrap();
        tokio::time::sleep(100 * MS).await;
        assert!(handle.next_request().now_or_never().is_none());
        response.send_response("found");
        assert_eq!(call.await.unwrap().unwrap(), "found");
        assert_eq!((hedge.budget().snapshot().calls, hedge.budget().snapshot().hedges), (1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_classifier_calls_a_failure_does_not_win() {
    let (inner, mut handle) = mock::pair::<u8, u16>();
    let layer = HedgeLayer::new(hedge(1.0)).classify(|result: &Result<u16, _>| match result {
        Ok(200) => Outcome::Success,
        _ => Outcome::Failure,
    });
    let call = tokio::spawn(layer.layer(OperationLayer.layer(inner)).oneshot(7));
    let (one, two) = (handle.next_request().await.unwrap().1, handle.next_request().await.unwrap().1);
    one.send_response(503);
    tokio::time::sleep(MS).await;
    two.send_response(200);
    assert_eq!(call.await.unwrap().unwrap(), 200);
}

#[tokio::test(start_paused = true)]
async fn the_loser_is_dropped_at_once_and_both_with_the_call() {
    let running = Arc::new(());
    let held = running.clone();
    let service = hedge(1.0).layer().layer(OperationLayer.layer(service_fn(move |end: Duration| {
        let held = held.clone();
        async move {
            let _held = held;
            tokio::time::sleep(end).await;
            Ok::<_, BoxError>(())
        }
    })));
    let mut spare = service.clone();
    let mut call = Box::pin(spare.ready().await.unwrap().call(60 * MS));
    assert!(tokio::time::timeout(55 * MS, &mut call).await.is_err());
    assert_eq!(Arc::strong_count(&running), 6, "of three services and both attempts");
    (&mut call).await.unwrap();
    assert_eq!(Arc::strong_count(&running), 4, "the future that is over is still here, its attempts are not");
    drop((call, spare));
    let call = tokio::spawn(service.oneshot(1000 * MS));
    tokio::time::sleep(100 * MS).await;
    assert_eq!(Arc::strong_count(&running), 4, "both run");
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    assert_eq!(Arc::strong_count(&running), 1, "the service went with its call");
}
