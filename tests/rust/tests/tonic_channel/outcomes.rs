// SPDX-License-Identifier: MIT OR Apache-2.0
//! What counts as what, on a real server.
use tonic::{Code, Status};
use trifuse::tonic::{Scope, StatusClassifier, refused};
use trifuse::{CircuitBreaker, RefusalReason, State};

use crate::kit::{Answer, Echo, LENIENT, SAY, Step, builder, ends, guarded, only, said, totals, well};

const FAILURES: [Code; 6] = [
    Code::Unknown,
    Code::ResourceExhausted,
    Code::Aborted,
    Code::Internal,
    Code::Unavailable,
    Code::DataLoss,
];
const MISTAKES: [Code; 9] = [
    Code::Cancelled,
    Code::InvalidArgument,
    Code::NotFound,
    Code::AlreadyExists,
    Code::PermissionDenied,
    Code::FailedPrecondition,
    Code::OutOfRange,
    Code::Unimplemented,
    Code::Unauthenticated,
];

#[tokio::test]
async fn a_method_that_fails_is_cut_off_and_called_no_more_while_another_is() {
    let echo = Echo::new(|_, path| if path == SAY { only(Code::Unavailable) } else { well() });
    let (client, layer) = guarded(builder(), echo.listen().await);
    for _ in 0..3 {
        assert_eq!(client.say().await.unwrap_err().code(), Code::Unavailable);
    }
    let status = client.say().await.unwrap_err();
    assert_eq!((status.code(), refused(&status).unwrap().reason), (Code::Unavailable, RefusalReason::Open));
    assert_eq!(echo.count(), 3);
    assert_eq!(layer.breaker(SAY).unwrap().state(), State::Open);
    let other = client.call("/demo.Echo/Other", tonic::Request::new(String::new())).await;
    assert_eq!((other.unwrap(), echo.count()), ("hello".to_owned(), 4));
    assert_eq!(totals(&layer, "/demo.Echo/Other").successes, 1);
}

#[tokio::test]
async fn statuses_count_alike_in_headers_and_in_trailers() {
    for (codes, outcome) in
        [(&FAILURES[..], [1, 0, 0]), (&MISTAKES, [0, 0, 1]), (&[Code::DeadlineExceeded], [1, 1, 0])]
    {
        for code in codes {
            for answer in [only(*code), ends(*code)] {
                let echo = Echo::always(answer);
                let (client, layer) = guarded(builder(), echo.listen().await);
                assert_eq!(client.say().await.unwrap_err().code(), *code);
                let totals = totals(&layer, SAY);
                assert_eq!([totals.failures, totals.timeouts, totals.ignored], outcome, "{code:?}");
                assert_eq!(totals.successes, 0);
            }
        }
    }
}

#[tokio::test]
async fn an_answer_that_ends_without_a_status_is_a_failure() {
    let echo = Echo::always(Answer::Body(vec![Step::Message("hello")]));
    let (client, layer) = guarded(builder(), echo.clone());
    let _ = client.say().await;
    assert_eq!(totals(&layer, SAY).failures, 1);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_failure() {
    let nobody = tonic::transport::Endpoint::from_static("http://127.0.0.1:1").connect_lazy();
    let (client, layer) = guarded(builder(), nobody);
    for _ in 0..3 {
        let status = client.say().await.unwrap_err();
        assert!(status.code() == Code::Unavailable && refused(&status).is_none());
    }
    assert!(refused(&client.say().await.unwrap_err()).is_some());
    assert_eq!(totals(&layer, SAY).failures, 3);
}

#[tokio::test]
async fn policies_may_be_of_a_service_or_of_the_whole_channel() {
    let echo = Echo::always(well());
    for (scope, target, host) in [
        (Scope::Method, "", "/demo.Echo/Say"),
        (Scope::Method, "echo:50051", "echo:50051/demo.Echo/Say"),
        (Scope::Service, "", "/demo.Echo"),
        (Scope::Target, "", "*"),
        (Scope::Target, "echo:50051", "echo:50051"),
    ] {
        let (client, layer) = guarded(builder().scope(scope).target(target), echo.clone());
        client.say().await.unwrap();
        let told = layer.snapshot();
        assert_eq!((told.len(), &*told[0].host, told[0].circuit_breaker.totals.successes), (1, host, 1));
        assert_eq!(layer.breakers()[0].name(), format!("grpc[{host}]"));
    }
}

#[tokio::test]
async fn permission_is_asked_when_the_call_is_polled_and_clones_share_the_policies() {
    use tower::Service;

    let echo = Echo::always(only(Code::Unavailable));
    let (client, layer) = guarded(builder(), echo.clone());
    let mut channel = client.0.clone();
    let request = |_| http::Request::post(SAY).body(tonic::body::Body::empty()).unwrap();
    std::future::poll_fn(|cx| channel.poll_ready(cx)).await.unwrap();
    drop(channel.call(request(0)));
    assert!(layer.snapshot().is_empty());
    for number in 0..3 {
        let answer = client.0.clone().call(request(number)).await.unwrap();
        assert_eq!(answer.headers()["grpc-status"], "14");
    }
    let refused = channel.call(request(3)).await.unwrap_err();
    assert!(trifuse::tonic::refused(&refused).is_some() && echo.count() == 3);
}

#[tokio::test]
async fn a_call_dropped_on_its_way_is_ignored() {
    let echo = Echo::always(Answer::Hang);
    let (client, layer) = guarded(builder(), echo.clone());
    let call = tokio::spawn(async move { client.say().await });
    while echo.count() == 0 {
        tokio::task::yield_now().await;
    }
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    let totals = totals(&layer, SAY);
    assert_eq!((totals.ignored, totals.calls), (1, 0));
}

#[tokio::test]
async fn a_panic_of_the_channel_is_a_failure() {
    let (client, layer) = guarded(builder(), Echo::new(|_, _| panic!("on purpose")));
    assert!(tokio::spawn(async move { client.say().await }).await.unwrap_err().is_panic());
    assert_eq!(totals(&layer, SAY).failures, 1);
}

#[tokio::test]
async fn whole_calls_can_be_judged_by_their_status() {
    let breaker = CircuitBreaker::builder("orders").with_config(LENIENT).build().unwrap();
    let guarded = breaker.guard(StatusClassifier);
    let _ = guarded.call_async(async { Err::<(), _>(Status::not_found("")) }).await;
    let _ = guarded.call_async(async { Err::<(), _>(Status::deadline_exceeded("")) }).await;
    let _ = guarded.call_async(async { Ok::<_, Status>(()) }).await;
    let headers = said(Code::Unavailable, &[("grpc-retry-pushback-ms", "5000")]);
    let busy = Status::from_header_map(&headers).unwrap();
    let _ = guarded.call_async(async { Err::<(), _>(busy) }).await;
    let totals = breaker.snapshot().totals;
    assert_eq!((totals.ignored, totals.timeouts, totals.failures, totals.successes), (1, 1, 2, 1));
    let wait = breaker.try_acquire().unwrap_err().retry_after.unwrap();
    assert!(wait.as_secs_f64() > 4.5 && wait.as_secs_f64() < 5.1, "{wait:?}");
}
