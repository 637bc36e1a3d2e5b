// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rate limiters, in virtual time: a manual clock, or tokio's paused one.
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;
use trifuse::{Clock, Deadline, LimiterError, LimiterKind, ManualClock, RateLimiter, RateLimiterConfig};

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// One token a second in tokio's time, and one saved up.
fn slow(kind: LimiterKind) -> RateLimiter {
    let limiter = RateLimiter::per(1, SECOND).kind(kind).name("mail").clock(Clock::Tokio).build().unwrap();
    limiter.try_acquire().unwrap();
    limiter
}

// RATE-WAIT-01, RATE-PER-01, ERR-05
#[test]
fn a_refusal_of_any_kind_tells_the_wait_to_the_nanosecond() {
    for &kind in LimiterKind::ALL {
        let clock = ManualClock::new();
        let limiter = RateLimiter::per(7, SECOND).kind(kind).clock(clock.clone()).build().unwrap();
        limiter.try_acquire_n(6).unwrap();
        let error = limiter.try_acquire_n(3).unwrap_err();
        let limited = error.rate_limited().unwrap();
        assert_eq!((limited.requested, limited.available), (3, 1), "{kind}");
        let wait = limited.retry_after.unwrap();
        clock.advance(wait - Duration::from_nanos(1));
        assert!(limiter.try_acquire_n(3).is_err(), "{kind}: granted before {wait:?}");
        clock.advance(Duration::from_nanos(1));
        assert!(limiter.try_acquire_n(3).is_ok(), "{kind}: refused at {wait:?}");
    }
}

// RATE-N-01, RATE-N-02
#[test]
fn what_no_wait_helps_is_an_error_of_its_own() {
    for &kind in LimiterKind::ALL {
        let limiter = RateLimiter::per(5, SECOND).kind(kind).name("mail").build().unwrap();
        let over = limiter.try_acquire_n(6).unwrap_err();
        assert!(matches!(over, LimiterError::OverCapacity { requested: 6, capacity: 5, .. }), "{over:?}");
        assert!(over.to_string().contains("n = 6 is not allowed: 1 to 5"), "{over}");
        let LimiterError::Argument(error) = limiter.try_acquire_n(0).unwrap_err() else { panic!("{kind}") };
        assert_eq!(error.to_string(), "n = 0 is not allowed: 1 or more");
        let over = limiter.acquire_blocking(6, None).unwrap_err();
        assert!(matches!(over, LimiterError::OverCapacity { .. }), "{over:?}");
        assert_eq!((limiter.snapshot().granted, limiter.snapshot().refused), (0, 0), "{kind}");
    }
}

// RATE-KIND-01
#[test]
fn what_a_kind_cannot_do_it_says_so() {
    let log = RateLimiter::per(5, SECOND).kind(LimiterKind::SlidingLog).name("mail").build().unwrap();
    let said = [
        log.reserve(1, None).unwrap_err().to_string(),
        log.refund(1).unwrap_err().to_string(),
        log.debit(1).unwrap_err().to_string(),
        log.set_rate(RateLimiterConfig::DEFAULT).unwrap_err().to_string(),
    ];
    for (said, operation) in said.iter().zip(["reserve", "refund", "debit", "set_rate"]) {
        let expected =
            format!("rate limiter \"mail\" is a sliding_log, which cannot {operation}; a token_bucket can");
        assert_eq!(*said, expected);
    }
    let bucket = RateLimiter::per(5, SECOND).build().unwrap();
    assert!(bucket.set_permits(3).unwrap_err().to_string().contains("cannot set_permits"));
}

// RATE-CONF-04
#[test]
fn a_bad_number_is_refused_by_name_and_value() {
    for (builder, said) in [
        (RateLimiter::per_second(0.0), "rate = 0.0 is not allowed"),
        (RateLimiter::per_second(-2.0), "rate = -2.0 is not allowed"),
        (RateLimiter::per_second(f64::NAN), "rate = NaN is not allowed"),
        (RateLimiter::per(0, SECOND), "permits = 0 is not allowed"),
        (RateLimiter::per(1, Duration::ZERO), "period = 0ns is not allowed"),
        (RateLimiter::per_second(1.0).name(""), "name = \"\" is not allowed"),
    ] {
        let error = builder.build().unwrap_err().to_string();
        assert!(error.starts_with(said), "{error}");
    }
}

