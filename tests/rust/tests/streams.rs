// SPDX-License-Identifier: MIT OR Apache-2.0
//! Streams as one call.
use std::pin::pin;
use std::time::Duration;

use futures::executor::block_on;
use futures::stream::{self, StreamExt};
use trifuse::{CallError, CircuitBreaker, Config, ManualClock, Outcome, State, TimeoutSetting};

const SECOND: Duration = Duration::from_secs(1);

fn breaker(config: Config) -> (CircuitBreaker, ManualClock) {
    let clock = ManualClock::new();
    let breaker = CircuitBreaker::builder("tokens").with_config(config).clock(clock.clone()).build().unwrap();
    (breaker, clock)
}

// WRAP-STREAM-01
#[test]
fn a_stream_is_one_call_admitted_at_the_first_item_with_its_outcome_at_the_end() {
    let (breaker, _) = breaker(Config::DEFAULT);
    let mut tokens = pin!(breaker.guard_stream(stream::iter([Ok::<_, ()>(1), Ok(2), Ok(3)])));
    breaker.reset();
    for expected in 1..=3 {
        assert_eq!(block_on(tokens.next()), Some(Ok(expected)));
        assert_eq!(breaker.snapshot().totals.calls, 0);
    }
    assert_eq!(block_on(tokens.next()), None);
    assert_eq!(block_on(tokens.next()), None);
    let totals = breaker.snapshot().totals;
    assert_eq!((totals.calls, totals.successes, totals.late_results), (1, 1, 0));
}

// WRAP-STREAM-02
#[test]
fn a_stream_closed_early_is_ignored_and_one_never_asked_is_nothing() {
    let (breaker, _) = breaker(Config::DEFAULT);
    let three = || stream::iter([Ok::<_, ()>(1), Ok(2), Ok(3)]);
    assert_eq!(block_on(pin!(breaker.guard_stream(three())).next()), Some(Ok(1)));
    drop(breaker.guard_stream(three()));
    let totals = breaker.snapshot().totals;
    assert_eq!((totals.ignored, totals.calls), (1, 0));
}

#[test]
fn the_first_failing_item_settles_the_outcome_though_the_consumer_stops_there() {
    let (breaker, _) = breaker(Config::DEFAULT);
    {
        let mut tokens = pin!(breaker.guard_stream(stream::iter([Ok(1), Err("broken"), Ok(2)])));
        assert_eq!(block_on(tokens.next()), Some(Ok(1)));
        assert_eq!(block_on(tokens.next()), Some(Err(CallError::Operation("broken"))));
        assert_eq!(block_on(tokens.next()), Some(Ok(2)));
        assert_eq!(block_on(tokens.next()), None);
    }
    let totals = breaker.snapshot().totals;
    assert_eq!((totals.failures, totals.successes, totals.ignored), (1, 0, 0));
}

#[test]
fn an_error_item_that_says_nothing_is_ignored() {
    let (breaker, _) = breaker(Config::DEFAULT);
    let mild = breaker.guard(|_: &Result<u8, ()>| Outcome::Ignored);
    let _ = block_on(mild.guard_stream(stream::iter([Err(())])).count());
    assert_eq!(breaker.snapshot().totals.ignored, 1);
}

#[test]
fn a_refused_stream_says_so_once_and_ends() {
    let (breaker, _) = breaker(Config::DEFAULT);
    breaker.force_open();
    let tokens: Vec<_> = block_on(breaker.guard_stream(stream::iter([Ok::<u8, ()>(1)])).collect());
    assert!(matches!(tokens[..], [Err(CallError::Refused(_))]), "{tokens:?}");
}

// WRAP-STREAM-03
#[tokio::test(start_paused = true)]
async fn the_request_timeout_is_the_time_to_the_first_item_only() {
    let (breaker, _) = breaker(Config::DEFAULT);
    let slow = stream::unfold(0, |n| async move {
        tokio::time::sleep(if n == 0 { SECOND } else { 60 * SECOND }).await;
        (n < 3).then_some((Ok::<_, ()>(n), n + 1))
    });
    let tokens: Vec<_> = breaker.guard_stream(slow).collect().await;
    assert_eq!(tokens, [Ok(0), Ok(1), Ok(2)]);
    let hang = breaker.guard_stream(stream::pending::<Result<u8, ()>>()).collect::<Vec<_>>().await;
    let [Err(CallError::TimedOut(error))] = &hang[..] else { panic!("{hang:?}") };
    assert_eq!((error.setting, error.limit), (TimeoutSetting::RequestTimeout, 5 * SECOND));
    let totals = breaker.snapshot().totals;
    assert_eq!((totals.successes, totals.timeouts), (1, 1));
}

// WRAP-STREAM-03
#[tokio::test(start_paused = true)]
async fn an_idle_timeout_ends_a_stream_that_falls_silent() {
    let (breaker, _) = breaker(Config::DEFAULT);
    let silent = stream::iter([Ok::<_, ()>(1)]).chain(stream::pending());
    let items: Vec<_> = breaker.guard_stream(silent).idle_timeout(2 * SECOND).collect().await;
    let [Ok(1), Err(CallError::TimedOut(error))] = &items[..] else { panic!("{items:?}") };
    assert_eq!((error.setting, error.limit), (TimeoutSetting::IdleTimeout, 2 * SECOND));
    assert_eq!(breaker.snapshot().totals.timeouts, 1);
}

#[test]
fn a_long_stream_keeps_its_probe_by_its_items() {
    let (breaker, clock) = breaker(Config::DEFAULT.with_half_open_max_calls(1).with_request_timeout(None));
    breaker.trip(SECOND);
    clock.advance(SECOND);
    let mut tokens = pin!(breaker.guard_stream(stream::iter((0..10).map(Ok::<_, ()>))));
    while block_on(tokens.next()).is_some() {
        clock.advance(50 * SECOND);
    }
    let picture = breaker.snapshot();
    assert_eq!((picture.state, picture.totals.lost_permits), (State::Closed, 0));
}
