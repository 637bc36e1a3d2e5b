// SPDX-License-Identifier: MIT OR Apache-2.0
//! Asynchronous calls: with tokio (its clock paused, moved by its own timer) and without a runtime.
use std::future::{pending, poll_fn, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use trifuse::{CallError, CircuitBreaker, Config, ManualClock, Outcome, State, TimeoutSetting};

const SECOND: Duration = Duration::from_secs(1);

fn breaker(config: Config) -> (CircuitBreaker, ManualClock) {
    let clock = ManualClock::new();
    let breaker = CircuitBreaker::builder("search").with_config(config).clock(clock.clone()).build().unwrap();
    (breaker, clock)
}

fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

// WRAP-ASYNC-01, SEED-05
#[tokio::test(start_paused = true)]
async fn a_call_over_its_timeout_is_dropped_and_the_error_says_which_setting_it_was() {
    struct Told(std::sync::Arc<std::sync::atomic::AtomicBool>);
    impl Drop for Told {
        fn drop(&mut self) {
            self.0.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    }
    let (breaker, _) = breaker(Config::DEFAULT);
    let dropped = Told(Default::default());
    let flag = dropped.0.clone();
    let began = tokio::time::Instant::now();
    let call = breaker.call_async(async move {
        let _dropped = dropped;
        pending::<Result<(), ()>>().await
    });
    let Err(CallError::TimedOut(error)) = call.await else { panic!("it hangs") };
    assert_eq!((error.setting, error.limit), (TimeoutSetting::RequestTimeout, 5 * SECOND));
    assert!(error.to_string().contains("within 5s (request_timeout)"), "{error}");
    assert!(began.elapsed() >= 5 * SECOND && began.elapsed() < 6 * SECOND);
    assert!(flag.load(std::sync::atomic::Ordering::Relaxed), "the call was not dropped");
    assert_eq!(breaker.snapshot().totals.timeouts, 1);
}

// WRAP-ASYNC-02, WRAP-CLASS-02
#[tokio::test(start_paused = true)]
async fn a_dropped_future_is_ignored_also_when_its_timeout_comes_at_the_same_moment() {
    let (breaker, clock) = breaker(Config::DEFAULT);
    let outside = tokio::time::timeout(SECOND, breaker.call_async(pending::<Result<(), ()>>())).await;
    assert!(outside.is_err());
    {
        let mut call = pin!(breaker.call_async(pending::<Result<(), ()>>()));
        assert!(poll_once(call.as_mut()).is_pending());
        clock.advance(5 * SECOND);
        tokio::time::advance(5 * SECOND).await;
    }
    let totals = breaker.snapshot().totals;
    assert_eq!((totals.ignored, totals.timeouts, totals.calls), (2, 0, 0));
}

// WRAP-ASYNC-03
#[test]
fn a_call_cancelled_after_running_long_enough_is_a_timeout() {
    let (breaker, clock) = breaker(Config::DEFAULT.with_cancelled_counts_after(Some(3 * SECOND)));
    for (ran, timeouts, ignored) in [(3 * SECOND - Duration::from_nanos(1), 0, 1), (3 * SECOND, 1, 1)] {
        {
            let mut call = pin!(breaker.call_async(pending::<Result<(), ()>>()));
            assert!(poll_once(call.as_mut()).is_pending());
            clock.advance(ran);
        }
        let totals = breaker.snapshot().totals;
        assert_eq!((totals.timeouts, totals.ignored), (timeouts, ignored), "{ran:?}");
    }
}

#[test]
fn permission_is_asked_at_the_first_poll() {
    let (breaker, _) = breaker(Config::DEFAULT);
    let early = breaker.call_async(ready(Ok::<_, ()>(1)));
    breaker.force_open();
    assert!(matches!(futures::executor::block_on(early), Err(CallError::Refused(_))));
    let late = breaker.call_async(ready(Ok::<_, ()>(1)));
    breaker.reset();
    assert_eq!(futures::executor::block_on(late), Ok(1));
    drop(breaker.call_async(ready(Ok::<_, ()>(1))));
    let totals = breaker.snapshot().totals;
    assert_eq!((totals.refused_forced_open, totals.successes, totals.ignored), (1, 1, 0));
}

#[test]
fn a_refused_operation_is_never_polled() {
    let (breaker, _) = breaker(Config::DEFAULT);
    breaker.force_open();
    let call = breaker.call_async(poll_fn(|_| -> Poll<Result<(), ()>> { panic!("polled") }));
    assert!(futures::executor::block_on(call).is_err());
}

#[test]
fn a_panic_in_a_poll_is_a_failure() {
    let (breaker, _) = breaker(Config::DEFAULT);
    let call = breaker.call_async(poll_fn(|_| -> Poll<Result<(), ()>> { panic!("on purpose") }));
    let run = std::panic::AssertUnwindSafe(|| futures::executor::block_on(call));
    assert!(std::panic::catch_unwind(run).is_err());
    let totals = breaker.snapshot().totals;
    assert_eq!((totals.failures, totals.ignored), (1, 0));
}

#[test]
fn without_a_runtime_a_long_call_runs_to_its_end_and_is_a_timeout() {
    let (breaker, clock) = breaker(Config::DEFAULT);
    let call = breaker.call_async(async {
        clock.advance(6 * SECOND);
        Ok::<_, ()>("answer")
    });
    assert_eq!(futures::executor::block_on(call), Ok("answer"));
    assert_eq!(breaker.snapshot().totals.timeouts, 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_there_wins_over_a_timer_that_is_over() {
    let (breaker, _) = breaker(Config::DEFAULT);
    let call = breaker.call_async(async {
        tokio::time::sleep(4 * SECOND).await;
        Ok::<_, ()>(1)
    });
    assert_eq!(call.await, Ok(1));
    assert_eq!(breaker.snapshot().totals.successes, 1);
}

#[tokio::test]
async fn a_call_is_sent_between_threads_and_spawned() {
    let (breaker, _) = breaker(Config::DEFAULT);
    let call = breaker.call_async(async { Ok::<_, ()>(1) });
    assert_eq!(tokio::spawn(call).await.unwrap(), Ok(1));
}

#[test]
fn a_guarded_future_is_not_boxed() {
    let (breaker, _) = breaker(Config::DEFAULT);
    let small = size_of_val(&breaker.call_async(ready(Ok::<u8, ()>(1))));
    let large = size_of_val(&breaker.call_async(ready(Ok::<[u8; 4096], ()>([1; 4096]))));
    assert!((4000..4200).contains(&(large - small)), "{small} and {large}");
}

#[test]
fn a_call_that_ends_after_a_reset_is_late_and_counts_in_nothing_else() {
    let (breaker, _) = breaker(Config::DEFAULT);
    let mut polled = false;
    let mut call = pin!(breaker.call_async(poll_fn(|_| {
        if std::mem::replace(&mut polled, true) { Poll::Ready(Err::<(), _>(())) } else { Poll::Pending }
    })));
    assert!(poll_once(call.as_mut()).is_pending());
    breaker.reset();
    assert!(poll_once(call.as_mut()).is_ready());
    let totals = breaker.snapshot().totals;
    assert_eq!((totals.late_results, totals.failures), (1, 0));
}

#[test]
fn a_guard_judges_futures_too() {
    let (breaker, _) = breaker(Config::DEFAULT.with_consecutive_failures(1));
    let strict = breaker.guard(|sum: &Result<i32, ()>| match sum {
        Ok(0..) => Outcome::Success,
        _ => Outcome::Failure,
    });
    assert_eq!(futures::executor::block_on(strict.call_async(ready(Ok(-1)))), Ok(-1));
    assert_eq!(breaker.state(), State::Open);
}
