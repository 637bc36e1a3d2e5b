// SPDX-License-Identifier: MIT OR Apache-2.0
//! Calls that are made again.
use std::time::Duration;

use tokio::time::Instant;
use tonic::Code;
use trifuse::tonic::{StatusClassifier, may_retry};
use trifuse::{Bulkhead, Clock, RefusalReason, Retry, Retryable, State};

use crate::kit::{Answer, Echo, LENIENT, SAY, builder, guarded, only, said, totals, well};

fn busy_then_well() -> Echo {
    Echo::turns(vec![only(Code::Unavailable), only(Code::Unavailable), well()])
}

#[tokio::test]
async fn an_idempotent_method_is_called_again_with_the_same_request() {
    let echo = busy_then_well();
    let (client, layer) = guarded(builder().idempotent([SAY]), echo.listen().await);
    assert_eq!(client.say().await.unwrap(), "hello");
    assert_eq!(echo.count(), 3);
    for number in 0..3 {
        assert_eq!(echo.seen(number).message, &b"\0\0\0\0\x02hi"[..]);
        assert_eq!(echo.seen(number).headers["te"], "trailers");
    }
    let totals = totals(&layer, SAY);
    assert_eq!((totals.failures, totals.successes), (2, 1));
}

#[tokio::test]
async fn other_methods_and_mistakes_are_called_once() {
    let echo = busy_then_well();
    let (client, _) = guarded(builder(), echo.listen().await);
    assert_eq!(client.say().await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(echo.count(), 1);

    let echo = Echo::always(only(Code::NotFound));
    let (client, _) = guarded(builder().idempotent([SAY]), echo.listen().await);
    assert_eq!(client.say().await.unwrap_err().code(), Code::NotFound);
    assert_eq!(echo.count(), 1);
}

#[tokio::test]
async fn a_request_that_is_too_long_to_keep_is_sent_once_and_whole() {
    let echo = Echo::always(only(Code::Unavailable));
    let (client, _) = guarded(builder().idempotent([SAY]).most_kept(1000), echo.listen().await);
    let long = "x".repeat(100_000);
    let status = client.call(SAY, tonic::Request::new(long.clone())).await.unwrap_err();
    assert_eq!((status.code(), echo.count()), (Code::Unavailable, 1));
    assert!(echo.seen(0).message.ends_with(long.as_bytes()) && echo.seen(0).message.len() == 100_005);

    let (client, layer) = guarded(builder().idempotent([SAY]), echo.listen().await);
    client.call(SAY, tonic::Request::new(long)).await.unwrap_err();
    assert_eq!((echo.count(), totals(&layer, SAY).failures), (4, 3));
    assert_eq!(echo.seen(3).message, echo.seen(0).message);
}

#[tokio::test(start_paused = true)]
async fn a_pushback_is_the_wait_and_a_negative_one_the_end() {
    let pushback = |value| Answer::Only(said(Code::Unavailable, &[("grpc-retry-pushback-ms", value)]));
    let echo = Echo::turns(vec![pushback("4000"), well()]);
    let (client, layer) = guarded(builder().idempotent([SAY]), echo.clone());
    let began = Instant::now();
    let call = tokio::spawn(async move { client.say().await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(layer.breaker(SAY).unwrap().state(), State::Open);
    assert_eq!(call.await.unwrap().unwrap(), "hello");
    let waited = began.elapsed();
    assert!(waited >= Duration::from_secs(4) && waited <= Duration::from_millis(4450), "{waited:?}");

    for value in ["-1", "soon"] {
        let echo = Echo::always(pushback(value));
        let (client, _) = guarded(builder().idempotent([SAY]), echo.clone());
        client.say().await.unwrap_err();
        assert_eq!(echo.count(), 1, "{value}");
    }
}

#[tokio::test]
async fn a_circuit_that_opens_ends_the_calls_with_the_refusal() {
    let echo = Echo::always(only(Code::Internal));
    let retry = Retry::builder("again").max_retries(9).delay(Duration::ZERO).build().unwrap();
    let (client, _) = guarded(builder().retry(retry).idempotent_if(|path| path == SAY), echo.clone());
    let status = client.say().await.unwrap_err();
    assert_eq!(trifuse::tonic::refused(&status).unwrap().reason, RefusalReason::Open);
    assert_eq!(echo.count(), 3);
}

#[tokio::test]
async fn each_attempt_has_its_place_and_gives_it_back_before_it_waits() {
    let echo = busy_then_well();
    let layer = builder().idempotent([SAY]).bulkhead(Bulkhead::builder("any").limit(1));
    let (client, layer) = guarded(layer, echo.clone());
    client.say().await.unwrap();
    let places = layer.snapshot()[0].places.clone().unwrap();
    assert_eq!((places.admitted, places.in_flight), (3, 0));
}

#[tokio::test]
async fn within_a_retry_of_the_callers_the_channels_own_is_off() {
    let echo = Echo::always(only(Code::Unavailable));
    let (client, _) = guarded(builder().idempotent([SAY]).circuit_breaker(LENIENT), echo.clone());
    let outer = Retry::builder("outer").max_retries(3).delay(Duration::ZERO).build().unwrap();
    let say = || client.say();
    say.retry(&outer).when(may_retry).classify(StatusClassifier).await.unwrap_err();
    assert_eq!(echo.count(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_retry_around_whole_calls_obeys_the_pushback_and_leaves_mistakes_alone() {
    let pushback = Answer::Only(said(Code::ResourceExhausted, &[("grpc-retry-pushback-ms", "3000")]));
    let echo = Echo::turns(vec![pushback, only(Code::InvalidArgument)]);
    let (client, _) = guarded(builder(), echo.clone());
    let outer = Retry::builder("outer").max_retries(3).clock(Clock::Tokio).build().unwrap();
    let began = Instant::now();
    let say = || client.say();
    let status = say.retry(&outer).when(may_retry).classify(StatusClassifier).await.unwrap_err();
    assert_eq!((status.code(), echo.count()), (Code::InvalidArgument, 2));
    assert!(began.elapsed() >= Duration::from_secs(3));
}

#[tokio::test]
async fn no_retry_without_the_will_of_the_host() {
    let echo = Echo::always(only(Code::Unavailable));
    let own = trifuse::tonic::Policies::new().circuit_breaker(LENIENT).retry(false);
    let (client, _) = guarded(builder().idempotent([SAY]).host(SAY, own), echo.clone());
    client.say().await.unwrap_err();
    assert_eq!(echo.count(), 1);
    let (client, _) = guarded(builder().idempotent([SAY]).without_retry(), echo.clone());
    client.say().await.unwrap_err();
    assert_eq!(echo.count(), 2);
}
