// SPDX-License-Identifier: MIT OR Apache-2.0
//! What may go to other threads, and one test by the real clock.
use std::future::Ready;
use std::time::{Duration, Instant};

use trifuse::{
    AdaptiveLimit, BreakerBuilder, Bulkhead, BulkheadPermit, CallError, CallFuture, CircuitBreaker, Config,
    ConfigError, Deadline, ErrIsFailure, Fallback, Guard, GuardedStream, Hedge, HedgeBudget, KeyedBreakers,
    LatencyHistogram, LimiterError, ManualClock, Permit, Pipeline, RateLimited, RateLimiter, RefusalReason,
    Refused, Registry, Reservation, ResilientService, RetriesExhausted, Retry, RetryBudget, RetryCall,
    Snapshot, Throttle, TimedOut, Timeout, Transition,
};

#[test]
fn everything_is_send_and_sync_and_lives_as_long_as_it_must() {
    fn check<T: Send + Sync + 'static>() {}
    check::<CircuitBreaker>();
    check::<Guard<ErrIsFailure>>();
    check::<Permit<'static>>();
    check::<CallFuture<Ready<Result<(), ()>>>>();
    check::<GuardedStream<futures::stream::Empty<Result<(), ()>>>>();
    check::<(Registry, KeyedBreakers<String>, BreakerBuilder)>();
    check::<(Refused, TimedOut, CallError<std::io::Error>, ConfigError)>();
    check::<(Config, Snapshot, Transition, ManualClock)>();
    check::<(RateLimiter, Reservation, Bulkhead, AdaptiveLimit, BulkheadPermit<'static>)>();
    check::<(Retry, RetryCall, RetryBudget, Throttle, LatencyHistogram, HedgeBudget, Hedge)>();
    check::<(Timeout, Deadline, Fallback<u8, ()>, ResilientService, Pipeline<trifuse::End>)>();
    check::<(RateLimited, LimiterError, RetriesExhausted<std::io::Error>)>();
}

#[test]
fn the_futures_of_all_policies_may_go_to_other_threads() {
    fn check<F: Send + 'static>(_: F) {}
    let fetch = || async { Ok::<_, std::io::Error>(1) };
    let bulkhead = Bulkhead::builder("search").max_queue(1).build().unwrap();
    let limiter = RateLimiter::per_second(1.0).build().unwrap();
    let retry = Retry::builder("search").build().unwrap();
    check((limiter.call_async(fetch()), limiter.acquire(), bulkhead.call_async(fetch())));
    check((bulkhead.acquire_owned(), Throttle::builder("search").build().unwrap().call_async(fetch())));
    check((Timeout::default().call_async(fetch()), Deadline::after(Duration::ZERO).call_async(fetch())));
    check(AdaptiveLimit::aimd("search").build().unwrap().call_async(fetch()));
    check(Hedge::after("search", Duration::ZERO).build().unwrap().call_async(fetch));
    check((retry.call_async(fetch), ResilientService::builder("search").build().unwrap().call_async(fetch)));
    check(Pipeline::builder("search").retry(retry).bulkhead(bulkhead).build().call_async(fetch));
}

#[test]
fn a_handle_is_one_pointer_and_an_error_is_small() {
    assert_eq!(size_of::<CircuitBreaker>(), size_of::<usize>());
    assert!(size_of::<CallError<()>>() <= 72);
}

/// End to end, by the operating system's clock.
#[test]
fn a_circuit_is_never_tried_before_its_wait_is_over_and_soon_after_it() {
    let breaker = CircuitBreaker::builder("payments").half_open_max_calls(1).build().unwrap();
    let wait = Duration::from_millis(1200); // the coarse clock serves the first 200 ms
    let before = Instant::now();
    breaker.trip(wait);
    let after = Instant::now();
    let probe = loop {
        match breaker.try_acquire() {
            Ok(probe) => break probe,
            Err(refused) => {
                assert_eq!(refused.reason, RefusalReason::Open);
                let told = refused.retry_after.unwrap();
                let left = wait.saturating_sub(before.elapsed());
                assert!(told >= left, "told {told:?}, but it takes {left:?}");
                assert!(told <= wait + Duration::from_millis(25), "told {told:?}");
                std::thread::sleep(told.min(Duration::from_millis(20)));
            }
        }
    };
    assert!(after.elapsed() + Duration::from_millis(1) >= wait, "tried after {:?}", after.elapsed());
    probe.success();
    assert_eq!(breaker.call(|| Ok::<_, ()>(1)), Ok(1));
}
