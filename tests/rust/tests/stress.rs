// SPDX-License-Identifier: MIT OR Apache-2.0
//! Many threads on one breaker, in virtual time: nothing lost, nothing told twice, no herd.
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use trifuse::{CircuitBreaker, ManualClock, RefusalReason, State};

const SECOND: Duration = Duration::from_secs(1);

/// Runs `work` on `threads` threads that begin together; how many of them return true.
fn together(threads: usize, work: impl Fn() -> bool + Sync) -> usize {
    let begin = Barrier::new(threads);
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    begin.wait();
                    work()
                })
            })
            .collect();
        running.into_iter().filter_map(|thread| thread.join().unwrap().then_some(())).count()
    })
}

#[test]
fn of_a_thousand_arrivals_at_half_open_exactly_the_probes_are_admitted() {
    for probes in [1, 5, 64] {
        let (clock, told) = (ManualClock::new(), Arc::new(AtomicU64::new(0)));
        let heard = told.clone();
        let breaker = CircuitBreaker::builder("herd")
            .half_open_max_calls(probes)
            .clock(clock.clone())
            .on_transition(move |transition| {
                heard.fetch_add(u64::from(transition.to == State::HalfOpen), Ordering::Relaxed);
            })
            .build()
            .unwrap();
        breaker.trip(SECOND);
        clock.advance(SECOND);
        let admitted = together(1000, || match breaker.try_acquire() {
            Ok(permit) => {
                std::mem::forget(permit); // no probe reports meanwhile
                true
            }
            Err(refused) => {
                assert_eq!(refused.reason, RefusalReason::HalfOpenLimit);
                false
            }
        });
        assert_eq!(admitted, probes as usize);
        let picture = breaker.snapshot();
        assert_eq!(picture.probes_in_flight, probes);
        assert_eq!(picture.totals.refused_half_open_limit, 1000 - u64::from(probes));
        assert_eq!(told.load(Ordering::Relaxed), 1);
    }
}

#[test]
fn no_outcome_of_four_threads_is_lost() {
    const EACH: u64 = 50_000;
    for count_window in [false, true] {
        let builder = CircuitBreaker::builder("busy").failure_rate_threshold(1.0).request_timeout(None);
        let builder = if count_window { builder.count_window(1000) } else { builder };
        let breaker = builder.clock(ManualClock::new()).build().unwrap();
        together(4, || {
            for n in 0..EACH {
                let _ = breaker.call(|| if n % 5 == 0 { Err(()) } else { Ok(()) });
            }
            true
        });
        let picture = breaker.snapshot();
        assert_eq!((picture.totals.calls, picture.totals.failures), (4 * EACH, 4 * EACH / 5));
        assert_eq!(picture.totals.successes, 4 * EACH * 4 / 5);
        assert_eq!(picture.window.total, if count_window { 1000 } else { 4 * EACH });
    }
}

#[test]
fn however_many_failures_come_at_once_each_opening_is_told_once() {
    let (clock, opened, closed) =
        (ManualClock::new(), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (to_open, to_closed) = (opened.clone(), closed.clone());
    let breaker = CircuitBreaker::builder("flapping")
        .consecutive_failures(8)
        .failure_rate_threshold(1.0)
        .clock(clock.clone())
        .on_transition(move |transition| {
            to_open.fetch_add(u64::from(transition.to == State::Open), Ordering::Relaxed);
            to_closed.fetch_add(u64::from(transition.to == State::Closed), Ordering::Relaxed);
        })
        .build()
        .unwrap();
    for _ in 0..200 {
        together(8, || {
            for _ in 0..4 {
                let _ = breaker.call(|| Err::<(), _>(()));
            }
            true
        });
        assert_eq!(breaker.state(), State::Open);
        clock.advance(30 * SECOND);
        breaker.call(|| Ok::<_, ()>(())).unwrap();
        assert_eq!(breaker.state(), State::Closed);
    }
    let totals = breaker.snapshot().totals;
    assert_eq!(totals.transitions(State::Closed, State::Open), 200);
    assert_eq!((opened.load(Ordering::Relaxed), closed.load(Ordering::Relaxed)), (200, 200));
}
