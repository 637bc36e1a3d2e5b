// SPDX-License-Identifier: MIT OR Apache-2.0
//! Synchronous calls and permits, in virtual time.
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use trifuse::{
    CallError, Cause, CircuitBreaker, Classification, Config, ManualClock, Outcome, RefusalReason, Refused,
    TimedOut,
};

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

// WRAP-CLASS-02
#[test]
fn ok_is_a_success_err_a_failure_and_a_panic_a_failure() {
    let (breaker, _) = breaker(Config::DEFAULT);
    assert_eq!(breaker.call(|| Ok::<_, ()>(1)), Ok(1));
    assert_eq!(breaker.call(|| Err::<(), _>("no")), Err(CallError::Operation("no")));
    assert!(quietly(|| breaker.call(|| -> Result<(), ()> { panic!("on purpose") })));
    let totals = breaker.snapshot().totals;
    assert_eq!((totals.successes, totals.failures, totals.calls), (1, 2, 3));
}

// WRAP-SYNC-01, SEED-05
#[test]
fn a_call_over_its_timeout_is_a_timeout_and_its_result_is_returned() {
    let (breaker, clock) = breaker(Config::DEFAULT.with_request_timeout(Some(2 * SECOND)));
    let takes = |duration| {
        breaker.call(|| {
            clock.advance(duration);
            Ok::<_, ()>("answer")
        })
    };
    assert_eq!(takes(2 * SECOND), Ok("answer"));
    assert_eq!(breaker.snapshot().totals.timeouts, 0);
    assert_eq!(takes(2 * SECOND + Duration::from_nanos(1)), Ok("answer"));
    let totals = breaker.snapshot().totals;
    assert_eq!((totals.timeouts, totals.failures, totals.successes), (1, 1, 1));
}

#[test]
fn a_timeout_that_is_reconfigured_is_the_one_that_counts() {
    let (breaker, clock) = breaker(Config::DEFAULT);
    breaker.reconfigure(Config::DEFAULT.with_request_timeout(Some(SECOND / 2))).unwrap();
    let _ = breaker.call(|| {
        clock.advance(SECOND);
        Ok::<_, ()>(())
    });
    assert_eq!(breaker.snapshot().totals.timeouts, 1);
}

// ERR-03
#[test]
fn the_operations_own_error_passes_through_unchanged() {
    let (breaker, _) = breaker(Config::DEFAULT);
    let own = "x".parse::<u8>().unwrap_err();
    let error = breaker.call(|| Err::<(), _>(own.clone())).unwrap_err();
    assert_eq!(error.to_string(), own.to_string());
    assert_eq!(error.into_operation(), Some(own));
}

// ERR-01, ERR-02, SEED-04
#[test]
fn each_refusal_has_its_reason_and_says_what_to_do() {
    fn of<T: Error + Send + Sync + 'static>(error: T) -> Box<dyn Error + Send + Sync> {
        Box::new(error)
    }
    let (breaker, clock) = breaker(Config::DEFAULT.with_half_open_max_calls(1));
    breaker.trip(30 * SECOND);
    let open = breaker.try_acquire().unwrap_err();
    assert_eq!((open.reason, open.retry_after), (RefusalReason::Open, Some(30 * SECOND)));
    clock.advance(30 * SECOND);
    let probe = breaker.try_acquire().unwrap();
    let limit = breaker.try_acquire().unwrap_err();
    assert_eq!((limit.reason, limit.retry_after), (RefusalReason::HalfOpenLimit, None));
    probe.ignore();
    breaker.force_open();
    let forced = breaker.try_acquire().unwrap_err();
    assert_eq!((forced.reason, forced.retry_after), (RefusalReason::ForcedOpen, None));
    assert!(open.to_string().contains("try again in 30.000s"), "{open}");
    assert!(forced.to_string().contains("reset()"), "{forced}");
    for refused in [open, limit, forced] {
        assert_eq!(refused.name, "payments");
        assert!(refused.to_string().contains("\"payments\""), "{refused}");
        let united: CallError<std::io::Error> = refused.clone().into();
        assert_eq!(united.source().unwrap().to_string(), refused.to_string());
        assert!(of(refused).downcast_ref::<Refused>().is_some());
    }
    let _ = of::<CallError<std::io::Error>>;
    let _ = of::<TimedOut>;
}

#[test]
fn a_verdict_with_retry_after_opens_for_that_long() {
    let (breaker, clock) = breaker(Config::DEFAULT);
    let busy = breaker.guard(|_: &Result<(), u16>| Classification::retry_after(20 * SECOND));
    assert_eq!(busy.call(|| Err(429)), Err(CallError::Operation(429)));
    let picture = breaker.snapshot();
    assert_eq!(
        (picture.cause, picture.retry_after, picture.totals.failures),
        (Cause::Tripped, Some(20 * SECOND), 1)
    );
    clock.advance(20 * SECOND);
    assert!(breaker.try_acquire().is_ok());
}

#[test]
fn a_verdict_can_call_an_answer_a_failure_and_an_error_nobodys_fault() {
    let (breaker, _) = breaker(Config::DEFAULT);
    let http = breaker.guard(|status: &Result<u16, u16>| match status {
        Ok(500..) => Outcome::Failure,
        Err(400..=499) => Outcome::Ignored,
        Err(_) => Outcome::Timeout,
        Ok(_) => Outcome::Success,
    });
    let _ = (http.call(|| Ok(200)), http.call(|| Ok(503)), http.call(|| Err(404)), http.call(|| Err(504)));
    let totals = breaker.snapshot().totals;
    assert_eq!((totals.successes, totals.failures, totals.timeouts, totals.ignored), (1, 2, 1, 1));
}

#[test]
fn a_verdict_that_panics_is_a_failure() {
    let (breaker, _) = breaker(Config::DEFAULT);
    let broken = breaker.guard(|_: &Result<(), ()>| -> Outcome { panic!("on purpose") });
    assert!(quietly(|| broken.call(|| Ok(()))));
    assert_eq!(breaker.snapshot().totals.failures, 1);
}

// WRAP-DUR-01
#[test]
fn a_duration_is_kept_to_the_nanosecond() {
    let odd = Duration::new(7, 123_456_789);
    let (breaker, _) = breaker(Config::DEFAULT.with_open_duration(odd).with_request_timeout(Some(odd)));
    assert_eq!((breaker.config().open_duration(), breaker.config().request_timeout()), (odd, Some(odd)));
    let error = Config::DEFAULT.with_open_duration(Duration::MAX).check().unwrap_err();
    assert_eq!(error.field, "open_duration");
}

// WRAP-SEED-01
#[test]
fn jitter_differs_between_breakers_unless_their_seed_is_given() {
    let wait = |config: Config| {
        let (breaker, _) = breaker(config.with_open_jitter(trifuse::Jitter::Full));
        breaker.trip(None);
        breaker.snapshot().retry_after.unwrap()
    };
    assert_ne!(wait(Config::DEFAULT), wait(Config::DEFAULT));
    assert_eq!(wait(Config::DEFAULT.with_seed(7)), wait(Config::DEFAULT.with_seed(7)));
    assert_ne!(wait(Config::DEFAULT.with_seed(7)), wait(Config::DEFAULT.with_seed(8)));
}

#[test]
fn a_refused_reconfiguration_changes_nothing() {
    let (breaker, _) = breaker(Config::DEFAULT);
    let before = breaker.config();
    let error = breaker.reconfigure(before.with_minimum_calls(77).with_success_threshold(0)).unwrap_err();
    assert_eq!(error.field, "success_threshold");
    assert_eq!(breaker.config(), before);
}
