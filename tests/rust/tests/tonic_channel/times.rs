// SPDX-License-Identifier: MIT OR Apache-2.0
//! Time limits, and what the server is told of them.
use std::time::Duration;

use tokio::time::Instant;
use tonic::Code;
use trifuse::tonic::timed_out;
use trifuse::{Clock, Deadline, Retry, TimeoutSetting};

use crate::kit::{Answer, Echo, PLAIN, SAY, Step, builder, guarded, only, told, totals, well};

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_come_in_time_is_a_timeout() {
    let limit = Duration::from_secs(5);
    let echo = Echo::always(Answer::Hang);
    let (client, layer) =
        guarded(builder().circuit_breaker(PLAIN.with_request_timeout(Some(limit))), echo.clone());
    let began = Instant::now();
    let status = client.say().await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    let late = timed_out(&status).unwrap();
    assert_eq!((late.setting, late.limit), (TimeoutSetting::RequestTimeout, limit));
    assert_eq!((began.elapsed().as_secs(), totals(&layer, SAY).timeouts), (5, 1));
    // The server is not told: it would end streams by it.
    assert_eq!(told(&echo.seen(0)), None);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_is_called_again() {
    let echo = Echo::turns(vec![Answer::Hang, well()]);
    let limit = PLAIN.with_request_timeout(Some(Duration::from_secs(1)));
    let (client, layer) = guarded(builder().circuit_breaker(limit).idempotent([SAY]), echo.clone());
    assert_eq!(client.say().await.unwrap(), "hello");
    let totals = totals(&layer, SAY);
    assert_eq!((echo.count(), totals.timeouts, totals.successes), (2, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn the_total_time_is_told_less_what_was_spent_and_ends_the_call() {
    let echo = Echo::turns(vec![only(Code::Unavailable), Answer::Hang]);
    let delay = Duration::from_secs(4);
    let retry = Retry::builder("again").delay(delay).jitter(trifuse::Jitter::None).clock(Clock::Tokio);
    let layer = builder().retry(retry.build().unwrap()).total_timeout(Duration::from_secs(10));
    let (client, layer) = guarded(layer.idempotent([SAY]), echo.clone());
    let began = Instant::now();
    let status = client.say().await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(timed_out(&status).unwrap().setting, TimeoutSetting::Timeout);
    assert_eq!(told(&echo.seen(0)), Some(Duration::from_secs(10)));
    let second = told(&echo.seen(1)).unwrap();
    assert!(second <= Duration::from_secs(6) && second >= Duration::from_millis(5990), "{second:?}");
    assert!(began.elapsed() >= Duration::from_secs(10) && began.elapsed() < Duration::from_millis(10_010));
    let totals = totals(&layer, SAY);
    assert_eq!((echo.count(), totals.failures, totals.timeouts), (2, 2, 1));
}

#[tokio::test(start_paused = true)]
async fn the_calls_own_timeout_and_a_deadline_around_are_told() {
    let echo = Echo::always(well());
    let (client, _) = guarded(builder().total_timeout(Duration::from_secs(50)), echo.clone());
    let mut request = tonic::Request::new(String::new());
    request.set_timeout(Duration::from_secs(20));
    client.call(SAY, request).await.unwrap();
    assert_eq!(told(&echo.seen(0)), Some(Duration::from_secs(20)));
    let deadline = Deadline::after(Duration::from_secs(3)).clock(Clock::Tokio);
    deadline.call_async(client.say()).await.unwrap();
    assert_eq!(told(&echo.seen(1)), Some(Duration::from_secs(3)));

    let (client, _) = guarded(builder(), echo.clone());
    client.say().await.unwrap();
    assert_eq!(told(&echo.seen(2)), None);
}

#[tokio::test(start_paused = true)]
async fn the_total_time_holds_for_the_messages() {
    let echo = Echo::always(Answer::Body(vec![Step::Message("one"), Step::Hang]));
    let (client, layer) = guarded(builder().total_timeout(Duration::from_secs(20)), echo.clone());
    let mut list = client.list().await.unwrap();
    assert_eq!(list.message().await.unwrap().unwrap(), "one");
    let status = list.message().await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(totals(&layer, "/demo.Echo/List").timeouts, 1);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_of_the_callers_says_nothing_about_the_service() {
    for answer in [Answer::Hang, Answer::Late] {
        // What obeys the deadline that it was told is heard before the caller's own timer.
        let echo = Echo::always(answer);
        let (client, layer) = guarded(builder(), echo.clone());
        let deadline = Deadline::after(Duration::from_secs(3)).clock(Clock::Tokio);
        deadline.call_async(client.say()).await.unwrap_err();
        let totals = totals(&layer, SAY);
        assert_eq!((totals.ignored, totals.timeouts, totals.failures), (1, 0, 0));
    }
}

#[tokio::test]
async fn the_channels_own_timeout_is_a_timeout_although_tonic_calls_it_cancelled() {
    let echo = Echo::always(Answer::Hang);
    let channel = echo.endpoint().await.timeout(Duration::from_millis(50)).connect_lazy();
    let (client, layer) = guarded(builder(), channel);
    client.say().await.unwrap_err();
    let totals = totals(&layer, SAY);
    assert_eq!((totals.timeouts, totals.ignored), (1, 0));
}