// RATE-FIFO-01, RATE-RESERVE-03
#[tokio::test(start_paused = true)]
async fn who_waits_is_served_in_the_order_of_coming_and_in_time() {
    for kind in [LimiterKind::TokenBucket, LimiterKind::SlidingLog, LimiterKind::FixedWindow] {
        let (limiter, order) = (slow(kind), Arc::new(Mutex::new(Vec::new())));
        let began = Instant::now();
        let tasks: Vec<_> = (0..10)
            .map(|number| {
                let (limiter, order) = (limiter.clone(), order.clone());
                tokio::spawn(async move {
                    limiter.acquire().await.unwrap();
                    order.lock().unwrap().push(number);
                })
            })
            .collect();
        tokio::task::yield_now().await;
        assert!(limiter.try_acquire().is_err(), "{kind}: past those who wait");
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), (0..10).collect::<Vec<_>>(), "{kind}");
        let took = began.elapsed();
        assert!(took > 9 * SECOND && took <= 10 * SECOND + 20 * MS, "{kind}: {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_tasks_wait_and_none_is_forgotten() {
    for kind in [LimiterKind::TokenBucket, LimiterKind::SlidingCounter] {
        let limiter = RateLimiter::per(100, SECOND).kind(kind).clock(Clock::Tokio).build().unwrap();
        let began = Instant::now();
        let tasks: Vec<_> = (0..1000).map(|_| tokio::spawn(limiter.acquire())).collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        assert_eq!(limiter.snapshot().granted_tokens, 1000, "{kind}");
        assert!(
            began.elapsed() >= 8 * SECOND && began.elapsed() < 11 * SECOND,
            "{kind}: {:?}",
            began.elapsed()
        );
    }
}

