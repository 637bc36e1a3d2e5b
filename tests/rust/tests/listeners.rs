// SPDX-License-Identifier: MIT OR Apache-2.0
//! Listeners.
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use trifuse::{
    BreakerBuilder, Cause, CircuitBreaker, Config, ManualClock, Outcome, RefusalReason, Registry, State,
};

type Log = Arc<Mutex<Vec<String>>>;

fn logged(builder: BreakerBuilder, log: &Log) -> BreakerBuilder {
    let (on_transition, on_refused, on_call) = (log.clone(), log.clone(), log.clone());
    builder
        .on_transition(move |t| {
            on_transition.lock().unwrap().push(format!("{}>{} {}", t.from, t.to, t.cause))
        })
        .on_refused(move |r| on_refused.lock().unwrap().push(format!("refused {}", r.reason)))
        .on_call(move |c| on_call.lock().unwrap().push(format!("{} {:?} {}", c.outcome, c.duration, c.late)))
}

#[test]
fn every_transition_refusal_and_call_is_told_once_in_order() {
    let (log, clock) = (Log::default(), ManualClock::new());
    let builder = CircuitBreaker::builder("x").consecutive_failures(1).clock(clock.clone());
    let breaker = logged(builder, &log).build().unwrap();
    let permit = breaker.try_acquire().unwrap();
    clock.advance(Duration::from_millis(5));
    permit.failure();
    let _ = breaker.try_acquire();
    clock.advance(Duration::from_secs(30));
    breaker.try_acquire().unwrap().success();
    breaker.force_open();
    breaker.reset();
    let consecutive = Cause::Consecutive;
    let expected = [
        format!("closed>open {consecutive}"),
        "failure 5ms false".to_owned(),
        format!("refused {}", RefusalReason::Open),
        "open>half_open wait_over".to_owned(),
        "half_open>closed probes_succeeded".to_owned(),
        "success 0ns false".to_owned(),
        "closed>forced_open forced".to_owned(),
        "forced_open>closed reset".to_owned(),
    ];
    assert_eq!(*log.lock().unwrap(), expected);
}

// WRAP-LISTEN-01
#[test]
fn a_listener_that_panics_breaks_nothing_and_the_others_still_hear() {
    let log = Log::default();
    let builder = CircuitBreaker::builder("x")
        .consecutive_failures(1)
        .on_transition(|_| panic!("on purpose"))
        .on_refused(|_| panic!("on purpose"))
        .on_call(|_| panic!("on purpose"));
    let breaker = logged(builder, &log).build().unwrap();
    assert!(breaker.call(|| Err::<(), _>(())).is_err());
    assert!(breaker.try_acquire().is_err());
    assert_eq!(log.lock().unwrap().len(), 3);
    assert_eq!(breaker.snapshot().totals.failures, 1);
}

#[test]
fn a_listener_that_panics_while_the_call_unwinds_does_not_abort() {
    let breaker = CircuitBreaker::builder("x").on_call(|_| panic!("on purpose")).build().unwrap();
    let call = std::panic::AssertUnwindSafe(|| breaker.call(|| -> Result<(), ()> { panic!("the call") }));
    assert!(std::panic::catch_unwind(call).is_err());
    assert_eq!(breaker.snapshot().totals.failures, 1);
}

#[test]
fn a_listener_may_use_the_breaker() {
    let own = Arc::new(Mutex::new(None::<CircuitBreaker>));
    let (seen, held) = (Arc::new(AtomicU32::new(0)), own.clone());
    let counted = seen.clone();
    let breaker = CircuitBreaker::builder("x")
        .consecutive_failures(1)
        .on_transition(move |transition| {
            let breaker = held.lock().unwrap().clone().unwrap();
            counted.fetch_add(1, Ordering::Relaxed);
            if transition.to == State::Open {
                assert_eq!(breaker.snapshot().state, State::Open);
                breaker.reset();
            }
        })
        .build()
        .unwrap();
    *own.lock().unwrap() = Some(breaker.clone());
    let _ = breaker.call(|| Err::<(), _>(()));
    assert_eq!((breaker.state(), seen.load(Ordering::Relaxed)), (State::Closed, 2));
    own.lock().unwrap().take(); // else breaker and listener would keep each other for ever
}

#[test]
fn a_registrys_listeners_hear_of_all_its_breakers() {
    let names = Arc::new(Mutex::new(Vec::new()));
    let heard = names.clone();
    let registry = Registry::builder()
        .on_call(move |call| heard.lock().unwrap().push((call.name.to_string(), call.outcome)))
        .build();
    for name in ["a", "b"] {
        registry.breaker(name, Config::DEFAULT).unwrap().call(|| Ok::<_, ()>(())).unwrap();
    }
    let success = Outcome::Success;
    assert_eq!(*names.lock().unwrap(), [("a".to_owned(), success), ("b".to_owned(), success)]);
}

#[test]
fn shadow_mode_tells_that_it_would_have_opened() {
    let log = Log::default();
    let builder = CircuitBreaker::builder("x").consecutive_failures(1).initial_state(State::MetricsOnly);
    let breaker = logged(builder, &log).build().unwrap();
    let _ = breaker.call(|| Err::<(), _>(()));
    assert!(log.lock().unwrap()[0].starts_with("metrics_only>metrics_only"), "{log:?}");
    assert_eq!(breaker.snapshot().totals.would_have_opened, 1);
}
