// SPDX-License-Identifier: MIT OR Apache-2.0
//! Retries and budgets, in virtual time.
use std::cell::Cell;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;
use trifuse::{
    Classification, Clock, Deadline, Jitter, ManualClock, Outcome, Retry, RetryBudget, RetryConfig,
    StopReason,
};

const MS: Duration = Duration::from_millis(1);

fn exact() -> trifuse::RetryBuilder {
    Retry::builder("search").jitter(Jitter::None).clock(Clock::Tokio)
}

fn blocking() -> (trifuse::RetryBuilder, ManualClock) {
    let clock = ManualClock::new();
    (Retry::builder("search").jitter(Jitter::None).clock(clock.clone()), clock)
}

mod asynchronous {
    pub use trifuse::Retryable;
}

mod synchronous {
    pub use trifuse::RetryableBlocking;
}

// RETRY-DELAY-03, RETRY-STOP-01, RETRY-WRAP-01, SEED-14
#[tokio::test(start_paused = true)]
async fn a_call_that_fails_is_tried_four_times_after_100_200_and_400_ms() {
    use asynchronous::Retryable;
    let (retry, attempts) = (exact().build().unwrap(), Cell::new(0));
    let began = Instant::now();
    let fetch = || async {
        attempts.set(attempts.get() + 1);
        Err::<(), _>(attempts.get())
    };
    let mut heard = Vec::new();
    let result = fetch.retry(&retry).notify(|error, delay| heard.push((*error, delay))).await;
    assert_eq!((result, attempts.get()), (Err(4), 4));
    assert_eq!(heard, [(1, 100 * MS), (2, 200 * MS), (3, 400 * MS)]);
    assert_eq!(began.elapsed(), 700 * MS);
    let picture = retry.snapshot();
    assert_eq!((picture.calls, picture.failures, picture.retries, picture.retried), (1, 1, 3, 1));
}

#[test]
fn a_blocking_call_sleeps_as_long_by_its_clock() {
    use synchronous::RetryableBlocking;
    let (builder, clock) = blocking();
    let (retry, before, mut attempts) = (builder.build().unwrap(), clock.now_ns(), 0);
    let mut fetch = || {
        attempts += 1;
        if attempts < 3 { Err("no") } else { Ok("yes") }
    };
    assert_eq!((&mut fetch).retry(&retry).call(), Ok("yes"));
    assert_eq!((attempts, clock.now_ns() - before), (3, 300_000_000));
    assert_eq!((retry.snapshot().successes, retry.snapshot().retried), (1, 1));
}

// RETRY-WRAP-01
#[tokio::test(start_paused = true)]
async fn the_last_error_comes_back_unchanged_or_with_the_attempts_where_asked_for() {
    use asynchronous::Retryable;
    let retry = exact().max_retries(2).build().unwrap();
    let fetch = || async { Err::<(), _>("x".parse::<u8>().unwrap_err()) };
    let own = fetch.retry(&retry).await.unwrap_err();
    assert_eq!(own, "x".parse::<u8>().unwrap_err());
    let given_up = fetch.retry(&retry).exhausted().await.unwrap_err();
    assert_eq!((given_up.attempts, given_up.reason), (3, StopReason::Retries));
    assert!(given_up.to_string().starts_with("retry \"search\" gave up after 3 attempts (max_retries)"));
    let refused = fetch.retry(&retry).when(|_| false).exhausted().await.unwrap_err();
    assert_eq!((refused.attempts, refused.reason), (1, StopReason::NotRetried));
}

// RETRY-WRAP-02, RETRY-AFTER-01, RETRY-AFTER-02
#[tokio::test(start_paused = true)]
async fn the_classifier_says_what_is_retried_and_when_the_server_said_to_come_back() {
    use asynchronous::Retryable;
    fn verdict(result: &Result<u16, u64>) -> Classification {
        match result {
            Ok(500..) => Outcome::Failure.into(),
            Ok(_) => Outcome::Success.into(),
            Err(0) => Outcome::Ignored.into(),
            Err(seconds) => Classification::retry_after(Duration::from_secs(*seconds)),
        }
    }
    let retry = exact().max_retries(1).build().unwrap();
    let timed = async |result: Result<u16, u64>| {
        let began = Instant::now();
        let answer = (|| async { result }).retry(&retry).classify(verdict).await;
        assert_eq!(answer, result);
        began.elapsed()
    };
    assert_eq!(timed(Ok(200)).await, Duration::ZERO);
    assert_eq!(timed(Ok(503)).await, 100 * MS);
    assert_eq!(timed(Err(0)).await, Duration::ZERO);
    let told = timed(Err(7)).await;
    assert!(told >= 7000 * MS && told <= 7702 * MS, "{told:?}");
    assert_eq!(timed(Err(61)).await, Duration::ZERO);
}

// RETRY-OWN-01
#[tokio::test(start_paused = true)]
async fn a_delay_of_ones_own_is_capped_and_ended_as_the_computed_one() {
    let retry = exact()
        .max_delay(150 * MS)
        .max_elapsed(400 * MS)
        .max_retries(10)
        .backoff(|number: u32| (number + 1) * 60 * MS)
        .build()
        .unwrap();
    let began = Instant::now();
    assert!(retry.call_async(|| async { Err::<(), _>(()) }).await.is_err());
    assert_eq!(began.elapsed(), (60 + 120 + 150) * MS);
    assert_eq!(retry.snapshot().stopped_deadline, 1);
}

