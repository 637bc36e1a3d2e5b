// SPDX-License-Identifier: MIT OR Apache-2.0
//! Pipelines and the service, in virtual time.
use std::cell::Cell;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use trifuse::{
    AdaptiveLimit, Bulkhead, CallError, CircuitBreaker, Clock, Config, Describe, Fallback, Hedge, Jitter,
    ManualClock, Outcome, Pipeline, PolicyKind, RateLimiter, RefusalReason, Retry, State, Throttle, Timeout,
    TimeoutSetting,
};

const MS: Duration = Duration::from_millis(1);

fn retry(clock: impl Into<Clock>) -> Retry {
    Retry::builder("search").jitter(Jitter::None).clock(clock).build().unwrap()
}

fn breaker(config: Config, clock: impl Into<Clock>) -> CircuitBreaker {
    CircuitBreaker::builder("search").with_config(config).clock(clock).build().unwrap()
}

// PIPE-01, PIPE-02, PIPE-04
#[tokio::test(start_paused = true)]
async fn a_call_goes_through_all_policies_and_the_pipeline_says_which() {
    let limit = AdaptiveLimit::gradient2("search").build().unwrap();
    let (bulkhead, throttle) =
        (Bulkhead::builder("search").build().unwrap(), Throttle::builder("search").build().unwrap());
    for _ in 0..2 {
        throttle.try_acquire().unwrap();
        throttle.accept(); // so that two failures are not yet too many
    }
    let pipeline = Pipeline::builder("search")
        .fallback(Fallback::new("search").value(0))
        .retry(retry(Clock::Tokio))
        .circuit_breaker(breaker(Config::DEFAULT, Clock::Tokio))
        .rate_limit(RateLimiter::per_second(100.0).clock(Clock::Tokio).build().unwrap())
        .bulkhead(bulkhead.clone())
        .adaptive_limit(limit.clone())
        .throttle(throttle.clone())
        .hedge(Hedge::after("search", 50 * MS).build().unwrap())
        .timeout(Timeout::after(2000 * MS))
        .build();
    let failures = Cell::new(2u32);
    let flaky = || async {
        sleep(10 * MS).await;
        if failures.replace(failures.get().saturating_sub(1)) > 0 { Err("no") } else { Ok(7) }
    };
    let began = Instant::now();
    assert_eq!(pipeline.call_async(flaky).await, Ok(7));
    assert_eq!(began.elapsed(), (10 + 100 + 10 + 200 + 10) * MS);
    assert_eq!((bulkhead.snapshot().admitted, limit.snapshot().admitted), (3, 3));
    assert_eq!((throttle.snapshot().requests, throttle.snapshot().accepts), (5, 3));
    let kinds: Vec<_> = pipeline.describe().iter().map(|policy| policy.kind.as_str()).collect();
    let expected = [
        "fallback",
        "retry",
        "circuit_breaker",
        "rate_limit",
        "bulkhead",
        "adaptive_limit",
        "throttle",
        "hedge",
        "timeout",
    ];
    assert_eq!(kinds, expected);
    let said = pipeline.to_string();
    assert!(said.starts_with("search: fallback(levels=[\"value\"]) > retry(strategy="), "{said}");
    assert!(said.ends_with("> hedge(after=50ms) > timeout(limit=2s) > call"), "{said}");
    assert!(said.contains("max_retries=3") && said.contains("bulkhead(limit=20)"), "{said}");
}

#[tokio::test]
async fn a_call_through_a_pipeline_is_spawned_and_sent() {
    let pipeline = Pipeline::builder("search")
        .retry(Retry::builder("search").build().unwrap())
        .circuit_breaker(CircuitBreaker::builder("search").build().unwrap())
        .rate_limit(RateLimiter::per_second(100.0).max_wait(MS).build().unwrap())
        .bulkhead(Bulkhead::builder("search").max_queue(5).build().unwrap())
        .adaptive_limit(AdaptiveLimit::vegas("search").build().unwrap())
        .throttle(Throttle::builder("search").build().unwrap())
        .hedge(Hedge::after_quantile("search", 0.95).build().unwrap())
        .timeout(Timeout::default())
        .build();
    let call = pipeline.call_async(|| async {
        tokio::task::yield_now().await;
        Ok::<_, std::io::Error>("found".to_owned())
    });
    assert_eq!(tokio::spawn(call).await.unwrap().unwrap(), "found");
}

