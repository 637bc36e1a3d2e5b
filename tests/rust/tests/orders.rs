// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any order of policies is allowed: in each of them a call succeeds, is retried, is dropped in any moment,
//! panics, and nothing stays taken.
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Waker};
use std::time::Duration;

use trifuse::{
    AdaptiveLimit, Bulkhead, CallError, CircuitBreaker, Clock, Deadline, Describe, Pipeline, RateLimiter,
    Retry, Timeout,
};

const MS: Duration = Duration::from_millis(1);

struct Parts {
    retry: Retry,
    circuit_breaker: CircuitBreaker,
    bulkhead: Bulkhead,
    timeout: Timeout,
}

impl Parts {
    fn new() -> Self {
        let bulkhead = Bulkhead::builder("search").limit(1).max_queue(2).max_wait(500 * MS);
        Self {
            retry: Retry::builder("search").delay(10 * MS).clock(Clock::Tokio).build().unwrap(),
            circuit_breaker: CircuitBreaker::builder("search").clock(Clock::Tokio).build().unwrap(),
            bulkhead: bulkhead.build().unwrap(),
            timeout: Timeout::after(1000 * MS).clock(Clock::Tokio),
        }
    }

    fn rest(&self, moment: &str) {
        let taken = (self.bulkhead.in_flight(), self.bulkhead.waiting(), Deadline::time_left());
        assert_eq!(taken, (0, 0, None), "{moment}");
    }
}

/// The third attempt succeeds.
async fn flaky(made: &Cell<u32>) -> Result<&'static str, &'static str> {
    made.set(made.get() + 1);
    let number = made.get();
    tokio::time::sleep(5 * MS).await;
    if number.is_multiple_of(3) { Ok("found") } else { Err("down") }
}

macro_rules! orders {
    ($($a:ident, $b:ident, $c:ident, $d:ident;)*) => {$({
        let parts = Parts::new();
        let pipeline = Pipeline::builder("search")
            .$a(parts.$a.clone())
            .$b(parts.$b.clone())
            .$c(parts.$c.clone())
            .$d(parts.$d.clone())
            .build();
        let told: Vec<_> = pipeline.describe().iter().map(|policy| policy.kind.to_string()).collect();
        assert_eq!(told, [stringify!($a), stringify!($b), stringify!($c), stringify!($d)]);
        let made = Cell::new(0);
        assert_eq!(pipeline.call_async(|| flaky(&made)).await, Ok("found"), "{told:?}");
        assert_eq!((made.get(), parts.retry.snapshot().retries), (3, 2), "{told:?}");
        for polls in 0..20 {
            let mut calls = [0; 3].map(|_| Box::pin(pipeline.call_async(|| flaky(&made))));
            let mut over = [false; 3];
            for _ in 0..polls {
                for (call, over) in calls.iter_mut().zip(&mut over).filter(|(_, over)| !**over) {
                    *over = call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
                }
                tokio::time::advance(4 * MS).await;
            }
            drop(calls);
            parts.rest(&format!("{told:?} dropped after {polls} polls"));
            parts.circuit_breaker.reset();
        }
        let panics = || pipeline.call(|| -> Result<(), ()> { panic!("on purpose") });
        assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
        parts.rest("after a panic");
        let hang = || std::future::pending::<Result<(), ()>>();
        let late = Timeout::after(3000 * MS).clock(Clock::Tokio).call_async(async {
            match pipeline.call_async(hang).await {
                Err(CallError::TimedOut(late)) => Ok(late.limit),
                other => Err(format!("{other:?}")),
            }
        });
        let late = late.await;
        assert!(matches!(late, Ok(_) | Err(CallError::TimedOut(_))), "{told:?}: {late:?}");
        parts.rest("after a timeout");
        parts.circuit_breaker.force_open();
        let refused = pipeline.call(|| Ok::<_, ()>(())).unwrap_err();
        assert_eq!(refused.refused().unwrap().policy.as_str(), "circuit_breaker", "{told:?}");
        parts.rest("after a refusal");
    })*};
}

#[tokio::test(start_paused = true)]
async fn every_order_of_four_policies_works_as_it_reads() {
    orders! {
        retry, circuit_breaker, bulkhead, timeout;
        retry, circuit_breaker, timeout, bulkhead;
        retry, bulkhead, circuit_breaker, timeout;
        retry, bulkhead, timeout, circuit_breaker;
        retry, timeout, circuit_breaker, bulkhead;
        retry, timeout, bulkhead, circuit_breaker;
        circuit_breaker, retry, bulkhead, timeout;
        circuit_breaker, retry, timeout, bulkhead;
        circuit_breaker, bulkhead, retry, timeout;
        circuit_breaker, bulkhead, timeout, retry;
        circuit_breaker, timeout, retry, bulkhead;
        circuit_breaker, timeout, bulkhead, retry;
        bulkhead, retry, circuit_breaker, timeout;
        bulkhead, retry, timeout, circuit_breaker;
        bulkhead, circuit_breaker, retry, timeout;
        bulkhead, circuit_breaker, timeout, retry;
        bulkhead, timeout, retry, circuit_breaker;
        bulkhead, timeout, circuit_breaker, retry;
        timeout, retry, circuit_breaker, bulkhead;
        timeout, retry, bulkhead, circuit_breaker;
        timeout, circuit_breaker, retry, bulkhead;
        timeout, circuit_breaker, bulkhead, retry;
        timeout, bulkhead, retry, circuit_breaker;
        timeout, bulkhead, circuit_breaker, retry;
    }
}

#[test]
fn a_pipeline_tells_the_numbers_of_its_lines() {
    let second = Duration::from_secs(1);
    let pipeline = Pipeline::builder("search")
        .rate_limit(RateLimiter::per(5, second).max_wait(second).build().unwrap())
        .bulkhead(Bulkhead::builder("search").max_queue(4).max_wait(second).build().unwrap())
        .adaptive_limit(AdaptiveLimit::aimd("search").max_limit(50).max_queue(3).build().unwrap())
        .build();
    assert_eq!(
        pipeline.to_string(),
        "search: rate_limit(rate=5.0, capacity=5, kind=TokenBucket, max_wait=1s) > \
         bulkhead(limit=20, max_queue=4, max_wait=1s) > \
         adaptive_limit(algorithm=Aimd, limit=20, max_queue=3) > call"
    );
}
