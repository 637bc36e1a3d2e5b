// SPDX-License-Identifier: MIT OR Apache-2.0
//! A stream is one call with one outcome.
use tonic::Code;
use tower::Service;
use trifuse::{Bulkhead, RefusalReason};

use crate::kit::{Answer, Echo, Step, builder, guarded, said, totals};

const LIST: &str = "/demo.Echo/List";

fn messages(end: Step) -> Answer {
    Answer::Body(vec![Step::Message("one"), Step::Message("two"), end])
}

#[tokio::test]
async fn its_outcome_is_the_status_at_its_end() {
    for (code, successes) in [(Code::Ok, 1), (Code::Unavailable, 0)] {
        let echo = Echo::always(messages(Step::Trailers(said(code, &[]))));
        let (client, layer) = guarded(builder(), echo.listen().await);
        let mut list = client.list().await.unwrap();
        assert_eq!(list.message().await.unwrap().unwrap(), "one");
        assert_eq!(list.message().await.unwrap().unwrap(), "two");
        assert_eq!(totals(&layer, LIST).calls, 0);
        assert_eq!(list.message().await.is_ok(), code == Code::Ok);
        let totals = totals(&layer, LIST);
        assert_eq!((totals.successes, totals.failures), (successes, 1 - successes));
    }
}

#[tokio::test]
async fn one_that_breaks_half_way_is_a_failure_and_one_that_is_dropped_is_ignored() {
    let (client, layer) = guarded(builder(), Echo::always(messages(Step::Break)));
    let mut list = client.list().await.unwrap();
    while let Ok(Some(_)) = list.message().await {}
    assert_eq!(totals(&layer, LIST).failures, 1);

    let echo = Echo::always(messages(Step::Hang));
    let (client, layer) = guarded(builder(), echo.listen().await);
    let mut list = client.list().await.unwrap();
    list.message().await.unwrap().unwrap();
    drop(list);
    let totals = totals(&layer, LIST);
    assert_eq!((totals.ignored, totals.failures, totals.successes), (1, 0, 0));
}

#[tokio::test]
async fn it_holds_its_place_until_its_end() {
    let echo = Echo::always(messages(Step::Trailers(said(Code::Ok, &[]))));
    let (client, layer) = guarded(builder().bulkhead(Bulkhead::builder("any").limit(1)), echo.listen().await);
    let mut list = client.list().await.unwrap();
    let status = client.list().await.unwrap_err();
    assert_eq!(trifuse::tonic::refused(&status).unwrap().reason, RefusalReason::BulkheadFull);
    while list.message().await.unwrap().is_some() {}
    client.list().await.unwrap();
    assert_eq!((echo.count(), layer.snapshot()[0].places.as_ref().unwrap().admitted), (2, 2));
}

#[tokio::test]
async fn so_does_an_answer_that_was_judged_by_its_head() {
    let echo = Echo::always(Answer::Both(said(Code::Internal, &[]), vec![Step::Hang]));
    let (client, layer) = guarded(builder().bulkhead(Bulkhead::builder("any").limit(1)), echo);
    let request = http::Request::post(LIST).body(tonic::body::Body::empty()).unwrap();
    let answer = client.0.clone().call(request).await.unwrap();
    let told = layer.snapshot().remove(0);
    assert_eq!((told.circuit_breaker.totals.failures, told.places.unwrap().in_flight), (1, 1));
    drop(answer);
    let told = layer.snapshot().remove(0);
    assert_eq!((told.circuit_breaker.totals.failures, told.places.unwrap().in_flight), (1, 0));
}

#[tokio::test]
async fn a_stream_is_not_called_again_after_messages_have_come() {
    let echo = Echo::always(messages(Step::Trailers(said(Code::Unavailable, &[]))));
    let (client, _) = guarded(builder().idempotent([LIST]), echo.listen().await);
    let mut list = client.list().await.unwrap();
    list.message().await.unwrap().unwrap();
    list.message().await.unwrap().unwrap();
    assert_eq!(list.message().await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(echo.count(), 1);
}
