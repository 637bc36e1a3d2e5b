// SPDX-License-Identifier: MIT OR Apache-2.0
//! Hedges, timeouts and deadlines, in tokio's paused time.
use std::cell::Cell;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use trifuse::{
    Bulkhead, CallError, Clock, Deadline, Hedge, HedgeBudget, LatencyHistogram, Pipeline, Retry, Throttle,
    Timeout, TimeoutSetting,
};

const MS: Duration = Duration::from_millis(1);

/// Counts attempts, and how many were dropped before their end.
#[derive(Default)]
struct Attempts {
    made: Cell<usize>,
    dropped: Cell<usize>,
}

struct Attempt<'a>(&'a Attempts, bool);

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.0.dropped.set(self.0.dropped.get() + usize::from(!self.1));
    }
}

impl Attempts {
    /// The n-th attempt takes `times[n]` and gives `results[n]`.
    async fn attempt<E: Copy>(&self, times: &[u32], results: &[Result<u32, E>]) -> Result<u32, E> {
        let number = self.made.replace(self.made.get() + 1);
        let mut guard = Attempt(self, false);
        sleep(times[number] * MS).await;
        guard.1 = true;
        results[number]
    }
}

fn generous(after: Duration) -> Hedge {
    let budget = HedgeBudget::builder("search").share(1.0).build().unwrap();
    Hedge::after("search", after).budget(&budget).build().unwrap()
}

// HEDGE-06
#[tokio::test(start_paused = true)]
async fn the_first_success_wins_and_the_other_attempt_is_dropped() {
    for (times, answer, took) in [([500, 100], 2, 150), ([120, 100], 1, 120), ([30, 1], 1, 30)] {
        let (hedge, attempts, began) = (generous(50 * MS), Attempts::default(), Instant::now());
        let result = hedge.call_async(|| attempts.attempt::<()>(&times, &[Ok(1), Ok(2)])).await;
        assert_eq!((result, began.elapsed()), (Ok(answer), took * MS));
        let second = usize::from(took > 50);
        assert_eq!((attempts.made.get(), attempts.dropped.get()), (1 + second, second));
    }
}

// HEDGE-06
#[tokio::test(start_paused = true)]
async fn an_attempt_that_fails_is_waited_out_and_of_two_failures_the_first_is_told() {
    let case = async |times: [u32; 2], results: [Result<u32, &'static str>; 2]| {
        let (hedge, attempts, began) = (generous(50 * MS), Attempts::default(), Instant::now());
        let result = hedge.call_async(|| attempts.attempt(&times, &results)).await;
        (result, began.elapsed(), attempts.made.get())
    };
    assert_eq!(case([60, 100], [Err("one"), Ok(2)]).await, (Ok(2), 150 * MS, 2));
    assert_eq!(case([200, 10], [Ok(1), Err("two")]).await, (Ok(1), 200 * MS, 2));
    assert_eq!(case([200, 10], [Err("one"), Err("two")]).await, (Err("two"), 200 * MS, 2));
    assert_eq!(case([10, 10], [Err("one"), Ok(2)]).await, (Err("one"), 10 * MS, 1));
}