// BUDGET-01, BUDGET-03, BUDGET-08
#[test]
fn a_spent_budget_surfaces_the_original_error() {
    let (builder, clock) = blocking();
    let budget = RetryBudget::builder("client").ratio(0.2).floor(0.0).clock(clock.clone()).build().unwrap();
    let retry = builder.budget(&budget).build().unwrap();
    for _ in 0..10 {
        assert_eq!(retry.call(|| Err::<(), _>("original")), Err("original"));
    }
    assert_eq!((retry.snapshot().retries, budget.snapshot().deposits), (2, 10));
    assert!(retry.snapshot().refused_budget >= 8);
    let refused = budget.try_withdraw().unwrap_err();
    assert_eq!((refused.policy.as_str(), refused.retry_after), ("retry_budget", None));
}

// BUDGET-07
#[tokio::test(start_paused = true)]
async fn a_thousand_tasks_share_a_budget_and_retry_no_more_than_it_allows() {
    let budget = RetryBudget::builder("client").ratio(0.1).floor(0.0).clock(Clock::Tokio).build().unwrap();
    let retry = exact().delay(MS).budget(&budget).build().unwrap();
    let attempts = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..1000)
        .map(|_| {
            let (retry, attempts) = (retry.clone(), attempts.clone());
            tokio::spawn(async move {
                let failing = || async {
                    attempts.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                    Err::<(), _>(())
                };
                retry.call_async(failing).await
            })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap().is_err());
    }
    assert_eq!(attempts.load(Ordering::Relaxed), 1100);
}

// RETRY-WRAP-03
#[test]
fn retries_within_retries_do_not_multiply_unless_asked_for() {
    for (nested, expected) in [(false, 4), (true, 16)] {
        let (builder, clock) = blocking();
        let outer = builder.build().unwrap();
        let inner = Retry::builder("inner").clock(clock).nested(nested).build().unwrap();
        let mut attempts = 0;
        let result = outer.call(|| {
            inner.call(|| {
                attempts += 1;
                Err::<(), _>(())
            })
        });
        assert_eq!((result, attempts), (Err(()), expected));
    }
}

// RETRY-WRAP-03
#[tokio::test(start_paused = true)]
async fn the_same_holds_for_futures_also_when_tasks_take_turns() {
    let attempts = Cell::new(0);
    let (outer, inner) = (exact().build().unwrap(), exact().build().unwrap());
    let nested = outer.call_async(|| {
        inner.call_async(|| async {
            attempts.set(attempts.get() + 1);
            tokio::time::sleep(50 * MS).await;
            Err::<(), _>(())
        })
    });
    let alone = Cell::new(0);
    let beside = inner.call_async(|| async {
        alone.set(alone.get() + 1);
        tokio::time::sleep(30 * MS).await;
        Err::<(), _>(())
    });
    let _ = tokio::join!(nested, beside);
    assert_eq!((attempts.get(), alone.get()), (4, 4));
}

// DEADLINE-01, RETRY-STOP-02
#[tokio::test(start_paused = true)]
async fn no_delay_outlives_the_callers_deadline() {
    let (retry, began) = (exact().build().unwrap(), Instant::now());
    let deadline = Deadline::after(350 * MS).clock(Clock::Tokio);
    let result = deadline.call_async(retry.call_async(|| async { Err::<(), _>("own") })).await;
    assert_eq!(result.unwrap_err().into_operation(), Some("own"));
    assert_eq!(began.elapsed(), 300 * MS); // 100, 200, and not 400
    assert_eq!(retry.snapshot().stopped_deadline, 1);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_retry_drops_its_attempt_and_makes_no_other() {
    struct Dropped<'a>(&'a Cell<u32>);
    impl Drop for Dropped<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let (retry, made, dropped) = (exact().build().unwrap(), Cell::new(0), Cell::new(0));
    {
        let mut call = pin!(retry.call_async(|| async {
            made.set(made.get() + 1);
            let _dropped = Dropped(&dropped);
            std::future::pending::<Result<(), ()>>().await
        }));
        let waker = Waker::noop();
        assert!(matches!(call.as_mut().poll(&mut Context::from_waker(waker)), Poll::Pending));
    }
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!((made.get(), dropped.get(), retry.snapshot().calls), (1, 1, 0));
}

// RETRY-WRAP-01
#[test]
fn a_loop_of_ones_own_needs_no_runtime() {
    let (builder, _) = blocking();
    let retry = builder.max_retries(2).build().unwrap();
    let mut call = retry.begin();
    assert_eq!((call.next(None), call.next(None)), (Ok(100 * MS), Ok(200 * MS)));
    assert_eq!((call.next(None), call.retries()), (Err(StopReason::Retries), 2));
    call.settle(false);
    assert_eq!((retry.snapshot().failures, retry.snapshot().stopped_retries), (1, 1));
}

#[test]
fn a_reconfiguration_takes_effect_and_a_bad_one_takes_nothing() {
    let (builder, _) = blocking();
    let retry = builder.build().unwrap();
    let error = retry.reconfigure(RetryConfig::DEFAULT.with_max_retries(7).with_multiplier(0.0)).unwrap_err();
    assert_eq!((error.field, retry.config().max_retries()), ("multiplier", 3));
    retry.reconfigure(RetryConfig::DEFAULT.with_max_retries(1)).unwrap();
    let mut attempts = 0;
    let _ = retry.call(|| {
        attempts += 1;
        Err::<(), _>(())
    });
    assert_eq!((attempts, retry.config().max_retries()), (2, 1));
}