// RATE-FIFO-01, RATE-CANCEL-01
#[tokio::test(start_paused = true)]
async fn a_dropped_waiter_gives_back_its_tokens() {
    let limiter = slow(LimiterKind::TokenBucket);
    {
        let mut waiter = pin!(limiter.acquire());
        assert!(poll_once(waiter.as_mut()).is_pending());
        assert_eq!(limiter.snapshot().debt, 1);
    }
    assert_eq!(limiter.snapshot().debt, 0);
    assert_eq!(limiter.reserve(1, None).unwrap().wait(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_is_dropped_in_line_or_at_its_head_lets_the_next_one_in() {
    let limiter = slow(LimiterKind::SlidingLog);
    let (mut first, mut second) = (Box::pin(limiter.acquire()), Box::pin(limiter.acquire()));
    let third = tokio::spawn(limiter.acquire());
    assert!(poll_once(first.as_mut()).is_pending());
    assert!(poll_once(second.as_mut()).is_pending());
    tokio::task::yield_now().await;
    drop(second);
    drop(first);
    let began = Instant::now();
    third.await.unwrap().unwrap();
    assert!(began.elapsed() <= SECOND + 2 * MS, "{:?}", began.elapsed());
    tokio::time::advance(SECOND).await;
    limiter.try_acquire().unwrap();
}

// RATE-FIFO-02, RATE-RESERVE-02
#[tokio::test(start_paused = true)]
async fn a_wait_that_is_too_long_is_refused_at_once() {
    for &kind in LimiterKind::ALL {
        let limiter = slow(kind);
        let began = Instant::now();
        let error = limiter.acquire_n(1, 10 * MS).await.unwrap_err();
        assert!(error.rate_limited().unwrap().retry_after.unwrap() > 10 * MS, "{kind}: {error}");
        assert!(matches!(limiter.acquire_n(2, None).await, Err(LimiterError::OverCapacity { .. })), "{kind}");
        assert_eq!(began.elapsed(), Duration::ZERO, "{kind}: it slept first");
    }
}

// DEADLINE-01
#[tokio::test(start_paused = true)]
async fn nobody_waits_past_a_deadline() {
    for &kind in LimiterKind::ALL {
        let limiter = slow(kind);
        let began = Instant::now();
        let deadline = Deadline::after(10 * MS).clock(Clock::Tokio);
        let result = deadline.call_async(async { Ok::<_, ()>(limiter.acquire().await) }).await;
        assert!(result.unwrap().unwrap_err().rate_limited().is_some(), "{kind}");
        assert_eq!(began.elapsed(), Duration::ZERO, "{kind}");
    }
}

#[test]
fn a_blocking_wait_moves_a_manual_clock() {
    for &kind in LimiterKind::ALL {
        let clock = ManualClock::new();
        let limiter = RateLimiter::per(1, SECOND).kind(kind).clock(clock.clone()).build().unwrap();
        let before = clock.now_ns();
        for _ in 0..5 {
            limiter.acquire_blocking(1, None).unwrap();
        }
        let took = Duration::from_nanos(clock.now_ns() - before);
        // A sliding counter of 1 lets the window before weigh until it is out of reach.
        let most = if kind == LimiterKind::SlidingCounter { 8 } else { 5 };
        assert!(took >= 3 * SECOND && took <= most * SECOND, "{kind}: {took:?}");
        assert!(limiter.acquire_blocking(1, 10 * MS).is_err(), "{kind}");
    }
}

// RATE-SET-01, RATE-REFUND-01, RATE-DEBIT-01, SEED-17
#[test]
fn a_bucket_settles_an_estimate_and_changes_its_rate() {
    let clock = ManualClock::new();
    let limiter = RateLimiter::per_second(10.0).capacity(100).clock(clock.clone()).build().unwrap();
    limiter.try_acquire_n(60).unwrap();
    limiter.refund(20).unwrap();
    limiter.debit(90).unwrap();
    assert_eq!((limiter.available(), limiter.snapshot().debt), (0, 30));
    limiter.set_rate(RateLimiterConfig::DEFAULT.with_rate(30.0).with_capacity(50)).unwrap();
    clock.advance(SECOND + Duration::from_nanos(1));
    assert_eq!((limiter.available(), limiter.snapshot().debt), (0, 0));
    clock.advance(10 * SECOND);
    assert_eq!(limiter.available(), 50);
}

// PIPE-03, ERR-04
#[tokio::test(start_paused = true)]
async fn a_guarded_call_is_refused_with_the_reason_or_waits_as_configured() {
    let limiter = slow(LimiterKind::TokenBucket);
    let error = limiter.call(|| -> Result<(), ()> { panic!("called") }).unwrap_err();
    let refused = error.refused().unwrap();
    assert_eq!((refused.policy.as_str(), refused.reason.as_str()), ("rate_limit", "rate_limited"));
    assert_eq!((&*refused.name, refused.requested(), refused.available()), ("mail", Some(1), Some(0)));
    assert!(refused.retry_after.is_some_and(|wait| wait <= SECOND), "{refused}");
    let patient = RateLimiter::per(1, SECOND).max_wait(SECOND).clock(Clock::Tokio).build().unwrap();
    let began = Instant::now();
    for _ in 0..2 {
        assert_eq!(patient.call_async(async { Ok::<_, ()>(7) }).await, Ok(7));
    }
    assert!(began.elapsed() >= SECOND && began.elapsed() < SECOND + 2 * MS);
}

// RATE-FIFO-01
#[tokio::test(start_paused = true)]
async fn waiters_that_are_aborted_leave_their_turn_to_the_others() {
    let limiter =
        RateLimiter::per(1, 10 * MS).kind(LimiterKind::SlidingLog).clock(Clock::Tokio).build().unwrap();
    let tasks: Vec<_> = (0..300).map(|_| tokio::spawn(limiter.acquire())).collect();
    tokio::task::yield_now().await;
    for task in tasks.iter().step_by(3) {
        task.abort();
    }
    let mut granted = 0;
    for task in tasks {
        granted += usize::from(task.await.is_ok());
    }
    // The first had its token before it was aborted.
    assert_eq!((granted, limiter.snapshot().granted), (201, 201));
    tokio::time::advance(10 * MS).await;
    limiter.try_acquire().unwrap();
}

#[test]
fn what_is_allowed_is_told_of_the_very_thing_that_was_given() {
    for rate in [0.0, -0.0] {
        let said = RateLimiter::per_second(rate).build().unwrap_err().to_string();
        assert_eq!(said, "rate = 0.0 is not allowed: 0.000001 to 1000000000 a second");
    }
    let bucket = RateLimiter::per_second(5.0).build().unwrap();
    let said = bucket.set_rate(RateLimiterConfig::DEFAULT.with_kind(LimiterKind::FixedWindow)).unwrap_err();
    assert_eq!(said.to_string(), "kind = \"fixed_window\" is not allowed: token_bucket");
}