// PIPE-03
#[test]
fn a_refusal_says_which_policy_refused_its_name_and_when_again() {
    let clock = ManualClock::new();
    let limiter = RateLimiter::per(1, Duration::from_secs(1)).name("quota").clock(clock.clone()).build();
    let open = breaker(Config::DEFAULT, clock.clone());
    let pipeline = Pipeline::builder("search")
        .retry(retry(clock.clone()))
        .circuit_breaker(open.clone())
        .rate_limit(limiter.unwrap())
        .build();
    pipeline.call(|| Ok::<_, ()>(1)).unwrap();
    let before = clock.now_ns();
    let refused = |pipeline: &Pipeline<_, _>| match pipeline.call(|| Ok::<_, ()>(1)) {
        Err(CallError::Refused(refused)) => refused,
        other => panic!("{other:?}"),
    };
    let limited = refused(&pipeline);
    assert_eq!((&*limited.name, limited.policy), ("quota", PolicyKind::RateLimit));
    assert_eq!(limited.retry_after, Some(Duration::from_secs(1)));
    open.trip(Duration::from_secs(9));
    let open = refused(&pipeline);
    assert_eq!((open.policy, open.reason), (PolicyKind::CircuitBreaker, RefusalReason::Open));
    assert_eq!(open.retry_after, Some(Duration::from_secs(9)));
    assert_eq!(clock.now_ns(), before, "a refusal was retried");
}

// RETRY-WRAP-05, SEED-13
#[test]
fn a_breaker_that_opens_within_a_retry_ends_it_and_one_outside_sees_one_outcome() {
    let clock = ManualClock::new();
    let config = Config::DEFAULT.with_consecutive_failures(2).with_request_timeout(None);
    let inside = breaker(config, clock.clone());
    let within = Pipeline::builder("a").retry(retry(clock.clone())).circuit_breaker(inside.clone()).build();
    let calls = Cell::new(0);
    let failing = || {
        calls.set(calls.get() + 1);
        Err::<(), _>("down")
    };
    let error = within.call(failing).unwrap_err();
    assert_eq!((calls.get(), error.refused().unwrap().reason), (2, RefusalReason::Open));
    let outside = breaker(config, clock.clone());
    let around = Pipeline::builder("b").circuit_breaker(outside.clone()).retry(retry(clock)).build();
    calls.set(0);
    assert_eq!(around.call(failing), Err(CallError::Operation("down")));
    assert_eq!((calls.get(), outside.state(), outside.snapshot().totals.failures), (4, State::Closed, 1));
}

// PIPE-08
#[test]
fn a_refusal_before_any_call_says_nothing_to_a_breaker_and_that_of_another_breaker_is_a_failure() {
    let clock = ManualClock::new();
    let (outer, inner) = (breaker(Config::DEFAULT, clock.clone()), breaker(Config::DEFAULT, clock.clone()));
    let full = Bulkhead::builder("search").limit(1).build().unwrap();
    let held = full.try_acquire().unwrap();
    let limited = Pipeline::builder("a").circuit_breaker(outer.clone()).bulkhead(full.clone()).build();
    assert!(limited.call(|| Ok::<_, ()>(())).is_err());
    assert_eq!((outer.snapshot().totals.ignored, outer.snapshot().totals.failures), (1, 0));
    drop(held);
    inner.force_open();
    let nested = Pipeline::builder("b").circuit_breaker(outer.clone()).circuit_breaker(inner).build();
    assert!(nested.call(|| Ok::<_, ()>(())).is_err());
    assert_eq!((outer.snapshot().totals.ignored, outer.snapshot().totals.failures), (1, 1));
}

