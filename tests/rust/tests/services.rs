// SPDX-License-Identifier: MIT OR Apache-2.0
//! The service that unites the policies, in tokio's paused time.
use std::cell::Cell;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use trifuse::{CallError, Clock, Describe, Order, RefusalReason, ResilientService, State};

const MS: Duration = Duration::from_millis(1);

// SEED-16
#[tokio::test(start_paused = true)]
async fn the_service_retries_opens_and_gives_up_in_time() {
    let service = ResilientService::builder("inventory").clock(Clock::Tokio).build().unwrap();
    let calls = Cell::new(0);
    let down = || async {
        calls.set(calls.get() + 1);
        Err::<(), _>("down")
    };
    let began = Instant::now();
    assert_eq!(service.call_async(down).await, Err(CallError::Operation("down")));
    assert!(began.elapsed() >= 700 * MS && began.elapsed() <= 775 * MS, "{:?}", began.elapsed());
    assert_eq!((calls.get(), service.state()), (4, State::Closed));
    let error = service.call_async(down).await.unwrap_err();
    assert_eq!((calls.get(), service.state()), (5, State::Open));
    assert_eq!(error.refused().unwrap().reason, RefusalReason::Open);
    sleep(Duration::from_secs(30)).await;
    for successes in 1..=3 {
        service.call_async(|| async { Ok::<_, ()>(()) }).await.unwrap();
        assert_eq!(service.state() == State::Closed, successes == 3);
    }
    let began = Instant::now();
    let late = service.call_async(std::future::pending::<Result<(), ()>>).await.unwrap_err();
    assert!(matches!(late, CallError::TimedOut(_)), "{late:?}");
    assert!(began.elapsed() <= service.max_total_time().unwrap() + MS, "{:?}", began.elapsed());
}

// SEED-16
#[tokio::test(start_paused = true)]
async fn in_the_founding_order_the_breaker_sees_all_attempts_as_one() {
    let builder = ResilientService::builder("inventory").order(Order::Founding).clock(Clock::Tokio);
    let (service, calls) = (builder.build().unwrap(), Cell::new(0));
    let down = || async {
        calls.set(calls.get() + 1);
        Err::<(), _>("down")
    };
    for _ in 0..5 {
        assert_eq!(service.state(), State::Closed);
        assert_eq!(service.call_async(down).await, Err(CallError::Operation("down")));
    }
    assert_eq!((calls.get(), service.state()), (20, State::Open));
    let kinds: Vec<_> = service.describe().iter().map(|policy| policy.kind.as_str()).collect();
    assert_eq!(kinds, ["circuit_breaker", "timeout", "retry", "timeout"]);
}

#[test]
fn a_service_without_any_time_is_refused() {
    let error = ResilientService::builder("inventory").timeout(Duration::ZERO).build().unwrap_err();
    assert_eq!(error.to_string(), "timeout = 0ns is not allowed: more than 0");
}
