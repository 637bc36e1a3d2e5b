// SPDX-License-Identifier: MIT OR Apache-2.0
//! Service profiles: pipelines and services whose numbers are the presets of their parts.
use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;
use trifuse::{
    CallError, Clock, Config, Describe, Fallback, ManualClock, Order, Pipeline, PolicyKind, Preset,
    RateLimiterConfig, RefusalReason, ResilientService, RetryConfig, State,
};

const PROFILES: [(Preset, u32, u32, u64); 3] =
    [(Preset::Critical, 3, 3, 1000), (Preset::Normal, 2, 5, 500), (Preset::Batch, 5, 10, 100)];

fn setting(told: &dyn Describe, kind: PolicyKind, name: &str) -> String {
    let all = told.describe();
    let policy = all.iter().find(|policy| policy.kind == kind).unwrap();
    policy.settings.iter().find(|(setting, _)| *setting == name).unwrap().1.clone()
}

#[test]
fn a_profile_has_the_numbers_of_its_presets() {
    for (preset, retries, failures, permits) in PROFILES {
        let search = Pipeline::profile("search", preset).build().unwrap();
        let service = ResilientService::profile("search", preset).build().unwrap();
        for told in [&search as &dyn Describe, &service] {
            assert_eq!(setting(told, PolicyKind::Retry, "max_retries"), retries.to_string(), "{preset}");
            let run = setting(told, PolicyKind::CircuitBreaker, "consecutive_failures");
            assert_eq!(run, failures.to_string(), "{preset}");
            assert_eq!(setting(told, PolicyKind::RateLimit, "capacity"), permits.to_string(), "{preset}");
        }
    }
}

#[test]
fn a_preset_that_is_no_profile_is_refused_by_name() {
    for &preset in Preset::ALL {
        let is_one = PROFILES.iter().any(|profile| profile.0 == preset);
        assert_eq!(Pipeline::profile("search", preset).build().is_ok(), is_one, "{preset}");
        assert_eq!(ResilientService::profile("search", preset).build().is_ok(), is_one, "{preset}");
    }
    let error = ResilientService::profile("search", Preset::User).build().unwrap_err();
    assert_eq!(error.to_string(), "profile = \"user\" is not allowed: critical, normal, batch");
    let error = Pipeline::profile("", Preset::Batch).build().unwrap_err();
    assert_eq!(error.field, "name");
}

#[test]
fn a_profile_retries_opens_and_limits() {
    let clock = ManualClock::new();
    let search = Pipeline::profile("search", Preset::Critical).clock(clock.clone()).build().unwrap();
    let calls = Cell::new(0);
    let down = || {
        calls.set(calls.get() + 1);
        Err::<(), _>("down")
    };
    // Three failures in a row open it, so the third retry is refused.
    let error = search.call(down).unwrap_err();
    assert_eq!((calls.get(), error.refused().map(|refused| refused.reason)), (3, Some(RefusalReason::Open)));
    clock.advance(Duration::from_secs(30));
    for _ in 0..2 {
        search.call(|| Ok::<_, ()>(())).unwrap();
    }
    let quick = || search.call(|| Ok::<_, ()>(()));
    let granted = std::iter::repeat_with(quick).take_while(Result::is_ok).count();
    assert_eq!(granted, 998); // 1000 a second, less the two
    let refused = quick().unwrap_err();
    let refused = refused.refused().unwrap();
    assert_eq!((refused.policy, refused.name.as_str()), (PolicyKind::RateLimit, "search"));
}

#[test]
fn the_parts_of_a_profile_can_be_others() {
    let search = Pipeline::profile("search", Preset::Batch)
        .retry(RetryConfig::preset(Preset::Batch).with_max_retries(0))
        .circuit_breaker(Config::preset(Preset::Batch).with_consecutive_failures(1))
        .rate_limit(RateLimiterConfig::DEFAULT.with_permits(2).with_period(Duration::from_secs(60)))
        .clock(ManualClock::new())
        .into_builder()
        .unwrap()
        .classify(|result: &Result<u8, u16>| match result {
            Err(404) => trifuse::Outcome::Ignored,
            Err(_) => trifuse::Outcome::Failure,
            Ok(_) => trifuse::Outcome::Success,
        })
        .build();
    assert_eq!(search.call(|| Err(404)), Err(CallError::Operation(404)));
    assert_eq!(search.call(|| Err(500)), Err(CallError::Operation(500)));
    assert_eq!(search.call(|| Ok(1)).unwrap_err().refused().unwrap().reason, RefusalReason::Open);
    let bad =
        Pipeline::profile("search", Preset::Batch).rate_limit(RateLimiterConfig::DEFAULT.with_permits(0));
    assert_eq!(bad.build().unwrap_err().field, "permits");
}

#[tokio::test(start_paused = true)]
async fn the_total_of_a_profile_cuts_none_of_its_attempts() {
    for order in [Order::Recommended, Order::Founding] {
        let service = ResilientService::profile("inventory", Preset::Normal)
            .order(order)
            .retry(RetryConfig::preset(Preset::Normal).with_seed(Some(7))) // whose waits leave the timers their 1 ms
            .clock(Clock::Tokio)
            .build()
            .unwrap();
        let (began, calls) = (Instant::now(), Cell::new(0));
        let error = service
            .call_async(|| {
                calls.set(calls.get() + 1);
                std::future::pending::<Result<(), ()>>()
            })
            .await
            .unwrap_err();
        let CallError::TimedOut(late) = error else { panic!("{error:?}") };
        assert_eq!((calls.get(), late.limit), (3, Duration::from_secs(10)), "{order:?}");
        assert!(began.elapsed() >= Duration::from_secs(30), "{order:?}: {:?}", began.elapsed());
        assert!(began.elapsed() <= service.max_total_time().unwrap(), "{order:?}: {:?}", began.elapsed());
        assert_eq!(service.state(), State::Closed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_limits_its_attempts_and_can_do_without() {
    let limit = RateLimiterConfig::DEFAULT.with_permits(1).with_period(Duration::from_secs(60));
    for order in [Order::Recommended, Order::Founding] {
        let builder = ResilientService::builder("inventory").order(order).clock(Clock::Tokio);
        let service = builder.clone().rate_limit(limit).build().unwrap();
        service.call_async(|| async { Ok::<_, ()>(1) }).await.unwrap();
        let error = service.call_async(|| async { Ok::<_, ()>(1) }).await.unwrap_err();
        assert_eq!(error.refused().unwrap().policy, PolicyKind::RateLimit, "{order:?}");
        let free = builder.rate_limit(limit).rate_limit(None).build().unwrap();
        assert!(free.describe().iter().all(|policy| policy.kind != PolicyKind::RateLimit));
        for _ in 0..2 {
            free.call_async(|| async { Ok::<_, ()>(1) }).await.unwrap();
        }
    }
}

#[test]
fn a_policy_that_is_left_out_is_none() {
    let fallback = |there: bool| there.then(|| Fallback::<_, ()>::new("search").value(7));
    let with = Pipeline::builder("search").policy(fallback(true)).build();
    let without = Pipeline::builder("search").policy(fallback(false)).build();
    assert_eq!((with.call(|| Err(())), without.call(|| Err(()))), (Ok(7), Err(CallError::Operation(()))));
    assert_eq!(without.to_string(), "search: call");
}