// WRAP-ASYNC-02, TIMEOUT-02
#[tokio::test(start_paused = true)]
async fn a_dropped_call_gives_back_everything_that_its_policies_held() {
    let (guard, places) = (
        breaker(Config::DEFAULT, Clock::Tokio),
        Bulkhead::builder("search").limit(1).max_queue(9).build().unwrap(),
    );
    let pipeline = Pipeline::builder("search")
        .retry(retry(Clock::Tokio))
        .circuit_breaker(guard.clone())
        .bulkhead(places.clone())
        .timeout(Timeout::default())
        .build();
    let hang = || std::future::pending::<Result<(), ()>>();
    let mut context = Context::from_waker(Waker::noop());
    {
        let (mut running, mut waiting) = (pin!(pipeline.call_async(hang)), pin!(pipeline.call_async(hang)));
        assert!(running.as_mut().poll(&mut context).is_pending());
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        assert_eq!((places.in_flight(), places.waiting()), (1, 1));
    }
    assert_eq!((places.in_flight(), places.waiting()), (0, 0));
    let totals = guard.snapshot().totals;
    assert_eq!((totals.ignored, totals.failures, totals.timeouts), (2, 0, 0));
}

// TIMEOUT-01, WRAP-SYNC-01
#[tokio::test(start_paused = true)]
async fn a_timeout_within_is_one_to_the_policies_around_it_in_both_forms() {
    let config = Config::DEFAULT.with_request_timeout(None);
    let around = breaker(config, Clock::Tokio);
    let timed =
        Pipeline::builder("a").circuit_breaker(around.clone()).timeout(Timeout::after(50 * MS)).build();
    let error = timed.call_async(std::future::pending::<Result<(), ()>>).await.unwrap_err();
    assert!(matches!(error, CallError::TimedOut(late) if late.setting == TimeoutSetting::Timeout));
    assert_eq!(around.snapshot().totals.timeouts, 1);
    let clock = ManualClock::new();
    let around = breaker(config, clock.clone());
    let limit = Timeout::after(50 * MS).clock(clock.clone());
    let timed = Pipeline::builder("b").retry(retry(clock.clone())).circuit_breaker(around.clone());
    let slow = || {
        clock.advance(60 * MS);
        Ok::<_, ()>("late")
    };
    assert_eq!(timed.timeout(limit).build().call(slow), Ok("late"));
    assert_eq!((around.snapshot().totals.timeouts, around.snapshot().totals.calls), (1, 1));
}

#[test]
fn one_classifier_speaks_for_all_policies() {
    fn verdict(result: &Result<u16, u16>) -> Outcome {
        match result {
            Ok(500..) => Outcome::Failure,
            Err(400..=499) => Outcome::Ignored,
            Err(_) => Outcome::Failure,
            Ok(_) => Outcome::Success,
        }
    }
    let clock = ManualClock::new();
    let guard = breaker(Config::DEFAULT, clock.clone());
    let api = Pipeline::builder("api").classify(verdict).retry(retry(clock)).circuit_breaker(guard.clone());
    let (api, calls) = (api.build(), Cell::new(0));
    let answers = |result: Result<u16, u16>| {
        calls.set(0);
        let answer = api.call(|| {
            calls.set(calls.get() + 1);
            result
        });
        assert_eq!(answer, result.map_err(CallError::Operation));
        calls.get()
    };
    assert_eq!((answers(Ok(200)), answers(Err(404)), answers(Ok(503))), (1, 1, 4));
    let totals = guard.snapshot().totals;
    assert_eq!((totals.successes, totals.ignored, totals.failures), (1, 1, 4));
}

// PIPE-07, SEED-09
#[test]
fn a_fallback_asks_its_levels_in_turn_and_tells_which_one_answered() {
    let (heard, asked) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
    let (hears, asks) = (heard.clone(), asked.clone());
    let fallback = Fallback::new("search")
        .level("cache", move |error: &CallError<&str>| {
            asks.lock().unwrap().push(error.to_string());
            None
        })
        .level("rule", |error| (*error != CallError::Operation("unknown")).then_some(1))
        .level("default", |_| Some(2))
        .on(|error| *error != CallError::Operation("mine"))
        .on_answer(move |level, _| hears.lock().unwrap().push(level))
        .on_answer(|_, _| panic!("a listener that panics breaks nothing"));
    assert_eq!(fallback.call(|| Ok(0)), Ok(0));
    assert_eq!(fallback.call(|| Err("down")), Ok(1));
    assert_eq!(fallback.call(|| Err("unknown")), Ok(2));
    assert_eq!(fallback.call(|| Err("mine")), Err(CallError::Operation("mine")));
    assert_eq!(*heard.lock().unwrap(), ["rule", "default"]);
    assert_eq!(*asked.lock().unwrap(), ["down", "unknown"]);
}
