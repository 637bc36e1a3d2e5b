// SPDX-License-Identifier: MIT OR Apache-2.0
//! Permits, in virtual time.
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use trifuse::{Cause, CircuitBreaker, Config, ManualClock, RefusalReason, State};

const SECOND: Duration = Duration::from_secs(1);

fn breaker(config: Config) -> (CircuitBreaker, ManualClock) {
    let clock = ManualClock::new();
    let breaker =
        CircuitBreaker::builder("payments").with_config(config).clock(clock.clone()).build().unwrap();
    (breaker, clock)
}

fn quietly<R>(panics: impl FnOnce() -> R) -> bool {
    catch_unwind(AssertUnwindSafe(panics)).is_err()
}

// WRAP-PERMIT-01
#[test]
fn a_permit_comes_back_once_on_every_path() {
    let (breaker, _) = breaker(Config::DEFAULT);
    breaker.try_acquire().unwrap().success();
    drop(breaker.try_acquire().unwrap());
    assert!(quietly(|| {
        let _permit = breaker.try_acquire().unwrap();
        panic!("on purpose");
    }));
    drop(breaker.try_acquire_owned().unwrap());
    let totals = breaker.snapshot().totals;
    assert_eq!((totals.successes, totals.failures, totals.ignored, totals.late_results), (1, 1, 2, 0));
}

#[test]
fn a_permit_acquired_and_dropped_while_another_panic_unwinds_is_ignored() {
    struct AsksOnDrop(CircuitBreaker);
    impl Drop for AsksOnDrop {
        fn drop(&mut self) {
            drop(self.0.try_acquire().unwrap());
        }
    }
    let (breaker, _) = breaker(Config::DEFAULT);
    assert!(quietly(|| {
        let _asks = AsksOnDrop(breaker.clone());
        panic!("on purpose");
    }));
    let totals = breaker.snapshot().totals;
    assert_eq!((totals.failures, totals.ignored), (0, 1));
}

#[test]
fn a_probe_that_is_forgotten_gives_its_slot_back_when_its_lease_is_over() {
    let (breaker, clock) = breaker(Config::DEFAULT.with_half_open_max_calls(1));
    breaker.trip(SECOND);
    clock.advance(SECOND);
    std::mem::forget(breaker.try_acquire().unwrap());
    clock.advance(Duration::from_secs(59));
    assert_eq!(breaker.try_acquire().unwrap_err().reason, RefusalReason::HalfOpenLimit);
    clock.advance(SECOND);
    breaker.try_acquire().unwrap().success();
    let picture = breaker.snapshot();
    assert_eq!((picture.state, picture.totals.lost_permits), (State::Closed, 1));
}

#[test]
fn a_long_probe_keeps_its_slot_by_renewing() {
    let (breaker, clock) = breaker(Config::DEFAULT.with_half_open_max_calls(1));
    breaker.trip(SECOND);
    clock.advance(SECOND);
    let probe = breaker.try_acquire().unwrap();
    for _ in 0..10 {
        clock.advance(Duration::from_secs(50));
        assert!(probe.renew());
    }
    probe.success();
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn a_refusal_after_the_wait_and_an_answer_before_it_never_disagree_by_a_nanosecond() {
    let (breaker, clock) = breaker(Config::DEFAULT);
    breaker.trip(30 * SECOND);
    for _ in 0..3 {
        let _ = breaker.try_acquire().unwrap_err();
    }
    clock.advance(30 * SECOND - Duration::from_nanos(1));
    assert_eq!(breaker.try_acquire().unwrap_err().retry_after, Some(Duration::from_nanos(1)));
    clock.advance(Duration::from_nanos(1));
    breaker.try_acquire().unwrap().success();
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn a_shorter_trip_after_a_reset_is_not_mistaken_for_the_longer_one_before() {
    let (breaker, clock) = breaker(Config::DEFAULT);
    breaker.trip(1000 * SECOND);
    let _ = breaker.try_acquire().unwrap_err();
    breaker.reset();
    breaker.trip(SECOND);
    assert_eq!(breaker.try_acquire().unwrap_err().retry_after, Some(SECOND));
    clock.advance(SECOND);
    breaker.try_acquire().unwrap().success();
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn a_slow_rule_sees_the_duration_of_the_call() {
    let config = Config::DEFAULT
        .with_slow_call_duration(Some(SECOND))
        .with_slow_call_rate_threshold(0.5)
        .with_minimum_calls(2);
    let (breaker, clock) = breaker(config);
    for _ in 0..2 {
        let permit = breaker.try_acquire().unwrap();
        clock.advance(SECOND + Duration::from_nanos(1));
        permit.success();
    }
    let picture = breaker.snapshot();
    assert_eq!((picture.state, picture.cause, picture.totals.slow), (State::Open, Cause::SlowRate, 2));
}
