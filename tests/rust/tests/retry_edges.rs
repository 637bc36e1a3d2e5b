// SPDX-License-Identifier: MIT OR Apache-2.0
//! Retries at their edges: numbers out of all measure, futures polled too often, delays of zero.
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use trifuse::{
    CallError, Classification, Clock, Config, Jitter, ManualClock, Order, Pipeline, ResilientService, Retry,
    RetryConfig, RetryableBlocking, StopReason,
};

const SECOND: Duration = Duration::from_secs(1);

fn retry() -> trifuse::RetryBuilder {
    Retry::builder("search").jitter(Jitter::None).clock(ManualClock::new())
}

#[test]
fn a_future_polled_after_its_end_makes_no_other_attempt() {
    let (retry, attempts) = (retry().build().unwrap(), Cell::new(0));
    let mut call = pin!(retry.call_async(|| async {
        attempts.set(attempts.get() + 1);
        Ok::<_, ()>("paid")
    }));
    let mut context = Context::from_waker(Waker::noop());
    assert_eq!(call.as_mut().poll(&mut context), Poll::Ready(Ok("paid")));
    assert!(catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(&mut context))).is_err());
    assert_eq!(attempts.get(), 1);
}

#[test]
fn a_future_polled_after_a_panic_makes_no_other_attempt() {
    let (retry, attempts) = (retry().build().unwrap(), Cell::new(0));
    let mut call = pin!(retry.call_async(|| {
        attempts.set(attempts.get() + 1);
        assert!(attempts.get() > 1, "on purpose");
        async { Ok::<_, ()>("paid") }
    }));
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..2 {
        assert!(catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(&mut context))).is_err());
    }
    assert_eq!(attempts.get(), 1);
}

#[test]
fn retries_without_a_delay_let_others_run_in_between() {
    let (retry, attempts) = (retry().delay(Duration::ZERO).build().unwrap(), Cell::new(0));
    let mut call = pin!(retry.call_async(|| async {
        attempts.set(attempts.get() + 1);
        Err::<(), _>("down")
    }));
    let mut context = Context::from_waker(Waker::noop());
    for attempt in 1..=3 {
        assert!(call.as_mut().poll(&mut context).is_pending());
        assert_eq!(attempts.get(), attempt);
    }
    assert_eq!(call.as_mut().poll(&mut context), Poll::Ready(Err("down")));
    let woken = futures::executor::block_on(retry.call_async(|| async { Err::<(), _>("down") }));
    assert_eq!((woken, retry.snapshot().retries), (Err("down"), 6));
    let pipeline = Pipeline::builder("search").retry(retry.clone()).build();
    let result = futures::executor::block_on(pipeline.call_async(|| async { Err::<(), _>("down") }));
    assert_eq!((result, retry.snapshot().retries), (Err(CallError::Operation("down")), 9));
}

#[test]
fn a_delay_of_ones_own_is_asked_only_for_retries_that_may_be_made() {
    const DELAYS: [Duration; 2] = [SECOND, SECOND];
    let table = |retry: u32| DELAYS[retry as usize];
    let retry = retry().max_retries(2).backoff(table).build().unwrap();
    assert_eq!(retry.call(|| Err::<(), _>("down")), Err("down"));
    assert_eq!((retry.snapshot().retries, retry.snapshot().stopped_retries), (2, 1));
}

#[test]
fn a_delay_of_ones_own_that_is_for_ever_is_the_longest_allowed() {
    let retry = retry().backoff(|_| Duration::MAX).build().unwrap();
    assert_eq!(retry.begin().next(None), Ok(Duration::from_secs(10)));
}

#[test]
fn a_server_that_says_never_ends_the_call_at_once() {
    let retry = retry().build().unwrap();
    assert_eq!(retry.begin().next(Some(Duration::MAX)), Err(StopReason::RetryAfter));
    let never = |_: &Result<(), ()>| Classification::retry_after(Duration::from_secs(u64::MAX));
    assert_eq!((|| Err(())).retry(&retry).classify(never).call(), Err(()));
    assert_eq!((retry.snapshot().retries, retry.snapshot().stopped_retry_after), (0, 2));
}

#[test]
fn a_configuration_out_of_its_range_is_refused_by_name_and_at_once() {
    let long = RetryConfig::DEFAULT.with_max_delay(Duration::MAX);
    assert!(long.max_total_time(Some(SECOND)).is_some());
    let service = |config| ResilientService::builder("inventory").retry(config).build().unwrap_err();
    assert_eq!(service(long).field, "max_delay");
    assert_eq!(service(RetryConfig::DEFAULT.with_max_retries(u32::MAX)).field, "max_retries");
    assert_eq!(service(RetryConfig::DEFAULT.with_multiplier(f64::NAN)).field, "multiplier");
    for order in [Order::Recommended, Order::Founding] {
        let breaker = Config::DEFAULT.with_request_timeout(Some(Duration::MAX));
        let error = ResilientService::builder("inventory").order(order).circuit_breaker(breaker).build();
        assert_eq!(error.unwrap_err().field, "request_timeout", "{order:?}");
    }
}

#[test]
fn a_thread_that_ends_may_still_retry_and_wait() {
    struct Farewell;
    impl Drop for Farewell {
        fn drop(&mut self) {
            let retry = retry().build().unwrap();
            let _ = retry.call(|| Err::<(), _>("down"));
            assert_eq!(retry.snapshot().retries, 3);
            let bulkhead = trifuse::Bulkhead::builder("search").build().unwrap();
            bulkhead.acquire_blocking().unwrap().success();
            let limiter = trifuse::RateLimiter::per_second(5.0).build().unwrap();
            limiter.acquire_blocking(1, None).unwrap();
            trifuse::Deadline::after(SECOND).call(|| retry.call(|| Ok::<_, ()>(()))).unwrap();
            DONE.store(true, std::sync::atomic::Ordering::SeqCst);
        }
    }
    static DONE: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
    thread_local!(static FAREWELL: Farewell = const { Farewell });
    std::thread::spawn(|| {
        FAREWELL.with(|_| ());
        trifuse::Deadline::after(SECOND).call(|| ()); // what the crate keeps for a thread goes first
    })
    .join()
    .unwrap();
    assert!(DONE.load(std::sync::atomic::Ordering::SeqCst));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_without_end_is_ended_by_the_deadline_around_it() {
    let retry = Retry::builder("search").delay(Duration::ZERO).max_retries(1_000_000).clock(Clock::Tokio);
    let (retry, attempts) = (retry.build().unwrap(), Cell::new(0u32));
    let busy = retry.call_async(|| async {
        attempts.set(attempts.get() + 1);
        Err::<(), _>("down")
    });
    tokio::select! {
        biased;
        _ = busy => panic!("a million retries in one poll"),
        () = tokio::task::yield_now() => (),
    }
    assert!(attempts.get() <= 2, "{} attempts", attempts.get());
}