// HEDGE-07
#[tokio::test(start_paused = true)]
async fn a_dropped_hedge_drops_both_attempts() {
    let (hedge, attempts) = (generous(50 * MS), Attempts::default());
    {
        let mut call = pin!(hedge.call_async(|| attempts.attempt::<()>(&[900, 900], &[Ok(1), Ok(2)])));
        let mut context = Context::from_waker(Waker::noop());
        assert!(call.as_mut().poll(&mut context).is_pending());
        tokio::time::advance(60 * MS).await;
        assert!(call.as_mut().poll(&mut context).is_pending());
        assert_eq!((attempts.made.get(), attempts.dropped.get()), (2, 0));
    }
    assert_eq!(attempts.dropped.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_a_policy_within_refuses_wins_nothing_and_tells_no_latency() {
    let budget = HedgeBudget::builder("search").share(1.0).build().unwrap();
    let hedge = Hedge::after("search", 50 * MS).budget(&budget).build().unwrap();
    let one = Bulkhead::builder("search").limit(1).build().unwrap();
    let pipeline = Pipeline::builder("search").hedge(hedge).bulkhead(one.clone()).build();
    let slow = || async {
        sleep(200 * MS).await;
        Ok::<_, ()>("found")
    };
    assert_eq!((pipeline.call_async(slow).await, one.snapshot().refused), (Ok("found"), 1));
    let held = one.try_acquire().unwrap();
    let by_quantile = Hedge::after_quantile("search", 0.95).clock(Clock::Tokio).build().unwrap();
    let pipeline = Pipeline::builder("search").hedge(by_quantile.clone()).bulkhead(one.clone()).build();
    assert!(pipeline.call_async(slow).await.unwrap_err().refused().is_some());
    assert_eq!(by_quantile.delay(), None);
    drop(held);
    assert_eq!(pipeline.call_async(slow).await, Ok("found"));
    assert!(by_quantile.delay() >= Some(190 * MS), "{:?}", by_quantile.delay());
}

// HEDGE-01, HEDGE-03
#[tokio::test(start_paused = true)]
async fn no_more_than_the_share_is_hedged() {
    let (hedge, made) = (Hedge::after("search", 10 * MS).build().unwrap(), Cell::new(0));
    for _ in 0..100 {
        let slow = || async {
            made.set(made.get() + 1);
            sleep(20 * MS).await;
            Ok::<_, ()>(())
        };
        hedge.call_async(slow).await.unwrap();
    }
    assert_eq!((made.get(), hedge.budget().snapshot().hedges), (105, 5));
}

// HEDGE-06
#[tokio::test(start_paused = true)]
async fn a_hedge_by_quantile_waits_as_long_as_most_calls_take() {
    let budget = HedgeBudget::builder("search").share(1.0).build().unwrap();
    let builder = Hedge::after_quantile("search", 0.95).budget(&budget).clock(Clock::Tokio);
    let (hedge, made) = (builder.build().unwrap(), Cell::new(0));
    assert_eq!(hedge.delay(), None);
    for _ in 0..100 {
        hedge
            .call_async(|| async {
                sleep(40 * MS).await;
                Ok::<_, ()>(())
            })
            .await
            .unwrap();
    }
    let delay = hedge.delay().unwrap();
    assert!(delay >= 38 * MS && delay <= 42 * MS, "{delay:?}");
    let began = Instant::now();
    let tail = || async {
        made.set(made.get() + 1);
        sleep(if made.get() == 1 { 900 * MS } else { 10 * MS }).await;
        Ok::<_, ()>(())
    };
    hedge.call_async(tail).await.unwrap();
    assert!(began.elapsed() <= 55 * MS, "{:?}", began.elapsed());
}

// TIMEOUT-01, SEED-15
#[tokio::test(start_paused = true)]
async fn a_timeout_drops_the_call_and_says_which_setting_it_was() {
    let hang = || std::future::pending::<Result<(), ()>>();
    let usual = Timeout::default().name("search");
    for (timeout, limit) in [(usual.clone(), 10_000 * MS), (usual.with(50 * MS), 50 * MS)] {
        let began = Instant::now();
        let Err(CallError::TimedOut(late)) = timeout.call_async(hang()).await else { panic!("it hangs") };
        assert_eq!((&*late.name, late.setting, late.limit), ("search", TimeoutSetting::Timeout, limit));
        assert!(began.elapsed() >= limit && began.elapsed() <= limit + MS);
    }
}

// TIMEOUT-02
#[tokio::test(start_paused = true)]
async fn an_outer_timeout_of_the_runtime_stays_one() {
    let attempts = Attempts::default();
    let call = Timeout::default().call_async(attempts.attempt::<()>(&[900], &[Ok(1)]));
    assert!(tokio::time::timeout(10 * MS, call).await.is_err());
    assert_eq!(attempts.dropped.get(), 1);
}

// DEADLINE-01, DEADLINE-02
#[tokio::test(start_paused = true)]
async fn the_nearest_of_nested_deadlines_holds_and_belongs_to_its_task() {
    let began = Instant::now();
    let near = Deadline::after(100 * MS).name("request").clock(Clock::Tokio);
    let far = Timeout::after(900 * MS).clock(Clock::Tokio);
    let hang = near.call_async(async {
        assert_eq!(Deadline::time_left(), Some(100 * MS));
        Ok::<_, ()>(far.call_async(std::future::pending::<Result<(), ()>>()).await)
    });
    let beside = async {
        assert_eq!(Deadline::time_left(), None);
        sleep(50 * MS).await;
        assert_eq!(Deadline::time_left(), None);
    };
    let (late, ()) = tokio::join!(hang, beside);
    let late = match late {
        Err(CallError::TimedOut(late)) | Ok(Err(CallError::TimedOut(late))) => late,
        other => panic!("{other:?}"),
    };
    assert_eq!((late.setting, late.limit, &*late.name), (TimeoutSetting::Deadline, 100 * MS, "request"));
    assert!(began.elapsed() <= 101 * MS);
    assert_eq!(Deadline::time_left(), None);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_is_a_deadline_for_the_retries_within() {
    let retry = Retry::builder("search").jitter(trifuse::Jitter::None).clock(Clock::Tokio).build().unwrap();
    let began = Instant::now();
    let limit = Timeout::after(250 * MS).clock(Clock::Tokio);
    let result = limit.call_async(retry.call_async(|| async { Err::<(), _>("own") })).await;
    assert_eq!(result, Err(CallError::Operation("own")));
    assert_eq!(began.elapsed(), 100 * MS);
}

// THROTTLE-01, THROTTLE-02
#[tokio::test]
async fn a_throttle_counts_what_the_backend_took_on() {
    let throttle = Throttle::builder("search").seed(1).build().unwrap();
    assert_eq!(throttle.call(|| Ok::<_, ()>(1)), Ok(1));
    assert!(throttle.call(|| Err::<(), _>(1)).is_err());
    let _ = throttle.call_async(async { Ok::<_, ()>(1) }).await;
    {
        let mut call = pin!(throttle.call_async(std::future::pending::<Result<(), ()>>()));
        assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    assert_eq!((throttle.snapshot().requests, throttle.snapshot().accepts), (4, 3));
    let refused = (0..1000).filter(|_| throttle.call(|| Err::<(), _>(())).unwrap_err().refused().is_some());
    assert!(refused.count() > 900);
    let error = (0..1000).find_map(|_| throttle.try_acquire().err()).unwrap();
    assert_eq!((error.policy.as_str(), error.reason.as_str()), ("throttle", "throttled"));
}

#[test]
fn a_throttle_hears_also_of_calls_that_are_made_while_a_panic_unwinds() {
    struct Goodbye(Throttle);
    impl Drop for Goodbye {
        fn drop(&mut self) {
            assert_eq!(self.0.call(|| Ok::<_, ()>("said")), Ok("said"));
        }
    }
    let throttle = Throttle::builder("search").build().unwrap();
    let goodbye = Goodbye(throttle.clone());
    let panics = std::panic::AssertUnwindSafe(move || {
        let _goodbye = goodbye;
        panic!("on purpose")
    });
    assert!(std::panic::catch_unwind(panics).is_err());
    assert_eq!((throttle.snapshot().requests, throttle.snapshot().accepts), (1, 1));
}

// LATENCY-01, LATENCY-02, LATENCY-04, LATENCY-06
#[test]
fn a_histogram_tells_quantiles_and_merges() {
    let (one, two) = (LatencyHistogram::builder("a"), LatencyHistogram::builder("b"));
    let (one, two) = (one.build().unwrap(), two.build().unwrap());
    assert_eq!((one.quantile(0.5), one.snapshot().max), (None, None));
    (1..=500).for_each(|ms| one.record(ms * MS));
    (501..=1000).for_each(|ms| two.record(ms * MS));
    one.merge(&two);
    let near = |found: Option<Duration>, exact: Duration| found.unwrap().abs_diff(exact) <= exact / 20;
    assert!(near(one.quantile(0.5), 500 * MS) && near(one.quantile(0.99), 990 * MS));
    assert!(near(one.quantile(1.0), 1000 * MS) && near(one.snapshot().p95, 950 * MS));
    assert_eq!((one.quantile(1.1), one.quantile(f64::NAN), one.snapshot().count), (None, None, 1000));
}
